"""The meaning of a queue's message: objects to read, records it carries itself, or nothing for us. Pure.

Messages are recognised by their content, never by how a queue is said to be set up:

- S3 event notifications, and those of S3-compatible stores: keys are form-urlencoded;
- any of these inside an SNS envelope, or in what Lambda is handed of SQS or SNS;
- EventBridge "Object Created" of S3: the key is not encoded;
- CloudTrail's own SNS message `{"s3Bucket": …, "s3ObjectKey": […]}`;
- EventBridge events that carry a CloudTrail record;
- what S3, SNS and CloudTrail send when a queue is set up.

Sources: "Event message structure", Amazon S3 User Guide; "Parsing message formats", Amazon SNS Developer Guide;
"Event types for SQS, SNS and Lambda" and "Using EventBridge", Amazon S3 User Guide; "Configuring Amazon SNS
notifications for CloudTrail", AWS CloudTrail User Guide; "AWS service events delivered via CloudTrail", Amazon
EventBridge User Guide.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import msgspec

from detector.lake_layout import is_part_key
from detector.reasons import Reason
from detector.sources.keys import is_digest, skip_reason

# SQS takes a mebibyte. A message of many small objects inside SNS inside SQS stays far below.
MAX_BYTES: Final = 4 << 20
_ENVELOPES: Final = 4  # one inside the other
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_KEY_BYTES: Final = 1024
_EVENT_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
_ETAG: Final = re.compile(r"[0-9A-Za-z-]{1,128}")
_LARGEST_OBJECT: Final = 1 << 46
_CLOUDTRAIL_GREETING: Final = "CloudTrail validation message."
# A lake that is copied to, or mounted from, a bucket that sends notifications must not feed itself.
_INSIGHT: Final = "AwsCloudTrailInsight"
# How S3, EventBridge and those who rewrite the one as the other say that there is a new object: the kind of event, its
# label, the API call.
_CREATIONS: Final = re.compile(
    r"ObjectCreated(:.*)?|Object Created|PutObject|PostObject|POST Object|CopyObject|CompleteMultipartUpload"
)
# All else that S3 sends. Whatever is neither here nor there may be anything.
_OTHER_KINDS: Final = re.compile(
    r"(ObjectRemoved|ObjectRestore|ObjectTagging|ObjectAcl|ObjectAnnotation|Replication|LifecycleExpiration|LifecycleTransition"
    r"|IntelligentTiering|ReducedRedundancyLostObject|TestEvent)(:.*)?"
    r"|Object (Deleted|Restore Initiated|Restore Completed|Restore Expired|Storage Class Changed|Access Tier Changed"
    r"|ACL Updated|Tags Added|Tags Deleted|Annotation [A-Z][a-z]+)"
)


@dataclass(frozen=True, slots=True)
class NamedObject:
    """An object that was created, as a notification names it. What it does not say is None."""

    bucket: str
    key: str
    size_bytes: int | None = None
    etag: str | None = None
    created_at: datetime | None = None  # aware, UTC

    @property
    def uri(self) -> str:
        """As the lake knows it."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class CarriedRecord:
    """A CloudTrail record that came in the message itself."""

    uri: str  # eventbridge:<id of the event>/<digest of the record>: who sends messages chooses the id
    raw: bytes  # the record's JSON, as it stood in the message
    sent_at: datetime | None  # aware, UTC


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something understood that brings no log."""

    subject: str
    reason: str
    digest: NamedObject | None = field(default=None, compare=False)  # when that is what it is


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """Something that may be anything, so that it must not be lost."""

    reason: str


Item = NamedObject | CarriedRecord | Ignored | NotUnderstood


@dataclass(frozen=True, slots=True)
class Decision:
    """The purpose of a message. A message is done with when all of its objects and records are in the lake."""

    objects: tuple[NamedObject, ...] = ()
    records: tuple[CarriedRecord, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    problems: tuple[NotUnderstood, ...] = ()

    @property
    def poison(self) -> str | None:
        """Why the message must not be deleted, although everything else in it is taken."""
        return self.problems[0].reason if self.problems else None


def decide(body: str) -> Decision:
    """Say what a message is for, each object in it by itself; whatever it holds, this does not fail.

    Args:
        body: of the message, as SQS hands it out.
    """
    if len(body) > MAX_BYTES:
        return Decision(problems=(NotUnderstood(f"longer than {MAX_BYTES:,} characters"),))
    items = list(_items(body, _ENVELOPES))
    return Decision(
        tuple(item for item in items if isinstance(item, NamedObject)),
        tuple(item for item in items if isinstance(item, CarriedRecord)),
        tuple(item for item in items if isinstance(item, Ignored)),
        tuple(item for item in items if isinstance(item, NotUnderstood)),
    )


def _items(text: str, depth: int) -> Iterator[Item]:
    if text.strip() == _CLOUDTRAIL_GREETING:
        yield Ignored("CloudTrail", Reason.GREETING.of())
        return
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        yield NotUnderstood("not JSON")
        return
    if isinstance(message, dict) and depth:
        yield from _message(message, text, depth)
    else:
        yield NotUnderstood("envelopes within envelopes" if isinstance(message, dict) else "JSON, but no object")


def _message(message: dict[str, Any], text: str, depth: int) -> Iterator[Item]:
    match message:
        case {"Event": "s3:TestEvent"}:
            yield Ignored("S3", Reason.TEST.of())
        case {"Type": "Notification", "Message": str(inner)}:
            yield from _items(inner, depth - 1)
        case {"Type": "SubscriptionConfirmation" | "UnsubscribeConfirmation" as kind, "TopicArn": str(topic)}:
            # Its URL is never fetched: anyone who can send to the queue chooses it.
            yield Ignored(topic, Reason.SUBSCRIPTION.of(kind=kind))
        case {"Records": [_, *_] as records}:
            for record in records:
                yield from _notification(record if isinstance(record, dict) else {}, depth)
        case {"s3Bucket": str(bucket), "s3ObjectKey": str(key)}:
            yield _named(bucket, key)
        case {"s3Bucket": str(bucket), "s3ObjectKey": [_, *_] as keys}:
            for key in keys:
                yield _named(bucket, key)
        case {"detail-type": str(), "detail": dict()}:
            yield _event(message, text)
        case _:
            yield NotUnderstood("none of the messages that name log files")


def _notification(record: dict[str, Any], depth: int) -> Iterator[Item]:
    """Judge one of the `Records` of an S3 notification, or of what Lambda is handed."""
    match record:
        case {"eventSource": str(source), "eventName": str(name), "s3": dict(said)} if source.endswith(":s3"):
            yield _s3_event(name.removeprefix("s3:"), said, record.get("eventTime"))
        case {"eventSource": "aws:sqs", "body": str(inner)} | {
            "EventSource": "aws:sns",
            "Sns": {"Message": str(inner)},
        }:
            yield from _items(inner, depth - 1)
        case _:
            yield NotUnderstood("a record that is no S3 notification")


def _s3_event(name: str, said: dict[str, Any], created_at: object) -> Item:
    match said:
        case {"bucket": {"name": str(bucket)}, "object": {"key": str(encoded)} as found}:
            if reason := _not_a_creation(name, f"{bucket}/{encoded}"):
                return reason
            try:
                key = unquote_to_bytes(encoded.replace("+", " ")).decode()
            except UnicodeDecodeError:
                return NotUnderstood("a key that is no UTF-8")
            return _named(bucket, key, found.get("size"), found.get("eTag"), created_at)
        case _:
            return NotUnderstood("an S3 notification without a bucket and a key")


def _not_a_creation(name: str, subject: str) -> Ignored | NotUnderstood | None:
    """Say what an event about an object is when it does not tell of its creation."""
    if _CREATIONS.fullmatch(name):
        return None
    if _OTHER_KINDS.fullmatch(name):
        return Ignored(subject, Reason.NO_CREATION.of(name=name[:60]))
    return NotUnderstood("an event about an object, of a kind that S3 does not have")


def _event(event: dict[str, Any], text: str) -> Item:
    """Judge an EventBridge event."""
    match event:
        case {"source": "aws.s3", "detail": {"bucket": {"name": str(bucket)}, "object": {"key": str(key)} as found}}:
            if reason := _not_a_creation(event["detail-type"], f"{bucket}/{key}"):
                return reason
            return _named(bucket, key, found.get("size"), found.get("etag"), event.get("time"))
        # The label is written in several ways ("Sign In", "Signin"); the record in it says what it is.
        case {"detail": {"eventType": str(kind), "eventTime": str(), "eventSource": str(), "eventName": str()}}:
            return Ignored("EventBridge", Reason.INSIGHTS_EVENT.of()) if kind == _INSIGHT else _carried(event, text)
        case _:
            return NotUnderstood("an EventBridge event of another kind")


class _Event(msgspec.Struct):
    detail: msgspec.Raw


def _carried(event: dict[str, Any], text: str) -> CarriedRecord:
    raw = bytes(msgspec.json.decode(text, type=_Event).detail)
    digest = hashlib.sha256(raw).hexdigest()
    event_id = event.get("id")
    is_id = isinstance(event_id, str) and _EVENT_ID.fullmatch(event_id)
    name = f"{event_id}/{digest[:32]}" if is_id else digest
    return CarriedRecord(f"eventbridge:{name}", raw, _moment(event.get("time")))


def _named(bucket: str, key: object, size: object = None, etag: object = None, created_at: object = None) -> Item:
    if not isinstance(key, str) or not key or len(key.encode()) > _KEY_BYTES:
        return NotUnderstood("a key that no object can have")
    if not _BUCKET.fullmatch(bucket):
        return NotUnderstood("a bucket name that no bucket can have")
    etag = etag.strip('"') if isinstance(etag, str) else ""
    named = NamedObject(
        bucket,
        key,
        size if isinstance(size, int) and 0 <= size < _LARGEST_OBJECT else None,
        etag if _ETAG.fullmatch(etag) else None,
        _moment(created_at),
    )
    if reason := Reason.PART_OF_A_LAKE.of() if is_part_key(key) else skip_reason(key):
        return Ignored(named.uri, reason, named if is_digest(key) else None)
    return named


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
