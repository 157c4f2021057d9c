"""The bytes of one log object to an Arrow table. Pure: no I/O, no clock, no state."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pyarrow as pa

from detector.records.compression import decompress
from detector.records.decode import RejectedRecord, decode_record, is_usual
from detector.records.schema import Record
from detector.records.split import NotALog, RecordSlices, split_records
from detector.records.table import Rows, to_table

MAX_BYTES = 1 << 30
# Objects above this size are cut into raw records first, so that the decoded form of few is in memory at a time.
_WHOLE_BYTES = 16 << 20


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
    """What one log object holds. `records` = rows + rejected."""

    rows: Rows
    records: int = 0
    kept: tuple[KeptRecord, ...] = ()
    skipped: str | None = None  # it is another kind of file, and why
    problem: str | None = None  # it could not be read whole, and why
    content_sha256: bytes = b""  # of the decompressed bytes

    @property
    def rejected(self) -> int:
        """The number of records that are no rows."""
        return sum(record.rejected for record in self.kept)

    @property
    def table(self) -> pa.Table:
        """The rows in the `EVENTS` schema."""
        return to_table([self.rows])


def decode_log_file(stored: bytes, log_file: str, *, max_bytes: int = MAX_BYTES) -> DecodedLogFile:
    """Decode one log object, gzip or plain: CloudTrail's `Records`, NDJSON, an array, or one record.

    Args:
        stored: the object's bytes as stored.
        log_file: its URI, repeated in each row.
        max_bytes: cap on the decompressed size.

    Returns:
        The rows of all records that can be read; `skipped` or `problem` when it is no log file or not whole.
    """
    content = decompress(stored, max_bytes)
    decoded = _decode(content.data.removeprefix(b"\xef\xbb\xbf"), log_file)
    kind = None if content.problem or decoded.problem else another_kind(decoded.rows.records)
    if kind:
        decoded = DecodedLogFile(Rows(log_file), skipped=kind)
    elif content.problem:
        decoded = replace(decoded, skipped=None, problem=content.problem)
    return replace(decoded, content_sha256=hashlib.sha256(content.data).digest())


def another_kind(records: Sequence[Any]) -> str | None:
    """Say what a file of records in the form of a log file is, when it is not one of events."""
    if records and all(record.eventSource == "aws:s3" for record in records):
        return "S3 event notification"
    if records and all(record.eventCategory == "Insight" for record in records):
        return "CloudTrail Insights"
    return None


def _decode(data: bytes, log_file: str) -> DecodedLogFile:
    whole = _decode_whole(data) if len(data) <= _WHOLE_BYTES else None
    if whole is not None:
        return DecodedLogFile(Rows(log_file, whole, range(len(whole))), len(whole))
    try:
        return _decode_slices(split_records(data), log_file)
    except NotALog as verdict:
        reason = str(verdict)
        return DecodedLogFile(
            Rows(log_file), skipped=reason if verdict.skip else None, problem=None if verdict.skip else reason
        )


def _decode_whole(data: bytes) -> list[Any] | None:
    """Decode a file as CloudTrail writes it in one go; None when anything in it is unusual."""
    try:
        decoded = _LOG_FILE.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    records: list[Any] = decoded.Records
    return records if is_usual(records, decoded, data) else None


def _decode_slices(slices: RecordSlices, log_file: str) -> DecodedLogFile:
    """Decode record by record, so that an odd one does not cost its neighbours."""
    indexes: list[int] = []
    rows = Rows(log_file, indexes=indexes)
    kept: list[KeptRecord] = []
    index = -1
    for index, raw in enumerate(slices.raw):
        try:
            one = decode_record(raw)
        except RejectedRecord as error:
            kept.append(KeptRecord(index, str(error), bytes(raw), rejected=True))
            continue
        if one.bytes_differ:
            reason = "repeated keys, or bytes that are no UTF-8"
            kept.append(KeptRecord(index, reason, bytes(raw), rejected=False))
        if one.extra:
            rows.extras[len(indexes)] = one.extra
        if one.odd_time:
            rows.odd_times[len(indexes)] = one.odd_time
        rows.records.append(one.record)
        indexes.append(index)
    return DecodedLogFile(rows, index + 1, tuple(kept), problem=slices.problem)
