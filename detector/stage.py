"""One batch of log objects to fsynced parts in the staging folder: what a worker process does.

get → gunzip → decode → Arrow → Parquet. Nothing here touches the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from detector.errors import CredentialsError
from detector.lake.object_records import LedgerObject, ObjectStatus
from detector.lake.part import Part, PartKind
from detector.lake.parts import write_part, write_rejected
from detector.records.log_file import DecodedLogFile, KeptRecord, decode_in_pieces
from detector.records.table import Rows, to_table
from detector.sources.log_source import LogObject, Unreadable
from detector.staged import Batch, StagedBatch

# Few decoded objects at a time: holding many costs more than decoding them (docs/performance.md).
_ROWS_A_TABLE = 1_000
_BYTES_A_TABLE = 16 << 20
_BYTES_A_PART = 64 << 20
_KEPT_BYTES_A_PART = 16 << 20


def stage(batch: Batch) -> StagedBatch:
    """Read, decode and write one batch.

    Raises:
        LakeError: the disk refuses.
    """
    staged = StagedBatch(batch.replaced)
    parts = _PartWriter(batch)
    try:
        for log_object, stored in batch.reader.read(batch.objects):
            if isinstance(stored, Unreadable):
                staged.failures.append(stored)
            else:
                staged.bytes_read += len(stored)
                pieces = decode_in_pieces(stored, log_object.uri, max_bytes=batch.max_object_bytes)
                staged.objects.append(_stage_object(log_object, pieces, parts, staged.rejected))
    except CredentialsError as error:
        staged.stopped_by = error
    staged.parts = parts.close()
    return staged


def _stage_object(
    log_object: LogObject, pieces: Iterable[DecodedLogFile], parts: _PartWriter, rejected: list[dict[str, Any]]
) -> LedgerObject:
    records = rows = 0
    for piece in pieces:
        records += piece.records
        rows += len(piece.rows.records)
        parts.add(piece.rows)
        parts.keep(log_object.uri, piece.kept)
        rejected += [
            {"uri": log_object.uri, "index": record.index, "reason": record.reason}
            for record in piece.kept
            if record.rejected
        ]
        last = piece
    status = ObjectStatus.INGESTED
    if last.problem:
        status = ObjectStatus.PARTIAL
    elif last.skipped:
        status = ObjectStatus.SKIPPED
    return LedgerObject(
        uri=log_object.uri,
        etag=log_object.etag,
        size_bytes=log_object.size_bytes,
        last_modified=log_object.last_modified,
        content_sha256=last.content_sha256,
        records=records,
        rows=rows,
        status=status,
        reason=last.problem or last.skipped,
    )


class _PartWriter:
    """Collects rows of a day into tables, and tables into parts, so that neither grows with the input."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._rows: defaultdict[str, _Day] = defaultdict(_Day)
        self._tables: defaultdict[str, list[pa.Table]] = defaultdict(list)
        self._table_bytes = 0  # counting them anew for each file costs more than decoding it
        self._kept: list[tuple[str, KeptRecord]] = []
        self._parts: list[Part] = []

    def add(self, rows: Rows) -> None:
        for day, of_day in rows.by_day():
            self._rows[day].add(of_day)
        # The fullest first: log files come in the order of days, with a few records of the day before or after.
        while sum(day.count for day in self._rows.values()) >= _ROWS_A_TABLE or (
            sum(day.size_bytes for day in self._rows.values()) >= _BYTES_A_TABLE
        ):
            self._make_table(max(self._rows, key=lambda day: self._rows[day].size_bytes))
        if self._table_bytes >= _BYTES_A_PART:
            self._write_events()

    def keep(self, uri: str, records: Iterable[KeptRecord]) -> None:
        self._kept += [(uri, record) for record in records]
        if sum(len(record.raw) for _, record in self._kept) >= _KEPT_BYTES_A_PART:
            self._write_kept()

    def close(self) -> list[Part]:
        for day in list(self._rows):
            self._make_table(day)
        self._write_events()
        self._write_kept()
        return self._parts

    def _make_table(self, day: str) -> None:
        table = to_table(self._rows.pop(day).rows)
        self._tables[day].append(table)
        self._table_bytes += table.nbytes

    def _write_events(self) -> None:
        stem = self._next_stem()
        for day, tables in sorted(self._tables.items()):
            rows = pa.concat_tables(tables)
            self._parts.append(write_part(rows, PartKind.EVENTS, day, self._batch.staging, f"{stem}-{day}"))
        self._tables.clear()
        self._table_bytes = 0

    def _write_kept(self) -> None:
        if self._kept:
            self._parts.append(write_rejected(self._kept, self._batch.staging, self._next_stem()))
            self._kept = []

    def _next_stem(self) -> str:
        return f"part-{self._batch.stem}-{len(self._parts)}"


@dataclass(slots=True)
class _Day:
    """Rows of one day that are no table yet."""

    rows: list[Rows] = field(default_factory=list)
    count: int = 0
    size_bytes: int = 0

    def add(self, rows: Rows) -> None:
        self.rows.append(rows)
        self.count += len(rows.records)
        self.size_bytes += rows.size_bytes
