"""Parts as relations of DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from detector.lake.copies import find_copies
from detector.lake.duplicates import glob_safe, lake_errors
from detector.lake.part_files import COLUMNS
from detector.records.schema import EVENTS

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


def create_duplicates(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the table `duplicates` from `parts`, where nobody has written down which rows are further copies."""
    create_table(connection, "duplicates", find_copies(connection, "parts"))


def create_table(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """Create a table of rows in memory."""
    connection.register(f"_{name}", rows)
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM _{name}")  # noqa: S608
    connection.unregister(f"_{name}")


def create_view(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    paths: Sequence[Path],
    schema: pa.Schema,
    *,
    replaces: bool = False,
) -> None:
    """Create a view over parts, also over none; DuckDB binds no parameters in a view: the paths are quoted here."""
    if paths or replaces:
        if schema is EVENTS:
            paths = [COLUMNS, *paths]
        quoted = ", ".join("'" + path.replace("'", "''") + "'" for path in glob_safe(paths))
        source = f"read_parquet([{quoted}], hive_partitioning = false, union_by_name = false)"
        columns = ", ".join(f'"{column}"' for column in schema.names)
        with lake_errors():
            create = "CREATE OR REPLACE VIEW" if replaces else "CREATE VIEW"
            connection.execute(f"{create} {name} AS SELECT {columns} FROM {source}")  # noqa: S608
        return
    create_table(connection, name, schema.empty_table())
