"""Topics, queues and buses, as moto plays them, behind a front that fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from random import Random
from threading import Event
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from uuid import uuid4

import boto3
import pytest

from detector.alerts.alert import Alert
from detector.alerts.delivery import Delivery, RetryPolicy
from detector.alerts.formats.formatting import line_of
from detector.alerts.formats.names import AlertFormat
from detector.alerts.sinks.event_bus import EventBus
from detector.alerts.sinks.opening import open_outputs
from detector.alerts.sinks.sink import Sink
from detector.alerts.sinks.sns import SnsTopic
from detector.alerts.sinks.sqs import SqsQueue
from detector.detect.emission import write_alerts
from detector.errors import UsageError
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.outbox import Document
from detector.severity import Severity

from .aws_front import Front, answer, body_of, cut, send, settle
from .conftest import MANY, alerts
from .crash import alert

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from mypy_boto3_sqs import SQSClient

BUS = "arn:aws:events:us-east-1:123456789012:event-bus/default"


@pytest.fixture
def sqs(front: Front) -> Iterator[SQSClient]:
    with closing(boto3.client("sqs", endpoint_url=front.url)) as client:
        yield client


@pytest.fixture
def queue(sqs: SQSClient) -> str:
    return sqs.create_queue(QueueName=f"alerts-{uuid4()}")["QueueUrl"]


@pytest.fixture
def topic(queue: str, front: Front) -> str:
    """A topic whose messages about what is severe go to the queue."""
    with closing(boto3.client("sns", endpoint_url=front.url)) as sns:
        arn = sns.create_topic(Name=f"alerts-{uuid4()}")["TopicArn"]
        policy = json.dumps({"severity": ["critical", "high"]})
        sns.subscribe(
            TopicArn=arn,
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:us-east-1:123456789012:{queue.rpartition('/')[2]}",
            Attributes={"FilterPolicy": policy, "RawMessageDelivery": "true"},
        )
    return arn


def native(one: Alert) -> Document:
    return Document(one.alert_id, line_of(AlertFormat.JSONL)(one))


def received(sqs: SQSClient, queue: str) -> list[Any]:
    found = []
    while messages := sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=0
    ).get("Messages"):
        found += messages
    return found


def url_of(front: Front, queue: str) -> str:
    """The queue where the front is, as a URL that names no region."""
    return f"sqs:{front.url}/{'/'.join(queue.rsplit('/', 2)[1:])}"


# What arrives ---------------------------------------------------------------------------------------------------------


def test_a_queue_gets_a_message_for_each_alert_with_what_filters_ask_for(
    front: Front, sqs: SQSClient, queue: str
) -> None:
    documents = [native(alert(number)) for number in range(12)]
    assert send(SqsQueue(url_of(front, queue)), documents) == Delivery(accepted=12)
    messages = received(sqs, queue)
    assert sorted(one["Body"] + "\n" for one in messages) == sorted(one.line.decode() for one in documents)
    assert {name: one["StringValue"] for name, one in messages[0]["MessageAttributes"].items()} == {
        "severity": "high",
        "rule_id": "rule",
    }


def test_a_fifo_queue_takes_what_comes_again_once_and_in_order(front: Front, sqs: SQSClient) -> None:
    queue = sqs.create_queue(QueueName=f"{uuid4()}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    documents = [native(alert(number)) for number in range(3)]
    for _ in range(2):
        assert send(SqsQueue(url_of(front, queue)), documents) == Delivery(accepted=3)
    assert [one["Body"] + "\n" for one in received(sqs, queue)] == [one.line.decode() for one in documents]


def test_a_topic_is_filtered_by_severity_and_tells_it_to_mailboxes(
    front: Front, sqs: SQSClient, queue: str, topic: str
) -> None:
    seen: list[dict[str, str]] = []

    def look(environ: WSGIEnvironment, _: StartResponse) -> Iterable[bytes] | None:
        if b"Action=PublishBatch" in (body := body_of(environ)):
            seen.append(dict(parse_qsl(body.decode())))
        return None

    front.fault = look
    low = replace(alert(1), severity=Severity.LOW, title="Löschung\r\nBcc: x", account_id="111122223333")
    assert send(SnsTopic(f"sns:{topic}"), [native(alert(0)), native(low)]) == Delivery(accepted=2)
    assert [json.loads(one["Body"])["alert_id"] for one in received(sqs, queue)] == ["id-0"]
    subjects = {value for name, value in seen[0].items() if name.endswith(".Subject")}
    assert subjects == {"[high] title", "[low] L?schung??Bcc: x"}
    assert "111122223333" in seen[0].values()


def test_a_digest_goes_to_a_topic_under_a_subject_that_counts(front: Front, topic: str) -> None:
    seen: list[bytes] = []

    def look(environ: WSGIEnvironment, _: StartResponse) -> Iterable[bytes] | None:
        seen.append(body_of(environ))
        return None

    front.fault = look
    with open_outputs([f"sns:{topic} digest"]) as outputs:
        assert write_alerts([alert(number) for number in range(3)], outputs).accepted == 1
    assert dict(parse_qsl(seen[-1].decode()))["PublishBatchRequestEntries.member.1.Subject"] == "[high] 3 alerts"


def test_a_bus_gets_events_whose_detail_is_the_alert(front: Front) -> None:
    seen: list[Any] = []

    def look(environ: WSGIEnvironment, _: StartResponse) -> Iterable[bytes] | None:
        seen.extend(json.loads(body_of(environ))["Entries"])
        return None

    front.fault = look
    documents = [native(alert(number)) for number in range(12)]
    assert send(EventBus(f"events:{BUS}"), documents) == Delivery(accepted=12)
    assert [one["Detail"] + "\n" for one in seen] == [one.line.decode() for one in documents]
    assert {(one["EventBusName"], one["Source"], one["DetailType"]) for one in seen} == {(BUS, "detector", "Alert")}


# What fails -----------------------------------------------------------------------------------------------------------


@dataclass
class Fickle:
    """Fails three times out of ten as a whole; of the entries of what it takes, it takes some only later, one never."""

    front: Front
    read: Callable[[bytes], list[str]]
    reply: Callable[[dict[int, tuple[str, str]], int], bytes]
    kind: str
    poison: str
    random: Random = field(default_factory=lambda: Random(5))
    taken: list[str] = field(default_factory=list)
    faults: set[str] = field(default_factory=set)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        body = body_of(environ)
        ids = self.read(body)
        if not ids:
            return None
        fault = self.random.choice(("busy", "later", "reset", "lost")) if self.random.random() < 0.3 else ""
        self.faults.add(fault)
        if fault == "busy":
            return answer(start_response, "503 Busy", b"{}", self.kind)
        if fault == "later":
            return answer(start_response, "429 Later", b'{"__type":"ThrottlingException"}', self.kind)
        if fault == "reset":
            return cut(environ)
        failed = {
            position: ("InvalidParameterValue", "no") if one == self.poison else ("InternalFailure", "busy")
            for position, one in enumerate(ids)
            if one == self.poison or self.random.random() < 0.05
        }
        self.taken += [one for position, one in enumerate(ids) if position not in failed]
        if fault == "lost":
            return cut(environ)
        return answer(start_response, "200 OK", self.reply(failed, len(ids)), self.kind)


def id_in(text: str) -> str:
    return str(json.loads(text)["alert_id"])


def read_queue(body: bytes) -> list[str]:
    said = json.loads(body) if body.startswith(b"{") else {}
    return [id_in(one["MessageBody"]) for one in said.get("Entries", [])]


def read_bus(body: bytes) -> list[str]:
    said = json.loads(body) if body.startswith(b"{") else {}
    return [id_in(one["Detail"]) for one in said.get("Entries", [])]


def read_topic(body: bytes) -> list[str]:
    return [id_in(value) for name, value in parse_qsl(body.decode()) if name.endswith(".Message")]


def batch_reply(failed: dict[int, tuple[str, str]], count: int) -> bytes:
    successful = [
        {"Id": str(position), "MessageId": "m", "MD5OfMessageBody": "0"}
        for position in range(count)
        if position not in failed
    ]
    unsuccessful = [
        {"Id": str(position), "SenderFault": True, "Code": code, "Message": message}
        for position, (code, message) in failed.items()
    ]
    return json.dumps({"Successful": successful, "Failed": unsuccessful}).encode()


def topic_reply(failed: dict[int, tuple[str, str]], count: int) -> bytes:
    good = "".join(
        f"<member><Id>{position}</Id><MessageId>m</MessageId></member>"
        for position in range(count)
        if position not in failed
    )
    bad = "".join(
        f"<member><Id>{position}</Id><Code>{code}</Code><Message>{message}</Message><SenderFault>true</SenderFault>"
        "</member>"
        for position, (code, message) in failed.items()
    )
    return (
        "<PublishBatchResponse xmlns='http://sns.amazonaws.com/doc/2010-03-31/'><PublishBatchResult>"
        f"<Successful>{good}</Successful><Failed>{bad}</Failed></PublishBatchResult></PublishBatchResponse>"
    ).encode()


def bus_reply(failed: dict[int, tuple[str, str]], count: int) -> bytes:
    entries = [
        {"ErrorCode": failed[position][0], "ErrorMessage": failed[position][1]}
        if position in failed
        else {"EventId": str(position)}
        for position in range(count)
    ]
    return json.dumps({"FailedEntryCount": len(failed), "Entries": entries}).encode()


ARN = "arn:aws:sns:us-east-1:123456789012:alerts"
KINDS: dict[str, tuple[Callable[[Front], Sink], Any, Any, str]] = {
    "sqs": (lambda front: SqsQueue(f"sqs:{front.url}/1/q"), read_queue, batch_reply, "application/x-amz-json-1.0"),
    "sns": (lambda _: SnsTopic(f"sns:{ARN}"), read_topic, topic_reply, "text/xml"),
    "events": (lambda _: EventBus("events:default"), read_bus, bus_reply, "application/x-amz-json-1.1"),
}


@pytest.mark.parametrize("count", [200, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_all_alerts_arrive_where_three_of_ten_requests_and_some_entries_fail(
    ledger: Ledger, front: Front, kind: str, count: int
) -> None:
    documents = alerts(count)
    poison = documents[count // 2].alert_id
    open_sink, read, reply, content = KINDS[kind]
    front.fault = fickle = Fickle(front, read, reply, content, poison)
    delivery = settle(ledger, open_sink(front), documents)
    assert delivery.undelivered == []
    assert [(one.alert_id, one.reason) for one in delivery.refused] == [(poison, "InvalidParameterValue: no")]
    assert set(fickle.taken) == {one.alert_id for one in documents} - {poison}
    assert fickle.faults == {"", "busy", "later", "reset", "lost"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_answer_does_not_speak_of_is_sent_again(front: Front, kind: str) -> None:
    open_sink, read, reply, content = KINDS[kind]
    requests: list[list[str]] = []

    def silent(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        ids = read(body_of(environ))
        requests.append(ids)
        body = reply({}, len(ids) - (len(requests) == 1))
        return answer(start_response, "200 OK", body, content)

    front.fault = silent
    assert send(open_sink(front), alerts(3), RetryPolicy(sleep=lambda _: None)) == Delivery(accepted=3)
    assert requests[1] == (["id-2"] if kind != "events" else ["id-0", "id-1", "id-2"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_that_is_too_large_is_taken_apart(front: Front, kind: str) -> None:
    open_sink, read, reply, content = KINDS[kind]
    code = {
        "sqs": b'{"__type":"com.amazonaws.sqs#BatchRequestTooLong","message":"no"}',
        "events": b'{"__type":"ValidationException","message":"no"}',
        "sns": b"<ErrorResponse><Error><Code>BatchRequestTooLong</Code><Message>no</Message></Error></ErrorResponse>",
    }[kind]

    def picky(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        ids = read(body_of(environ))
        if len(ids) > 1:
            return answer(start_response, "400 No", code, content)
        return answer(start_response, "200 OK", reply({}, 1), content)

    front.fault = picky
    assert send(open_sink(front), alerts(3)) == Delivery(accepted=3)


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_does_not_answer_is_left_in_time(front: Front, kind: str) -> None:
    open_sink, read, reply, content = KINDS[kind]
    is_left = Event()

    def hang(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        ids = read(body_of(environ))
        is_left.wait(5)  # who stays so long is told that all is well
        return answer(start_response, "200 OK", reply({}, len(ids)), content)

    front.fault = hang
    [undelivered] = send(open_sink(front), alerts(3), RetryPolicy(seconds=0.3)).undelivered
    is_left.set()
    assert "no answer" in undelivered.reason or "within the 0.3 s" in undelivered.reason


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("sns:alerts", "needs the ARN of a topic"),
        ("sns:arn:aws:sqs:us-east-1:123456789012:x", "needs the ARN of a topic"),
        ("sqs:alerts", "is not the URL of a queue"),
        ("sqs:https://user:pa55@sqs.us-east-1.amazonaws.com/1/q", "holds a user name or password"),
        ("sqs:https://user:pa55@sqs.us-east-1.amazonaws.com/q", "holds a user name or password"),
        ("sqs:https://user:pa55@sqs.us-east-1.amazonaws.com/1/q:hec name=x digest", "takes no digest"),
        ("sqs:https://[pa55/1/q", "not the URL of a queue"),
        ("sqs:http://queue.example/1/q", "in the clear"),
        ("hec+https://user:pa55@splunk.example:csv", "takes the format hec alone"),
        ("events:", "needs a bus"),
        ("events:a b", "is no option"),
        (f"sns:{ARN}:csv", "takes the format jsonl alone"),
        ("sqs:https://sqs.us-east-1.amazonaws.com/1/q:csv", "a queue takes JSON"),
    ],
)
def test_an_output_that_cannot_be_is_bad_usage(output: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught, open_outputs([output]):
        pass
    assert "pa55" not in str(caught.value) + caught.value.hint


def test_outputs_in_aws_are_known_by_what_does_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = "sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/alerts"
    with open_outputs([f"sns:{ARN}", queue, "events:default", f"events:{BUS}"]) as outputs:
        names = [one.sink.name for one in outputs]
    assert names == [f"sns:{ARN}", queue, "events:default (us-east-1)", f"events:{BUS}"]
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(UsageError, match="names no region"), open_outputs(["events:default"]):
        pass
    monkeypatch.setenv("AWS_REGION", "nowhere!")
    with pytest.raises(UsageError, match="events:default"), open_outputs(["events:default"]):
        pass
