"""Every shape of message, and what it is for. The fixtures are made here, after what AWS documents."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.sources.notifications import CarriedRecord, decide
from tests.running import Run

CORPUS = Path(__file__).parents[3] / "shared/corpus/envelopes"
LOG = "AWSLogs/111122223333/CloudTrail/us-east-1/2025/03/04/111122223333_CloudTrail_us-east-1_20250304T0955Z_a1.json.gz"
DIGEST = LOG.replace("/CloudTrail/", "/CloudTrail-Digest/").replace("_CloudTrail_", "_CloudTrail-Digest_")
URI = f"s3://trail/{LOG}"
RECORD = {
    "eventVersion": "1.08", "eventTime": "2025-03-04T09:52:10Z", "eventSource": "signin.amazonaws.com",
    "eventName": "ConsoleLogin", "eventType": "AwsConsoleSignIn", "userIdentity": {"type": "Root"}, "number": 2**60 + 1,
}  # fmt: skip


def s3_event(
    key: object, name: str = "ObjectCreated:Put", version: str = "2.1", source: str = "aws:s3", **fields: object
) -> dict[str, Any]:
    found = {"key": key, "size": 7, "eTag": "9dd4e461268c8034f5c8564e155c67a6"} | fields
    return {"Records": [{
        "eventVersion": version, "eventSource": source, "awsRegion": "us-east-1", "eventName": name,
        "eventTime": "2025-03-04T09:55:01.250Z", "s3": {"bucket": {"name": "trail"}, "object": found},
    }]}  # fmt: skip


def sns(message: object, kind: str = "Notification") -> dict[str, Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    return {"Type": kind, "MessageId": "m", "TopicArn": "arn:aws:sns:us-east-1:111122223333:trail", "Message": text,
            "SubscribeURL": "https://attacker.example/"}  # fmt: skip


def event_bridge(detail: object, kind: str, source: str = "aws.s3", event_id: object = "e-1") -> dict[str, Any]:
    return {"version": "0", "id": event_id, "detail-type": kind, "source": source, "account": "111122223333",
            "time": "2025-03-04T09:55:01Z", "region": "us-east-1", "detail": detail}  # fmt: skip


def object_event(kind: str, key: str = LOG, version: str = "0") -> dict[str, Any]:
    found = {"key": key, "size": 7, "etag": "9dd4e461268c8034f5c8564e155c67a6", "sequencer": "1"}
    return event_bridge({"version": version, "bucket": {"name": "trail"}, "object": found}, kind)


def lambda_event(*bodies: object) -> dict[str, Any]:
    return {"Records": [
        {"messageId": "m", "eventSource": "aws:sqs", "body": one if isinstance(one, str) else json.dumps(one)}
        for one in bodies
    ]}  # fmt: skip


def both(*events: dict[str, Any]) -> dict[str, Any]:
    return {"Records": [record for event in events for record in event["Records"]]}


OBJECTS: dict[str, tuple[object, list[str]]] = {
    "S3": (s3_event(LOG), [URI]),
    "S3 of a later version": (s3_event(LOG, version="2.6"), [URI]),
    "S3, event name with its old prefix": (s3_event(LOG, "s3:ObjectCreated:CompleteMultipartUpload"), [URI]),
    "S3-compatible store": (s3_event(LOG, "s3:ObjectCreated:Put", source="minio:s3"), [URI]),
    "S3, the kind of event left open": (s3_event(LOG, "ObjectCreated:*"), [URI]),
    "EventBridge, rewritten as S3 writes": (s3_event(LOG, "Object Created"), [URI]),
    "EventBridge, rewritten with the API call in place of the kind": (
        both(*(s3_event(LOG, name) for name in ("PutObject", "POST Object", "CopyObject", "CompleteMultipartUpload"))),
        [URI] * 4,
    ),
    "S3, form-urlencoded key": (s3_event("a%2Fx+y%3D%2B%C3%A9.json.gz"), ["s3://trail/a/x y=+é.json.gz"]),
    "S3, several objects, each judged by itself": (
        both(s3_event(DIGEST), s3_event(LOG), s3_event("AWSLogs/", "ObjectRemoved:Delete"), s3_event("b.json")),
        [URI, "s3://trail/b.json"],
    ),
    "S3 through SNS": (sns(s3_event(LOG)), [URI]),
    "S3 through SNS, as Lambda is handed it": (
        {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(s3_event(LOG))}}]}, [URI]
    ),
    "S3 through SQS, as Lambda is handed it": (lambda_event(s3_event(LOG)), [URI]),
    "S3 through SNS and SQS, as Lambda is handed it": (lambda_event(sns(s3_event(LOG))), [URI]),
    "EventBridge": (object_event("Object Created"), [URI]),
    "EventBridge of another version": (object_event("Object Created", version="7"), [URI]),
    "EventBridge, whose key is not encoded": (object_event("Object Created", "x+y%20.json"), ["s3://trail/x+y%20.json"]),
    "EventBridge through SNS": (sns(object_event("Object Created")), [URI]),
    "CloudTrail's own": ({"s3Bucket": "trail", "s3ObjectKey": [LOG, DIGEST, "c.json.gz"]}, [URI, "s3://trail/c.json.gz"]),
    "CloudTrail's own, one key": ({"s3Bucket": "trail", "s3ObjectKey": LOG}, [URI]),
    "CloudTrail's own through SNS": (sns({"s3Bucket": "trail", "s3ObjectKey": [LOG]}), [URI]),
}  # fmt: skip

IGNORED: dict[str, object] = {
    "S3's test": {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "trail"},
    "S3's test through SNS": sns({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "trail"}),
    "CloudTrail's greeting": "CloudTrail validation message.",
    "CloudTrail's greeting through SNS": sns("CloudTrail validation message."),
    "a subscription to confirm": sns("You have chosen to subscribe", "SubscriptionConfirmation"),
    "the end of a subscription": sns("You have chosen to deactivate", "UnsubscribeConfirmation"),
    "deletion": s3_event(LOG, "ObjectRemoved:Delete"),
    "expiry": s3_event(LOG, "LifecycleExpiration:Delete"),
    "restore": s3_event(LOG, "s3:ObjectRestore:Completed"),
    "transition": s3_event(LOG, "s3:LifecycleTransition"),
    "replication": s3_event(LOG, "s3:Replication:OperationFailedReplication"),
    "tiering": s3_event(LOG, "s3:IntelligentTiering"),
    "tags": s3_event(LOG, "ObjectTagging:Put"),
    "access": s3_event(LOG, "ObjectAcl:Put"),
    "loss": s3_event(LOG, "s3:ReducedRedundancyLostObject"),
    "EventBridge deletion, rewritten as S3 writes": s3_event(LOG, "Object Deleted"),
    "EventBridge deletion": object_event("Object Deleted"),
    "EventBridge restore": object_event("Object Restore Completed"),
    "EventBridge annotation": object_event("Object Annotation Created"),
    "a digest": s3_event(DIGEST),
    "a file of another kind": s3_event("report.pdf"),
    "a folder": s3_event("AWSLogs/"),
    "an Insights event": event_bridge(RECORD | {"eventType": "AwsCloudTrailInsight"}, "Insight", "aws.cloudtrail"),
    # What the program itself writes must not come back to it.
    "a lake's events": s3_event("lake/events/event_date=2025-03-04/part-1.parquet"),
    "a lake's rejected records": s3_event("lake/rejected/part-1.jsonl"),
    "a lake's kept messages": s3_event("rejected/message-00.json"),
}

POISON: dict[str, object] = {
    "prose": "hello",
    "nothing": "",
    "half a message": json.dumps(s3_event(LOG))[:-9],
    "a list": [s3_event(LOG)],
    "another object": {"awslogs": {"data": "H4sI"}},
    "no records": {"Records": []},
    "records that are no objects": {"Records": [1, None, "x"]},
    "CloudTrail records": {"Records": [RECORD]},
    "an S3 event of no kind that S3 has": s3_event(LOG, "NewLogFile"),
    "an S3 event whose kind only begins like S3's": s3_event(LOG, "ObjectRemovedNever:Delete"),
    "an EventBridge event of S3 of no kind that S3 has": object_event("New log file"),
    "an S3 event without a key": s3_event(None),
    "an S3 event with a key of another type": s3_event(["a"]),
    "an S3 event with an empty key": s3_event(""),
    "a key that is no UTF-8": s3_event("a%FF.json"),
    "a key too long for S3": s3_event("a" * 1_025),
    "a bucket that cannot be": {"s3Bucket": "../x", "s3ObjectKey": [LOG]},
    "no bucket": {"s3ObjectKey": [LOG]},
    "an alarm": sns({"AlarmName": "cpu", "NewStateValue": "ALARM"}),
    "another EventBridge event": event_bridge(
        {"state": "running"}, "EC2 Instance State-change Notification", "aws.ec2"
    ),
    "envelopes without end": sns(sns(sns(sns(sns(s3_event(LOG)))))),
    "JSON too deep": "[" * 100_000,
}


@pytest.mark.parametrize(("body", "uris"), OBJECTS.values(), ids=OBJECTS)
def test_objects_are_found(body: object, uris: list[str]) -> None:
    decision = decide(json.dumps(body))
    assert [one.uri for one in decision.objects] == uris
    assert decision.poison is None


@pytest.mark.parametrize("body", IGNORED.values(), ids=IGNORED)
def test_what_brings_no_log_is_ignored(body: object) -> None:
    decision = decide(body if isinstance(body, str) else json.dumps(body))
    assert decision.ignored
    assert (decision.objects, decision.records, decision.problems) == ((), (), ())


@pytest.mark.parametrize("body", POISON.values(), ids=POISON)
def test_what_is_not_understood_is_poison(body: object) -> None:
    decision = decide(body if isinstance(body, str) else json.dumps(body))
    assert decision.poison is not None
    assert (decision.objects, decision.records) == ((), ())


def test_a_message_with_one_bad_part_is_poison_and_its_objects_are_taken() -> None:
    decision = decide(json.dumps(lambda_event(s3_event(LOG), "this is not {json", s3_event("b.json"))))
    assert [one.uri for one in decision.objects] == [URI, "s3://trail/b.json"]
    assert decision.poison == "not JSON"


def test_what_a_notification_says_of_an_object() -> None:
    [one] = decide(json.dumps(s3_event(LOG))).objects
    assert (one.size_bytes, one.etag) == (7, "9dd4e461268c8034f5c8564e155c67a6")
    assert one.created_at == datetime(2025, 3, 4, 9, 55, 1, 250_000, tzinfo=UTC)
    [odd] = decide(json.dumps(s3_event(LOG, size=-1, eTag={"x": 1}))).objects
    assert (odd.size_bytes, odd.etag) == (None, None)


@pytest.mark.parametrize(
    "kind", ["AWS Console Sign In via CloudTrail", "AWS Console Signin via CloudTrail", "AWS API Call"]
)
def test_a_record_in_an_event_is_taken_as_it_stands(kind: str) -> None:
    body = json.dumps(event_bridge(RECORD, kind, "aws.signin", "17793124-05d4"))
    [record] = decide(body).records
    assert record.uri.startswith("eventbridge:17793124-05d4/")
    assert record == CarriedRecord(record.uri, json.dumps(RECORD).encode(), datetime(2025, 3, 4, 9, 55, 1, tzinfo=UTC))


def test_another_record_under_the_id_of_an_event_is_another_record() -> None:
    one, same, other = (
        decide(json.dumps(event_bridge(record, "x", "aws.signin"))).records[0].uri
        for record in (RECORD, RECORD, RECORD | {"sourceIPAddress": "203.0.113.9"})
    )
    assert one == same
    assert one != other


def test_an_event_with_an_odd_id_is_known_by_its_record() -> None:
    first, second = (decide(json.dumps(event_bridge(RECORD, "x", "aws.signin", odd))).records for odd in ("../a", None))
    assert first[0].uri == second[0].uri
    assert first[0].uri.startswith("eventbridge:")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(LOG),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["Records", "s3", "bucket", "object", "key", "name", "eventSource", "eventName", "detail",
                         "Type", "detail-type", "source", "Message", "s3Bucket", "s3ObjectKey", "body", "Sns"]),
        inner, max_size=5,
    ),
)  # fmt: skip


@given(VALUES | st.text(max_size=20))
@pytest.mark.slow
def test_whatever_a_message_holds_something_is_decided(value: object) -> None:
    for body in (json.dumps(value), json.dumps(sns(value)), value if isinstance(value, str) else ""):
        decision = decide(body)
        assert decision.objects or decision.records or decision.ignored or decision.problems


def test_text_that_is_no_unicode_is_poison() -> None:
    assert decide('"\ud800"').poison
    assert decide('{"s3Bucket": "trail", "s3ObjectKey": "\\ud800.json"}').poison


# Of the files of the corpus by name; the rest is poison.
CORPUS_OBJECTS = {
    "eventbridge-object-created-plus-key", "eventbridge-object-created-unsupported-version",
    "eventbridge-object-created",
    "s3-event-object-created", "s3-event-urlencoded-key", "sns-s3-event", "sqs-s3-event", "sqs-sns-event",
    "sqs-batch-partial-garbage",
}  # fmt: skip
CORPUS_IGNORED = {
    "s3-event-with-decoded", "s3-event", "s3-glacier-event", "s3-intelligenttier-event", "s3-lifecycle-event",
    "s3-replication-event", "s3-restore-event", "eventbridge-object-annotation-created", "eventbridge-object-deleted",
    "eventbridge-object-restore-completed", "s3-test-event", "sns-s3-test-event",
}  # fmt: skip


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not beside the project")
def test_the_corpus_is_decided() -> None:
    decisions = {path.stem: decide(path.read_text()) for path in CORPUS.rglob("*.json")}
    assert {stem for stem, decision in decisions.items() if decision.objects} == CORPUS_OBJECTS
    assert {stem for stem, decision in decisions.items() if decision.ignored} == CORPUS_IGNORED
    poison = {stem for stem, decision in decisions.items() if decision.poison}
    assert poison == decisions.keys() - CORPUS_OBJECTS - CORPUS_IGNORED | {"sqs-batch-partial-garbage"}


def test_explain_message_says_what_would_be_done(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "message.json"
    path.write_text(json.dumps(both(s3_event(LOG), s3_event("x\u001b[31m.pdf"))))
    said = run("explain-message", path)
    assert said.code == 0
    assert f"ingest: {URI} (ETag 9dd4" in said.out
    assert r"ignore: s3://trail/x\x1b[31m.pdf: .pdf file" in said.out
    assert "deleted after" in said.out
    path.write_text(json.dumps(event_bridge(RECORD, "x", "aws.signin")))
    assert "ingest: the record in the message, as eventbridge:e-1" in run("explain-message", path).out
    path.write_bytes(b"\xff{")
    said = run("explain-message", path)
    assert said.code == 4
    assert "not understood: not JSON" in said.out
    assert run("explain-message", tmp_path / "absent").code == 2
