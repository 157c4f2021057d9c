"""Who writes, and what it is about to put in place: so that what a killed writer left is known to be its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

CREATE = """
CREATE TABLE IF NOT EXISTS intended_parts (path TEXT PRIMARY KEY, run TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS writer (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL);
"""


def insert_intents(connection: sqlite3.Connection, run: str, paths: Iterable[Path]) -> None:
    """Note parts that are about to be renamed to their places, and in which run of a writer."""
    rows = [(str(path), run) for path in paths]
    connection.executemany("INSERT OR REPLACE INTO intended_parts VALUES (?, ?)", rows)


def select_intents(connection: sqlite3.Connection) -> dict[Path, str]:
    """Return the run of each part that was to be put in place, and was not committed."""
    if not connection.execute("PRAGMA table_info(intended_parts)").fetchone():  # an older ledger that is only read
        return {}
    return {Path(path): run for path, run in connection.execute("SELECT path, run FROM intended_parts")}


def delete_intents(connection: sqlite3.Connection, paths: Iterable[Path]) -> None:
    """Forget intents that were carried out, or whose files have been removed."""
    connection.executemany("DELETE FROM intended_parts WHERE path = ?", [(str(path),) for path in paths])
