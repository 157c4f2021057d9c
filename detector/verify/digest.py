"""A digest: bytes and metadata to facts. Pure; the bytes lie in the bucket, and anybody who writes there chose them.

Source: "CloudTrail digest file structure", AWS CloudTrail User Guide.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from detector.records.compression import GzipError, open_member

MAX_DIGEST_BYTES: Final = 16 << 20  # as stored, and inflated
ALGORITHM: Final = "SHA256withRSA"
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_MAX_SIGNATURE: Final = 2_048  # characters: of a key of 8,192 bits


@dataclass(frozen=True, slots=True)
class ListedLogFile:
    """One log file that a digest names."""

    bucket: str
    key: str
    sha256: bytes | None  # of the inflated bytes; None: hashed in a way that is not known here
    oldest_event: datetime | None
    newest_event: datetime | None


@dataclass(frozen=True, slots=True)
class Previous:
    """The digest that a digest says came before it."""

    bucket: str
    key: str
    sha256: bytes  # of the inflated bytes
    signature: str  # hex, as it is written


@dataclass(frozen=True, slots=True)
class DigestContent:
    """The facts that a digest states."""

    account: str
    bucket: str  # where AWS put it; so is `key`
    key: str
    start: datetime  # aware, UTC; of the deliveries that it lists
    end: datetime
    fingerprint: str  # of the key that signed it
    algorithm: str
    previous: Previous | None  # None: a starting digest
    log_files: tuple[ListedLogFile, ...]
    sha256: bytes  # of its own inflated bytes


@dataclass(frozen=True, slots=True)
class FoundDigest:
    """One digest as it lies in a source: facts, not verdicts."""

    uri: str
    bucket: str | None  # of the source; None: a local copy does not say
    signature: str | None = None  # hex, of the metadata; so is the time of a backfill
    generated: datetime | None = None
    content: DigestContent | None = None
    problem: str | None = None  # why there is no content
    is_unreadable: bool = False  # the problem is that it could not be read
    is_unread: bool = False  # it is there, and nobody asked for it


class _LogFile(msgspec.Struct):
    """An entry of `logFiles` as it is written."""

    s3Bucket: str  # noqa: N815 - CloudTrail's names
    s3Object: str  # noqa: N815
    hashValue: str  # noqa: N815
    hashAlgorithm: str  # noqa: N815
    newestEventTime: str | None = None  # noqa: N815
    oldestEventTime: str | None = None  # noqa: N815


class _Document(msgspec.Struct):
    """A digest as it is written."""

    awsAccountId: str  # noqa: N815
    digestStartTime: str  # noqa: N815
    digestEndTime: str  # noqa: N815
    digestS3Bucket: str  # noqa: N815
    digestS3Object: str  # noqa: N815
    digestPublicKeyFingerprint: str  # noqa: N815
    digestSignatureAlgorithm: str  # noqa: N815
    logFiles: list[_LogFile]  # noqa: N815
    previousDigestS3Bucket: str | None = None  # noqa: N815
    previousDigestS3Object: str | None = None  # noqa: N815
    previousDigestHashValue: str | None = None  # noqa: N815
    previousDigestHashAlgorithm: str | None = None  # noqa: N815
    previousDigestSignature: str | None = None  # noqa: N815


_DECODER: Final = msgspec.json.Decoder(_Document)


class _Malformed(ValueError):  # noqa: N818 - a verdict on bytes
    """A digest is not what AWS writes; the message says how."""


@dataclass(frozen=True, slots=True)
class StoredDigest:
    """A digest as it is stored: nothing of it is judged."""

    uri: str
    bucket: str | None
    stored: bytes = field(repr=False)
    metadata: Mapping[str, str]


def read_digest(digest: StoredDigest) -> FoundDigest:
    """Return the facts of a stored digest; one that is malformed says how."""
    signature = digest.metadata.get("signature")
    generated = digest.metadata.get("backfill-generation-timestamp")
    content, problem = None, None
    try:
        content = _content(_inflate(digest.stored))
    except _Malformed as error:
        problem = str(error)
    return FoundDigest(
        digest.uri,
        digest.bucket,
        signature=signature,
        generated=parse_utc(generated) if generated else None,
        content=content,
        problem=problem,
    )


def parse_utc(text: str) -> datetime | None:
    """Return a moment as digests write it, `2025-03-04T01:01:31Z`; None when it is none."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def utc_text(moment: datetime) -> str:
    """Return a moment as digests write it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"


def _inflate(stored: bytes) -> bytes:
    """Return what the one gzip member holds."""
    if len(stored) > MAX_DIGEST_BYTES:
        raise _Malformed(f"larger than the cap of {MAX_DIGEST_BYTES:,} bytes")
    try:
        stream = open_member(stored)
        data: bytes = stream.decompress(stored, MAX_DIGEST_BYTES + 1)
    except GzipError as error:
        raise _Malformed(f"broken gzip: {error}") from error
    if len(data) > MAX_DIGEST_BYTES:
        raise _Malformed(f"decompresses to more than the cap of {MAX_DIGEST_BYTES:,} bytes")
    if not stream.eof:
        raise _Malformed("truncated gzip")
    if stream.unused_data:
        raise _Malformed(f"{len(stream.unused_data):,} bytes after the gzip data")
    return data


def _content(data: bytes) -> DigestContent:
    try:
        document = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Malformed(f"not a digest: {error}") from error
    start, end = _required(document.digestStartTime), _required(document.digestEndTime)
    if start > end:
        raise _Malformed("it starts after its end")
    return DigestContent(
        account=document.awsAccountId,
        bucket=document.digestS3Bucket,
        key=document.digestS3Object,
        start=start,
        end=end,
        fingerprint=document.digestPublicKeyFingerprint,
        algorithm=document.digestSignatureAlgorithm,
        previous=_previous(document),
        log_files=tuple(map(_listed, document.logFiles)),
        sha256=hashlib.sha256(data).digest(),
    )


def _previous(document: _Document) -> Previous | None:
    values: tuple[Any, ...] = (
        document.previousDigestS3Bucket,
        document.previousDigestS3Object,
        document.previousDigestHashValue,
        document.previousDigestSignature,
    )
    if all(value is None for value in (*values, document.previousDigestHashAlgorithm)):
        return None
    if any(value is None for value in values) or document.previousDigestHashAlgorithm != "SHA-256":
        raise _Malformed("it names the digest before it in part, or by another hash than SHA-256")
    bucket, key, sha256, signature = values
    if not _SHA256.fullmatch(sha256) or not _is_signature(signature):
        raise _Malformed("hash or signature of the digest before it is none")
    return Previous(bucket, key, bytes.fromhex(sha256), signature)


def _is_signature(text: str) -> bool:
    """Tell whether text is bytes in hex and nothing else; `fromhex` passes over blanks."""
    try:
        return 0 < len(text) == 2 * len(bytes.fromhex(text)) <= _MAX_SIGNATURE
    except ValueError:
        return False


def _listed(entry: _LogFile) -> ListedLogFile:
    is_known = entry.hashAlgorithm == "SHA-256" and _SHA256.fullmatch(entry.hashValue)
    return ListedLogFile(
        entry.s3Bucket,
        entry.s3Object,
        bytes.fromhex(entry.hashValue) if is_known else None,
        parse_utc(entry.oldestEventTime) if entry.oldestEventTime else None,
        parse_utc(entry.newestEventTime) if entry.newestEventTime else None,
    )


def _required(text: str) -> datetime:
    moment = parse_utc(text)
    if moment is None:
        raise _Malformed(f"{text[:40]!r} is not a time of a digest")
    return moment
