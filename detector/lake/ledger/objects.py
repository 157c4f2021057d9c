"""The log objects that were read, as the ledger remembers them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

# A million objects are normal: their folders are stored once, hashes as blobs.
CREATE = """
CREATE TABLE IF NOT EXISTS folders (id INTEGER PRIMARY KEY, uri TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS objects (
    folder_id INTEGER NOT NULL REFERENCES folders (id),
    name TEXT NOT NULL,
    etag BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    last_modified INTEGER,
    content_sha256 BLOB,
    records INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (folder_id, name)
) WITHOUT ROWID;
"""
# Counting a million rows takes longer than some rules do: each commit keeps the sum.
COUNT = """
CREATE TABLE IF NOT EXISTS object_count (id INTEGER PRIMARY KEY CHECK (id = 1), objects INTEGER NOT NULL);
INSERT OR REPLACE INTO object_count SELECT 1, count(*) FROM objects;
"""
# For versions after which more is read: what was skipped, failed or rejected as a whole is judged anew.
READ_ANEW = "DELETE FROM objects WHERE rows = 0 AND (status <> 'ingested' OR records > 0);"
# For versions in which records that are no rows left an object whole; without its ETag it is read anew.
REJECTED_IS_PARTIAL = """
UPDATE objects SET status = 'partial', etag = '', reason = (records - rows) || ' of ' || records || ' records rejected'
WHERE status = 'ingested' AND rows < records;
"""


class ObjectStatus(StrEnum):
    """The outcome for a log object whose content was read."""

    INGESTED = "ingested"
    PARTIAL = "partial"  # could not be read whole, or some records are no rows; its readable records are in
    SKIPPED = "skipped"  # another kind of file


@dataclass(frozen=True, slots=True)
class LedgerObject:
    """One log object as the ledger knows it."""

    uri: str
    etag: str
    size_bytes: int
    last_modified: datetime | None
    content_sha256: bytes
    records: int
    rows: int
    status: ObjectStatus
    reason: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """The ledger's entry for an object that is listed again."""

    etag_matches: bool
    status: ObjectStatus
    reason: str | None


def select_known(connection: sqlite3.Connection, uri: str, etag: str) -> Known | None:
    """Return what is known of an object, or None when it has never been read."""
    row = connection.execute(
        "SELECT etag, status, reason FROM objects"
        " WHERE folder_id = (SELECT id FROM folders WHERE uri = ?) AND name = ?",
        split_uri(uri),
    ).fetchone()
    return None if row is None else Known(row[0] == pack_etag(etag), ObjectStatus(row[1]), row[2])


def select_etags(connection: sqlite3.Connection, folder: str, *, most: int) -> dict[str, bytes | str | None] | None:
    """Return name and packed ETag of the objects of a folder; None when they are too many.

    The ETag is that of an object that was read whole, and None for any other.
    """
    rows = connection.execute(
        "SELECT name, CASE status WHEN ? THEN etag END FROM objects"
        " WHERE folder_id = (SELECT id FROM folders WHERE uri = ?) LIMIT ?",
        (ObjectStatus.INGESTED, folder, most + 1),
    )
    etags = dict(rows)
    return etags if len(etags) <= most else None


def select_objects(connection: sqlite3.Connection, below: str = "") -> Iterator[LedgerObject]:
    """Yield objects in the order of their URIs: all, or those below a folder, which ends with a slash."""
    rows = connection.execute(
        "SELECT uri || name, etag, size_bytes, last_modified, content_sha256, records, rows, status, reason"
        " FROM objects JOIN folders ON folders.id = folder_id WHERE uri >= ? AND uri < ? ORDER BY 1",
        (below, below[:-1] + "0" if below else "\U0010ffff"),  # what follows the slash
    )
    for uri, etag, size, modified, digest, records, count, status, reason in rows:
        yield LedgerObject(
            uri,
            etag.hex() if isinstance(etag, bytes) else etag,
            size,
            None if modified is None else datetime.fromtimestamp(modified, UTC),
            digest,
            records,
            count,
            ObjectStatus(status),
            reason,
        )


def select_count(connection: sqlite3.Connection) -> int:
    """Return how many objects were read, also of a ledger of an older version that only readers have opened."""
    is_kept = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'object_count'").fetchone()
    query = "SELECT objects FROM object_count" if is_kept else "SELECT count(*) FROM objects"
    return int(connection.execute(query).fetchone()[0])


def insert_objects(connection: sqlite3.Connection, objects: Sequence[LedgerObject]) -> None:
    """Remember objects, in the place of what was known of them."""
    places = [split_uri(one.uri) for one in objects]
    folders = [(folder,) for folder in dict.fromkeys(folder for folder, _ in places)]
    connection.executemany("INSERT OR IGNORE INTO folders (uri) VALUES (?)", folders)
    rows = [
        (
            name,
            pack_etag(one.etag),
            one.size_bytes,
            None if one.last_modified is None else int(one.last_modified.timestamp()),
            one.content_sha256,
            one.records,
            one.rows,
            one.status,
            one.reason,
            folder,
        )
        for one, (folder, name) in zip(objects, places, strict=True)
    ]
    insert = "INTO objects SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM folders WHERE uri = ?"
    new = connection.executemany(f"INSERT OR IGNORE {insert}", rows).rowcount if rows else 0
    if new < len(rows):
        connection.executemany(f"INSERT OR REPLACE {insert}", rows)
    connection.execute("UPDATE object_count SET objects = objects + ?", (new,))


def split_uri(uri: str) -> tuple[str, str]:
    """Return the folder, with its slash, and the name."""
    folder, slash, name = uri.rpartition("/")
    return folder + slash, name


def pack_etag(etag: str) -> bytes | str:
    """Return an MD5 or SHA-256 in hex as bytes, anything else as it is."""
    if len(etag) in (32, 64) and etag == etag.lower():
        try:
            return bytes.fromhex(etag)
        except ValueError:
            pass
    return etag
