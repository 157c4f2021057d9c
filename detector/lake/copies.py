"""Copies among rows: the one definition of what is not shown.

CloudTrail delivers at least once, and an account trail beside an organisation trail delivers everything twice. Of
the rows with one (recipientAccountId, eventKey) and equal content the one with the smallest (logFile, logFileIndex) is
shown, whatever order they came in. Content is all of a record, compared as a JSON value: spacing and the order of keys
do not matter. Rows that share a key and differ are all events, so that nobody hides a record by repeating its eventID.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# A digest of all that a record is, of one row called `row`.
CONTENT: Final = "sha256(to_json(struct_pack(*COLUMNS(row.* EXCLUDE (logFile, logFileIndex)))))"
# Rows that share a key, each with its content. `{rows}` and `{keys}` are ours.
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
    {content} AS content
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


def find_copies(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    keys: str | None = None,
    parameters: Mapping[str, object] | None = None,
) -> pa.Table:
    """Return which rows are further copies, and of which row.

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

    connection.execute(_CONTENTS.format(rows=rows, keys=keys or rows, content=CONTENT), parameters)
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
