"""The bytes of log files, anew from where a lake read them, held against what it read."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from detector.lake.ledger.objects import LedgerObject
from detector.records.compression import MAX_BYTES, decompress
from detector.sources.aws_options import AwsOptions
from detector.sources.local import LocalReader
from detector.sources.log_source import LogObject, Stored, Unreadable
from detector.sources.s3 import open_s3

_AT_ONCE: Final = 500  # objects, until credentials are asked for again
_S3, _FILE = "s3://", "file:///"


def fetch(objects: Iterable[LedgerObject], aws: AwsOptions) -> Iterator[tuple[LedgerObject, Stored | Unreadable]]:
    """Yield each object as it is stored now, source by source, in any order.

    Raises:
        CredentialsError: AWS refuses the credentials as a whole.
    """
    by_source: defaultdict[str, list[LedgerObject]] = defaultdict(list)
    for one in objects:
        by_source[_source_of(one.uri)].append(one)
    for source, listed in sorted(by_source.items()):
        known = {one.uri: one for one in listed}
        for at in range(0, len(listed), _AT_ONCE):
            batch = [
                LogObject(one.uri, one.size_bytes, one.etag, one.last_modified) for one in listed[at : at + _AT_ONCE]
            ]
            for item, stored in _read(source, batch, aws):
                yield known[item.uri], stored


def is_as_read(one: LedgerObject, stored: bytes) -> bool:
    """Tell whether an object still has the content that was read into the lake."""
    return hashlib.sha256(decompress(stored, MAX_BYTES).data).digest() == one.content_sha256


def is_in_s3(uri: str) -> bool:
    """Tell whether an object lies in S3."""
    return uri.startswith(_S3)


def _source_of(uri: str) -> str:
    """Return what has an object: a bucket, the disk, or nothing that can be asked once more."""
    if is_in_s3(uri):
        return "/".join(uri.split("/", 3)[:3])
    return _FILE if uri.startswith(_FILE) else ""


def _read(
    source: str, objects: Sequence[LogObject], aws: AwsOptions
) -> Iterable[tuple[LogObject, Stored | Unreadable]]:
    if source == _FILE:
        return (
            (one, found if isinstance(found, Unreadable) else Stored(found, {}))
            for one, found in LocalReader().read(objects)
        )
    if is_in_s3(source):
        return open_s3(source, aws).digest_reader().read_with_metadata(objects)
    return ((one, Unreadable(one.uri, "its source cannot be read a second time")) for one in objects)
