"""The bytes of one log object to an Arrow table. Pure: no I/O, no clock, no state."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec
import pyarrow as pa

from detector.records.compression import decompress
from detector.records.decode import Decoded, RejectedRecord, decode_record, is_whole
from detector.records.schema import EVENTS, Record
from detector.records.split import NotALog, RecordSlices, split_records
from detector.records.table import UnusualValue, to_table

MAX_BYTES = 1 << 30
# Objects above this size are cut into raw records first, so that the decoded form of few is in memory at a time.
_WHOLE_BYTES = 16 << 20
_RECORDS_AT_A_TIME = 1_000


class _LogFile(msgspec.Struct, gc=False):
    Records: list[Record]


_LOG_FILE = msgspec.json.Decoder(_LogFile)


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """The bytes of a record that is not a row, or whose row does not give them back."""

    index: int  # 0-based position in the file
    reason: str
    raw: bytes
    rejected: bool  # False: it is a row too


@dataclass(frozen=True, slots=True)
class DecodedLogFile:
    """What one log object holds. `records = table.num_rows + rejected`."""

    table: pa.Table
    records: int = 0
    kept: tuple[KeptRecord, ...] = ()
    skipped: str | None = None  # it is another kind of file, and why
    problem: str | None = None  # it could not be read whole, and why
    content_sha256: bytes = field(default=b"", repr=False)

    @property
    def rejected(self) -> int:
        """The number of records that are no rows."""
        return sum(record.rejected for record in self.kept)


def decode_log_file(stored: bytes, log_file: str, *, max_bytes: int = MAX_BYTES) -> DecodedLogFile:
    """Decode one log object, gzip or plain: CloudTrail's `Records`, NDJSON, an array, or one record.

    Args:
        stored: the object's bytes as stored.
        log_file: its URI, repeated in each row.
        max_bytes: cap on the decompressed size.

    Returns:
        The rows of all records that can be read; `skipped` or `problem` when the object is not a log file or not whole.
    """
    content = decompress(stored, max_bytes)
    digest = hashlib.sha256(content.data).digest()
    data = content.data.removeprefix(b"\xef\xbb\xbf")
    whole = None if content.problem or len(data) > _WHOLE_BYTES else _decode_whole(data, log_file)
    if whole is not None:
        table, names = whole
        kind = another_kind(names)
        return DecodedLogFile(
            EVENTS.empty_table() if kind else table,
            0 if kind else table.num_rows,
            skipped=kind,
            content_sha256=digest,
        )
    try:
        slices = split_records(data)
    except NotALog as verdict:
        if content.problem or not verdict.skip:
            return DecodedLogFile(EVENTS.empty_table(), problem=content.problem or str(verdict), content_sha256=digest)
        return DecodedLogFile(EVENTS.empty_table(), skipped=str(verdict), content_sha256=digest)
    return _decode_slices(slices, log_file, content.problem, digest)


def another_kind(records: Sequence[Any]) -> str | None:
    """Say what a file of records in the form of a log file is, when it is not one of events."""
    if records and all(record.eventSource == "aws:s3" for record in records):
        return "S3 event notification"
    if records and all(record.eventCategory == "Insight" for record in records):
        return "CloudTrail Insights"
    return None


def _decode_whole(data: bytes, log_file: str) -> tuple[pa.Table, Sequence[Any]] | None:
    """Decode a file as CloudTrail writes it in one go; None when anything in it is unusual."""
    try:
        decoded = _LOG_FILE.decode(data)
        if not is_whole(decoded, data):
            return None
        records = decoded.Records
        return to_table(records, {}, None, log_file, range(len(records))), records
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, UnusualValue):
        return None


def _decode_slices(slices: RecordSlices, log_file: str, gzip_problem: str | None, digest: bytes) -> DecodedLogFile:
    """Decode record by record, so that an odd one does not cost its neighbours."""
    tables: list[pa.Table] = []
    kept: list[KeptRecord] = []
    sample: list[Any] = []
    count = 0
    numbered = enumerate(slices.raw)
    while chunk := list(islice(numbered, _RECORDS_AT_A_TIME)):
        count += len(chunk)
        table, records = _decode_chunk(chunk, log_file, kept)
        tables.append(table)
        # All of one kind or not: the chunks before were, or this need not be asked.
        sample = records if len(sample) == count - len(chunk) and another_kind(sample + records) else []
    problem = gzip_problem or slices.problem
    kind = another_kind(sample) if len(sample) == count else None
    if kind and problem is None:
        return DecodedLogFile(EVENTS.empty_table(), skipped=kind, content_sha256=digest)
    table = pa.concat_tables(tables) if tables else EVENTS.empty_table()
    return DecodedLogFile(table, count, tuple(kept), None, problem, digest)


def _decode_chunk(
    chunk: Sequence[tuple[int, bytes]], log_file: str, kept: list[KeptRecord]
) -> tuple[pa.Table, list[Any]]:
    try:
        decoded = list(_decode_each(chunk, kept, tolerantly=False))
        table = _table(decoded, log_file)
    except UnusualValue:
        indexes = {index for index, _ in chunk}
        kept[:] = [record for record in kept if record.index not in indexes]
        decoded = list(_decode_each(chunk, kept, tolerantly=True))
        table = _table(decoded, log_file)
    return table, [one.record for _, one in decoded]


def _decode_each(
    chunk: Sequence[tuple[int, bytes]], kept: list[KeptRecord], *, tolerantly: bool
) -> Iterator[tuple[int, Decoded]]:
    for index, raw in chunk:
        try:
            decoded = decode_record(raw, tolerantly=tolerantly)
        except RejectedRecord as error:
            kept.append(KeptRecord(index, str(error), bytes(raw), rejected=True))
            continue
        if decoded.bytes_differ:
            reason = "repeated keys, or bytes that are no UTF-8"
            kept.append(KeptRecord(index, reason, bytes(raw), rejected=False))
        yield index, decoded


def _table(decoded: Sequence[tuple[int, Decoded]], log_file: str) -> pa.Table:
    extras = {row: one.extra for row, (_, one) in enumerate(decoded) if one.extra}
    times = pa.array([one.event_time for _, one in decoded], pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))
    return to_table([one.record for _, one in decoded], extras, times, log_file, [index for index, _ in decoded])
