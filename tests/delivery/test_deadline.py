"""Servers that keep a request open, or answer oddly: an outcome in time, and other outputs get their alerts."""

from __future__ import annotations

import gc
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import trustme
import urllib3
from urllib3.exceptions import HTTPError

from detector.alerts.delivery import Delivery, InMemoryOutbox, RetryPolicy, deliver
from detector.alerts.sinks.deadline import hold_to_deadline, whole_request
from detector.alerts.sinks.hec import SplunkCollector
from detector.alerts.sinks.local import AlertFile
from detector.alerts.sinks.sink import NotDelivered, Sink
from detector.alerts.sinks.webhook import Webhook
from detector.lake.ledger.outbox import Document

from .conftest import alerts
from .endpoints import Endpoint, Reply, serving

REQUEST = RetryPolicy(attempts=1, request_seconds=0.3)
DRIPS = 500  # one every 20 ms: ten seconds
SOON = 5.0
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
Behave = Callable[[socket.socket], None]


@contextmanager
def listening(behave: Behave) -> Iterator[int]:
    """Hand out the port of a server that does with each connection what it likes."""

    def one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(SOON)
            behave(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536) or b"\r\n\r\n"
    head, _, body = received.partition(b"\r\n\r\n")
    length = int((head.lower() + b"\r\n").partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    while len(body) < length and (piece := connection.recv(65_536)):
        body += piece
    return head


def drip(beginning: bytes, piece: bytes) -> Behave:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(beginning)
        for _ in range(DRIPS):
            connection.sendall(piece)
            time.sleep(0.02)

    return behave


def say(answer: bytes) -> Behave:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)

    return behave


def over_tls(context: ssl.SSLContext, behave: Behave) -> Behave:
    def behave_over_tls(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            behave(secure)

    return behave_over_tls


def relay(target: int) -> Behave:
    """Be a proxy in front of that port, whatever host is asked for."""

    def copy(source: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65_536):
                to.sendall(piece)

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", target)) as further:
            threading.Thread(target=copy, args=(further, connection), daemon=True).start()
            copy(connection, further)

    return behave


@pytest.fixture
def secured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ssl.SSLContext:
    """Return the TLS of a server that is trusted as 127.0.0.1 and siem.example."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "siem.example").configure_cert(context)
    return context


def send(sink: Sink, documents: list[Document] | None = None, retry_policy: RetryPolicy = REQUEST) -> Delivery:
    """Send, and see to it that it does not take long."""
    documents = documents or alerts(3)
    begun = time.monotonic()
    with closing(sink):
        delivery = deliver(InMemoryOutbox({sink.name: documents}), [sink], retry_policy)
    assert time.monotonic() - begun < SOON
    return delivery


ENDLESS_HEADERS = [(OK + b"X-A: ", b"a"), (OK, b"X-A: b"), (b"", b"HTTP/1.1 100 Continue\r\n\r\n"), (b"", b"H")]
ENDLESS_BODIES = [
    (OK + b"Content-Length: 60000\r\n\r\n", b" "),
    (OK + b"\r\n", b" "),
    (CHUNKED, b"0"),
    (CHUNKED + b"1;", b"x"),
    (CHUNKED + b"0\r\n", b"X-A: b\r\n"),
]


@pytest.mark.parametrize(("beginning", "piece"), ENDLESS_HEADERS)
def test_an_answer_whose_headers_do_not_end_is_none(tmp_path: Path, beginning: bytes, piece: bytes) -> None:
    with listening(drip(beginning, piece)) as port:
        sinks: list[Sink] = [Webhook(f"http://127.0.0.1:{port}/"), AlertFile(tmp_path / "alerts.jsonl")]
        begun = time.monotonic()
        delivery = deliver(InMemoryOutbox({one.name: alerts(3) for one in sinks}), sinks, REQUEST)
        assert time.monotonic() - begun < SOON
        sinks[0].close()
    [undelivered] = delivery.undelivered
    assert (undelivered.sink, undelivered.alerts) == (sinks[0].name, 3)
    assert undelivered.reason == f"127.0.0.1:{port} did not answer in time"
    assert len((tmp_path / "alerts.jsonl").read_bytes().splitlines()) == 3


@pytest.mark.parametrize(("beginning", "piece"), ENDLESS_BODIES)
def test_an_answer_whose_body_does_not_end_is_what_its_status_says(
    monkeypatch: pytest.MonkeyPatch, beginning: bytes, piece: bytes
) -> None:
    monkeypatch.setenv("DETECTOR_HEC_TOKEN", "token")
    with listening(drip(beginning, piece)) as port:
        assert send(Webhook(f"http://127.0.0.1:{port}/")) == Delivery(accepted=3)
        [undelivered] = send(SplunkCollector(f"hec+http://127.0.0.1:{port}")).undelivered
    assert undelivered.reason == "HTTP 200, not code 0"


@pytest.mark.parametrize(("beginning", "piece"), [ENDLESS_HEADERS[0], ENDLESS_HEADERS[2]])
def test_headers_that_do_not_end_come_over_tls_too(secured: ssl.SSLContext, beginning: bytes, piece: bytes) -> None:
    with listening(over_tls(secured, drip(beginning, piece))) as port:
        [undelivered] = send(Webhook(f"https://127.0.0.1:{port}/")).undelivered
    assert undelivered.reason == f"127.0.0.1:{port} did not answer in time"


def test_a_proxy_that_does_not_come_to_an_end_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(drip(OK + b"X-A: ", b"a")) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        [undelivered] = send(Webhook("https://siem.example/")).undelivered
    assert undelivered.alerts == 3
    assert "in time" in undelivered.reason


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_alerts_arrive_through_a_proxy(secured: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    with serving(Endpoint(), secured) as endpoint:
        proxy = relay(endpoint.port)
        with listening(over_tls(secured, proxy) if scheme == "https" else proxy) as port:
            monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{port}")
            assert send(Webhook("https://siem.example/"), retry_policy=RetryPolicy(attempts=3)) == Delivery(accepted=3)
    assert endpoint.requests[0].lines == [one.line for one in alerts(3)]


def test_each_request_has_its_own_time() -> None:
    with serving(Endpoint()) as endpoint, closing(Webhook(f"http://127.0.0.1:{endpoint.port}/")) as sink:
        sink.send(alerts(1), 0.2)
        time.sleep(0.3)
        sink.send(alerts(1), 0.5)  # over the same connection
        endpoint.react = lambda _: Reply(503)
        with pytest.raises(NotDelivered, match="HTTP 503"):
            sink.send(alerts(1), 0.5)
    assert len({request.client_port for request in endpoint.requests}) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x16\x03\x01\x00",
        b"\x00\xff\xfe garbage\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n",
        b"HTTP/1.1 200\x00 OK\r\n\r\n",
        b"HTTP/1.1 1000 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: http://[::1\r\n\r\n",
        OK + b"X-A: b\r\n" * 5_000 + b"\r\n",
        OK + b"X-A: " + b"b" * 200_000 + b"\r\n\r\n",
        OK + b"Content-Length: 3, 5\r\n\r\nabc",
        OK + b"Content-Length: 500\r\n\r\nabc",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"5\r\nab",
        CHUNKED + b"1" * 200_000 + b"\r\n",
    ],
)
def test_what_is_no_answer_leaves_the_alerts_waiting(answer: bytes) -> None:
    with listening(say(answer)) as port:
        delivery = send(Webhook(f"http://127.0.0.1:{port}/hook?key=s3cret"))
    [undelivered] = delivery.undelivered
    assert (undelivered.alerts, delivery.accepted, delivery.refused) == (3, 0, [])
    assert undelivered.reason.isprintable()
    assert "s3cret" not in repr(undelivered)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        OK + b"no colon here\r\n: \r\n folded\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n",
        OK + b"Content-Type: multipart/mixed\r\nContent-Length: -1\r\n\r\n--x",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\nzz",
    ],
)
def test_an_odd_success_is_one(answer: bytes) -> None:
    with listening(say(answer)) as port:
        assert send(Webhook(f"http://127.0.0.1:{port}/")) == Delivery(accepted=3)


def test_a_connection_for_which_no_time_is_left_is_closed() -> None:
    pools = urllib3.PoolManager()
    hold_to_deadline(pools)
    with serving(Endpoint()) as endpoint, whole_request(-1):
        with pytest.raises(HTTPError):
            pools.request("POST", f"http://127.0.0.1:{endpoint.port}/", timeout=5, retries=False)
        gc.collect()  # an open socket is a warning, and so an error
    assert endpoint.requests == []
