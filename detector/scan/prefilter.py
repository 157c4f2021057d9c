"""A log file before the rules: of most records only the few fields that tell whether any rule can want them.

Decoding a few fields costs half of decoding all, and the records passed over need no columns at all. What is wanted
is told by wanted.py, and, in a second look, by what some callers did in some time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa

from detector.records.compression import MAX_BYTES, decompress
from detector.records.core.columns import new_columns
from detector.records.core.glance import Seen, new_glance
from detector.records.coverage import Coverage, merge_coverage, place
from detector.records.decode import REFUSALS, RecordRejected, decode_record, has_exact_times
from detector.records.file_kind import kind_of_event
from detector.records.log_file import WHOLE_BYTES, DecodedLogFile, decode_in_pieces
from detector.records.rejected import RejectedRecord
from detector.records.schema import EVENTS
from detector.records.table import Rows
from detector.rules.trail_gaps import TrailGap
from detector.scan.partial_decode import FIRST_LOOK, SECOND_LOOK, PartialRecords, partial_records
from detector.scan.wanted_events import Names, is_only_bucket_check, is_wanted, names_of


class _Parameters(msgspec.Struct, gc=False):
    requestParameters: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815 - CloudTrail's name


_PARAMETERS = msgspec.json.Decoder(_Parameters)
_names_of = attrgetter(  # of a partial record, in which no struct is None
    "eventSource",
    "eventName",
    "userIdentity.type",
    "userIdentity.sessionContext.sessionIssuer.type",
    "userIdentity.invokedBy",
)


@dataclass(slots=True)
class Prefiltered:
    """The part of one log object, or of a piece of one, that rules can want."""

    wanted: Rows  # but for those that `take` gives
    taken: tuple[int, ...] = ()  # which of the file's records it gives
    records: int = 0
    rejected: list[RejectedRecord] = field(default_factory=list)
    unnamed: int = 0  # further rejected ones
    coverage: Coverage = field(default_factory=dict)  # of all records, also of those passed over
    skipped: str | None = None
    problem: str | None = None


class Prefilter:
    """Looks through log objects; keeps in mind which of CloudTrail's checks of buckets it has seen.

    Args:
        gaps: for a second look: what callers did in some time, and nothing that the first look already took.
    """

    def __init__(self, gaps: Sequence[TrailGap] = (), *, max_bytes: int = MAX_BYTES) -> None:
        self._gaps = gaps
        self._max_bytes = max_bytes
        self._decoder = SECOND_LOOK if gaps else FIRST_LOOK
        self._bucket_checks: set[bytes] = set()
        # A second look goes by other fields: it is rare, and all Python.
        self._glance = None if gaps else new_glance(lambda names: is_wanted(Names(*names)))
        self._columns = None if gaps else new_columns(by_day=False)

    def prefilter(self, stored: bytes, log_file: str) -> Iterator[Prefiltered]:
        """Look through one log object.

        Yields:
            At least one piece; `skipped` and `problem` are those of the object, and stand in the last.
        """
        content = decompress(stored, self._max_bytes)
        data = content.data.removeprefix(b"\xef\xbb\xbf")
        usual = None if content.problem or len(data) > WHOLE_BYTES else self._prefilter_usual(data, log_file)
        if usual is not None:
            yield usual
            return
        for piece in decode_in_pieces(stored, log_file, max_bytes=self._max_bytes):
            yield self._prefilter_decoded(piece)

    def take(self) -> list[pa.Table]:
        """Return what was wanted and is in no `Prefiltered`: the compiled core has made columns of it."""
        batches = self._columns.take() if self._columns else ()
        return [pa.Table.from_batches([batch]).cast(EVENTS) for _, batch in batches]

    def _prefilter_usual(self, data: bytes, log_file: str) -> Prefiltered | None:
        """Look through a file as CloudTrail writes it; None when anything in it is unusual."""
        seen = self._glance.look(data) if self._glance else None
        return self._decode_usual(data, log_file) if seen is None else self._take_seen(seen, log_file)

    def _take_seen(self, seen: Seen, log_file: str) -> Prefiltered | None:
        found = Prefiltered(Rows(log_file), records=seen.records, coverage=seen.coverage)
        try:
            wanted = {
                one.index: one.text
                for one in seen.wanted
                if not is_only_bucket_check(one.names) or self._is_new_bucket(one.text)
            }
            if wanted and self._columns and self._columns.add_some(wanted, log_file) is not None:
                return replace(found, taken=tuple(wanted))
            for index, text in wanted.items():
                found.wanted.add(index, decode_record(text), len(text))
        except (*REFUSALS, RecordRejected):
            return None
        return found

    def _decode_usual(self, data: bytes, log_file: str) -> Prefiltered | None:
        try:
            usual = partial_records(data, self._decoder)
            if usual is None or not has_exact_times(usual.records):
                return None
            kind = kind_of_event(usual.records[0]) if usual.records else None
            if kind and all(map(kind_of_event, usual.records)):
                return Prefiltered(Rows(log_file), skipped=kind)
            found = Prefiltered(Rows(log_file), records=len(usual.records), coverage=usual.coverage())
            for index, text in usual.texts(self._wanted(usual)):
                if not is_only_bucket_check(_names_of(usual.records[index])) or self._is_new_bucket(text):
                    found.wanted.add(index, decode_record(text), len(text))
        except (*REFUSALS, RecordRejected):
            return None
        return found

    def _wanted(self, usual: PartialRecords) -> list[int]:
        if self._gaps:
            return [index for index, record in enumerate(usual.records) if self._is_missed(record)]
        names = list(map(_names_of, usual.records))
        wanted = set(filter(is_wanted, set(names)))
        return [index for index, of_record in enumerate(names) if of_record in wanted] if wanted else []

    def _prefilter_decoded(self, piece: DecodedLogFile) -> Prefiltered:
        rows = piece.rows
        coverage: Coverage = {}
        wanted: list[int] = []
        for row, record in enumerate(rows.records):
            moment = rows.odd_times.get(row) or datetime.fromisoformat(record.eventTime)
            identity = record.userIdentity
            where = place(record.recipientAccountId, identity and identity.accountId, record.awsRegion)
            merge_coverage(coverage, {where: (moment, moment)})
            # What does not fit its column may still be what a view makes of it: such a record is always looked at.
            if (self._is_missed(record) or row in rows.extras) if self._gaps else is_wanted(names_of(record)):
                wanted.append(row)
        return Prefiltered(
            rows.select(wanted),
            (),
            piece.records,
            piece.rejections(),
            piece.unkept,
            coverage,
            piece.skipped,
            piece.problem,
        )

    def _is_missed(self, record: Any) -> bool:  # noqa: ANN401 - a schema.Record or a partial record of one
        """Say whether a caller did it in the time that is looked at, and the first look did not take it."""
        time = record.eventTime
        identity = record.userIdentity
        issuer = identity and identity.sessionContext and identity.sessionContext.sessionIssuer
        callers = (
            record.sourceIPAddress,
            identity and identity.arn,
            identity and identity.accessKeyId,
            issuer and issuer.arn,
        )
        return any(
            gap.caller in callers and (time is None or gap.since <= time <= gap.until) for gap in self._gaps
        ) and not is_wanted(names_of(record))

    def _is_new_bucket(self, raw: bytes) -> bool:
        parameters = bytes(_PARAMETERS.decode(raw).requestParameters)
        if parameters in self._bucket_checks:
            return False
        self._bucket_checks.add(parameters)
        return True
