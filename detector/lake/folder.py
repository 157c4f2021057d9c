"""The folder of a lake: made by its first writer, and gone again when nothing came in, so that nobody asks it."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from detector.errors import LakeError
from detector.lake.disk import fsync_folder
from detector.lake.ledger.ledger import Ledger
from detector.lake.unlisted import repair_hint
from detector.lake_layout import LEDGER, PartKind, is_entry


def require_lake_or_empty(directory: Path) -> None:
    """Refuse a path at which no lake can be, or be made.

    Raises:
        LakeError: it is a file, holds something else, or parts whose ledger is lost.
    """
    if directory.exists() and not directory.is_dir():
        raise LakeError(f"{directory} is a file", hint="give --lake a folder; it is created when it does not exist")
    if not directory.exists() or (directory / LEDGER).exists():
        return
    foreign = [
        entry
        for entry in os.listdir(directory)  # noqa: PTH208
        if not is_entry(entry)
    ]
    if foreign:
        raise LakeError(
            f"{directory} is not empty and holds no lake", hint="give --lake a new folder, or the folder of a lake"
        )
    if any(path.is_file() for kind in PartKind for path in (directory / kind).rglob("*")):
        raise LakeError(
            f"{directory} holds parts but no {LEDGER}: another program's lake, or its ledger is lost",
            hint=f"of another program's lake, give --lake a new folder; else, {repair_hint(directory)}",
        )


def make_folders(directory: Path) -> None:
    """Make the folders of a lake, durably, where there are none."""
    for kind in PartKind:
        (directory / kind).mkdir(parents=True, exist_ok=True)
    fsync_folder(directory)
    fsync_folder(directory.resolve().parent)


def remove_unused(directory: Path) -> None:
    """Remove a lake, and its folder, unless something was read into it, or is kept in it."""
    if not (directory / LEDGER).exists():  # somebody took it away; to open it would make an empty one
        return
    with suppress(OSError):
        ledger = Ledger.open(directory, writable=True)  # SQLite then clears up what it has beside the file
        is_unused = ledger.is_unused()
        ledger.close()
        if not is_unused or any(path.is_file() for kind in PartKind for path in (directory / kind).rglob("*")):
            return
        for kind in PartKind:
            shutil.rmtree(directory / kind)
        (directory / LEDGER).unlink()
        directory.rmdir()  # refuses when somebody put something else there
