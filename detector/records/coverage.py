"""From when to when there are events, of each account and region: what was, or was not, recorded.

pyarrow is imported when it is needed first: the process that lists and commits does without.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from detector.times import as_utc

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# (account that the record was delivered to, region) → (first, last) event time, aware, UTC.
Coverage = dict[tuple[str | None, str | None], tuple[datetime, datetime]]


def place(recipient: str | None, caller: str | None, region: str | None) -> tuple[str | None, str | None]:
    """Return of which account and region a record is, given recipientAccountId, userIdentity.accountId, awsRegion."""
    return recipient or caller or None, region


def merge_coverage(
    coverage: Coverage, others: Mapping[tuple[str | None, str | None], tuple[datetime, datetime]]
) -> None:
    """Widen `coverage` by `others`."""
    for place, (first, last) in others.items():
        known = coverage.get(place)
        coverage[place] = (first, last) if known is None else (min(first, known[0]), max(last, known[1]))


def coverage_of(events: pa.Table) -> Coverage:
    """Return the coverage of events in the `EVENTS` schema, as the view `coverage` in queries/_views has them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    recipient = events.column("recipientAccountId")
    caller = pc.struct_field(events.column("userIdentity"), "accountId")
    account = pc.coalesce(
        *(pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column) for column in (recipient, caller))
    )
    places = pa.table([account, events.column("awsRegion"), events.column("eventTime")], ["account", "region", "time"])
    grouped = places.group_by(["account", "region"]).aggregate([("time", "min"), ("time", "max")])
    return {
        (row["account"], row["region"]): (row["time_min"].replace(tzinfo=UTC), row["time_max"].replace(tzinfo=UTC))
        for row in grouped.to_pylist()
    }


def coverage_table(coverage: Coverage) -> pa.Table:
    """Return coverage as the view `coverage` is to be."""
    import pyarrow as pa

    schema = pa.schema(
        [
            pa.field("account_id", pa.string()),
            pa.field("region", pa.string()),
            pa.field("first_event_time", pa.timestamp("us")),
            pa.field("last_event_time", pa.timestamp("us")),
        ]
    )
    rows = [
        {
            "account_id": account,
            "region": region,
            "first_event_time": first.replace(tzinfo=None),
            "last_event_time": last.replace(tzinfo=None),
        }
        for (account, region), (first, last) in coverage.items()
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def coverage_from(rows: Iterable[Mapping[str, Any]]) -> Coverage:
    """Return coverage from the rows of the view; times without a zone are UTC."""
    return {
        (row["account_id"], row["region"]): (as_utc(row["first_event_time"]), as_utc(row["last_event_time"]))
        for row in rows
    }


def create_coverage(connection: duckdb.DuckDBPyConnection, table: pa.Table) -> None:
    """Create the table `coverage`, which takes the view's place; unlike what is registered, all connections see it."""
    connection.register("_coverage", table)
    connection.execute("CREATE TABLE coverage AS FROM _coverage")
    connection.unregister("_coverage")
