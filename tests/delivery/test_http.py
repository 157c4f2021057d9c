"""Splunk's collector and webhooks, over real HTTP and TLS."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
import trustme

from detector.alerts.delivery import Delivery, InMemoryOutbox, RetryPolicy, Undelivered, deliver
from detector.alerts.sinks.hec import SplunkCollector
from detector.alerts.sinks.opening import open_outputs
from detector.alerts.sinks.sink import Limits, NotDelivered, Sink
from detector.alerts.sinks.webhook import Webhook
from detector.errors import UsageError
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.outbox import OutboxCount

from .conftest import alerts
from .endpoints import Collector, Endpoint, Instead, Reply, first_times, serving, unused_port

NO_WAIT = RetryPolicy(sleep=lambda _: None, request_seconds=0.1, attempts=40)
ONCE = RetryPolicy(attempts=1, request_seconds=5)
TOKEN = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving(Endpoint()) as served:
        yield served


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_HEC_TOKEN", TOKEN)


def send(sink: Sink, count: int = 3, retry_policy: RetryPolicy = ONCE) -> Delivery:
    with closing(sink):
        return deliver(InMemoryOutbox({sink.name: alerts(count)}), [sink], retry_policy)


def hec(endpoint: Endpoint) -> SplunkCollector:
    return SplunkCollector(f"hec+http://127.0.0.1:{endpoint.port}")


def webhook(endpoint: Endpoint) -> Webhook:
    return Webhook(f"http://127.0.0.1:{endpoint.port}/hook")


def invalid_event(number: int) -> bytes:
    return json.dumps({"text": "Invalid data format", "code": 6, "invalid-event-number": number}).encode()


@pytest.mark.parametrize(("open_sink", "refusal"), [(hec, invalid_event), (webhook, lambda _: b"no")])
@pytest.mark.slow
def test_ten_thousand_alerts_arrive_through_an_endpoint_that_fails_three_times_out_of_ten(
    ledger: Ledger, endpoint: Endpoint, open_sink: Callable[[Endpoint], Sink], refusal: Callable[[int], bytes]
) -> None:
    documents = alerts(10_000)
    poison = documents[4_321]
    collector = Collector(poison.line, Random(7), refusal)
    endpoint.react = collector.react
    with closing(open_sink(endpoint)) as sink:
        sink.limits = Limits(50, 500_000)  # type: ignore[misc]
        ledger.record_emitted([], {sink.name: documents})
        delivery = deliver(ledger.outbox, [sink], NO_WAIT)
        counts = ledger.outbox.counts()
    assert [(one.alert_id, one.sink) for one in delivery.refused] == [(poison.alert_id, sink.name)]
    assert delivery.undelivered == []
    assert counts == [OutboxCount(sink.name, 9_999, 0, 1)]
    assert first_times(collector.taken) == [one.line for one in documents if one is not poison]
    assert set(collector.faults) == {"busy", "later", "reset", "hang", "lost"}
    assert len(collector.faults) > 60


def test_what_the_endpoint_does_not_take_in_one_run_it_gets_in_the_next(ledger: Ledger, endpoint: Endpoint) -> None:
    with closing(webhook(endpoint)) as sink:
        ledger.record_emitted([], {sink.name: alerts(1_200)})
        answers = iter([Reply(), Reply(503, b"")])
        endpoint.react = lambda _: next(answers, Reply())
        first = deliver(ledger.outbox, [sink], ONCE)
        assert first.undelivered == [Undelivered(sink.name, 700, "HTTP 503", "")]
        assert deliver(ledger.outbox, [sink], ONCE) == Delivery(accepted=700)
    assert list(dict.fromkeys(endpoint.ids)) == [one.alert_id for one in alerts(1_200)]


def test_splunk_gets_the_token_and_events_one_after_the_other(endpoint: Endpoint) -> None:
    assert send(hec(endpoint)) == Delivery(accepted=3)
    [request] = endpoint.requests
    assert request.path == "/services/collector/event"
    assert request.headers["authorization"] == f"Splunk {TOKEN}"
    assert request.lines == [one.line for one in alerts(3)]


@pytest.mark.parametrize(
    ("status", "reply", "reason", "hint"),
    [
        (403, {"text": "Invalid token", "code": 4}, "HTTP 403, code 4: Invalid token", "DETECTOR_HEC_TOKEN"),
        (401, {"text": "Token is required", "code": 2}, "HTTP 401, code 2: Token is required", "DETECTOR_HEC_TOKEN"),
        (
            400,
            {"text": "Incorrect index", "code": 7, "invalid-event-number": 1},
            "HTTP 400, code 7: Incorrect index",
            "index",
        ),
        (400, {"text": "Data channel is missing", "code": 10}, "HTTP 400, code 10", "X-Splunk-Request-Channel"),
        (503, {"text": "Server is busy", "code": 9}, "HTTP 503, code 9: Server is busy", ""),
        (404, None, "HTTP 404", "check the URL"),
        (500, ["\x1b[31m"], "HTTP 500", ""),
        # What any server may answer, and no collector does.
        (200, {"text": "Server is busy", "code": 9}, "HTTP 200, code 9: Server is busy", ""),
        (200, {"text": "Success", "code": False}, "HTTP 200, not code 0", "collector"),
        (200, None, "HTTP 200, not code 0", "collector"),
        (403, {"text": "?", "code": [1]}, "HTTP 403", "DETECTOR_HEC_TOKEN"),
    ],
)
def test_splunks_refusals_are_explained(endpoint: Endpoint, status: int, reply: object, reason: str, hint: str) -> None:
    endpoint.react = lambda _: Reply(status, b"<html>" if reply is None else json.dumps(reply).encode())
    [undelivered] = send(hec(endpoint)).undelivered
    assert undelivered.alerts == 3
    assert reason in undelivered.reason
    assert hint in undelivered.hint
    assert TOKEN not in undelivered.reason + undelivered.hint


@pytest.mark.parametrize("reply", [{"code": [1]}, {"code": {}}, {"code": 6, "invalid-event-number": 10**20}, [], "6"])
def test_an_odd_refusal_is_one_of_the_event_that_it_is_about(endpoint: Endpoint, reply: object) -> None:
    body = json.dumps(reply).encode()
    endpoint.react = lambda request: Reply(400, body) if b"id-1" in request.body else Reply()
    delivery = send(hec(endpoint))
    assert ([one.alert_id for one in delivery.refused], delivery.accepted) == (["id-1"], 2)


@pytest.mark.parametrize("status", [413, 400])
def test_an_event_that_is_too_large_for_splunk_is_refused_alone(endpoint: Endpoint, status: int) -> None:
    endpoint.react = lambda request: Reply(status, b"too large") if b"id-1" in request.body else Reply()
    delivery = send(hec(endpoint))
    assert [(one.alert_id, one.reason) for one in delivery.refused] == [("id-1", f"HTTP {status}")]
    assert delivery.accepted == 2


def test_a_webhook_can_check_who_sent_the_lines_and_when(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_WEBHOOK_SECRET", "s3cret")
    assert send(webhook(endpoint)) == Delivery(accepted=3)
    monkeypatch.delenv("DETECTOR_WEBHOOK_SECRET")
    assert send(webhook(endpoint)) == Delivery(accepted=3)
    signed, unsigned = endpoint.requests
    assert signed.lines == unsigned.lines == [one.line for one in alerts(3)]
    stamp = signed.headers["x-detector-timestamp"]
    expected = hmac.new(b"s3cret", stamp.encode() + b"." + signed.body, hashlib.sha256).hexdigest()
    assert signed.headers["x-detector-signature"] == f"sha256={expected}"
    assert signed.headers["content-type"] == "application/x-ndjson"
    assert "x-detector-signature" not in unsigned.headers


@pytest.mark.parametrize(
    ("reply", "reason", "hint"),
    [
        (
            Reply(403, b"\n  no\tsuch key \x1b[2J\xff\n<p>"),
            "HTTP 403: no such key \\x1b[2J\ufffd",
            "DETECTOR_WEBHOOK_SECRET",
        ),
        (Reply(404, b"x" * 9_999), "HTTP 404: " + "x" * 200, "check the URL"),
        (Reply(404, b""), "HTTP 404", "check the URL"),
        (Reply(302, headers={"Location": "http://127.0.0.1:1/"}), "a redirect, which is not followed", "leads to"),
        (Reply(instead=Instead.RESET), "broke the connection", ""),
        (Reply(429, b"", {"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}), "HTTP 429", ""),
        (Reply(503, b"", {"Retry-After": "Mon, 01 Jan 2024 00:00:00 +99999999999999999999"}), "HTTP 503", ""),
        (Reply(503, b"", {"Retry-After": "Mon, 01 Jan 0001 00:00:00 +1000"}), "HTTP 503", ""),
    ],
)
def test_what_a_webhook_answers_is_said(endpoint: Endpoint, reply: Reply, reason: str, hint: str) -> None:
    endpoint.react = lambda _: reply
    [undelivered] = send(
        webhook(endpoint), retry_policy=RetryPolicy(attempts=2, seconds=5, sleep=lambda _: None)
    ).undelivered
    assert undelivered.alerts == 3
    assert undelivered.reason.endswith(reason)
    assert hint in undelivered.hint


def test_an_endpoint_is_asked_to_wait_for_is_waited_for(endpoint: Endpoint) -> None:
    waits: list[float] = []
    answers = iter([Reply(429, headers={"Retry-After": "17"}), Reply(503, headers={"Retry-After": "soon"})])
    endpoint.react = lambda _: next(answers, Reply())
    send(webhook(endpoint), retry_policy=RetryPolicy(sleep=waits.append))
    assert waits[0] >= 17
    assert waits[1] <= 1


def test_an_endless_answer_is_not_read_to_its_end(endpoint: Endpoint) -> None:
    endpoint.react = lambda _: Reply(200, b"x" * 5_000_000)
    assert send(webhook(endpoint)) == Delivery(accepted=3)


def test_an_endpoint_that_hangs_is_left_in_time(endpoint: Endpoint) -> None:
    endpoint.react = lambda _: Reply(instead=Instead.HANG)
    [undelivered] = send(webhook(endpoint), retry_policy=RetryPolicy(attempts=1, request_seconds=0.1)).undelivered
    assert "did not answer in time" in undelivered.reason


def test_a_port_where_nobody_listens_is_said() -> None:
    port = unused_port()
    [undelivered] = send(Webhook(f"http://127.0.0.1:{port}/"), retry_policy=ONCE).undelivered
    assert undelivered.reason == f"cannot connect to 127.0.0.1:{port}: Connection refused"


# TLS and proxies ------------------------------------------------------------------------------------------------------


@pytest.fixture
def secure() -> Iterator[tuple[Endpoint, trustme.CA]]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serving(Endpoint(), context) as served:
        yield served, authority


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_certificate_of_an_authority_that_is_named_is_trusted(
    secure: tuple[Endpoint, trustme.CA], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    endpoint, authority = secure
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv(variable, str(tmp_path / "ca.pem"))
    assert send(Webhook(f"https://127.0.0.1:{endpoint.port}/")) == Delivery(accepted=3)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_alert_and_no_token_goes_where_the_certificate_is_wrong(
    secure: tuple[Endpoint, trustme.CA], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str
) -> None:
    endpoint, authority = secure
    if host == "localhost":  # trusted, but made out for another name
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    [undelivered] = send(SplunkCollector(f"hec+https://{host}:{endpoint.port}")).undelivered
    assert undelivered.reason.startswith(f"the certificate of {host}:{endpoint.port} is not trusted: ")
    assert "SSL_CERT_FILE" in undelivered.hint
    assert endpoint.requests == []


def test_tls_is_not_spoken_everywhere(endpoint: Endpoint) -> None:
    [undelivered] = send(Webhook(f"https://127.0.0.1:{endpoint.port}/")).undelivered
    assert undelivered.reason.startswith(f"no TLS with 127.0.0.1:{endpoint.port}")


def test_the_proxy_of_the_environment_is_asked_for_https_alone(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{endpoint.port}")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    [undelivered] = send(Webhook("https://siem.example/")).undelivered
    assert undelivered.reason == "the proxy in front of siem.example does not let us through"
    assert send(webhook(endpoint)) == Delivery(accepted=3)
    monkeypatch.setenv("HTTPS_PROXY", "gopher://x")
    with pytest.raises(UsageError, match="HTTPS_PROXY"):
        Webhook("https://siem.example/")


# What is written after --output ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("http://siem.example/", "in the clear"),
        ("hec+http://192.0.2.1", "in the clear"),
        ("https://user:pa55@siem.example/", "holds a user name or password"),
        ("https://", "without a host"),
        ("https://siem.example:port/", "not a URL"),
        ("https://siem..example/", "not a URL"),
        ("slack+https://.siem.example/", "not a URL"),
        (f"hec+https://{'a' * 64}.example", "not a URL"),
        ("https://\u2603.example/", "not a URL"),
        ("https://siem.example/a\tb", "with a space"),
        ("ftp://siem.example/", "nothing is known of ftp"),
        ("s3://", "names no bucket"),
        ("", "is empty"),
    ],
)
def test_an_output_that_cannot_be_is_bad_usage(output: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught, open_outputs([output]):
        pass
    assert "pa55" not in str(caught.value)
    assert caught.value.hint


def test_outputs_are_known_by_names_that_do_not_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    named = {
        "-": "-",
        "alerts": str(tmp_path / "alerts"),
        f"file://{tmp_path}/more": str(tmp_path / "more"),
        "s3://bucket/prefix": "s3://bucket/prefix/",
        "s3://bucket": "s3://bucket/",
        "hec+https://splunk.example:8088": "hec+https://splunk.example:8088/services/collector/event",
        "hec+https://splunk.example/raw": "hec+https://splunk.example/raw",
        "https://siem.example/#x": "https://siem.example/",
    }
    with open_outputs(list(named)) as outputs:
        assert [output.sink.name for output in outputs] == list(named.values())
    with open_outputs(None) as outputs:
        assert [output.sink.name for output in outputs] == ["-"]


def test_the_token_is_taken_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "two\nlines"):
        monkeypatch.setenv("DETECTOR_HEC_TOKEN", value)
        with pytest.raises(UsageError, match="DETECTOR_HEC_TOKEN holds no token"):
            SplunkCollector("hec+https://splunk.example")


def test_a_file_of_authorities_that_is_not_there_is_bad_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with pytest.raises(UsageError, match="REQUESTS_CA_BUNDLE=/nowhere/ca"):
        Webhook("https://siem.example/")


def test_a_key_in_the_query_of_a_url_is_sent_and_never_shown(endpoint: Endpoint) -> None:
    sink = Webhook(f"http://127.0.0.1:{endpoint.port}/hook?sig=t0psecret#part")
    other = Webhook(f"http://127.0.0.1:{endpoint.port}/hook?sig=another")
    assert "t0psecret" not in sink.name
    assert sink.name != other.name
    endpoint.react = lambda _: Reply(500)
    [undelivered] = send(sink).undelivered
    assert endpoint.requests[0].path == "/hook?sig=t0psecret"
    assert "t0psecret" not in repr(undelivered)
    with pytest.raises(NotDelivered):
        other.send(alerts(1), 1)
    other.close()


SECRET_PATH = "/hooks/TOPSECRETPATH/a%2Fhidden?token=TOPSECRETTOKEN&sig=x%3Dhidden"


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize(
    "echo",
    [
        SECRET_PATH,
        SECRET_PATH.lower(),
        SECRET_PATH.replace("&", "&amp;"),
        SECRET_PATH.replace("/", "\\/"),
        "/hooks/TOPSECRETPATH/a/hidden, token = TOPSECRETTOKEN, sig = x=hidden",
        "/hooks/TOPSECRETPATH/a%2Fhidden (cut at TOPSECRETT",
    ],
)
def test_a_server_that_repeats_the_address_tells_nobody(
    ledger: Ledger, endpoint: Endpoint, status: int, echo: str
) -> None:
    said = f'{{"status":{status},"error":"Not Found","path":"{echo}"}}'.encode()
    endpoint.react = lambda _: Reply(status, said)
    sink = Webhook(f"http://127.0.0.1:{endpoint.port}{SECRET_PATH}")
    ledger.record_emitted([], {sink.name: alerts(1)})
    with closing(sink):
        delivery = deliver(ledger.outbox, [sink], ONCE)
    reasons = [*(one.reason for one in delivery.undelivered), *(one.reason for one in delivery.refused)]
    assert f'HTTP {status}: {{"status":{status},"error":"Not Found","path":"' in reasons[0]
    kept = "".join(reasons).lower()
    assert all(secret not in kept for secret in ("topsecret", "hidden"))


def test_a_secret_that_the_end_of_what_is_shown_would_cut_is_not_shown_in_part(endpoint: Endpoint) -> None:
    endpoint.react = lambda _: Reply(404, b"x" * 190 + b"/hook-t0psecret")
    [undelivered] = send(Webhook(f"http://127.0.0.1:{endpoint.port}/hook-t0psecret")).undelivered
    assert undelivered.reason == f"HTTP 404: {'x' * 190}…"


def test_splunks_answer_may_repeat_the_token_but_the_path_is_no_secret(endpoint: Endpoint) -> None:
    said = {"text": f"no event of {TOKEN[:30]} at /services/collector", "code": 4}
    endpoint.react = lambda _: Reply(403, json.dumps(said).encode())
    [undelivered] = send(hec(endpoint)).undelivered
    assert undelivered.reason == "HTTP 403, code 4: no event of … at /services/collector"


def test_requests_share_a_connection(endpoint: Endpoint) -> None:
    assert send(webhook(endpoint), 1_600).accepted == 1_600
    assert len(endpoint.requests) == 4
    assert len({request.client_port for request in endpoint.requests}) == 1
