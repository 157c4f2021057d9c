"""The interface of every source of log objects: a listing, and a reader that crosses to worker processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from detector.scope import Scope

ENDED_EARLY: Final = "not read: the run ended early"  # why an object that was to be read was not
MAX_OBJECT_BYTES: Final = 1 << 30  # as stored; what a larger object holds would be over the cap in any case


@dataclass(frozen=True, slots=True)
class Storage:
    """How S3 keeps an object, as far as a listing says so."""

    storage_class: str | None = None  # S3's word: STANDARD, STANDARD_IA, GLACIER
    encryption: str | None = None  # S3's word: SSE-S3, SSE-KMS; of an inventory alone
    has_bucket_key: bool = False  # with SSE-KMS: many objects share one call of KMS
    archived: str | None = None  # why it cannot be read as it is; None: it can, or nobody knows


@dataclass(frozen=True, slots=True)
class LogObject:
    """One object that looks like a log file, listed and not yet read."""

    uri: str  # s3://bucket/key, file:///path or stdin:<sha256>; becomes the `logFile` of its rows
    size_bytes: int  # as stored, compressed
    etag: str  # changes when the content does: S3's ETag, or size and mtime of a local file
    last_modified: datetime | None  # aware, UTC
    storage: Storage | None = field(default=None, compare=False)  # None: nothing is known


@dataclass(frozen=True, slots=True)
class Skipped:
    """One object whose name says that it is another kind of file."""

    uri: str
    reason: str
    digest: LogObject | None = field(default=None, compare=False)  # as it was listed, when it is one


class Limit(StrEnum):
    """What a scope limits; the words are those of a summary."""

    WINDOW = "outside the window"
    ACCOUNTS = "of accounts not asked for"
    REGIONS = "of regions not asked for"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A folder that was not listed, or an object not read, because the scope or its name excludes it."""

    uri: str  # of a folder, with a slash at its end
    reason: str
    limit: Limit | None = None  # of the scope; None: its name, or what it is


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A prefix that cannot be listed, or an object that cannot be read."""

    uri: str
    reason: str


Listed = LogObject | Skipped | LeftOut | Unreadable


@dataclass(frozen=True, slots=True)
class Stored:
    """An object with what S3 keeps beside its bytes."""

    content: bytes = field(repr=False)  # as stored
    metadata: Mapping[str, str]  # the user's, names in lower case; empty where nothing kept it
    bucket: str | None = None  # None: a local copy does not say
    last_modified: datetime | None = None  # by S3; None: a local copy does not say
    etag: str | None = None  # as S3 gave it with these bytes, without its quotes
    version_id: str | None = None  # None: the bucket keeps no versions, or nobody knows


def archived_text(storage_class: str, remedy: str = "restore it first") -> str:
    """Say of an object why it cannot be read, with its class or tier."""
    return f"archived ({storage_class}): {remedy}"


def too_large(uri: str, size_bytes: int) -> Unreadable:
    """Say of an object that it is not read for its size."""
    return Unreadable(uri, f"{size_bytes:,} bytes, more than the cap of {MAX_OBJECT_BYTES:,}")


class Reader(Protocol):
    """Reads objects inside a worker process; picklable."""

    def read(self, objects: Sequence[LogObject]) -> Iterator[tuple[LogObject, bytes | Unreadable]]:
        """Yield the stored (still compressed) bytes of each object, in any order.

        Raises:
            CredentialsError: AWS refuses the credentials as a whole.
        """
        ...


class DigestReader(Protocol):
    """Reads objects with their metadata."""

    def read_with_metadata(self, objects: Sequence[LogObject]) -> Iterator[tuple[LogObject, Stored | Unreadable]]:
        """Yield each object as S3 has it, in any order.

        Raises:
            CredentialsError: AWS refuses the credentials as a whole.
        """
        ...


class LogSource(Protocol):
    """Anything that can list log objects and hand out a reader for them."""

    @property
    def root(self) -> str:
        """The URI that everything in it lies below; empty where there is none."""
        ...

    def list(self, scope: Scope) -> Iterator[Listed]:
        """Yield what lies in the source and within `scope`, in any order.

        Raises:
            SourceError: the source as a whole does not exist or cannot be reached.
        """
        ...

    def reader(self) -> Reader:
        """Return a reader with credentials good for now; ask again for each batch."""
        ...

    def covers(self, uri: str, scope: Scope) -> bool:
        """Tell whether a listing that has come to its end has named what lies at a URI, as far as `scope` reaches."""
        ...


def lies_below(uri: str, root: str) -> bool:
    """Tell whether a URI is that of a folder, with or without its slash, or of something in it."""
    return uri == root or uri.startswith(root.rstrip("/") + "/")
