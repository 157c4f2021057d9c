"""Copies among rows: the one definition of what is not shown.

CloudTrail delivers at least once, and an account trail beside an organisation trail delivers everything twice. Of
the rows with one (recipientAccountId, eventKey) and equal content the one with the smallest (logFile, logFileIndex) is
shown, whatever order they came in. Content is all of a record, compared as a JSON value: spacing and the order of keys
do not matter. Rows that share a key and differ are all events, so that nobody hides a record by repeating its eventID.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_PLACE: Final = ("logFile", "logFileIndex")
# A digest of all that a record is, of one row called `row`.
CONTENT: Final = f"sha256(to_json(struct_pack(*COLUMNS(row.* EXCLUDE ({', '.join(_PLACE)})))))"
_KEY = "hash(recipientAccountId, eventKey)"
# Keys that come more than once, and some that only seem to: hashes save the memory of texts. `{rows}` and `{keys}` are
# ours.
_SHARED = f"""
CREATE OR REPLACE TEMP TABLE shared AS
SELECT key, count(*) AS rows
FROM (SELECT {_KEY} AS key FROM {{rows}})
{{of_keys}}
GROUP BY key
HAVING count(*) > 1
"""  # noqa: S608
_OF_KEYS = f"SEMI JOIN (SELECT DISTINCT {_KEY} AS key FROM {{keys}}) AS touched USING (key)"  # noqa: S608
# Where rows that share a key lie, those together whose columns are all equal. No digest of them: making one costs
# several times as much as comparing the columns, and a hash of another kind could be aimed at.
_EQUAL = """
CREATE OR REPLACE TEMP TABLE equal AS
SELECT recipientAccountId, eventKey, list({{'logFile': logFile, 'logFileIndex': logFileIndex}}) AS places
FROM {rows}
{of_shared}
{of_slice}
GROUP BY {columns}
"""
_OF_SHARED = f"SEMI JOIN shared ON {_KEY} = shared.key"
_OF_SLICE = f"WHERE {_KEY} % {{slices}} = {{number}}"
# Compared at a time. In a gigabyte, 500,000 rows of 1.3 kB would go to the disk, which costs more than reading twice.
_ROWS_AT_ONCE = 300_000
_RECORDS_AT_ONCE = 2_000  # as values of Python
# One row for all that are equal, of each key whose rows are not.
_DIFFERING = """
CREATE OR REPLACE TEMP TABLE differing AS
SELECT unnest(list(places[1]), recursive := true)
FROM equal
GROUP BY recipientAccountId, eventKey
HAVING count(*) > 1
"""
_DIFFERING_ROWS = """
SELECT row.*
FROM {rows} AS row
SEMI JOIN differing
    ON row.logFile = differing.logFile
    AND row.logFileIndex = differing.logFileIndex
"""
_SAME_VALUE = """
CREATE OR REPLACE TEMP TABLE equal AS
SELECT recipientAccountId, eventKey, flatten(list(places)) AS places
FROM equal
LEFT JOIN canonical
    ON places[1].logFile = canonical.logFile
    AND places[1].logFileIndex = canonical.logFileIndex
GROUP BY recipientAccountId, eventKey, content
"""
# A row that lies there twice, as after a repair it may, is no copy of itself: hiding its place would hide both.
_COPIES = """
SELECT
    recipientAccountId,
    eventKey,
    unnest(sorted[2:], recursive := true),
    sorted[1].logFile AS shownLogFile,
    sorted[1].logFileIndex AS shownLogFileIndex
FROM (
    SELECT recipientAccountId, eventKey, list_sort(list_distinct(places)) AS sorted
    FROM equal
    WHERE len(places) > 1
)
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
    import pyarrow as pa

    from detector.lake.part_files import DUPLICATES

    of_rows = {name: value for name, value in (parameters or {}).items() if f"${name}" in rows}
    of_keys = _OF_KEYS.format(keys=keys) if keys else ""
    connection.execute(_SHARED.format(rows=rows, of_keys=of_keys), parameters if keys else of_rows)
    [(shared,)] = connection.execute("SELECT coalesce(sum(rows), 0)::BIGINT FROM shared").fetchall()
    found = [DUPLICATES.empty_table()]
    if shared:
        # Where most rows share keys, finding out which ones costs more than taking all.
        all_rows = _count(connection, rows, of_rows)
        are_most = shared * 2 > all_rows
        slices = -(-(all_rows if are_most else shared) // _ROWS_AT_ONCE)
        for number in range(slices):
            of_slice = _OF_SLICE.format(slices=slices, number=number) if slices > 1 else ""
            _group(connection, rows, of_rows, "" if are_most else _OF_SHARED, of_slice)
            found.append(connection.sql(_COPIES).to_arrow_table().select(DUPLICATES.names).cast(DUPLICATES))
        connection.execute("DROP TABLE equal; DROP TABLE differing")
    connection.execute("DROP TABLE shared")
    return pa.concat_tables(found)


def _group(
    connection: duckdb.DuckDBPyConnection, rows: str, of_rows: Mapping[str, object], of_shared: str, of_slice: str
) -> None:
    """Create the table `equal`: where rows lie that have one key and equal content, a row for all of them."""
    import pyarrow as pa

    from detector.records.schema import EVENTS

    columns = ", ".join(f'"{name}"' for name in EVENTS.names if name not in _PLACE)
    query = _EQUAL.format(rows=rows, of_shared=of_shared, of_slice=of_slice, columns=columns)
    connection.execute(query, of_rows)
    connection.execute(_DIFFERING)
    if _count(connection, "differing"):
        # However many rows share one key, few of them are in memory.
        differing = connection.sql(_DIFFERING_ROWS.format(rows=rows), params=of_rows)
        connection.register("canonical", pa.concat_tables(map(_canonical, differing.to_arrow_reader(_RECORDS_AT_ONCE))))
        connection.execute(_SAME_VALUE)
        connection.unregister("canonical")


def _count(connection: duckdb.DuckDBPyConnection, relation: str, parameters: Mapping[str, object] | None = None) -> int:
    [(count,)] = connection.execute(f"SELECT count(*) FROM {relation}", parameters).fetchall()  # noqa: S608
    return int(count)


def _canonical(rows: pa.RecordBatch) -> pa.Table:
    """Return `logFile`, `logFileIndex` and a digest of the record as a JSON value, `content`."""
    import pyarrow as pa

    from detector.records.table import content_digest

    digests = [content_digest(row) for row in rows.to_pylist()]
    places = pa.Table.from_batches([rows.select(list(_PLACE))])
    return places.append_column("content", pa.array(digests, pa.string()))
