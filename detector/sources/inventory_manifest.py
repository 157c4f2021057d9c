"""The manifest of an S3 Inventory: which bucket it lists, since when, and its files with their checksums. Pure.

Its words are those of whoever can write to the bucket that it lies in.

Source: "Locating your inventory list", Amazon S3 User Guide.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from detector.errors import SourceError
from detector.text import one_line

MAX_MANIFEST_BYTES: Final = 64 << 20
MAX_FILE_BYTES: Final = 16 << 30  # of one file; each is on the disk for as long as it is read
_MAX_FILES: Final = 100_000
_MAX_KEY: Final = 1_024  # bytes, as S3 has it
# Buckets made before 2018 may hold capitals and underscores.
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_MD5: Final = re.compile(r"[0-9a-fA-F]{32}")
_MILLISECONDS: Final = re.compile(r"[0-9]{1,14}")


class FileFormat(StrEnum):
    """The format of an inventory's files."""

    CSV = "CSV"
    ORC = "ORC"
    PARQUET = "Parquet"


@dataclass(frozen=True, slots=True)
class InventoryFile:
    """One file of an inventory, in the bucket of its manifest."""

    key: str
    size_bytes: int
    md5: str  # hexadecimal, in lower case


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says."""

    source_bucket: str
    begun: datetime  # aware, UTC; what was delivered later is not in it
    format: FileFormat
    columns: tuple[str, ...]  # of CSV, in order; empty where the files say it themselves
    files: tuple[InventoryFile, ...]


def parse_manifest(text: bytes, uri: str) -> Manifest:
    """Return what a manifest says.

    Args:
        text: of `manifest.json`.
        uri: of it, for the error.

    Raises:
        SourceError: it is no manifest, or a value of it cannot be one.
    """
    try:
        said = _an_object(json.loads(text))
        form = _format(said["fileFormat"])
        return Manifest(
            _matching(_BUCKET, said["sourceBucket"], "sourceBucket"),
            _moment(said["creationTimestamp"]),
            form,
            _csv_columns(said["fileSchema"]) if form is FileFormat.CSV else (),
            _files(said["files"]),
        )
    except KeyError as error:
        raise _no_manifest(uri, f"it has no {error.args[0]}") from error
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise _no_manifest(uri, one_line(error)[:200]) from error


def _an_object(value: Any) -> dict[str, Any]:  # noqa: ANN401 - somebody's JSON
    if not isinstance(value, dict):
        raise TypeError("it is no object")
    return value


def _format(name: object) -> FileFormat:
    found = next((form for form in FileFormat if form.casefold() == str(name).casefold()), None)
    if found is None:
        raise ValueError(f"its fileFormat is {str(name)[:40]!r}, not one of {', '.join(FileFormat)}")
    return found


def _files(listed: object) -> tuple[InventoryFile, ...]:
    if not isinstance(listed, list):
        raise TypeError("its files are no list")
    if len(listed) > _MAX_FILES:
        raise ValueError(f"it names {len(listed):,} files, more than the cap of {_MAX_FILES:,}")
    return tuple(map(_file, listed))


def _file(entry: Any) -> InventoryFile:  # noqa: ANN401 - somebody's JSON
    key, size = _an_object(entry)["key"], entry["size"]
    if not isinstance(key, str) or not 0 < len(key.encode("utf-8", "surrogatepass")) <= _MAX_KEY:
        raise ValueError("one of its files has no key that S3 could have")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_FILE_BYTES:
        raise ValueError(f"a file of it has {str(size)[:40]} bytes, or more than the cap of {MAX_FILE_BYTES:,}")
    return InventoryFile(key, size, _matching(_MD5, entry["MD5checksum"], "MD5checksum").lower())


def _csv_columns(schema: object) -> tuple[str, ...]:
    if not isinstance(schema, str):
        raise TypeError("its fileSchema is no text")
    return tuple(name.strip() for name in schema.split(","))


def _moment(milliseconds: object) -> datetime:
    return datetime.fromtimestamp(int(_matching(_MILLISECONDS, str(milliseconds), "creationTimestamp")) / 1_000, UTC)


def _matching(pattern: re.Pattern[str], value: object, name: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"its {name} is {str(value)[:80]!r}")
    return value


def _no_manifest(uri: str, why: str) -> SourceError:
    return SourceError(
        f"{uri} is no manifest of an S3 Inventory: {why}", hint="name the manifest.json that S3 wrote, or its folder"
    )
