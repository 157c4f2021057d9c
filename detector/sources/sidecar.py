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

from detector.errors import SourceError
from detector.times import as_utc

FILE: Final = "objects.json"
FOLDER: Final = "bucket"
_MAX_BYTES: Final = 1 << 30
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

    objects: Path  # the folder of the buckets
    entries: Mapping[str, msgspec.Raw] = field(repr=False)  # by BUCKET/KEY; as text, which takes a third of the memory

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

    Raises:
        SourceError: there is a file of that name which cannot be read.
    """
    for folder in (path, *list(path.parents)[:_LEVELS]):
        objects = folder / FOLDER
        if (folder / FILE).is_file() and objects.is_dir() and (path == folder or path.is_relative_to(objects)):
            return Sidecar(objects, _load(folder / FILE))
    return None


def _load(file: Path) -> dict[str, msgspec.Raw]:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise SourceError(f"{file} is larger than {_MAX_BYTES:,} bytes", hint="name a smaller copy")
        return _parse(file.read_bytes())
    except OSError as error:
        raise SourceError(f"cannot read {file}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(
            f"{file} does not describe the objects in {file.parent / FOLDER}",
            hint='it must hold {"BUCKET/KEY": {"metadata": {…}, "last_modified": "…"}}; or move it away',
        ) from error


def _parse(content: bytes) -> dict[str, msgspec.Raw]:
    entries = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    for text in entries.values():
        _DECODER.decode(text)  # refuses what is none, now
    return entries
