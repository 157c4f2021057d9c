"""Sources that can be verified: S3, and copies of it on a disk, with what S3 keeps beside the bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from detector.errors import UsageError
from detector.scope import Scope
from detector.sources.aws_options import AwsOptions
from detector.sources.inventory import InventorySource
from detector.sources.local import LocalReader, LocalSource, name_of_uri, read_file
from detector.sources.log_source import DigestReader, Listed, LogObject, LogSource, Stored, Unreadable
from detector.sources.notified import NotifiedSource
from detector.sources.opening import open_source
from detector.sources.s3 import S3Source
from detector.sources.sidecar import Sidecar, find_sidecar


class EvidenceSource(LogSource, Protocol):
    """A source in which digests may lie."""

    @property
    def root(self) -> str:
        """What the URIs of all objects in it begin with: of others, that they are not listed says nothing."""
        ...

    def digest_reader(self) -> DigestReader:
        """Return a reader with credentials good for now."""
        ...

    def delivered(self, log_object: LogObject) -> datetime | None:
        """Return when S3 took an object; None when nobody knows."""
        ...


def open_evidence(spec: str, aws: AwsOptions, lake: Path | None = None) -> EvidenceSource:
    """Return the source that `spec` names; nothing is sent to AWS yet. `lake` is the user's own.

    Raises:
        UsageError: `spec` is no source, or one that can have no digests.
        SourceError: the path does not exist.
    """
    source = open_source(spec, aws, lake=lake)
    if evidence := as_evidence(source):
        return evidence
    raise UsageError(f"{spec!r} is nothing to list, and has no digests", hint="name s3://BUCKET/PREFIX, or a directory")


def as_evidence(source: LogSource) -> EvidenceSource | None:
    """Return a source as one that can be verified; None when it can have no digests."""
    if isinstance(source, NotifiedSource):
        return as_evidence(source.whole)
    if isinstance(source, S3Source | InventorySource):
        return source
    return LocalCopy(source, find_sidecar(source.path)) if isinstance(source, LocalSource) else None


@dataclass(frozen=True, slots=True)
class LocalCopy:
    """Objects on a disk, and what is known of them."""

    source: LocalSource
    sidecar: Sidecar | None = field(repr=False)

    @property
    def root(self) -> str:
        """What the URIs of all objects in it begin with."""
        uri = self.source.path.as_uri()
        return f"{uri.rstrip('/')}/" if self.source.path.is_dir() else uri

    def list(self, scope: Scope) -> Iterator[Listed]:
        """Yield all that lies in the copy but the file that describes it, which anybody may have put there."""
        if self.sidecar is None:
            yield from self.source.list(scope)
            return
        described_by = self.sidecar.file.as_uri()
        if self.sidecar.problem is not None:
            yield Unreadable(described_by, self.sidecar.problem)
        yield from (entry for entry in self.source.list(scope) if entry.uri != described_by)

    def covers(self, uri: str, scope: Scope) -> bool:
        """Tell whether something lies in the copy."""
        return self.source.covers(uri, scope)

    def reader(self) -> LocalReader:
        """Return a reader of local files."""
        return self.source.reader()

    def digest_reader(self) -> LocalCopy:
        """Return what reads files with what is known of them."""
        return self

    def read_with_metadata(self, objects: Sequence[LogObject]) -> Iterator[tuple[LogObject, Stored | Unreadable]]:
        """Yield each file, in order, one at a time."""
        for item in objects:
            content = read_file(item.uri)
            yield item, content if isinstance(content, Unreadable) else self._with_metadata(item, content)

    def delivered(self, log_object: LogObject) -> datetime | None:
        """Return when S3 took an object; the time of the file says nothing of it."""
        return self.sidecar.of(name_of_uri(log_object.uri)).last_modified if self.sidecar else None

    def _with_metadata(self, item: LogObject, content: bytes) -> Stored:
        if self.sidecar is None:
            return Stored(content, {})
        known = self.sidecar.of(name_of_uri(item.uri))
        return Stored(content, known.metadata, known.bucket, known.last_modified)
