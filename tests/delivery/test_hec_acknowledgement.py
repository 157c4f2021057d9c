"""A collector that says when events are indexed: until then they are not accepted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

import pytest

from detector.alerts.delivery import Delivery, InMemoryOutbox, RetryPolicy, deliver
from detector.alerts.sinks.hec import SplunkCollector
from detector.alerts.sinks.sink import Limits
from detector.lake.ledger.ledger import Ledger

from .conftest import alerts
from .endpoints import Endpoint, Instead, Reply, Request, first_times, serving

EVENT, ACK = "/services/collector/event", "/services/collector/ack"


@dataclass
class Indexer:
    """Indexes what it received when it is asked a second time, and loses some of it before."""

    loses: float = 0
    fails: float = 0
    random: Random = field(default_factory=lambda: Random(4))
    received: dict[str, list[bytes]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    indexed: list[bytes] = field(default_factory=list)
    lost: int = 0

    def react(self, request: Request) -> Reply:
        if self.random.random() < self.fails:
            return self.random.choice(
                (Reply(503, b""), Reply(429, b"", {"Retry-After": "0"}), Reply(instead=Instead.RESET))
            )
        if request.path == EVENT:
            number = str(len(self.received))
            self.received[number] = request.lines
            return Reply(200, json.dumps({"text": "Success", "code": 0, "ackId": int(number)}).encode())
        assert request.path.startswith(f"{ACK}?channel=")
        return Reply(200, json.dumps({"acks": {one: self.is_indexed(one) for one in self.numbers(request)}}).encode())

    def numbers(self, request: Request) -> list[str]:
        return [str(one) for one in json.loads(request.body)["acks"]]

    def is_indexed(self, number: str) -> bool:
        if number not in self.asked:
            self.asked.add(number)
            if self.random.random() < self.loses:
                self.lost += 1
                self.received[number] = []
            return False
        self.indexed += self.received[number]
        return bool(self.received[number])


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setenv("DETECTOR_HEC_TOKEN", "11111111-2222-3333-4444-555555555555")
    with serving(Endpoint()) as served:
        yield served


def hec(endpoint: Endpoint, path: str = "") -> SplunkCollector:
    return SplunkCollector(f"hec+http://127.0.0.1:{endpoint.port}{path}", sleep=lambda _: None)


def send(sink: SplunkCollector, policy: RetryPolicy, count: int = 3) -> Delivery:
    with closing(sink):
        return deliver(InMemoryOutbox({sink.name: alerts(count)}), [sink], policy)


def test_events_are_accepted_when_they_are_indexed(endpoint: Endpoint) -> None:
    indexer = Indexer()
    endpoint.react = indexer.react
    assert send(hec(endpoint), RetryPolicy()) == Delivery(accepted=3)
    assert indexer.indexed == [one.line for one in alerts(3)]
    channels = {request.headers["x-splunk-request-channel"] for request in endpoint.requests}
    [channel] = channels
    assert str(UUID(channel)) == channel
    assert [request.path for request in endpoint.requests] == [EVENT, *[f"{ACK}?channel={channel}"] * 2]


def test_a_collector_below_another_path_is_asked_there(endpoint: Endpoint) -> None:
    endpoint.react = lambda request: (
        Reply(200, b'{"acks": {"7": true}}')
        if request.path.startswith("/splunk/services/collector/ack?")
        else Reply(200, b'{"text":"Success","code":0,"ackId":7}')
    )
    assert send(hec(endpoint, "/splunk/services/collector/event"), RetryPolicy()).accepted == 3


@pytest.mark.parametrize(
    "said", [b'{"acks": {"0": false}}', b'{"acks": {"1": true}}', b"[]", b"<html>", b'{"acks": [0]}']
)
def test_what_is_not_acknowledged_in_time_waits(endpoint: Endpoint, ledger: Ledger, said: bytes) -> None:
    endpoint.react = lambda request: Reply(
        200, b'{"text":"Success","code":0,"ackId":0}' if request.path == EVENT else said
    )
    with closing(hec(endpoint)) as sink:
        ledger.record_emitted([], {sink.name: alerts(3)})
        [undelivered] = deliver(ledger.outbox, [sink], RetryPolicy(attempts=1, request_seconds=0.2)).undelivered
        assert ledger.outbox.count_waiting(sink.name) == 3
    assert undelivered.reason == "received, but not acknowledged in time"
    assert "indexers" in undelivered.hint


def test_a_collector_that_takes_events_and_no_questions_is_explained(endpoint: Endpoint) -> None:
    endpoint.react = lambda request: (
        Reply(200, b'{"text":"Success","code":0,"ackId":0}') if request.path == EVENT else Reply(404, b"")
    )
    [undelivered] = send(hec(endpoint), RetryPolicy()).undelivered
    assert undelivered.reason.endswith("cannot be asked for: HTTP 404")


@pytest.mark.parametrize("ack_id", ["true", "-1", '"0"', "99999999999999999999999"])
def test_what_is_no_id_is_no_promise_of_an_acknowledgement(endpoint: Endpoint, ack_id: str) -> None:
    endpoint.react = lambda _: Reply(200, b'{"text":"Success","code":0,"ackId":%s}' % ack_id.encode())
    assert send(hec(endpoint), RetryPolicy()).accepted == 3
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("count", [200, pytest.param(10_000, marks=pytest.mark.slow)])
def test_what_a_collector_loses_before_it_is_indexed_is_sent_again(
    endpoint: Endpoint, ledger: Ledger, count: int
) -> None:
    indexer = Indexer(loses=0.1, fails=0.3)
    endpoint.react = indexer.react
    with closing(hec(endpoint)) as sink:
        sink.limits = Limits(50, 500_000)
        ledger.record_emitted([], {sink.name: alerts(count)})
        policy = RetryPolicy(seconds=3_600, sleep=lambda _: None, request_seconds=0.2, attempts=40)
        assert deliver(ledger.outbox, [sink], policy) == Delivery(accepted=count)
    assert first_times(indexer.indexed) == [one.line for one in alerts(count)]
    assert indexer.lost or count < 10_000
