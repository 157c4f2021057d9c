"""What goes to a worker process of `ingest`, and what comes back: without what only the worker needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detector.errors import CredentialsError
from detector.lake.object_records import LedgerObject
from detector.lake.part import Part
from detector.records.compression import MAX_BYTES
from detector.sources.log_source import LogObject, Reader, Unreadable


@dataclass(frozen=True, slots=True)
class Batch:
    """Log objects to stage together; picklable."""

    objects: tuple[LogObject, ...]
    reader: Reader
    staging: Path
    stem: str  # unique among all batches of all runs
    replaced: tuple[str, ...] = ()  # URIs that are in the lake with other content
    max_object_bytes: int = MAX_BYTES


@dataclass(slots=True)
class StagedBatch:
    """What became of a batch."""

    replaced: tuple[str, ...] = ()  # as in the batch
    objects: list[LedgerObject] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    failures: list[Unreadable] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    bytes_read: int = 0
    stopped_by: CredentialsError | None = None  # the rest of the batch was not read
