"""A bag in one file: a zip with a folder in it, as RFC 8493 has it for handing bags over.

Whoever made a zip chose its names and sizes: nothing is ever unpacked to a disk, and no more is inflated than was
reckoned with before.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from detector.bundle.layout import DECLARATION, OBJECT_FOLDER
from detector.bundle.opened import MOST_FILES, OpenBag, Unfit, open_for_check, require_bag
from detector.errors import SourceError, UsageError

SUFFIX: Final = ".zip"
_STEP_BYTES: Final = 1 << 20
# What logs pack to is a tenth to a fiftieth of them; what was made to burst, a thousandth.
_MOST_TIMES: Final = 200
_ALWAYS_BYTES: Final = 1 << 30
_ENCRYPTED: Final = 1  # bit of the flags
_THEN: Final = (1980, 1, 1, 0, 0, 0)  # the first time that there is: the same bag is the same file
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)


def write_zip(folder: Path, file: IO[bytes], name: str) -> None:
    """Write the files of a folder into a zip, below one folder of this name, in the order of their paths."""
    with zipfile.ZipFile(file, "w", allowZip64=True) as packed:
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            inside = path.relative_to(folder).as_posix()
            entry = zipfile.ZipInfo(f"{name}/{inside}", _THEN)
            entry.external_attr = (stat.S_IFREG | 0o600) << 16
            entry.file_size = path.stat().st_size  # tells zipfile whether 32 bits will do
            is_packed = inside.startswith(OBJECT_FOLDER)
            entry.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
            with path.open("rb") as source, packed.open(entry, "w") as target:
                while step := source.read(_STEP_BYTES):
                    target.write(step)


@contextmanager
def open_any(place: Path) -> Iterator[OpenBag]:
    """Open a bag that somebody hands over: a folder, or a zip of one.

    Raises:
        UsageError: it is no bag.
        SourceError: it cannot be listed, or holds more than anybody would put into one.
    """
    if not place.is_file():
        yield open_for_check(place)
        return
    try:
        packed = zipfile.ZipFile(place)
    except _BROKEN as error:
        raise UsageError(f"{place} is no bag: it is no zip", hint="name the folder or the zip of a bag") from error
    with packed:
        yield _list(place, packed)


@dataclass(slots=True)
class ZippedBag(OpenBag):
    """The files of a bag in a zip, by their paths in the bag."""

    packed: zipfile.ZipFile = field(kw_only=True, repr=False)
    members: dict[str, zipfile.ZipInfo] = field(default_factory=dict, repr=False)

    def read(self, path: str, most_bytes: int) -> bytes:
        """Return a file.

        Raises:
            Unfit: it cannot be read, or is larger than this.
        """
        with self._open(path) as file:
            if self.members[path].file_size > most_bytes:
                raise Unfit(f"larger than the cap of {most_bytes:,} bytes")
            return file.read()  # no more than was said before

    def size_bytes(self, path: str) -> int:
        """Return the size of a file, unpacked."""
        return self.members[path].file_size

    @contextmanager
    def _open(self, path: str) -> Iterator[IO[bytes]]:
        if path not in self.files:
            raise Unfit("missing")
        try:
            with self.packed.open(self.members[path]) as file:
                yield file
        except Unfit:
            raise
        except _BROKEN as error:
            raise Unfit(f"cannot be read: {error}") from error


def _list(place: Path, packed: zipfile.ZipFile) -> ZippedBag:
    entries = packed.infolist()
    if len(entries) > MOST_FILES:
        raise SourceError(f"{place} holds more than {MOST_FILES:,} files", hint="is it a bag?")
    most_bytes = max(_ALWAYS_BYTES, _MOST_TIMES * place.stat().st_size)
    if sum(entry.file_size for entry in entries) > most_bytes:
        hint = "it may be made to burst; if you trust it, unpack it and name the folder"
        raise SourceError(f"{place} would inflate to more than {most_bytes:,} bytes", hint=hint)
    bag = ZippedBag(place, packed=packed)
    base = _base(place, [entry.filename for entry in entries])
    for entry in entries:
        path = entry.filename.removeprefix(base)
        if path.endswith("/") and not entry.file_size:
            continue  # a folder
        if problem := _problem(entry, base):
            bag.others[path] = problem
        elif path in bag.members:
            bag.others[path] = "there twice"
        else:
            bag.files.add(path)
            bag.members[path] = entry
    bag.files -= bag.others.keys()  # of two with one name, nobody knows which one another program takes
    require_bag(bag)
    return bag


def _base(place: Path, names: list[str]) -> str:
    """Return the folder in which the bag lies, with its slash; empty when there is none."""
    if DECLARATION in names:
        return ""
    folders = {name.removesuffix(DECLARATION) for name in names if name.endswith(f"/{DECLARATION}")}
    tops = sorted(folder for folder in folders if folder.count("/") == 1)
    if len(tops) != 1:
        raise UsageError(
            f"{place} is no bag: it has no {DECLARATION}, or several", hint="name the folder or the zip of a bag"
        )
    return tops[0]


def _problem(entry: zipfile.ZipInfo, base: str) -> str | None:
    """Say why an entry is no file of a bag; None when it is one."""
    mode = entry.external_attr >> 16
    if not entry.filename.startswith(base):
        return "outside of the folder of the bag"
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "no regular file"
    if entry.flag_bits & _ENCRYPTED:
        return "encrypted"
    parts = entry.filename.split("/")
    if "\\" in entry.filename or not {"", ".", ".."}.isdisjoint(parts):
        return "a name that leads elsewhere"
    return None
