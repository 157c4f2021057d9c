"""What S3 kept beside the bytes of objects that were copied to a disk.

    DIRECTORY/objects.json          {"BUCKET/KEY": {"metadata": {NAME: VALUE}, "last_modified": "2025-03-04T01:08:31Z"}}
    DIRECTORY/bucket/BUCKET/KEY     the objects

A copy without such a file is read all the same: then nobody knows the metadata, nor when S3 took an object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from detector.errors import SourceError

FILE: Final = "objects.json"
FOLDER: Final = "bucket"
_MAX_BYTES: Final = 1 << 30
_LEVELS: Final = 3  # at most so far above the path that was named: for one bucket, or for one of its top folders


class _Entry(msgspec.Struct):
    """One object as the file describes it."""

    metadata: dict[str, str] = {}
    last_modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The file, read."""

    objects: Path  # the folder of the buckets
    entries: Mapping[str, _Entry] = field(repr=False)

    def bucket(self, path: Path) -> str | None:
        """Return the bucket of an object; None outside of the folder of the buckets."""
        return self._place(path).partition("/")[0] or None

    def metadata(self, path: Path) -> Mapping[str, str]:
        """Return the metadata of an object, names in lower case."""
        entry = self.entries.get(self._place(path))
        return {name.lower(): value for name, value in entry.metadata.items()} if entry else {}

    def last_modified(self, path: Path) -> datetime | None:
        """Return when S3 took an object, aware, UTC."""
        entry = self.entries.get(self._place(path))
        if entry is None or entry.last_modified is None:
            return None
        moment = entry.last_modified
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def _place(self, path: Path) -> str:
        """Return BUCKET/KEY; empty outside of the folder of the buckets."""
        # As text: pathlib takes longer than reading a digest.
        folder, name = f"{self.objects}/", str(path)
        return name[len(folder) :] if name.startswith(folder) else ""


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


def _load(file: Path) -> dict[str, _Entry]:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise SourceError(f"{file} is larger than {_MAX_BYTES:,} bytes", hint="name a smaller copy")
        return msgspec.json.decode(file.read_bytes(), type=dict[str, _Entry])
    except OSError as error:
        raise SourceError(f"cannot read {file}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(
            f"{file} does not describe the objects in {file.parent / FOLDER}",
            hint='it must hold {"BUCKET/KEY": {"metadata": {…}, "last_modified": "…"}}; or move it away',
        ) from error
