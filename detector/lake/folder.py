"""A lake in a folder: made by its first writer, and gone again when nothing came in, so that nobody asks it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from detector.errors import LakeError
from detector.lake.disk import fsync_folder
from detector.lake.ledger.ledger import Ledger
from detector.lake.unlisted import repair_hint, unlisted_parts
from detector.lake_layout import LEDGER, PartKind, is_entry

if TYPE_CHECKING:
    from detector.engines.engine import Engine
    from detector.lake.part import Part


@dataclass(frozen=True, slots=True)
class Folder:
    """A lake in a folder: what is committed there is durable, and what lies there needs no fetching."""

    directory: Path
    is_elsewhere: bool = False

    def __str__(self) -> str:
        return str(self.directory)

    @property
    def full_name(self) -> str:
        """The absolute path."""
        return str(self.directory.absolute())

    def refresh(self) -> None:
        """Do nothing: this is where others commit."""

    def fetch(self, paths: Iterable[Path]) -> None:
        """Do nothing: they are here."""

    def forget(self, path: Path) -> None:
        """Do nothing: it stays."""

    def lacks(self, part: Part) -> str | None:  # noqa: ARG002
        """Leave it to whoever looks at the file."""
        return None

    def unlisted(self, ledger: Ledger) -> list[Path]:
        """Return the parts that nothing explains."""
        return unlisted_parts(self.directory, ledger)

    def prepare(self) -> bool:
        """Make the folders; tell whether there is no ledger."""
        require_lake_or_empty(self.directory)
        is_new = not (self.directory / LEDGER).exists()
        make_folders(self.directory)
        return is_new

    def begin(self, ledger: Ledger) -> None:
        """Do nothing: the lock is on the ledger."""

    def put(self, run: str, paths: Collection[Path]) -> None:
        """Do nothing: they were renamed and fsynced."""

    def holds(self, path: Path) -> bool:  # noqa: ARG002
        """Leave it to whoever commits to move parts in."""
        return False

    def engine(self, engine: Engine, run: str) -> Engine:  # noqa: ARG002
        """Return the engine: executors find the folder by its path."""
        return engine

    def committed(self, ledger: Ledger, *, is_idle: bool) -> None:
        """Do nothing: the transaction was the commit."""

    def share(self, ledger: Ledger) -> None:
        """Do nothing: everybody reads this ledger."""

    def remove(self, paths: Collection[Path]) -> Collection[Path]:
        """Remove their files."""
        for path in paths:
            (self.directory / path).unlink(missing_ok=True)
        return paths

    def remove_orphans(self, ledger: Ledger) -> int:  # noqa: ARG002
        """Do nothing: each writer removes them when it begins."""
        return 0

    def repairing(self) -> AbstractContextManager[Path]:
        """Hand out the folder itself."""
        return nullcontext(self.directory)

    def end(self, *, is_new: bool) -> None:
        """Remove a lake into which nothing came."""
        if is_new:
            remove_unused(self.directory)


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
