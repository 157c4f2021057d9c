"""Slack, Teams and PagerDuty, as loopback plays them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from random import Random

import pytest

from detector.alerts.delivery import Delivery, InMemoryOutbox, RetryPolicy, deliver
from detector.alerts.formats.names import NoticeFormat
from detector.alerts.sinks.chat import ChatHook
from detector.alerts.sinks.opening import open_outputs
from detector.detect.emission import write_alerts
from detector.errors import UsageError
from detector.lake.ledger.ledger import Ledger
from tests.alerts.notice_schemas import PAGERDUTY
from tests.alerts.test_notices import SCHEMAS

from .conftest import MANY, alerts
from .crash import alert
from .endpoints import Endpoint, Instead, Reply, Request, serving

KEY = "R0123456789ABCDEF0123456789ABCDE"
ONCE = RetryPolicy(attempts=1, request_seconds=5)
TAKES = {
    NoticeFormat.SLACK: Reply(200, b"ok"),
    NoticeFormat.TEAMS: Reply(202, b""),
    NoticeFormat.PAGERDUTY: Reply(202, b'{"status":"success","message":"Event processed","dedup_key":"x"}'),
}
REFUSES = {
    NoticeFormat.SLACK: Reply(400, b"invalid_payload"),
    NoticeFormat.TEAMS: Reply(413, b""),
    NoticeFormat.PAGERDUTY: Reply(400, b'{"status":"invalid event","errors":["Length of summary"]}'),
}
CHATS = list(TAKES)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_PAGERDUTY_KEY", KEY)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving(Endpoint()) as served:
        yield served


def url_of(endpoint: Endpoint, form: NoticeFormat) -> str:
    return f"{form}+http://127.0.0.1:{endpoint.port}/T0/s3cr3t?sig=s3cr3t"


def send(
    endpoint: Endpoint, form: NoticeFormat, reply: Reply, count: int = 1, retry_policy: RetryPolicy = ONCE
) -> Delivery:
    endpoint.react = lambda _: reply
    with closing(ChatHook(url_of(endpoint, form), form)) as sink:
        return deliver(InMemoryOutbox({sink.name: alerts(count)}), [sink], retry_policy)


@pytest.mark.parametrize("form", CHATS)
def test_each_alert_is_a_message_and_a_digest_is_one(endpoint: Endpoint, form: NoticeFormat) -> None:
    endpoint.react = lambda _: TAKES[form]
    url = url_of(endpoint, form)
    with open_outputs([url]) as outputs:
        assert write_alerts([alert(number) for number in range(3)], outputs).accepted == 3
        assert outputs[0].sink.name.startswith(f"{form}+http://127.0.0.1:{endpoint.port}/")
        assert form is NoticeFormat.PAGERDUTY or "s3cr3t" not in outputs[0].sink.name
    with open_outputs([f"{url} digest name=on-call"]) as outputs:
        assert write_alerts([alert(number) for number in range(3)], outputs).accepted == 1
        assert outputs[0].sink.name == f"{form}:on-call"
    assert len(endpoint.requests) == 4
    for request in endpoint.requests:
        assert request.headers["content-type"] == "application/json"
        assert request.path == "/T0/s3cr3t?sig=s3cr3t"
        SCHEMAS[form].validate(json.loads(request.body))


def test_pagerduty_gets_the_key_which_is_in_nothing_else(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = send(endpoint, NoticeFormat.PAGERDUTY, Reply(403, f"bad key {KEY}".encode()))
    assert json.loads(endpoint.requests[0].body)["routing_key"] == KEY
    assert KEY not in repr(delivery)
    cut = send(endpoint, NoticeFormat.PAGERDUTY, Reply(403, b"x" * 185 + f" {KEY}".encode()))
    assert KEY[:8] not in repr(cut)
    monkeypatch.setenv("ON_CALL_KEY", KEY)
    with open_outputs(["pagerduty:ON_CALL_KEY"]) as [output]:
        assert output.sink.name == "pagerduty:ON_CALL_KEY"
    with open_outputs(["pagerduty:"]) as [output]:
        assert output.sink.name == "pagerduty:"
    assert PAGERDUTY["properties"]["routing_key"]["maxLength"] == len(KEY)


@pytest.mark.parametrize("output", [f"pagerduty:{KEY}", "pagerduty:a-b", "pagerduty:NOT_SET"])
def test_a_key_in_place_of_a_variable_is_not_repeated(output: str) -> None:
    with pytest.raises(UsageError, match="pagerduty: ") as caught, open_outputs([output]):
        pass
    assert output.partition(":")[2] not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("form", "reply", "reason", "hint"),
    [
        (NoticeFormat.SLACK, Reply(403, b"invalid_token"), "HTTP 403: invalid_token", "Slack's webhook"),
        (NoticeFormat.SLACK, Reply(404, b"no_service"), "HTTP 404: no_service", "channel"),
        (NoticeFormat.SLACK, Reply(410, b"channel_is_archived"), "HTTP 410: channel_is_archived", "channel"),
        (NoticeFormat.SLACK, Reply(200, b"<html>"), "HTTP 200: <html>", "Slack's webhook"),
        (NoticeFormat.SLACK, Reply(500, b"rollup_error"), "HTTP 500: rollup_error", ""),
        (NoticeFormat.SLACK, Reply(429, b"rate_limited"), "HTTP 429: rate_limited", ""),
        (
            NoticeFormat.TEAMS,
            Reply(200, b"Webhook message delivery failed with error: HTTP error 429"),
            "429",
            "workflow",
        ),
        (NoticeFormat.TEAMS, Reply(401, b""), "HTTP 401", "workflow"),
        (NoticeFormat.TEAMS, Reply(502, b""), "HTTP 502", ""),
        (NoticeFormat.PAGERDUTY, Reply(200, b"hello"), "HTTP 200: hello", "routing key"),
        (NoticeFormat.PAGERDUTY, Reply(400, b'{"errors":["\'routing_key\' is invalid"]}'), "HTTP 400", "32 characters"),
        (NoticeFormat.PAGERDUTY, Reply(429, b""), "HTTP 429", ""),
    ],
)
def test_what_is_not_taken_waits_and_is_explained(
    endpoint: Endpoint, form: NoticeFormat, reply: Reply, reason: str, hint: str
) -> None:
    [undelivered] = send(endpoint, form, reply).undelivered
    assert reason in undelivered.reason
    assert hint in undelivered.hint
    assert "s3cr3t" not in undelivered.reason


@pytest.mark.parametrize("form", CHATS)
def test_a_message_that_is_refused_holds_up_no_other(endpoint: Endpoint, form: NoticeFormat) -> None:
    bad = alerts(3)[1]
    with closing(ChatHook(url_of(endpoint, form), form)) as sink:
        endpoint.react = lambda request: REFUSES[form] if b"id-1" in request.body else TAKES[form]
        delivery = deliver(InMemoryOutbox({sink.name: alerts(3)}), [sink], ONCE)
    assert ([one.alert_id for one in delivery.refused], delivery.accepted) == ([bad.alert_id], 2)


@pytest.mark.parametrize("body", [b"1", b""])
def test_a_connector_of_old_takes_what_it_answers_with_200(endpoint: Endpoint, body: bytes) -> None:
    assert send(endpoint, NoticeFormat.TEAMS, Reply(200, body)) == Delivery(accepted=1)


@pytest.mark.parametrize(
    ("form", "body"), [(NoticeFormat.TEAMS, b""), (NoticeFormat.TEAMS, b"1"), (NoticeFormat.SLACK, b"ok")]
)
def test_an_answer_that_does_not_end_takes_nothing(endpoint: Endpoint, form: NoticeFormat, body: bytes) -> None:
    reply = Reply(200, body, {"Content-Length": "200"}, Instead.STALL)
    [undelivered] = send(endpoint, form, reply, retry_policy=RetryPolicy(attempts=1, request_seconds=0.1)).undelivered
    assert undelivered.reason.endswith("no end of the answer")
    reply = Reply(200, body, {"Content-Length": "200", "Connection": "close"})
    [undelivered] = send(endpoint, form, reply).undelivered
    assert undelivered.reason.endswith("broke the connection")


@pytest.mark.parametrize(
    ("form", "body"),
    [
        (NoticeFormat.TEAMS, b" " * 2_100 + b"\nWebhook message delivery failed with error: HTTP error 429"),
        (NoticeFormat.TEAMS, b"1\nWebhook message delivery failed with error: HTTP error 429"),
        (NoticeFormat.TEAMS, b" " * 70_000 + b"failed"),
        (NoticeFormat.SLACK, b"ok\nno: channel_is_archived"),
    ],
)
def test_an_answer_is_judged_by_all_of_it(endpoint: Endpoint, form: NoticeFormat, body: bytes) -> None:
    assert len(send(endpoint, form, Reply(200, body)).undelivered) == 1


def test_an_old_connectors_413_is_about_the_message(endpoint: Endpoint) -> None:
    reply = Reply(200, b"Webhook message delivery failed with error: HTTP error 413")
    assert len(send(endpoint, NoticeFormat.TEAMS, reply).refused) == 1


def test_a_workflow_may_say_anything_with_202(endpoint: Endpoint) -> None:
    assert send(endpoint, NoticeFormat.TEAMS, Reply(202, b"Accepted")) == Delivery(accepted=1)


@pytest.mark.parametrize("form", CHATS)
def test_one_that_asks_for_time_gets_it(endpoint: Endpoint, form: NoticeFormat) -> None:
    waits: list[float] = []
    answers = iter([Reply(429, b"slow", {"Retry-After": "7"})])
    endpoint.react = lambda _: next(answers, TAKES[form])
    with closing(ChatHook(url_of(endpoint, form), form)) as sink:
        delivery = deliver(InMemoryOutbox({sink.name: alerts(2)}), [sink], RetryPolicy(sleep=waits.append))
    assert delivery == Delivery(accepted=2)
    assert waits
    assert waits[0] >= 7


class Fickle:
    """A chat that takes seven of ten messages."""

    def __init__(self, form: NoticeFormat) -> None:
        self.form = form
        self.random = Random(3)
        self.taken: list[str] = []

    def react(self, request: Request) -> Reply:
        fault = self.random.choice(("busy", "later", "reset", "lost")) if self.random.random() < 0.3 else ""
        if fault in ("", "lost"):
            self.taken.append(json.loads(request.body)["alert_id"])
        return {
            "": TAKES[self.form],
            "busy": Reply(503, b"busy"),
            "later": Reply(429, b"", {"Retry-After": "0"}),
            "reset": Reply(instead=Instead.RESET),
            "lost": Reply(instead=Instead.RESET),
        }[fault]


@pytest.mark.parametrize("count", [100, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("form", CHATS)
def test_all_messages_arrive_where_three_of_ten_fail(
    ledger: Ledger, endpoint: Endpoint, form: NoticeFormat, count: int
) -> None:
    fickle = Fickle(form)
    endpoint.react = fickle.react
    with closing(ChatHook(url_of(endpoint, form), form)) as sink:
        ledger.record_emitted([], {sink.name: alerts(count)})
        policy = RetryPolicy(seconds=3_600, sleep=lambda _: None, attempts=40)
        assert deliver(ledger.outbox, [sink], policy) == Delivery(accepted=count)
    assert list(dict.fromkeys(fickle.taken)) == [one.alert_id for one in alerts(count)]
