"""Copies among rows: the one definition of what is not shown.

CloudTrail delivers at least once, and an account trail beside an organisation trail delivers everything twice. Of
the rows with one (recipientAccountId, eventKey) and equal content the one with the smallest (logFile, logFileIndex) is
shown, whatever order they came in. Content is all of a record, compared as a JSON value: spacing and the order of keys
do not matter. Rows that share a key and differ are all events, so that nobody hides a record by repeating its eventID.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
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
_OF_SHARED = f"SEMI JOIN shared ON {_KEY} = shared.key"
_OF_SLICE = f"WHERE {_KEY} % {{slices}} = {{number}}"
# Their digests and places lie in memory, in a gigabyte with room to put them together.
_ROWS_AT_ONCE = 1_000_000
_RECORDS_AT_ONCE = 2_000  # as values of Python
_DIGESTED = """
CREATE OR REPLACE TEMP TABLE digested AS
SELECT
    recipientAccountId,
    eventKey,
    logFile,
    logFileIndex,
    hash({digests}) AS content,
    hash({complements}) AS more_content
FROM (SELECT recipientAccountId, eventKey, logFile, logFileIndex, {columns} FROM {rows} {of_shared} {of_slice})
"""
# In the order of their names, so that a place is one number, and the smallest number the smallest place.
_LOG_FILES = """
CREATE OR REPLACE TEMP TABLE log_files AS
SELECT logFile, row_number() OVER (ORDER BY logFile) AS number
FROM (SELECT DISTINCT logFile FROM digested)
"""
# Joined to no more than these columns: DuckDB would carry all of an event through a join, and dictionaries end there.
_CONTENTS = """
CREATE OR REPLACE TEMP TABLE contents AS
SELECT recipientAccountId, eventKey, (number << 32) + logFileIndex AS place, content, more_content
FROM digested
JOIN log_files USING (logFile)
"""
# Of rows whose columns are all equal one place each, the first.
_EQUAL = f"""
CREATE OR REPLACE TEMP TABLE equal AS
SELECT content, more_content, any_value({_KEY}) AS key, min(place) AS shown
FROM contents
GROUP BY content, more_content
"""  # noqa: S608
# One row for all that are equal, of each key whose rows are not.
_DIFFERING = """
CREATE OR REPLACE TEMP TABLE differing AS
SELECT DISTINCT logFile, (shown & 4294967295)::INTEGER AS logFileIndex
FROM equal
SEMI JOIN (SELECT key FROM equal GROUP BY key HAVING count(*) > 1) AS several USING (key)
JOIN log_files ON number = shown >> 32
"""
_DIFFERING_ROWS = """
SELECT row.*
FROM {rows} AS row
SEMI JOIN differing
    ON row.logFile = differing.logFile
    AND row.logFileIndex = differing.logFileIndex
"""
_SAME_VALUE = """
UPDATE equal
SET shown = same.shown
FROM (
    SELECT place, min(place) OVER (PARTITION BY content) AS shown
    FROM (SELECT content, (number << 32) + logFileIndex AS place FROM canonical JOIN log_files USING (logFile))
) AS same
WHERE equal.shown = same.place
"""
# A row that lies there twice, as after a repair it may, is no copy of itself: hiding its place would hide both.
_COPIES = """
SELECT
    recipientAccountId,
    eventKey,
    hidden.logFile,
    (place & 4294967295)::INTEGER AS logFileIndex,
    visible.logFile AS shownLogFile,
    (shown & 4294967295)::INTEGER AS shownLogFileIndex
FROM (
    SELECT DISTINCT recipientAccountId, eventKey, place, shown
    FROM contents
    JOIN equal USING (content, more_content)
    WHERE place <> shown
)
JOIN log_files AS hidden ON hidden.number = place >> 32
JOIN log_files AS visible ON visible.number = shown >> 32
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
        digested = _digested(rows, "" if are_most else _OF_SHARED)
        for number in range(slices):
            of_slice = _OF_SLICE.format(slices=slices, number=number) if slices > 1 else ""
            connection.execute(digested.replace("{of_slice}", of_slice), of_rows)
            _group(connection, rows, of_rows)
            found.append(connection.sql(_COPIES).to_arrow_table().select(DUPLICATES.names).cast(DUPLICATES))
        connection.execute("DROP TABLE log_files; DROP TABLE contents; DROP TABLE equal; DROP TABLE differing")
    connection.execute("DROP TABLE shared")
    return pa.concat_tables(found)


def _digested(rows: str, of_shared: str) -> str:
    """Return a statement that creates the table `digested`: of each row a digest of all that it is.

    The digest has a secret that is made anew for each search: the MD5 of each value behind random text, and those of
    all columns hashed together, once as they are and once with all their bits turned. What the secret is nobody who
    writes a record knows, or ever learns, so that nobody can aim at a digest; by chance two of 128 bits are never
    equal. Without a secret it would take a SHA-256 of all, or comparing all columns, which cost twice as much: DuckDB
    makes the MD5 of a text that repeats once.
    """
    from detector.records.schema import EVENTS

    values = [value for field in EVENTS if field.name not in _PLACE for value in _salted(f'"{field.name}"', field.type)]
    names = [f"value_{number}" for number in range(len(values))]
    return _DIGESTED.format(
        digests=", ".join(names),
        complements=", ".join(f"~{name}" for name in names),
        columns=", ".join(f"{value} AS {name}" for name, value in zip(names, values, strict=True)),
        rows=rows,
        of_shared=of_shared,
        of_slice="{of_slice}",
    )


def _salted(name: str, kind: pa.DataType) -> Iterator[str]:
    """Yield expressions in SQL for the digest of a column, or of each member of a struct; NULL where it is NULL."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        yield f"CASE WHEN {name} IS NOT NULL THEN {secrets.randbits(127)}::UHUGEINT END"  # an empty one is not NULL
        for member in kind:
            yield from _salted(f'{name}."{member.name}"', member.type)
    elif pa.types.is_boolean(kind):
        yes, no = secrets.randbits(127), secrets.randbits(127)
        yield f"CASE WHEN {name} THEN {yes}::UHUGEINT WHEN NOT {name} THEN {no}::UHUGEINT END"
    else:
        yield f"md5_number('{secrets.token_urlsafe(12)}' || {name}::VARCHAR)"


def _group(connection: duckdb.DuckDBPyConnection, rows: str, of_rows: Mapping[str, object]) -> None:
    """Create the table `equal`: for all rows with equal content one, and the place of that which is shown."""
    import pyarrow as pa

    for statement in (_LOG_FILES, _CONTENTS, "DROP TABLE digested", _EQUAL, _DIFFERING):
        connection.execute(statement)
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
