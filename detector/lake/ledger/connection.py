"""Connections to a ledger's file, on media of any kind."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detector.errors import LakeError


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a ledger in one of SQLite's modes, `ro` or `rwc`."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None)
    # The file may have come from elsewhere: what its schema calls gets no functions that do more than compute.
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def can_read(connection: sqlite3.Connection) -> bool:
    """Tell whether SQLite can read the file from here."""
    try:
        number(connection, "SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        return False
    return True


def connect_to_read_only_media(path: Path) -> sqlite3.Connection:
    """Open a ledger beside which SQLite cannot create its shared memory file."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        # Read as immutable, the commits in it would be missing without a word.
        raise LakeError(f"{log} holds commits that cannot be read from here", hint="copy the lake to a writable place")
    return sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True, isolation_level=None)


def number(connection: sqlite3.Connection, query: str) -> int:
    """Return the one number that a query gives."""
    return int(connection.execute(query).fetchone()[0])


@contextmanager
def sqlite_errors(message: str) -> Iterator[None]:
    """Turn SQLite's errors into LakeErrors that begin with a message."""
    try:
        yield
    except sqlite3.Error as error:
        raise LakeError(
            f"{message}: {error}", hint="is the disk full or read-only, or the file no ledger of this program?"
        ) from error
