"""Further copies of events, found as parts come in: which rows of the lake are not to be shown.

Copies share eventTime, so that only the days that a commit touches need to be looked at. What is a copy within the
parts of a day is listed for that day, and what only a part of SEVERAL_DAYS tells, for SEVERAL_DAYS: the one or the
other can be decided anew.

duckdb and pyarrow are imported when they are needed first: at a commit, when workers are at the next batches already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from detector.errors import LakeError
from detector.lake.copies import find_copies
from detector.lake_layout import SEVERAL_DAYS

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_CONFIG: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "1GB", "threads": 2}
_PARTS = "read_parquet($paths, hive_partitioning = false)"
_NOT_LISTED_YET = f"""
SELECT copy.*
FROM copies AS copy
ANTI JOIN (SELECT * FROM {_PARTS} AS listed SEMI JOIN copies USING (eventKey)) AS known
    ON copy.logFile = known.logFile
    AND copy.logFileIndex = known.logFileIndex
"""  # noqa: S608
_SEEN = "CREATE OR REPLACE TABLE seen (key UBIGINT)"
_KEYS = f"SELECT eventTime::DATE AS day, hash(recipientAccountId, eventKey, day) AS key FROM {_PARTS}"  # noqa: S608
_ARRIVED = f"CREATE OR REPLACE TEMP TABLE arrived AS {_KEYS}"
_SEE = f"INSERT INTO seen SELECT key FROM ({_KEYS})"  # noqa: S608
_DAYS = f"SELECT DISTINCT eventTime::DATE FROM {_PARTS}"  # noqa: S608
_DAYS_WITH_COPIES = """
SELECT DISTINCT day
FROM (
    (SELECT day FROM arrived GROUP BY day, key HAVING count(*) > 1)
    UNION ALL
    (SELECT day FROM arrived SEMI JOIN seen USING (key))
)
"""
_SEEN_EVENTS = 1_000_000  # 8 bytes each


class DuplicateFinder:
    """Finds further copies of events, as parts come in.

    Nearly all events of nearly all commits have none. So a hash of each event's identity is kept, of the days that
    this writer has met: only days where a hash comes again are looked through.
    """

    def __init__(self) -> None:
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._days: set[str] = set()  # whose hashes are all in `seen`

    def close(self) -> None:
        """Forget everything."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._days.clear()

    def find_duplicates(self, days: Mapping[str, DayParts]) -> Iterator[tuple[str, pa.Table]]:
        """Yield, day by day, the copies that are not listed yet: date and rows of the `DUPLICATES` schema, sorted.

        Args:
            days: the parts of each day that anything arrived for, and of SEVERAL_DAYS; where anything arrived for these
                or they are replaced, of all days.

        Raises:
            LakeError: a part cannot be read, or there is no room for what does not fit into memory.
        """
        with self._open() as connection:
            suspects = self._days_with_copies(connection, days)
            several = days.get(SEVERAL_DAYS, DayParts())
            across = _AcrossDays(connection, several, days, suspects)
            for date, parts in sorted(days.items()):
                if date != SEVERAL_DAYS and parts.all and (parts.is_replaced or (parts.arrived and date in suspects)):
                    rows = _copies(connection, parts.all, parts.to_look_at, [*parts.listed, *several.listed])
                    across.leave_out(rows)
                    if rows.num_rows:
                        yield date, rows
            rows = across.copies()
            if rows.num_rows:
                yield SEVERAL_DAYS, rows

    def _days_with_copies(self, connection: duckdb.DuckDBPyConnection, days: Mapping[str, DayParts]) -> set[str]:
        replaced = {date for date, parts in days.items() if parts.is_replaced}
        self._forget_some(connection, replaced)
        arrived = [path for parts in days.values() for path in parts.arrived]
        if not arrived:
            return set()
        connection.execute(_ARRIVED, {"paths": glob_safe(arrived)})
        touched = ({*_dates(connection, "SELECT DISTINCT day FROM arrived"), SEVERAL_DAYS} & days.keys()) - replaced
        standing = [path for date in touched - self._days for path in days[date].standing]
        if standing:
            connection.execute(_SEE, {"paths": glob_safe(standing)})
        suspects = _dates(connection, _DAYS_WITH_COPIES)
        connection.execute("INSERT INTO seen SELECT key FROM arrived")
        self._days |= touched
        return suspects

    def _forget_some(self, connection: duckdb.DuckDBPyConnection, replaced: set[str]) -> None:
        """Forget days of which rows have gone, and everything when it has become much."""
        row = connection.execute("SELECT count(*) FROM seen").fetchone()
        if replaced & self._days or (row and row[0] > _SEEN_EVENTS):
            connection.execute(_SEEN)
            self._days.clear()

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Hand out the connection; after an error nothing that it knew is relied on."""
        import duckdb

        try:
            with lake_errors():
                if self._connection is None:
                    self._connection = duckdb.connect(config=_CONFIG)
                    self._connection.execute(_SEEN)
                yield self._connection
        except BaseException:
            self.close()
            raise


@dataclass(frozen=True, slots=True)
class DayParts:
    """The parts of one day that matter for its copies."""

    standing: Sequence[Path] = ()  # were in before
    arrived: Sequence[Path] = ()
    duplicates: Sequence[Path] = ()  # DUPLICATES parts; where `is_replaced`, those that count no longer
    is_replaced: bool = False  # rows have gone from this day: what hid behind them is decided anew

    @property
    def all(self) -> list[Path]:
        """Every part with events of the day."""
        return [*self.standing, *self.arrived]

    @property
    def to_look_at(self) -> Sequence[Path]:
        """The parts whose events may have copies that are not listed yet."""
        return self.all if self.is_replaced else self.arrived

    @property
    def listed(self) -> Sequence[Path]:
        """The parts that say which rows are copies."""
        return () if self.is_replaced else self.duplicates


class _AcrossDays:
    """The search for copies that the parts of a day do not tell, as there are events of SEVERAL_DAYS.

    Rows are looked at that share a key with what arrived or is to be decided anew; every row is listed once.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        several: DayParts,
        days: Mapping[str, DayParts],
        suspects: set[str],
    ) -> None:
        self._connection = connection
        self._several = several
        if several.is_replaced:  # what was listed may be of any day
            dates = days.keys() - {SEVERAL_DAYS}
            keys = [*several.all, *several.duplicates]
        else:
            dates = _dates(connection, _DAYS, several.all) & suspects if several.all and suspects else set()
            arrived = (path for date in dates & days.keys() for path in days[date].arrived)
            keys = [*several.arrived, *arrived] if dates else []
        self._days = [days[date] for date in sorted(dates & days.keys())]
        self._is_needed = bool(keys)
        if self._is_needed:
            query = f"CREATE OR REPLACE TEMP TABLE keys AS SELECT recipientAccountId, eventKey FROM {_PARTS}"  # noqa: S608
            connection.execute(query, {"paths": glob_safe(keys)})
            connection.execute("CREATE OR REPLACE TEMP TABLE found (logFile VARCHAR, logFileIndex INTEGER)")

    def leave_out(self, rows: pa.Table) -> None:
        """Take copies that are listed elsewhere."""
        if self._is_needed:
            self._connection.register("copies", rows)
            self._connection.execute(
                "INSERT INTO found SELECT logFile, logFileIndex FROM copies SEMI JOIN keys USING (eventKey)"
            )
            self._connection.unregister("copies")

    def copies(self) -> pa.Table:
        """Return the copies that are listed nowhere."""
        from detector.lake.part_files import DUPLICATES

        if not self._is_needed:
            return DUPLICATES.empty_table()
        listed = [path for parts in (self._several, *self._days) for path in parts.listed]
        paths = [path for parts in (self._several, *self._days) for path in parts.all]
        rows = _copies(self._connection, paths, "keys", listed)
        self._connection.register("copies", rows)
        rest = self._connection.sql("FROM copies ANTI JOIN found USING (logFile, logFileIndex)").to_arrow_table()
        self._connection.unregister("copies")
        return _sorted(rest)


def _copies(
    connection: duckdb.DuckDBPyConnection, rows: Sequence[Path], keys: str | Sequence[Path], listed: Sequence[Path]
) -> pa.Table:
    """Return the copies among the rows of parts that share a key with others, without those that are listed."""
    from detector.lake.part_files import COLUMNS

    parameters = {"rows": glob_safe([COLUMNS, *rows])}
    if not isinstance(keys, str):
        parameters["keys"] = glob_safe(keys)
        keys = "read_parquet($keys, hive_partitioning = false)"
    copies = find_copies(connection, "read_parquet($rows, hive_partitioning = false)", keys, parameters)
    if copies.num_rows and listed:
        connection.register("copies", copies)
        copies = connection.sql(_NOT_LISTED_YET, params={"paths": glob_safe(listed)}).to_arrow_table()
        connection.unregister("copies")
    return _sorted(copies)


def _sorted(copies: pa.Table) -> pa.Table:
    return copies.sort_by([(name, "ascending") for name in ("eventKey", "logFile", "logFileIndex")])


def _dates(connection: duckdb.DuckDBPyConnection, query: str, paths: Sequence[Path] = ()) -> set[str]:
    parameters = {"paths": glob_safe(paths)} if paths else None
    return {f"{day}" for (day,) in connection.execute(query, parameters).fetchall()}


@contextmanager
def open_duckdb(spill: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB to look into parts with.

    Args:
        spill: a folder for what does not fit into memory; without one nothing is written to disk.

    Raises:
        LakeError: a part cannot be read, or there is no room for what does not fit into memory.
    """
    import duckdb

    with lake_errors(), duckdb.connect(config=_CONFIG | {"temp_directory": str(spill or "")}) as connection:
        yield connection


@contextmanager
def lake_errors() -> Iterator[None]:
    """Turn DuckDB's errors about parts into ours."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        reason = str(error).partition("\n")[0]
        raise LakeError(
            f"cannot read the lake: {reason}", hint="is the disk full, or a part damaged? `detector lake check` tells"
        ) from error


def glob_safe(paths: Sequence[Path]) -> list[str]:
    """Return paths as DuckDB's readers want them: `*`, `?` and `[` of a folder's name are not patterns."""
    return ["".join(f"[{c}]" if c in "*?[" else c for c in str(path)) for path in paths]
