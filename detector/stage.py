"""One batch of log objects to fsynced parts in the staging folder: what a worker process does.

get → gunzip → decode → Arrow → Parquet. Nothing here touches the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from detector.errors import CredentialsError
from detector.lake.ledger import LedgerObject, ObjectStatus
from detector.lake.parts import Part, write_event_parts, write_rejected
from detector.records.log_file import MAX_BYTES, DecodedLogFile, KeptRecord, decode_log_file
from detector.records.table import Rows, to_table
from detector.sources.log_source import LogObject, Reader, Unreadable

# Few decoded objects at a time: holding many costs more than decoding them (docs/performance.md).
_ROWS_A_TABLE = 1_000
_BYTES_A_PART = 96 << 20


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

    batch: Batch
    objects: list[LedgerObject] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    failures: list[Unreadable] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    bytes_read: int = 0
    stopped_by: CredentialsError | None = None  # the rest of the batch was not read


def stage(batch: Batch) -> StagedBatch:
    """Read, decode and write one batch.

    Raises:
        LakeError: the disk refuses.
    """
    staged = StagedBatch(batch)
    parts = _PartWriter(batch)
    kept: list[tuple[str, KeptRecord]] = []
    try:
        for log_object, stored in batch.reader.read(batch.objects):
            if isinstance(stored, Unreadable):
                staged.failures.append(stored)
                continue
            decoded = decode_log_file(stored, log_object.uri, max_bytes=batch.max_object_bytes)
            staged.bytes_read += len(stored)
            staged.objects.append(_ledger_object(log_object, decoded))
            kept += [(log_object.uri, record) for record in decoded.kept]
            parts.add(decoded.rows)
    except CredentialsError as error:
        staged.stopped_by = error
    staged.parts = parts.close()
    if kept:
        staged.parts.append(write_rejected(kept, batch.staging, batch.stem))
        staged.rejected = [
            {"uri": uri, "index": record.index, "reason": record.reason} for uri, record in kept if record.rejected
        ]
    return staged


def _ledger_object(log_object: LogObject, decoded: DecodedLogFile) -> LedgerObject:
    status = ObjectStatus.INGESTED
    if decoded.problem:
        status = ObjectStatus.PARTIAL
    elif decoded.skipped:
        status = ObjectStatus.SKIPPED
    return LedgerObject(
        uri=log_object.uri,
        etag=log_object.etag,
        size_bytes=log_object.size_bytes,
        last_modified=log_object.last_modified,
        content_sha256=decoded.content_sha256,
        records=decoded.records,
        rows=len(decoded.rows.records),
        status=status,
        reason=decoded.problem or decoded.skipped,
    )


class _PartWriter:
    """Collects rows into tables, and tables into parts, so that neither grows with the input."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._rows: list[Rows] = []
        self._tables: list[pa.Table] = []
        self._parts: list[Part] = []

    def add(self, rows: Rows) -> None:
        self._rows.append(rows)
        if sum(len(rows.records) for rows in self._rows) >= _ROWS_A_TABLE:
            self._tables.append(to_table(self._rows))
            self._rows = []
        if sum(table.nbytes for table in self._tables) >= _BYTES_A_PART:
            self._write()

    def close(self) -> list[Part]:
        self._tables.append(to_table(self._rows))
        self._write()
        return self._parts

    def _write(self) -> None:
        table = pa.concat_tables(self._tables)
        stem = f"{self._batch.stem}-{len(self._parts)}"
        self._parts += write_event_parts(table, self._batch.staging, stem)
        self._tables = []
