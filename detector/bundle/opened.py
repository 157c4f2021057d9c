"""A bag that somebody hands over: its files, found without following anything, and read up to a cap."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from detector.bundle.layout import DECLARATION, MANIFEST
from detector.errors import SourceError, UsageError

MOST_FILES: Final = 5_000_000
_MOST_LEVELS: Final = 8
_STEP_BYTES: Final = 1 << 20


class Unfit(ValueError):  # noqa: N818 - a state of a file
    """A file of a bag cannot be read as what it should be; the message says why."""


@dataclass(slots=True)
class OpenBag:
    """The files of a bag by their paths, and what else lies there."""

    folder: Path
    files: set[str] = field(default_factory=set)  # regular files
    others: dict[str, str] = field(default_factory=dict)  # path → what it is: no file of a bag

    def lines(self, path: str, most_bytes: int) -> Iterator[bytes]:
        """Yield the lines of a file, without their ends.

        Raises:
            Unfit: it cannot be read, or a line is longer than this.
        """
        with self._open(path) as file:
            while line := file.readline(most_bytes + 1):
                if len(line) > most_bytes:
                    raise Unfit(f"a line is longer than {most_bytes:,} bytes")
                yield line.removesuffix(b"\n")

    def read(self, path: str, most_bytes: int) -> bytes:
        """Return a file.

        Raises:
            Unfit: it cannot be read, or is larger than this.
        """
        with self._open(path) as file:
            # Before any memory is taken: a sparse file has whatever size somebody gave it.
            if os.fstat(file.fileno()).st_size > most_bytes:
                raise Unfit(f"larger than the cap of {most_bytes:,} bytes")
            return file.read(most_bytes)

    def hash(self, path: str) -> str:
        """Return the SHA-256 of a file, in hex.

        Raises:
            Unfit: it cannot be read.
        """
        sha256 = hashlib.sha256()
        with self._open(path) as file:
            while step := file.read(_STEP_BYTES):
                sha256.update(step)
        return sha256.hexdigest()

    def size_bytes(self, path: str) -> int:
        """Return the size of a file.

        Raises:
            Unfit: it cannot be looked at.
        """
        with self._open(path) as file:
            return os.fstat(file.fileno()).st_size

    def _open(self, path: str) -> AbstractContextManager[IO[bytes]]:
        """Open a file that was found; no other can be named."""
        if path not in self.files:
            raise Unfit("missing")
        try:
            descriptor = os.open(self.folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise Unfit("not a file any more")
        except OSError as error:
            raise Unfit(f"cannot be read: {error.strerror}") from error
        return os.fdopen(descriptor, "rb")


def open_for_check(folder: Path, most_files: int = MOST_FILES) -> OpenBag:
    """Return the files of a bag.

    Raises:
        UsageError: it is no bag.
        SourceError: a folder of it cannot be listed, or there are too many files.
    """
    bag = OpenBag(folder)
    if not folder.is_dir():
        raise UsageError(f"{folder} is no bag: there is none", hint="name the folder or the zip of a bag")
    waiting = [("", 0)]
    try:
        while waiting:
            prefix, level = waiting.pop()
            with os.scandir(folder / prefix) as found:
                for entry in found:
                    path = prefix + entry.name
                    if entry.is_symlink():
                        bag.others[path] = "a symbolic link"
                    elif entry.is_dir(follow_symlinks=False):
                        if level == _MOST_LEVELS:
                            bag.others[path] = "a folder too deep for a bag"
                        else:
                            waiting.append((f"{path}/", level + 1))
                    elif entry.is_file(follow_symlinks=False):
                        bag.files.add(path)
                    else:
                        bag.others[path] = "no regular file"
                    if len(bag.files) + len(bag.others) + len(waiting) > most_files:
                        raise SourceError(f"{folder} holds more than {most_files:,} files", hint="is it a bag?")
    except OSError as error:
        raise SourceError(f"cannot list {folder}: {error.strerror}") from error
    require_bag(bag)
    return bag


def require_bag(bag: OpenBag) -> None:
    """Raise when something is missing without which nothing is a bag.

    Raises:
        UsageError: it is.
    """
    for needed in (DECLARATION, MANIFEST):
        if needed not in bag.files:
            raise UsageError(f"{bag.folder} is no bag: it has no {needed}", hint="name the folder that has bagit.txt")
