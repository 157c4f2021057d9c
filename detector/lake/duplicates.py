"""Further copies of events: which rows of the lake are not to be shown.

CloudTrail delivers at least once, and an account trail beside an organisation trail delivers everything twice. Of
the rows with one (recipientAccountId, eventKey) the one with the smallest (logFile, logFileIndex) is shown, whatever
order they came in. Copies share eventTime, so that only the days that a commit touches need to be looked at.

duckdb and pyarrow are imported when they are needed first: at a commit, when workers are at the next batches already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from detector.errors import LakeError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_CONFIG: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "1GB", "threads": 2}
_COPIES = """
WITH touched AS (
    SELECT DISTINCT recipientAccountId, eventKey FROM read_parquet($arrived, hive_partitioning = false)
),
ranked AS (
    SELECT
        row.recipientAccountId,
        row.eventKey,
        row.logFile,
        row.logFileIndex,
        row_number() OVER (
            PARTITION BY row.recipientAccountId, row.eventKey ORDER BY row.logFile, row.logFileIndex
        ) AS place
    FROM read_parquet($day, hive_partitioning = false) AS row
    SEMI JOIN touched
        ON row.eventKey = touched.eventKey
        AND row.recipientAccountId IS NOT DISTINCT FROM touched.recipientAccountId
)
SELECT recipientAccountId, eventKey, logFile, logFileIndex
FROM ranked
WHERE place > 1
"""
_NOT_HIDDEN_YET = """
SELECT copy.*
FROM copies AS copy
ANTI JOIN read_parquet($hidden, hive_partitioning = false) AS known
    ON copy.logFile = known.logFile
    AND copy.logFileIndex = known.logFileIndex
"""


_SEEN = "CREATE OR REPLACE TABLE seen (key UBIGINT)"
_ARRIVED = """
CREATE OR REPLACE TEMP TABLE arrived AS
SELECT eventTime::DATE AS day, hash(recipientAccountId, eventKey, day) AS key
FROM read_parquet($paths, hive_partitioning = false)
"""
_SEE_ARRIVED = "INSERT INTO seen SELECT key FROM arrived"
_DAYS_WITH_COPIES = """
SELECT DISTINCT day
FROM (
    (SELECT day FROM arrived GROUP BY day, key HAVING count(*) > 1)
    UNION ALL
    (SELECT day FROM arrived SEMI JOIN seen USING (key))
)
"""
_SEEN_EVENTS = 1_000_000  # 8 bytes each


class Copies:
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

    def find_hidden(self, days: Mapping[str, DayParts]) -> Iterator[tuple[str, pa.Table]]:
        """Yield, day by day, the rows to hide that are not hidden yet: date and rows of the `HIDDEN` schema, sorted.

        Raises:
            LakeError: a part cannot be read, or there is no room for what does not fit into memory.
        """
        with self._open() as connection:
            suspects = self._days_with_copies(connection, days)
            for date in sorted(suspects):
                rows = _copies(connection, days[date])
                if rows.num_rows:
                    yield date, rows

    def _days_with_copies(self, connection: duckdb.DuckDBPyConnection, days: Mapping[str, DayParts]) -> set[str]:
        replaced = {date for date, parts in days.items() if parts.is_replaced}
        self._forget_some(connection, replaced)
        met_first = days.keys() - self._days
        standing = [path for date in met_first for path in days[date].standing]
        if standing:
            connection.execute(_ARRIVED, {"paths": glob_safe(standing)})
            connection.execute(_SEE_ARRIVED)
        suspects = {date for date in replaced if days[date].all}
        arrived = [path for parts in days.values() for path in parts.arrived]
        if arrived:
            connection.execute(_ARRIVED, {"paths": glob_safe(arrived)})
            suspects |= {f"{day}" for (day,) in connection.execute(_DAYS_WITH_COPIES).fetchall()}
            connection.execute(_SEE_ARRIVED)
        self._days |= days.keys()
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

    standing: Sequence[Path]  # were in before
    arrived: Sequence[Path]
    hidden: Sequence[Path]  # HIDDEN parts
    is_replaced: bool  # rows have gone from this day: what hid behind them is decided anew

    @property
    def all(self) -> list[Path]:
        """Every part with events of the day."""
        return [*self.standing, *self.arrived]


def _copies(connection: duckdb.DuckDBPyConnection, parts: DayParts) -> pa.Table:
    from detector.lake.parts import HIDDEN

    arrived = parts.all if parts.is_replaced else parts.arrived
    copies = connection.sql(
        _COPIES, params={"arrived": glob_safe(arrived), "day": glob_safe(parts.all)}
    ).to_arrow_table()
    if copies.num_rows and parts.hidden:
        connection.register("copies", copies)
        copies = connection.sql(_NOT_HIDDEN_YET, params={"hidden": glob_safe(parts.hidden)}).to_arrow_table()
        connection.unregister("copies")
    table: pa.Table = copies.cast(HIDDEN).sort_by(
        [(name, "ascending") for name in ("eventKey", "logFile", "logFileIndex")]
    )
    return table


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
        raise LakeError(f"cannot read the lake: {reason}", hint="is a file of it missing, or the disk full?") from error


def glob_safe(paths: Sequence[Path]) -> list[str]:
    """Return paths as DuckDB's readers want them: `*`, `?` and `[` of a folder's name are not patterns."""
    return ["".join(f"[{c}]" if c in "*?[" else c for c in str(path)) for path in paths]
