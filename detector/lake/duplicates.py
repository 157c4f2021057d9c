"""Further copies of events: which rows of the lake are not to be shown.

CloudTrail delivers at least once, and an account trail beside an organisation trail delivers everything twice. Of
the rows with one (recipientAccountId, eventKey) the one with the smallest (logFile, logFileIndex) is shown, whatever
order they came in. Copies share eventTime, so that only the days that a commit touches need to be looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from detector.errors import LakeError
from detector.lake.parts import HIDDEN

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


def find_hidden(
    connection: duckdb.DuckDBPyConnection, arrived: Sequence[Path], day: Sequence[Path], hidden: Sequence[Path]
) -> pa.Table:
    """Return the rows of one day to hide that are not hidden yet.

    Args:
        connection: one for all days; opening it takes longer than looking through a small one.
        arrived: the parts whose events may now have a further copy.
        day: all parts of the day, `arrived` included.
        hidden: the day's HIDDEN parts.

    Returns:
        Rows of the `HIDDEN` schema, sorted.
    """
    copies = connection.sql(_COPIES, params={"arrived": glob_safe(arrived), "day": glob_safe(day)}).to_arrow_table()
    if copies.num_rows and hidden:
        connection.register("copies", copies)
        copies = connection.sql(_NOT_HIDDEN_YET, params={"hidden": glob_safe(hidden)}).to_arrow_table()
        connection.unregister("copies")
    table: pa.Table = copies.cast(HIDDEN).sort_by(
        [(name, "ascending") for name in ("eventKey", "logFile", "logFileIndex")]
    )
    return table


@contextmanager
def open_duckdb() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB to look into parts with.

    Raises:
        LakeError: a part cannot be read, or there is no room for what does not fit into memory.
    """
    try:
        with duckdb.connect(config={"memory_limit": "1GB", "threads": 2}) as connection:
            yield connection
    except duckdb.Error as error:
        reason = str(error).partition("\n")[0]
        raise LakeError(f"cannot read the lake: {reason}", hint="is a file of it missing, or the disk full?") from error


def glob_safe(paths: Sequence[Path]) -> list[str]:
    """Return paths as DuckDB's readers want them: `*`, `?` and `[` of a folder's name are not patterns."""
    return ["".join(f"[{c}]" if c in "*?[" else c for c in str(path)) for path in paths]
