"""The bytes of one log object to an Arrow table. Pure: no I/O, no clock, no state."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

import msgspec
import pyarrow as pa

from detector.reasons import Reason
from detector.records.compression import MAX_BYTES, as_utf8, decompress
from detector.records.decode import Decoded, NoRecord, RecordRejected, decode_record, decode_usual
from detector.records.file_kind import is_archive, is_beside_records, kind_by_magic, kind_of_all, kind_of_event
from detector.records.file_names import is_named_as_log
from detector.records.nested_records import holds_records, records_within
from detector.records.raw_records import RawRecord, RawRecords, unwrap
from detector.records.rejected import RejectedRecord
from detector.records.schema import RecordOfCaller
from detector.records.table import Rows, to_table
from detector.text import counted

# Objects above this size are decoded in pieces, so that the decoded form of few records is in memory at a time.
WHOLE_BYTES = 16 << 20
# Of one object. A gigabyte of usual records has a sixth of it; four kilobytes of `{},` unpack to a fourth of it.
MAX_RECORDS = 5_000_000
# Enough to see what is wrong with an object; its other rejected records are counted.
_MOST_REJECTED_KEPT = 1_000
_PIECE_RECORDS = 1_000
_BLANK = re.compile(rb"[ \t\n\r\0]*+")
_PIECE_BYTES = 8 << 20


class _LogFile(msgspec.Struct, gc=False):
    Records: list[RecordOfCaller]


_LOG_FILE = msgspec.json.Decoder(_LogFile)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a log object holds, before it is decoded."""

    data: bytes  # in UTF-8
    sha256: bytes  # of the decompressed bytes, as they are
    problem: str | None  # it is not whole, and why


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """The bytes of a record that is not a row, or whose row does not give them back."""

    index: int  # 0-based position in the file
    reason: str
    raw: bytes
    rejected: bool  # False: it is a row too


@dataclass(frozen=True, slots=True)
class DecodedLogFile:
    """The content of one log object, or of a piece of one. `records` = rows + rejected."""

    rows: Rows
    records: int = 0
    kept: tuple[KeptRecord, ...] = ()
    unkept: int = 0  # further records that are no rows, whose bytes are let go of
    beside: int = 0  # rejected ones that have nothing of a record
    skipped: str | None = None  # it is another kind of file, and why
    problem: str | None = None  # it could not be read whole, and why
    content_sha256: bytes = b""  # of the decompressed bytes

    @property
    def rejected(self) -> int:
        """The number of records that are no rows."""
        return sum(record.rejected for record in self.kept) + self.unkept

    def rejections(self) -> list[RejectedRecord]:
        """Name the records that are no rows and are kept, as the run report does."""
        return [
            RejectedRecord(self.rows.log_file, record.index, record.reason) for record in self.kept if record.rejected
        ]

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
    pieces = list(decode_in_pieces(stored, log_file, max_bytes=max_bytes))
    rows = Rows(log_file)
    for piece in pieces:
        rows.append(piece.rows)
    return replace(
        pieces[-1],
        rows=rows,
        records=sum(piece.records for piece in pieces),
        kept=tuple(record for piece in pieces for record in piece.kept),
        unkept=sum(piece.unkept for piece in pieces),
    )


def decode_in_pieces(stored: bytes, log_file: str, *, max_bytes: int = MAX_BYTES) -> Iterator[DecodedLogFile]:
    """Decode one log object as `decode_log_file` does; a large one in pieces, so that few records are in memory.

    Yields:
        At least one piece. `skipped`, `problem` and `content_sha256` are those of the object, and stand in the last.
    """
    yield from decode_unpacked(unpack(stored, max_bytes=max_bytes), log_file)


def unpack(stored: bytes, *, max_bytes: int = MAX_BYTES) -> Unpacked:
    """Decompress one log object."""
    content = decompress(stored, max_bytes)
    return Unpacked(as_utf8(content.data), hashlib.sha256(content.data).digest(), content.problem)


def decode_unpacked(content: Unpacked, log_file: str) -> Iterator[DecodedLogFile]:
    """Decode what a log object holds, as `decode_in_pieces` does."""
    records = 0
    last = DecodedLogFile(Rows(log_file))
    for piece in _decode(content.data, log_file, is_whole=content.problem is None):
        if last.records:
            yield last
        records += piece.records
        last = piece
    problem = last.problem
    if content.problem:
        problem = f"{content.problem} after {counted(records, 'record')}" if records else content.problem
    yield replace(last, skipped=None if problem else last.skipped, problem=problem, content_sha256=content.sha256)


def each_raw_record(stored: bytes, *, max_bytes: int = MAX_BYTES) -> Iterator[bytes]:
    """Yield the bytes of each record of an object as they are written, in the order of `logFileIndex`."""
    raws = RawRecords(as_utf8(decompress(stored, max_bytes).data))
    yield from (raw for raw, _ in islice(_each_record(raws), MAX_RECORDS))


def _decode(data: bytes, log_file: str, *, is_whole: bool) -> Iterator[DecodedLogFile]:
    nothing = DecodedLogFile(Rows(log_file))
    usual = decode_usual(_LOG_FILE, data) if len(data) <= WHOLE_BYTES else None
    if usual is not None:
        kind = kind_of_event(usual[0]) if usual else None
        if kind and is_whole and all(map(kind_of_event, usual)):
            yield replace(nothing, skipped=kind)
        else:
            yield DecodedLogFile(Rows(log_file, usual, list(range(len(usual))), size_bytes=len(data)), len(usual))
        return
    if _BLANK.fullmatch(data):
        yield replace(nothing, problem="nothing but white space" if data else "empty object")
        return
    if is_archive(data):
        yield replace(nothing, problem="an archive: unpack it first")
        return
    raws = RawRecords(data)
    kind = kind_by_magic(data) or kind_of_all(raws, MAX_RECORDS)
    if kind and is_whole and not raws.problem:
        yield replace(nothing, skipped=kind)
        return
    if is_whole and not is_named_as_log(log_file.rpartition("/")[2]) and not holds_records(data):
        yield replace(nothing, skipped=Reason.OTHER_TEXT.of())
        return
    count = rejected = beside = 0
    reason = ""  # of the first record that is no row
    for piece in _pieces(raws, log_file):
        count += piece.records
        rejected += piece.rejected
        beside += piece.beside
        reason = reason or next((record.reason for record in piece.kept if record.rejected), "")
        yield piece
    problem = raws.problem
    if count == MAX_RECORDS:
        problem = f"reaches the cap of {MAX_RECORDS:,} records"
    if rejected and (rejected > beside or rejected == count) and not problem:
        what = f"{rejected:,} of {counted(count, 'record')} rejected, the first one"
        if rejected == count:
            is_known = holds_records(data)
            what = "holds CloudTrail records in a form that is not read" if is_known else "no record can be read"
        problem = f"{what}: {reason}"
    is_empty = not count and not problem and not raws.has_list
    yield replace(nothing, problem=problem, skipped=Reason.EMPTY_ARRAY.of() if is_empty else None)


def _pieces(raws: RawRecords, log_file: str) -> Iterator[DecodedLogFile]:
    """Decode record by record, so that an odd one does not cost its neighbours."""
    piece = _Piece(Rows(log_file), _MOST_REJECTED_KEPT)
    for index, (raw, decoded) in enumerate(islice(_each_record(raws), MAX_RECORDS)):
        piece.add(index, raw, decoded)
        if piece.records >= _PIECE_RECORDS or piece.rows.size_bytes >= _PIECE_BYTES:
            yield piece.decoded()
            piece = _Piece(Rows(log_file), piece.room)
    if piece.records:
        yield piece.decoded()


def _each_record(raws: Iterable[RawRecord]) -> Iterator[tuple[bytes, Decoded | RecordRejected]]:
    """Yield each record with its row, those inside other values too; of a value without any, why it is no row."""
    for record in raws:
        decoded = _decode_or_unwrap(record.raw)
        inner = records_within(record.raw) if isinstance(decoded, RecordRejected) else []
        if inner:
            yield from ((raw, _decode_or_unwrap(raw)) for raw in inner)
        elif isinstance(decoded, RecordRejected) and is_beside_records(record):
            yield record.raw, NoRecord(*decoded.args)
        else:
            yield record.raw, decoded


@dataclass(slots=True)
class _Piece:
    rows: Rows
    room: int  # for rejected records that are kept
    records: int = 0
    kept: list[KeptRecord] = field(default_factory=list)
    unkept: int = 0
    beside: int = 0

    def decoded(self) -> DecodedLogFile:
        return DecodedLogFile(self.rows, self.records, tuple(self.kept), self.unkept, self.beside)

    def add(self, index: int, raw: bytes, decoded: Decoded | RecordRejected) -> None:
        self.records += 1
        if isinstance(decoded, RecordRejected):
            self.beside += isinstance(decoded, NoRecord)
            if self.room:
                self.room -= 1
                self.kept.append(KeptRecord(index, str(decoded), raw, rejected=True))
            else:
                self.unkept += 1
            return
        if decoded.bytes_differ:
            reason = "repeated keys, names in lower case, userIdentity in a string, or bytes that are no UTF-8"
            self.kept.append(KeptRecord(index, reason, raw, rejected=False))
        self.rows.add(index, decoded, len(raw))


def _decode_or_unwrap(raw: bytes) -> Decoded | RecordRejected:
    try:
        return decode_record(raw)
    except RecordRejected as rejected:
        inner = unwrap(raw)
        try:
            return rejected if inner is None else decode_record(inner)
        except RecordRejected as error:
            return error
