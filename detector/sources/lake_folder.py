"""Lakes that lie among log files: what would be read as logs there is this program's own."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from detector.lake_layout import LEDGER, is_lake
from detector.sources.keys import parse_folder

OTHER_LAKE: Final = "a lake, of which nothing is read: move it out of the logs, or name the folders beside it"
_TABLES: Final = {"folders", "objects", "parts"}  # those that every version of a ledger has
_MOST_STEPS: Final = 100_000  # of SQLite's machine: somebody else may have made the file


def holds_lake(directory: Path, key: str, entries: Sequence[os.DirEntry[str]]) -> bool:
    """Tell whether a directory is a lake: names alone do not make one, and in CloudTrail's own folders nothing does.

    Args:
        directory: to be looked at.
        key: its path as an object key.
        entries: what lies in it.
    """
    place = parse_folder(key)
    is_aws_own = place.kind is not None or place.region is not None
    return is_lake({entry.name for entry in entries}) and not is_aws_own and _is_ledger(directory / LEDGER)


def _is_ledger(path: Path) -> bool:
    """Tell whether a file has a ledger's tables."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe would wait for a writer
            return False
        # Immutable: SQLite leaves no file of its own beside somebody's evidence.
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            connection.set_progress_handler(lambda: 1, _MOST_STEPS)
            found = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN (?, ?, ?)", sorted(_TABLES)
            )
            return {name for (name,) in found} == _TABLES
    except (OSError, sqlite3.Error):
        return False
