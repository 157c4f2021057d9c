"""A log file at a glance: of most records only the few fields that tell whether any rule can want them.

Decoding a few fields costs half of decoding all, and the records passed over need no columns at all. What is wanted
is a superset of `candidate_rows` in queries/_views.sql, of the further events that the shipped rules read, and, in a
second look, of what some callers did in some time; tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from detector.records.compression import decompress
from detector.records.decode import REFUSALS, RejectedRecord, decode_record, has_exact_times
from detector.records.kind import kind_of_event
from detector.records.log_file import MAX_BYTES, WHOLE_BYTES, DecodedLogFile, decode_in_pieces
from detector.records.spans import Spans, merge_spans
from detector.records.table import Rows

# Event source up to its first dot → the event names that some rule can want; None: all of them.
_WANTED: dict[str, frozenset[str] | None] = {
    "signin": None,
    "cloudtrail": None,
    "iam": frozenset(
        {
            "DeactivateMFADevice",
            "EnableMFADevice",
            "CreateVirtualMFADevice",
            "DeleteVirtualMFADevice",
            "ResyncMFADevice",
            "CreateLoginProfile",
            "UpdateLoginProfile",
            "DeleteLoginProfile",
            "DeleteUser",
            "EnableOrganizationsRootCredentialsManagement",
            "DisableOrganizationsRootCredentialsManagement",
            "EnableOrganizationsRootSessions",
            "DisableOrganizationsRootSessions",
        }
    ),
    "sts": frozenset({"AssumeRoot"}),
    "organizations": frozenset(
        {"LeaveOrganization", "RemoveAccountFromOrganization", "RegisterDelegatedAdministrator"}
    ),
    "s3": frozenset(
        {
            "DeleteBucket",
            "DeleteBucketPolicy",
            "PutBucketLifecycle",
            "PutBucketLifecycleConfiguration",
            "PutBucketVersioning",
            "DeleteObject",
            "DeleteObjects",
        }
    ),
    "kms": frozenset({"ScheduleKeyDeletion", "DisableKey"}),
    "logs": frozenset({"DeleteLogGroup"}),
}
_WANTED_OF_ANY_SOURCE = frozenset(
    {
        "EmailUpdated",
        "StartPrimaryEmailUpdate",
        "AcceptPrimaryEmailUpdate",
        "CloseAccount",
        "PutAlternateContact",
        "DeleteAlternateContact",
        "PutContactInformation",
        "SetContactAddress",
        "SetAdditionalContacts",
        "SetSecurityQuestions",
    }
)


# Field name → the members that are looked at; None: text.
_FieldTree = dict[str, "_FieldTree | None"]
_NAMES: _FieldTree = {
    "eventTime": None,
    "eventSource": None,
    "eventName": None,
    "awsRegion": None,
    "recipientAccountId": None,
    "eventCategory": None,
}
_GLIMPSE: _FieldTree = _NAMES | {
    "userIdentity": {
        "type": None,
        "invokedBy": None,
        "accountId": None,
        "sessionContext": {"sessionIssuer": {"type": None}},
    }
}
_GLIMPSE_OF_CALLER: _FieldTree = _NAMES | {
    "sourceIPAddress": None,
    "userIdentity": {
        "type": None,
        "invokedBy": None,
        "accountId": None,
        "arn": None,
        "accessKeyId": None,
        "sessionContext": {"sessionIssuer": {"type": None, "arn": None}},
    },
}


def _glimpses(fields: _FieldTree) -> msgspec.json.Decoder[Any]:
    """Return a decoder of log files to records of these fields.

    As in schema.py the types are not optional while the defaults are None: an explicit null, or a value of another
    type, is refused, and the file goes the way on which nothing is taken for granted.
    """

    def struct(name: str, fields: _FieldTree) -> type[msgspec.Struct]:
        members: list[tuple[str, Any, Any]] = [
            (member, struct(member, below) if below else str, None) for member, below in fields.items()
        ]
        return msgspec.defstruct(name, members, gc=False)

    record: Any = struct("Glimpse", fields)
    return msgspec.json.Decoder(msgspec.defstruct("GlimpsedFile", [("Records", list[record])], gc=False))


class _RawFile(msgspec.Struct, gc=False):
    Records: list[msgspec.Raw]


class _Parameters(msgspec.Struct, gc=False):
    requestParameters: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815 - CloudTrail's name


_RAW = msgspec.json.Decoder(_RawFile)
_PARAMETERS = msgspec.json.Decoder(_Parameters)
_FIRST_LOOK = _glimpses(_GLIMPSE)
_SECOND_LOOK = _glimpses(_GLIMPSE_OF_CALLER)


@dataclass(frozen=True, slots=True)
class Absence:
    """Some time in which everything that one caller did is wanted."""

    since: str  # eventTime, YYYY-MM-DDTHH:MM:SSZ
    until: str
    caller: str  # ARN, access key or address


@dataclass(slots=True)
class Glance:
    """What one log object, or a piece of one, holds for the rules."""

    wanted: Rows
    records: int = 0
    rejected: int = 0
    spans: Spans = field(default_factory=dict)  # of all records, also of those passed over
    skipped: str | None = None
    problem: str | None = None


class Glancer:
    """Looks through log objects; keeps in mind which of CloudTrail's checks of buckets it has seen.

    Args:
        absences: for a second look: what callers did in some time, and nothing that the first look already took.
    """

    def __init__(self, absences: Sequence[Absence] = (), *, max_bytes: int = MAX_BYTES) -> None:
        self._absences = absences
        self._max_bytes = max_bytes
        self._decoder = _SECOND_LOOK if absences else _FIRST_LOOK
        self._bucket_checks: set[bytes] = set()

    def glance(self, stored: bytes, log_file: str) -> Iterator[Glance]:
        """Look through one log object.

        Yields:
            At least one piece; `skipped` and `problem` are those of the object, and stand in the last.
        """
        content = decompress(stored, self._max_bytes)
        data = content.data.removeprefix(b"\xef\xbb\xbf")
        usual = None if content.problem or len(data) > WHOLE_BYTES else self._glance_usual(data, log_file)
        if usual is not None:
            yield usual
            return
        for piece in decode_in_pieces(stored, log_file, max_bytes=self._max_bytes):
            yield self._glance_decoded(piece)

    def _glance_usual(self, data: bytes, log_file: str) -> Glance | None:
        """Look through a file as CloudTrail writes it; None when anything in it is unusual."""
        try:
            records = self._decoder.decode(data).Records
            if not has_exact_times(records):
                return None
            kind = kind_of_event(records[0]) if records else None
            if kind and all(map(kind_of_event, records)):
                return Glance(Rows(log_file), skipped=kind)
            found = Glance(Rows(log_file), len(records), spans=_spans(records))
            wanted = [index for index, record in enumerate(records) if self._is_wanted(record)]
            raw = _RAW.decode(data).Records if wanted else []
            for index in wanted:
                text = bytes(raw[index])
                if not _is_bucket_check(records[index]) or self._is_new_bucket(text):
                    found.wanted.add(index, decode_record(text), len(text))
        except (*REFUSALS, RejectedRecord):
            return None
        return found

    def _glance_decoded(self, piece: DecodedLogFile) -> Glance:
        rows = piece.rows
        spans: Spans = {}
        wanted: list[int] = []
        for row, record in enumerate(rows.records):
            moment = rows.odd_times.get(row) or _exact(record.eventTime)
            merge_spans(spans, {_place(record): (moment, moment)})
            # What does not fit its column may still be what a view makes of it: such a record is always looked at.
            if self._is_wanted(record) or (self._absences and row in rows.extras):
                wanted.append(row)
        return Glance(rows.select(wanted), piece.records, piece.rejected, spans, piece.skipped, piece.problem)

    def _is_wanted(self, record: Any) -> bool:  # noqa: ANN401 - a schema.Record or a glimpse of one
        if not self._absences:
            return is_wanted(record)
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
            absence.caller in callers and (time is None or absence.since <= time <= absence.until)
            for absence in self._absences
        ) and not is_wanted(record)

    def _is_new_bucket(self, raw: bytes) -> bool:
        parameters = bytes(_PARAMETERS.decode(raw).requestParameters)
        if parameters in self._bucket_checks:
            return False
        self._bucket_checks.add(parameters)
        return True


def is_wanted(record: Any) -> bool:  # noqa: ANN401 - a schema.Record or a glimpse of one
    """Say whether some rule can want the record, by its names alone."""
    identity = record.userIdentity
    if identity is not None:
        kind = identity.type
        if kind is not None and kind.lower() == "root":
            return True
        context = identity.sessionContext
        issuer = context and context.sessionIssuer
        if issuer and issuer.type is not None and issuer.type.lower() == "root":
            return True
    return _is_wanted_call(record.eventSource, record.eventName) or _is_bucket_check(record)


def _is_bucket_check(record: Any) -> bool:  # noqa: ANN401
    """Say whether it is CloudTrail looking at a bucket that it delivers to: it tells which buckets are a trail's."""
    identity = record.userIdentity
    return bool(
        record.eventName == "GetBucketAcl"
        and identity
        and identity.invokedBy
        and identity.invokedBy.startswith("cloudtrail.")
    )


@lru_cache(maxsize=65_536)
def _is_wanted_call(source: str | None, name: str | None) -> bool:
    name = name or ""
    if name in _WANTED_OF_ANY_SOURCE or name.startswith("PasswordRecovery"):
        return True
    service, dot, _ = (source or "").partition(".")
    if not dot or service not in _WANTED:
        return False
    names = _WANTED[service]
    return names is None or name in names


def _spans(records: Sequence[Any]) -> Spans:
    """Return the spans of records whose times have the exact form, which sorts as text."""
    times: dict[tuple[str | None, str | None], list[str]] = {}
    for record in records:
        times.setdefault(_place(record), []).append(record.eventTime)
    return {place: (_exact(min(texts)), _exact(max(texts))) for place, texts in times.items()}


def _place(record: Any) -> tuple[str | None, str | None]:  # noqa: ANN401
    identity = record.userIdentity
    return record.recipientAccountId or (identity and identity.accountId) or None, record.awsRegion


def _exact(text: str) -> datetime:
    return datetime.fromisoformat(text)
