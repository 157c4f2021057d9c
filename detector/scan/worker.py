"""One batch of log objects to what the rules can want of them: what a worker process of `scan` does."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from detector.records.coverage import Coverage, merge_coverage
from detector.records.rejected import RejectedRecord
from detector.records.schema import EVENTS
from detector.records.table import Rows, to_table
from detector.rules.trail_gaps import TrailGap
from detector.scan.prefilter import Prefilter
from detector.sources.log_source import LeftOut, LogObject, Reader, Unreadable
from detector.sources.reading import Reading


@dataclass(frozen=True, slots=True)
class ScanBatch:
    """Log objects to look through together; picklable."""

    objects: tuple[LogObject, ...]
    reader: Reader
    gaps: tuple[TrailGap, ...]


@dataclass(slots=True)
class ScanResult(Reading):
    """The part of one batch that rules can want."""

    table: pa.Table = field(default_factory=EVENTS.empty_table)
    coverage: Coverage = field(default_factory=dict)
    ingested: int = 0
    skipped: list[LeftOut] = field(default_factory=list)
    records: int = 0
    rejected: list[RejectedRecord] = field(default_factory=list)
    unnamed: int = 0  # further rejected records


def prefilter_batch(batch: ScanBatch) -> ScanResult:
    """Read and look through one batch: what a worker process does."""
    result = ScanResult()
    prefilter = Prefilter(batch.gaps)
    wanted: list[Rows] = []
    for log_object, stored in result.read(batch.reader, batch.objects):
        for piece in prefilter.prefilter(stored, log_object.uri):
            result.records += piece.records
            result.rejected += piece.rejected
            result.unnamed += piece.unnamed
            merge_coverage(result.coverage, piece.coverage)
            if piece.wanted.records:
                wanted.append(piece.wanted)
            last = piece
        if last.problem:
            result.failures.append(Unreadable(log_object.uri, last.problem))
        elif last.skipped:
            result.skipped.append(LeftOut(log_object.uri, last.skipped))
        else:
            result.ingested += 1
    tables = prefilter.take()
    if wanted:
        tables.append(to_table(wanted))
    if tables:
        result.table = pa.concat_tables(tables)
    return result
