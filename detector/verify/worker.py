"""The hash of a log file as digests have it: of what its one gzip member holds. A worker process's part."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from detector.records.compression import MAX_BYTES, GzipError, open_member
from detector.sources.log_source import LogObject, Reader
from detector.sources.reading import Reading

_MAGIC: Final = b"\x1f\x8b"
_STEP_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class HashBatch:
    """Log files to hash together; picklable."""

    objects: tuple[LogObject, ...]
    reader: Reader


@dataclass(slots=True)
class Hashed(Reading):
    """The outcome of a batch: URI, hash (None: not whole), what is wrong with it."""

    hashes: list[tuple[str, bytes | None, str | None]] = field(default_factory=list)


def hash_logs(batch: HashBatch) -> Hashed:
    """Read and hash one batch."""
    hashed = Hashed()
    for log_object, stored in hashed.read(batch.reader, batch.objects):
        hashed.hashes.append((log_object.uri, *content_hash(stored)))
    return hashed


def content_hash(stored: bytes, most_bytes: int = MAX_BYTES) -> tuple[bytes | None, str | None]:
    """Return the SHA-256 of what an object holds, and a remark; None for one that is not whole or has something added.

    What lies unpacked is hashed as it lies: its content is what AWS signed, or it is not. Zero bytes after the member
    add nothing to it; anything else does.
    """
    if not stored.startswith(_MAGIC):
        return hashlib.sha256(stored).digest(), "not packed"
    sha256, size_bytes, rest = hashlib.sha256(), 0, stored
    try:
        stream = open_member(stored)
        while not stream.eof:
            step = stream.decompress(rest, _STEP_BYTES)
            sha256.update(step)
            size_bytes += len(step)
            rest = stream.unconsumed_tail
            if size_bytes > most_bytes:
                return None, f"decompresses to more than the cap of {most_bytes:,} bytes"
            if not step and not rest and not stream.eof:
                return None, "truncated gzip"
    except GzipError as error:
        return None, f"broken gzip: {error}"
    added = len(stream.unused_data.lstrip(b"\0"))
    if added:
        return None, f"{added:,} bytes after the gzip data"
    return sha256.digest(), "padded" if stream.unused_data else None
