"""The ledger: which parts and which log objects are in the lake. Its transaction is the commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from detector.errors import LakeError
from detector.lake.parts import Part, PartKind

FILE_NAME = "ledger.sqlite"
_VERSION = 1
# A million objects are normal: their folders are stored once, hashes as blobs.
_TABLES = """
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
CREATE TABLE IF NOT EXISTS parts (
    path TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    event_date TEXT NOT NULL,
    rows INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dropped_parts (path TEXT PRIMARY KEY, dropped_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS emitted_alerts (
    alert_id TEXT PRIMARY KEY,
    rule_id TEXT NOT NULL,
    severity TEXT NOT NULL,
    emitted_at INTEGER NOT NULL
) WITHOUT ROWID;
"""


class ObjectStatus(StrEnum):
    """What became of a log object whose content was read."""

    INGESTED = "ingested"
    PARTIAL = "partial"  # could not be read whole; its readable records are in
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
    """What the ledger says of an object that is listed again."""

    etag_matches: bool
    status: ObjectStatus
    reason: str | None


class Ledger:
    """One open ledger."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._folder_id = lru_cache(maxsize=100_000)(self._find_folder)

    @classmethod
    def open(cls, lake: Path, *, writable: bool) -> Ledger:
        """Open the ledger of a lake; a writer creates it when there is none.

        Raises:
            LakeError: it is not a ledger, or of a later version.
        """
        path = lake / FILE_NAME
        try:
            if writable:
                connection = sqlite3.connect(path, isolation_level=None)
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.executescript(_TABLES)
                if _version(connection) == 0:
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
            else:
                connection = _open_to_read(path)
            version = _version(connection)
        except sqlite3.Error as error:
            raise LakeError(
                f"cannot open {path}: {error}", hint="is the disk full, or the file no ledger of this program?"
            ) from error
        if version > _VERSION:
            connection.close()
            raise LakeError(f"{path} has version {version}, this program knows {_VERSION}", hint="update detector")
        return cls(connection, path)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def known(self, uri: str, etag: str) -> Known | None:
        """Return what is known of an object, or None when it has never been read."""
        folder, name = _split(uri)
        folder_id = self._folder_id(folder)
        if folder_id is None:
            return None
        row = self._connection.execute(
            "SELECT etag, status, reason FROM objects WHERE folder_id = ? AND name = ?", (folder_id, name)
        ).fetchone()
        return row and Known(row[0] == _pack_etag(etag), ObjectStatus(row[1]), row[2])

    def parts(self, kind: PartKind | None = None) -> list[Part]:
        """Return the parts that count, in the order of their paths."""
        rows = self._connection.execute(
            "SELECT kind, event_date, path, rows, size_bytes FROM parts WHERE ?1 IS NULL OR kind = ?1 ORDER BY path",
            (kind,),
        )
        return [Part(PartKind(row[0]), row[1], Path(row[2]).name, row[3], row[4]) for row in rows]

    def objects(self) -> Iterator[LedgerObject]:
        """Yield all objects."""
        rows = self._connection.execute(
            "SELECT uri || name, etag, size_bytes, last_modified, content_sha256, records, rows, status, reason"
            " FROM objects JOIN folders ON folders.id = folder_id ORDER BY 1"
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

    def commit(self, objects: Sequence[LedgerObject], added: Iterable[Part], dropped: Iterable[Part]) -> None:
        """Record parts and objects in one transaction: after it all of them are in, before it none.

        Raises:
            LakeError: the database refuses, for example because the disk is full.
        """
        with self._transaction() as connection:
            for one in objects:
                folder, name = _split(one.uri)
                connection.execute("INSERT OR IGNORE INTO folders (uri) VALUES (?)", (folder,))
                connection.execute(
                    "INSERT OR REPLACE INTO objects SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM folders WHERE uri = ?",
                    (
                        name,
                        _pack_etag(one.etag),
                        one.size_bytes,
                        None if one.last_modified is None else int(one.last_modified.timestamp()),
                        one.content_sha256,
                        one.records,
                        one.rows,
                        one.status,
                        one.reason,
                        folder,
                    ),
                )
            for part in dropped:
                connection.execute("DELETE FROM parts WHERE path = ?", (str(part.path),))
                connection.execute("INSERT OR REPLACE INTO dropped_parts VALUES (?, unixepoch())", (str(part.path),))
            connection.executemany(
                "INSERT INTO parts VALUES (?, ?, ?, ?, ?)",
                [(str(part.path), part.kind, part.event_date, part.rows, part.size_bytes) for part in added],
            )
        self._folder_id.cache_clear()

    def recently_dropped(self, seconds: int) -> set[Path]:
        """Return the parts dropped less than so long ago (readers may still have them open), and forget the others."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM dropped_parts WHERE dropped_at < unixepoch() - ?", (seconds,))
        return {Path(row[0]) for row in self._connection.execute("SELECT path FROM dropped_parts")}

    def emitted(self) -> dict[str, str]:
        """Return the severity at which each alert id was last written."""
        return dict(self._connection.execute("SELECT alert_id, severity FROM emitted_alerts"))

    def record_emitted(self, alerts: Iterable[tuple[str, str, str]]) -> None:
        """Remember alerts as written: (alert id, rule id, severity) each."""
        with self._transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO emitted_alerts VALUES (?, ?, ?, unixepoch())", alerts)

    def _find_folder(self, uri: str) -> int | None:
        row = self._connection.execute("SELECT id FROM folders WHERE uri = ?", (uri,)).fetchone()
        return row and int(row[0])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise LakeError(f"cannot write {self._path}: {error}", hint="is the disk full?") from error


def _open_to_read(path: Path) -> sqlite3.Connection:
    """Open without the right to write; on read-only media SQLite cannot even create its shared memory file."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        _version(connection)
        connection.execute("SELECT count(*) FROM parts").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True, isolation_level=None)
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _split(uri: str) -> tuple[str, str]:
    folder, slash, name = uri.rpartition("/")
    return folder + slash, name


def _pack_etag(etag: str) -> bytes | str:
    """Return an MD5 or SHA-256 in hex as bytes, anything else as it is."""
    if len(etag) in (32, 64) and etag == etag.lower():
        try:
            return bytes.fromhex(etag)
        except ValueError:
            pass
    return etag
