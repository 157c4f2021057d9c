"""One object of a bag, as `objects.jsonl` describes it. Pure; whoever made a bag chose what it says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from detector.alerts.formats.json_line import cut, json_line
from detector.times import as_utc, rfc3339

# A key has 1,024 bytes at most, the user's metadata 2 kB; each byte may take six in JSON.
MAX_LINE_BYTES: Final = 64 << 10


class Kind(StrEnum):
    """What an object is."""

    LOG_FILE = "log_file"
    DIGEST = "digest"


class Held(StrEnum):
    """Whether a bag has the bytes of an object, and if not, why."""

    KEPT = "kept"
    ABSENT = "absent"  # the source was looked through, and did not have it
    UNREADABLE = "unreadable"  # gone since it was read into the lake, or denied
    DIFFERS = "differs"  # the source has other content now than was read into the lake
    UNREAD = "unread"  # a digest that nobody asked for


class _Row(msgspec.Struct):
    """A line of `objects.jsonl`."""

    uri: str
    kind: Kind
    held: Held
    bucket: str | None
    etag: str | None
    last_modified: datetime | None
    metadata: dict[str, str]
    sha256: str | None
    content_sha256: str | None
    reason: str | None
    version_id: str | None = None  # not there in bags of an earlier version


_DECODER: Final = msgspec.json.Decoder(_Row)


@dataclass(frozen=True, slots=True)
class Entry:
    """One object, in the bag or named by it."""

    uri: str
    kind: Kind
    held: Held
    bucket: str | None = None
    etag: str | None = None
    size_bytes: int | None = None  # as stored
    last_modified: datetime | None = None  # by S3, aware; None: nobody knows
    metadata: dict[str, str] = field(default_factory=dict)
    sha256: str | None = None  # of the stored bytes, in hex; None: they are not in the bag
    content_sha256: str | None = None  # of what they hold, unpacked; None: not known
    reason: str | None = None  # why the bytes are not in the bag
    version_id: str | None = None  # by S3, of the bytes that were fetched; None: no versions there, or nobody knows

    def with_content(self, sha256: str | None) -> Entry:
        """Return the same with the hash of what was found in the bytes; without one, as it was."""
        return self if sha256 is None else replace(self, content_sha256=sha256)

    def line(self, verdict: str | None, verdict_reason: str, signed_by: str | None) -> bytes:
        """Return the line of `objects.jsonl`.

        Args:
            verdict: on the object.
            verdict_reason: for the verdict.
            signed_by: the digest that lists a log file.
        """
        return json_line(
            {
                "uri": self.uri,
                "kind": self.kind,
                "held": self.held,
                "bucket": self.bucket,
                "key": self.uri.split("/", 3)[3] if self.uri.startswith("s3://") else None,
                "etag": self.etag,
                "version_id": self.version_id,
                "size_bytes": self.size_bytes,
                "last_modified": None if self.last_modified is None else rfc3339(self.last_modified),
                "metadata": self.metadata,
                "sha256": self.sha256,
                "content_sha256": self.content_sha256,
                "reason": cut(self.reason),
                "verdict": verdict,
                "verdict_reason": cut(verdict_reason) or None,
                "signed_by": signed_by,
            }
        )


def parse_entry(line: bytes) -> Entry:
    """Return what a line says.

    Raises:
        ValueError: it describes no object.
    """
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"longer than {MAX_LINE_BYTES:,} bytes")
    try:
        row = _DECODER.decode(line)
        delivered = None if row.last_modified is None else as_utc(row.last_modified)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from error
    if (row.held is Held.KEPT) != (row.sha256 is not None):
        raise ValueError("it is kept without a hash, or has one and is not kept")
    return Entry(
        row.uri,
        row.kind,
        row.held,
        bucket=row.bucket,
        etag=row.etag,
        last_modified=delivered,
        metadata=row.metadata,
        sha256=row.sha256,
        content_sha256=row.content_sha256,
        reason=row.reason,
        version_id=row.version_id,
    )
