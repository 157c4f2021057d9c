"""One batch of log objects to fsynced parts in the staging folder: what a worker process does.

get → gunzip → decode → Arrow → Parquet. Nothing here touches the ledger. Whoever does it imports what it needs: the
process that hands out batches, lists and commits waits for none of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from detector.lake.ledger.objects import LedgerObject, ObjectStatus
from detector.lake.part import Part
from detector.records.compression import MAX_BYTES
from detector.records.rejected import RejectedRecord
from detector.sources.log_source import LogObject, Reader
from detector.sources.reading import Reading

if TYPE_CHECKING:
    from detector.lake.part_writer import PartWriter
    from detector.records.log_file import DecodedLogFile


@dataclass(frozen=True, slots=True)
class Batch:
    """Log objects to stage together; picklable."""

    objects: tuple[LogObject, ...]
    reader: Reader
    staging: Path
    stem: str  # unique among all batches of all runs
    replaced: tuple[str, ...] = ()  # URIs that are in the lake with other content
    max_object_bytes: int = MAX_BYTES

    @property
    def reads(self) -> tuple[Part, ...]:
        """No parts."""
        return ()

    def at(self, lake: Path, staging: Path, stem: str) -> Self:  # noqa: ARG002
        """Return the same batch, staged elsewhere under other names."""
        return replace(self, staging=staging, stem=stem)


@dataclass(slots=True)
class StagedBatch(Reading):
    """The outcome of a batch."""

    replaced: tuple[str, ...] = ()  # as in the batch
    objects: list[LedgerObject] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    unkept: int = 0  # further rejected records


def stage(batch: Batch) -> StagedBatch:
    """Read, decode and write one batch.

    Raises:
        LakeError: the disk refuses.
    """
    from detector.lake.part_writer import PartWriter
    from detector.records.log_file import decode_unpacked, unpack

    staged = StagedBatch(replaced=batch.replaced)
    parts = PartWriter(batch.staging, batch.stem)
    for log_object, stored in staged.read(batch.reader, batch.objects):
        content = unpack(stored, max_bytes=batch.max_object_bytes)
        rows = parts.add_usual(content, log_object.uri)
        if rows is None:
            one = _stage_pieces(log_object, decode_unpacked(content, log_object.uri), parts, staged)
        else:
            one = _ledger_object(log_object, content.sha256, rows, rows)
        staged.objects.append(one)
        parts.carry(one)
    staged.parts = parts.close()
    return staged


def _stage_pieces(
    log_object: LogObject, pieces: Iterable[DecodedLogFile], parts: PartWriter, staged: StagedBatch
) -> LedgerObject:
    records = rows = 0
    for piece in pieces:
        records += piece.records
        rows += len(piece.rows.records)
        parts.add(piece.rows)
        parts.keep(log_object.uri, piece.kept)
        staged.rejected += piece.rejections()
        staged.unkept += piece.unkept
        last = piece
    return _ledger_object(log_object, last.content_sha256, records, rows, problem=last.problem, skipped=last.skipped)


def _ledger_object(
    log_object: LogObject,
    content_sha256: bytes,
    records: int,
    rows: int,
    *,
    problem: str | None = None,
    skipped: str | None = None,
) -> LedgerObject:
    status = ObjectStatus.INGESTED
    if problem:
        status = ObjectStatus.PARTIAL
    elif skipped:
        status = ObjectStatus.SKIPPED
    return LedgerObject(
        uri=log_object.uri,
        etag=log_object.etag,
        size_bytes=log_object.size_bytes,
        last_modified=log_object.last_modified,
        content_sha256=content_sha256,
        records=records,
        rows=rows,
        status=status,
        reason=problem or skipped,
    )
