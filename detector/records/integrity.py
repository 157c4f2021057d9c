"""What rules read about digests: the table `integrity_findings`, as queries/_views/57_integrity.sql describes it.

pyarrow is imported when it is needed first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

TABLE = "integrity_findings"


def integrity_table(findings: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return findings as the table is to be; what a finding does not say is NULL.

    Args:
        findings: by column; moments are aware.

    Raises:
        ValueError: a value is not of its column's type.
    """
    import pyarrow as pa

    text, moment = pa.string(), pa.timestamp("us")
    schema = pa.schema(
        {
            "kind": text,
            "verdict": text,
            "uri": text,
            "account_id": text,
            "region": text,
            "trail": text,
            "event_time": moment,
            "last_event_time": moment,
            "digest": text,
            "signed_sha256": text,
            "found_sha256": text,
            "log_files": pa.int64(),
            "reason": text,
        }
    )
    rows = [
        {
            name: value.replace(tzinfo=None) if schema.field(name).type == moment and value else value
            for name, value in finding.items()
        }
        for finding in findings
    ]
    try:
        return pa.Table.from_pylist(rows, schema=schema)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def put_integrity(connection: duckdb.DuckDBPyConnection, table: pa.Table) -> None:
    """Put findings in the place of those that are there; unlike what is registered, all connections see them."""
    connection.register("_integrity", table)
    # In place: views over it, and statements that are prepared, stay as they are.
    connection.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} AS FROM _integrity LIMIT 0")
    connection.execute(f"DELETE FROM {TABLE}")  # noqa: S608 - a name of our own
    connection.execute(f"INSERT INTO {TABLE} FROM _integrity")
    connection.unregister("_integrity")
