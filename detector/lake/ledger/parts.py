"""The parts that count, as the ledger remembers them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from detector.lake.part import Part
from detector.lake_layout import SEVERAL_DAYS, PartKind
from detector.records.coverage import Coverage

# From version 10, which knew no checksums.
CHECKSUMS = "CREATE TABLE IF NOT EXISTS part_checksums (path TEXT PRIMARY KEY, crc32 INTEGER NOT NULL) WITHOUT ROWID;"
# From version 13, where copies were looked for at each commit.
UNSEARCHED = "CREATE TABLE IF NOT EXISTS unsearched_parts (path TEXT PRIMARY KEY) WITHOUT ROWID;"
CREATE = f"""
CREATE TABLE IF NOT EXISTS parts (
    path TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    event_date TEXT NOT NULL,
    rows INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    sorted_by TEXT,
    has_candidates INTEGER NOT NULL DEFAULT 1,
    has_spans INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dropped_parts (path TEXT PRIMARY KEY, dropped_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS part_spans (
    path TEXT NOT NULL REFERENCES parts (path),
    account_id TEXT,
    region TEXT,
    first_microseconds INTEGER NOT NULL,
    last_microseconds INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS part_spans_by_path ON part_spans (path);
{CHECKSUMS}
{UNSEARCHED}
CREATE TABLE IF NOT EXISTS misjudged_dates (event_date TEXT PRIMARY KEY) WITHOUT ROWID;
"""
# From version 5, in whose DUPLICATES parts rows with one key are copies, whatever they hold.
JUDGE_ANEW = """
CREATE TABLE IF NOT EXISTS misjudged_dates (event_date TEXT PRIMARY KEY) WITHOUT ROWID;
INSERT INTO misjudged_dates SELECT DISTINCT event_date FROM parts WHERE kind = 'hidden';
"""
# From version 2, whose parts had the first five columns.
UPGRADE = f"""
ALTER TABLE parts ADD COLUMN sorted_by TEXT;
ALTER TABLE parts ADD COLUMN has_candidates INTEGER NOT NULL DEFAULT 1;
ALTER TABLE parts ADD COLUMN has_spans INTEGER NOT NULL DEFAULT 0;
{CREATE}
"""
# To version 14. With parts of several days, a copy that a day tells by itself could be listed for these alone.
SEARCH_AGAIN = f"""
{UNSEARCHED}
INSERT OR IGNORE INTO unsearched_parts
SELECT path FROM parts
WHERE kind = 'events' AND EXISTS (SELECT 1 FROM parts WHERE event_date = '{SEVERAL_DAYS}');
"""  # noqa: S608
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def select_parts(
    connection: sqlite3.Connection, kind: PartKind | None = None, dates: Iterable[str] | None = None
) -> Iterator[Part]:
    """Yield parts in the order of their paths, without their coverage; also of a ledger that cannot be upgraded.

    Args:
        connection: to the ledger.
        kind: only parts of this kind.
        dates: only parts of these days.
    """
    sorting = "sorted_by, has_candidates" if _has_column(connection, "sorted_by") else "NULL, 1"
    has_checksums = any(connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'part_checksums'"))
    crc32 = "(SELECT crc32 FROM part_checksums AS sums WHERE sums.path = parts.path)" if has_checksums else "NULL"
    rows = connection.execute(
        f"SELECT kind, event_date, path, rows, size_bytes, {sorting}, {crc32}"  # noqa: S608
        " FROM parts WHERE (?1 IS NULL OR kind = ?1)"
        " AND (?2 IS NULL OR event_date IN (SELECT value FROM json_each(?2))) ORDER BY path",
        (kind, None if dates is None else json.dumps(sorted(dates))),
    )
    for kind_, date, path, count, size, sorted_by, has_candidates, checksum in rows:
        yield Part(PartKind(kind_), date, Path(path).name, count, size, sorted_by, bool(has_candidates), crc32=checksum)


def insert_parts(connection: sqlite3.Connection, parts: Iterable[Part]) -> None:
    """Add parts and their coverage."""
    for part in parts:
        path = str(part.path)
        connection.execute(
            "INSERT INTO parts (path, kind, event_date, rows, size_bytes, sorted_by, has_candidates, has_spans)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                path,
                part.kind,
                part.event_date,
                part.rows,
                part.size_bytes,
                part.classified_by,
                part.has_candidates,
                part.coverage is not None,
            ),
        )
        connection.executemany(
            "INSERT INTO part_spans VALUES (?, ?, ?, ?, ?)",
            [
                (path, account, region, (first - _EPOCH) // _MICROSECOND, (last - _EPOCH) // _MICROSECOND)
                for (account, region), (first, last) in (part.coverage or {}).items()
            ],
        )

        if part.crc32 is not None:
            connection.execute("INSERT OR REPLACE INTO part_checksums VALUES (?, ?)", (path, part.crc32))


def delete_parts(connection: sqlite3.Connection, parts: Iterable[Part]) -> None:
    """Take parts out; for a while readers may still have them open."""
    for part in parts:
        path = str(part.path)
        connection.execute("DELETE FROM part_spans WHERE path = ?", (path,))
        connection.execute("DELETE FROM part_checksums WHERE path = ?", (path,))
        connection.execute("DELETE FROM unsearched_parts WHERE path = ?", (path,))
        connection.execute("DELETE FROM parts WHERE path = ?", (path,))
        connection.execute("INSERT OR REPLACE INTO dropped_parts VALUES (?, unixepoch())", (path,))


def select_coverage(connection: sqlite3.Connection) -> Coverage | None:
    """Return the coverage of all parts together; None when those of some part are not known."""
    if not _has_column(connection, "has_spans"):
        return None
    unknown = "SELECT 1 FROM parts WHERE kind = ? AND NOT has_spans LIMIT 1"
    if connection.execute(unknown, (PartKind.EVENTS,)).fetchone():
        return None
    rows = connection.execute(
        "SELECT account_id, region, min(first_microseconds), max(last_microseconds) FROM part_spans GROUP BY 1, 2"
    )
    return {
        (account, region): (_EPOCH + first * _MICROSECOND, _EPOCH + last * _MICROSECOND)
        for account, region, first, last in rows
    }


def _has_column(connection: sqlite3.Connection, name: str) -> bool:
    return any(row[1] == name for row in connection.execute("PRAGMA table_info(parts)"))


def select_misjudged(connection: sqlite3.Connection) -> set[str]:
    """Return the days whose copies have to be looked for anew, also of a ledger that only readers have opened."""
    if connection.execute("PRAGMA user_version").fetchone()[0] < 6:
        query = "SELECT DISTINCT event_date FROM parts WHERE kind = 'hidden'"
    else:
        query = "SELECT event_date FROM misjudged_dates"
    return {date for (date,) in connection.execute(query)}


def delete_misjudged(connection: sqlite3.Connection, dates: Iterable[str]) -> None:
    """Forget days whose copies have been looked for anew."""
    connection.executemany("DELETE FROM misjudged_dates WHERE event_date = ?", [(date,) for date in dates])


def select_unsearched(connection: sqlite3.Connection) -> set[Path]:
    """Return the parts in which nobody has looked for copies, also of a ledger that only readers have opened."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'unsearched_parts'").fetchone():
        return set()
    return {Path(path) for (path,) in connection.execute("SELECT path FROM unsearched_parts")}


def delete_unsearched(connection: sqlite3.Connection, dates: Iterable[str]) -> None:
    """Note that the parts of some days have been looked through for copies."""
    query = "DELETE FROM unsearched_parts WHERE path IN (SELECT path FROM parts WHERE event_date = ?)"
    connection.executemany(query, [(date,) for date in dates])


def insert_unsearched(connection: sqlite3.Connection, parts: Iterable[Part]) -> None:
    """Note that parts have yet to be looked through for copies."""
    rows = [(str(part.path),) for part in parts]
    connection.executemany("INSERT OR IGNORE INTO unsearched_parts VALUES (?)", rows)
