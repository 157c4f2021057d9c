"""The kind of a file that has the form of a log file and holds no CloudTrail events."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

from detector.reasons import Reason
from detector.records.decode import RecordRejected, decode_record
from detector.records.json_text import BrokenJson, split_object
from detector.records.nested_records import holds_records
from detector.records.raw_records import RawRecord

_NO_RECORDS = Reason.OTHER_JSON.of()
_AWS_SOURCE = re.compile(rb'"(aws:[a-z0-9-]{1,30})"')
_ALERT = re.compile(rb'\{\s*+"schema"\s*+:\s*+"detector\.alert/')  # which holds the records that it is about
# Bucket owner, bucket, time: "Amazon S3 server access log format", S3 user guide.
_S3_ACCESS_LOG = re.compile(
    rb"[0-9a-f]{64} [a-z0-9.-]{3,63} \[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9:]{8} [+-][0-9]{4}\] "
)
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257  # POSIX.1-1988 and later
# In any case, at any depth. What is escaped is not looked into: it may be one of these.
_OF_A_RECORD = re.compile(rb"event_?(?:time|name|source|id)|user_?identity|\\u", re.IGNORECASE)


def kind_by_magic(data: bytes) -> str | None:
    """Say what a file is whose first bytes tell."""
    if data.startswith(b"PAR1"):
        return Reason.PARQUET.of()
    return Reason.S3_ACCESS_LOG.of() if _S3_ACCESS_LOG.match(data) else None


def is_archive(data: bytes) -> bool:
    """Say whether a file holds other files, among which logs may be."""
    return data.startswith(b"PK\x03\x04") or data.startswith(_TAR_MAGIC, _TAR_MAGIC_AT)


def kind_of_all(records: Iterable[RawRecord], most: int) -> str | None:
    """Say what a file is, when no value in it is a CloudTrail event, a broken one, or holds one somewhere.

    Nothing is said of a file with more values than `most`.
    """
    found: str | None = None
    for count, record in enumerate(islice(records, most + 1)):
        kind = _kind(record)
        if kind is None or count == most:
            return None
        found = found or kind
    return found


# By field, the value that a record has which is no event of a trail.
NO_EVENTS = {"eventSource": "aws:s3", "eventCategory": "Insight"}


def kind_of_event(record: Any) -> str | None:  # noqa: ANN401 - a schema.Record
    """Say what a record is that has all that a CloudTrail event needs, and is none; None for an event."""
    if record.eventSource == NO_EVENTS["eventSource"]:
        return Reason.S3_NOTIFICATION.of()
    return Reason.INSIGHTS.of() if record.eventCategory == NO_EVENTS["eventCategory"] else None


def is_beside_records(record: RawRecord) -> bool:
    """Tell whether a value among others has nothing of a record, such as a control message of CloudWatch Logs."""
    if record.listed or _OF_A_RECORD.search(record.raw):
        return False
    try:
        dict(split_object(record.raw))
    except BrokenJson:
        return False
    return True


def _kind(record: RawRecord) -> str | None:
    raw = record.raw
    if _ALERT.match(raw):
        return Reason.ALERTS.of()
    if not record.listed and b"eventTime" not in raw and b"eventName" not in raw:
        if holds_records(raw):
            return None
        return Reason.DIGEST.of() if b'"digestStartTime"' in raw else _NO_RECORDS
    try:
        return kind_of_event(decode_record(raw).record)
    except RecordRejected:
        return _kind_of_rejected(record)


def _kind_of_rejected(record: RawRecord) -> str | None:
    try:
        values = dict(split_object(record.raw))
    except BrokenJson:
        return None
    source = _AWS_SOURCE.fullmatch(values.get("eventSource", values.get("EventSource", b"")))
    if source:
        return Reason.OTHER_EVENT.of(source=source[1].decode())
    is_meant = record.listed or not values.keys().isdisjoint({"eventTime", "eventName", "detail", "CloudTrailEvent"})
    return None if is_meant or holds_records(record.raw) else _NO_RECORDS
