"""AWS as moto plays it, behind a front that fails."""

from __future__ import annotations

import io
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from detector.alerts.delivery import Delivery, InMemoryOutbox, RetryPolicy, deliver
from detector.alerts.sinks.sink import Sink
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.outbox import Document

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

NO_WAIT = RetryPolicy(sleep=lambda _: None, attempts=40)
ONCE = RetryPolicy(attempts=1)
Fault = Callable[["WSGIEnvironment", "StartResponse"], Iterable[bytes] | None]


@dataclass
class Front:
    """Stands before moto: may answer in its place, cut the connection, or hide findings from it."""

    fault: Fault | None = None
    url: str = ""
    moto: Any = field(default_factory=lambda: DomainDispatcherApplication(create_backend_app))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = self.fault and self.fault(environ, start_response)
        if answer is not None:
            return answer
        passed: Iterable[bytes] = self.moto(environ, start_response)
        return passed


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving_aws(tls: ssl.SSLContext | None = None) -> Iterator[Front]:
    """Serve it on loopback."""
    application = Front()
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet, ssl_context=tls)
    application.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield application
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(sink: Sink, documents: list[Document], retry_policy: RetryPolicy = ONCE) -> Delivery:
    with closing(sink):
        return deliver(InMemoryOutbox({sink.name: documents}), [sink], retry_policy)


def body_of(environ: WSGIEnvironment) -> bytes:
    """Read the body, and leave it to be read again."""
    body: bytes = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def answer(start_response: StartResponse, status: str, body: bytes, kind: str = "application/json") -> list[bytes]:
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def cut(environ: WSGIEnvironment) -> list[bytes]:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionError


@dataclass
class Unreliable:
    """Fails three times out of ten, before or after moto has done what it was asked to."""

    front: Front
    operation: str  # in the path, or the method
    random: Random = field(default_factory=lambda: Random(11))
    taken: list[bytes] = field(default_factory=list)
    faults: set[str] = field(default_factory=set)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        if self.operation not in (environ["REQUEST_METHOD"], environ["PATH_INFO"]):
            return None
        fault = self.random.choice(("busy", "later", "reset", "lost")) if self.random.random() < 0.3 else ""
        self.faults.add(fault)
        assert self.operation != "PUT" or environ["HTTP_IF_NONE_MATCH"] == "*"
        if fault == "busy":
            return answer(start_response, "503 Busy", b"<Error><Code>SlowDown</Code></Error>", "application/xml")
        if fault == "later":
            return answer(start_response, "429 Later", b'{"__type":"TooManyRequestsException"}')
        if fault == "reset":
            return cut(environ)
        return self.pass_on(environ, start_response, is_lost=fault == "lost")

    def pass_on(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,  # noqa: ARG002 - for those that answer themselves
        *,
        is_lost: bool,
    ) -> Iterable[bytes] | None:
        self.taken += body_of(environ).splitlines(keepends=True)
        if is_lost:
            list(self.front.moto(environ, lambda *_: lambda _: None))
            return cut(environ)
        return None


def settle(ledger: Ledger, sink: Sink, documents: list[Document]) -> Delivery:
    with closing(sink):
        ledger.record_emitted([], {sink.name: documents})
        return deliver(ledger.outbox, [sink], NO_WAIT)
