"""What S3 kept beside the bytes of objects that were copied to a disk.

    DIRECTORY/objects.json          {"BUCKET/KEY": {"metadata": {NAME: VALUE}, "last_modified": "2025-03-04T01:08:31Z"}}
    DIRECTORY/bucket/BUCKET/KEY     the objects

A copy without such a file is read all the same: then nobody knows the metadata, nor when S3 took an object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from detector.times import as_utc

FILE: Final = "objects.json"
FOLDER: Final = "bucket"
_MAX_BYTES: Final = 1 << 30
_NO_DESCRIPTION: Final = 'it does not describe the objects as {"BUCKET/KEY": {"metadata": {…}, "last_modified": "…"}}'
_LEVELS: Final = 3  # at most so far above the path that was named: for one bucket, or for one of its top folders


class _Entry(msgspec.Struct):
    """One object as the file describes it."""

    metadata: dict[str, str] = {}
    last_modified: datetime | None = None


_DECODER: Final = msgspec.json.Decoder(_Entry)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one object."""

    bucket: str | None = None  # None: it does not lie in the folder of the buckets
    metadata: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    last_modified: datetime | None = None  # when S3 took it, aware, UTC


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The file, read."""

    file: Path
    objects: Path  # the folder of the buckets
    entries: Mapping[str, msgspec.Raw] = field(repr=False)  # by BUCKET/KEY; as text, which takes a third of the memory
    problem: str | None = None  # why it says nothing

    def of(self, path: str) -> Known:
        """Return what is known of the object at a path."""
        # As text: pathlib takes longer than reading a digest.
        folder = f"{self.objects}/"
        if not path.startswith(folder):
            return Known()
        place = path[len(folder) :]
        bucket = place.partition("/")[0]
        text = self.entries.get(place)
        if text is None:
            return Known(bucket)
        entry = _DECODER.decode(text)
        metadata = {name.lower(): value for name, value in entry.metadata.items()}
        return Known(bucket, metadata, None if entry.last_modified is None else as_utc(entry.last_modified))


def find_sidecar(path: Path) -> Sidecar | None:
    """Return what is known of the objects at or below `path`; None when nothing is.

    A file of that name which cannot be read describes nothing: whoever can put one there must not stop the reading.
    """
    for folder in (path, *list(path.parents)[:_LEVELS]):
        objects = folder / FOLDER
        if (folder / FILE).is_file() and objects.is_dir() and (path == folder or path.is_relative_to(objects)):
            return _load(folder / FILE, objects)
    return None


def _load(file: Path, objects: Path) -> Sidecar:
    try:
        if file.stat().st_size > _MAX_BYTES:
            return Sidecar(file, objects, {}, f"larger than the cap of {_MAX_BYTES:,} bytes")
        return Sidecar(file, objects, _parse(file.read_bytes()))
    except OSError as error:
        return Sidecar(file, objects, {}, f"cannot be read: {error.strerror}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Sidecar(file, objects, {}, _NO_DESCRIPTION)


def _parse(content: bytes) -> dict[str, msgspec.Raw]:
    entries = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    for text in entries.values():
        _DECODER.decode(text)  # refuses what is none, now
    return entries
