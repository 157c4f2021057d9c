"""One batch of log objects to what the rules can want of them: what a worker process of `scan` does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from detector.errors import CredentialsError
from detector.records.coverage import Coverage, merge_coverage
from detector.records.schema import EVENTS
from detector.records.table import Rows, to_table
from detector.rules.trail_gaps import TrailGap
from detector.scan.prefilter import Prefilter
from detector.sources.log_source import LeftOut, LogObject, Reader, Unreadable


@dataclass(frozen=True, slots=True)
class ScanBatch:
    """Log objects to look through together; picklable."""

    objects: tuple[LogObject, ...]
    reader: Reader
    gaps: tuple[TrailGap, ...]


@dataclass(slots=True)
class ScanResult:
    """What a look found."""

    table: pa.Table = field(default_factory=EVENTS.empty_table)
    coverage: Coverage = field(default_factory=dict)
    ingested: int = 0
    skipped: list[LeftOut] = field(default_factory=list)
    failures: list[Unreadable] = field(default_factory=list)
    records: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)
    unnamed: int = 0  # further rejected records
    bytes_read: int = 0
    stopped_by: CredentialsError | None = None


def prefilter_batch(look: ScanBatch) -> ScanResult:
    """Read and look through one batch: what a worker process does."""
    seen = ScanResult()
    glancer = Prefilter(look.gaps)
    wanted: list[Rows] = []
    try:
        for log_object, stored in look.reader.read(look.objects):
            if isinstance(stored, Unreadable):
                seen.failures.append(stored)
                continue
            seen.bytes_read += len(stored)
            for piece in glancer.prefilter(stored, log_object.uri):
                seen.records += piece.records
                seen.rejected += piece.rejected
                seen.unnamed += piece.unnamed
                merge_coverage(seen.coverage, piece.coverage)
                if piece.wanted.records:
                    wanted.append(piece.wanted)
                last = piece
            if last.problem:
                seen.failures.append(Unreadable(log_object.uri, last.problem))
            elif last.skipped:
                seen.skipped.append(LeftOut(log_object.uri, last.skipped))
            else:
                seen.ingested += 1
    except CredentialsError as error:
        seen.stopped_by = error
    if wanted:
        seen.table = to_table(wanted)
    return seen
