"""Where the engine's events come from: a lake, or a table in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa


class Events(Protocol):
    """Anything that can show its events to DuckDB."""

    @property
    def directory(self) -> Path | None:
        """The one directory that queries may read, or None."""
        ...

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Create the relations `parts` and `hidden`, before the connection is locked.

        `parts` has every row of every copy, in the columns of `records.schema.EVENTS`. `hidden` has `eventKey`,
        `recipientAccountId`, `logFile`, `logFileIndex` of the copies that are not to be shown: of each event
        (`recipientAccountId`, `eventKey`), compared null-safe, all but the smallest (`logFile`, `logFileIndex`).
        """
        ...


class TableEvents:
    """Events of one Arrow table with the columns of `records.schema.EVENTS`."""

    directory: Path | None = None

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Create `parts` and `hidden`."""
        connection.register("parts", self._table)
        connection.execute(
            """
            CREATE TABLE hidden AS
            SELECT eventKey, recipientAccountId, logFile, logFileIndex
            FROM parts
            QUALIFY row_number() OVER (
                PARTITION BY recipientAccountId, eventKey
                ORDER BY logFile, logFileIndex
            ) > 1
            """
        )
