"""The source of the engine's events: a lake, or a table in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from detector.lake.part_files import DUPLICATES
from detector.lake.relations import create_duplicates, create_table
from detector.records.coverage import create_coverage
from detector.records.integrity import integrity_table, put_integrity

if TYPE_CHECKING:
    import duckdb

    from detector.lake.elsewhere import Elsewhere
    from detector.lake.integrity import LakeIntegrity


_FEW = 5_000  # rows
_ROW_GROUP = 122_880  # rows that DuckDB hands to one thread at a time


class Events(Protocol):
    """Anything that can show its events to DuckDB."""

    @property
    def directory(self) -> Path | None:
        """The one directory that queries may read, or None."""
        ...

    @property
    def most_candidates(self) -> int | None:
        """How many rows may be candidates; None when nobody has counted them."""
        ...

    @property
    def integrity(self) -> LakeIntegrity | None:
        """What digests say of the files that the events came from; None when nobody has asked for digests."""
        ...

    @property
    def elsewhere(self) -> Elsewhere | None:
        """The events that are not in `parts` until they are fetched; None: there are none."""
        ...

    def attach(self, connection: duckdb.DuckDBPyConnection, *others: duckdb.DuckDBPyConnection) -> None:
        """Create the relations `parts` and `duplicates` for all these connections of one database.

        `parts` has every row, in the columns of `records.schema.EVENTS`. `duplicates` has, in those of
        `lake.parts.DUPLICATES`, the copies that are not to be shown, as `lake.duplicates.find_copies` finds them.

        It may create the views `unclassified_parts` and `classified_parts` too: the rows of `parts` that have not been
        classified, and those known to be candidates. It may also create the view `coverage` (`account_id`, `region`,
        `first_event_time`, `last_event_time`): from when to when there are events, also of events that are not in
        `parts`. Otherwise it is made from `parts`. It may create the table `integrity_findings`, otherwise empty.
        """
        ...


class TableEvents:
    """Events of one Arrow table with the columns of `records.schema.EVENTS`.

    Args:
        table: the events.
        coverage: as the view `coverage`, when the table does not hold all events.
        hides_copies: False shows every copy of an event.
        integrity: what digests say of the files that the events came from.
    """

    directory: Path | None = None
    most_candidates: int | None = None
    elsewhere: Elsewhere | None = None

    def __init__(
        self,
        table: pa.Table,
        coverage: pa.Table | None = None,
        *,
        hides_copies: bool = True,
        integrity: LakeIntegrity | None = None,
    ) -> None:
        self._table = _unsliced(table)
        self._coverage = coverage
        self._hides_copies = hides_copies
        self.integrity = integrity

    @property
    def are_few(self) -> bool:
        """True when planning a rule over them takes longer than running it, however it is planned."""
        return bool(self._table.num_rows <= _FEW)

    @property
    def threads(self) -> int | None:
        """How many threads DuckDB has work for; None: all."""
        return 1 if self._table.num_rows <= _ROW_GROUP else None

    def attach(self, connection: duckdb.DuckDBPyConnection, *others: duckdb.DuckDBPyConnection) -> None:
        """Create `parts` and `duplicates`, and `coverage` if they are known."""
        # Not a table, which all connections would see: filling its sixty columns takes as long as ten rules, and few
        # read them again.
        for one in (connection, *others):
            one.register("parts", self._table)
        if self._coverage is not None:
            create_coverage(connection, self._coverage)
        if self.integrity is not None:
            put_integrity(connection, integrity_table(self.integrity.findings))
        if self._hides_copies:
            create_duplicates(connection)
        else:
            create_table(connection, "duplicates", DUPLICATES.empty_table())

    def detach(self, connection: duckdb.DuckDBPyConnection, *others: duckdb.DuckDBPyConnection) -> None:
        """Take away what `attach` made, so that other events can come in its place."""
        for name in ("duplicates", *(() if self._coverage is None else ("coverage",))):
            connection.execute(f"DROP TABLE {name}")
        for one in (connection, *others):
            one.unregister("parts")


def _unsliced(table: pa.Table) -> pa.Table:
    """Return a table that DuckDB takes: it refuses structs that are a slice of a longer array.

    They are in a table that was sliced, or put together from batches of one with more than 131,072 rows.
    """
    if not any(chunk.offset for column in table.columns for chunk in column.chunks):
        return table
    # Beside nothing: a chunk that is alone would stay the slice that it is.
    return pa.concat_tables([table, table.schema.empty_table()]).combine_chunks()


def each_once(table: pa.Table) -> pa.Table:
    """Return each row once, by its file and index: one that was read twice would hide itself."""
    import pyarrow.compute as pc

    files = _numbers(table.column("logFile"))
    places = pc.add(pc.shift_left(files.cast(pa.int64()), 32), table.column("logFileIndex").cast(pa.int64()))
    # A row is the first of its place when no number up to it is as high as its own. Arrow groups rows as well, by a
    # library that takes longer to load than this.
    highest = pc.cumulative_max(_numbers(places))
    is_first = pa.concat_arrays([pa.array([True]), pc.not_equal(highest[1:], highest[:-1])])
    return table if pc.all(is_first).as_py() else table.filter(is_first)


def _numbers(values: pa.ChunkedArray) -> pa.Array:
    """Return for each value the number that it has when they are counted as they first occur."""
    encoded = values.dictionary_encode()
    return pa.chunked_array([chunk.indices for chunk in encoded.chunks], pa.int32()).combine_chunks()
