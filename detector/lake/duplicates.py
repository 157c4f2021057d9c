"""Further copies of events: which rows of the lake are not to be shown.

CloudTrail delivers at least once, and an account trail beside an organisation trail delivers everything twice. Of
the rows with one (recipientAccountId, eventKey) and equal content the one with the smallest (logFile, logFileIndex) is
shown, whatever order they came in. Content is all of a record, compared as a JSON value: spacing and the order of keys
do not matter. Rows that share a key and differ are all events, so that nobody hides a record by repeating its eventID.
DuplicateFinder share eventTime, so that only the days that a commit touches need to be looked at.

duckdb and pyarrow are imported when they are needed first: at a commit, when workers are at the next batches already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from detector.errors import LakeError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_CONFIG: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "1GB", "threads": 2}
# Rows that share a key, each with a digest of its columns. `{rows}` and `{keys}` are ours.
_CONTENTS = """
CREATE OR REPLACE TEMP TABLE contents AS
WITH shared AS (
    SELECT row.recipientAccountId, row.eventKey
    FROM {rows} AS row
    SEMI JOIN (SELECT recipientAccountId, eventKey FROM {keys}) AS touched
        ON row.eventKey = touched.eventKey
        AND row.recipientAccountId IS NOT DISTINCT FROM touched.recipientAccountId
    GROUP BY ALL
    HAVING count(*) > 1
)

SELECT
    row.recipientAccountId,
    row.eventKey,
    row.logFile,
    row.logFileIndex,
    sha256(to_json(struct_pack(*COLUMNS(row.* EXCLUDE (logFile, logFileIndex))))) AS content
FROM {rows} AS row
SEMI JOIN shared
    ON row.eventKey = shared.eventKey
    AND row.recipientAccountId IS NOT DISTINCT FROM shared.recipientAccountId
"""
_DIFFERING = """
SELECT row.*
FROM {rows} AS row
SEMI JOIN (
    FROM contents
    SEMI JOIN (
        SELECT recipientAccountId, eventKey FROM contents GROUP BY ALL HAVING count(DISTINCT content) > 1
    ) AS unequal
        ON contents.eventKey = unequal.eventKey
        AND contents.recipientAccountId IS NOT DISTINCT FROM unequal.recipientAccountId
) AS differing
    ON row.logFile = differing.logFile
    AND row.logFileIndex = differing.logFileIndex
"""
_SAME_VALUE = """
UPDATE contents
SET content = canonical.content
FROM canonical
WHERE
    contents.logFile = canonical.logFile
    AND contents.logFileIndex = canonical.logFileIndex
"""
_COPIES = """
SELECT
    recipientAccountId,
    eventKey,
    logFile,
    logFileIndex,
    first_value(logFile) OVER copies AS shownLogFile,
    first_value(logFileIndex) OVER copies AS shownLogFileIndex
FROM contents
WINDOW copies AS (PARTITION BY recipientAccountId, eventKey, content ORDER BY logFile, logFileIndex)
QUALIFY row_number() OVER copies > 1
"""
_NOT_LISTED_YET = """
SELECT copy.*
FROM copies AS copy
ANTI JOIN read_parquet($known, hive_partitioning = false) AS known
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
    duplicates: Sequence[Path]  # DUPLICATES parts
    is_replaced: bool  # rows have gone from this day: what hid behind them is decided anew

    @property
    def all(self) -> list[Path]:
        """Every part with events of the day."""
        return [*self.standing, *self.arrived]


def find_copies(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    keys: str | None = None,
    parameters: Mapping[str, object] | None = None,
) -> pa.Table:
    """Return which rows are further copies, and of which row: the one definition of what is not shown.

    Args:
        connection: on which `rows` can be read; it gains nothing that stays.
        rows: a relation in SQL with the columns of `records.schema.EVENTS`.
        keys: one that has the keys to look at; default: all of `rows`.
        parameters: what the two bind.

    Returns:
        A table of the `DUPLICATES` schema.

    Raises:
        duckdb.Error: the rows cannot be read.
    """
    from detector.lake.part_files import DUPLICATES

    connection.execute(_CONTENTS.format(rows=rows, keys=keys or rows), parameters)
    of_rows = {name: value for name, value in (parameters or {}).items() if f"${name}" in rows}
    differing = connection.sql(_DIFFERING.format(rows=rows), params=of_rows).to_arrow_table()
    if differing.num_rows:
        connection.register("canonical", _canonical(differing))
        connection.execute(_SAME_VALUE)
        connection.unregister("canonical")
    copies = connection.sql(_COPIES).to_arrow_table().cast(DUPLICATES)
    connection.execute("DROP TABLE contents")
    return cast("pa.Table", copies)


def _canonical(rows: pa.Table) -> pa.Table:
    """Return `logFile`, `logFileIndex` and a digest of the record as a JSON value, `content`."""
    import pyarrow as pa

    from detector.records.table import content_digest

    digests = [content_digest(row) for row in rows.to_pylist()]
    return rows.select(["logFile", "logFileIndex"]).append_column("content", pa.array(digests, pa.string()))


def _copies(connection: duckdb.DuckDBPyConnection, parts: DayParts) -> pa.Table:
    from detector.lake.part_files import COLUMNS

    arrived = parts.all if parts.is_replaced else parts.arrived
    copies = find_copies(
        connection,
        "read_parquet($day, hive_partitioning = false)",
        "read_parquet($arrived, hive_partitioning = false)",
        {"arrived": glob_safe(arrived), "day": glob_safe([COLUMNS, *parts.all])},
    )
    if copies.num_rows and parts.duplicates:
        connection.register("copies", copies)
        copies = connection.sql(_NOT_LISTED_YET, params={"known": glob_safe(parts.duplicates)}).to_arrow_table()
        connection.unregister("copies")
    return copies.sort_by([(name, "ascending") for name in ("eventKey", "logFile", "logFileIndex")])


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
