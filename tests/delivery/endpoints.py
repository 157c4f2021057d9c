"""HTTP endpoints on loopback that take alerts, or fail in the ways that real ones do."""

from __future__ import annotations

import json
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler
from random import Random

from tests.loopback import LoopbackServer, serve

BAD_REQUEST, BUSY, LATER = 400, 503, 429


class Instead(Enum):
    """What happens instead of an answer."""

    HANG = auto()  # until the client gives up
    RESET = auto()
    STALL = auto()  # within the body


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b'{"text":"Success","code":0}'
    headers: dict[str, str] = field(default_factory=dict)
    instead: Instead | None = None


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes
    client_port: int

    @property
    def lines(self) -> list[bytes]:
        return self.body.splitlines(keepends=True)


@dataclass
class Endpoint:
    """Answers as `react` says; keeps what came."""

    react: Callable[[Request], Reply] = lambda _: Reply()
    requests: list[Request] = field(default_factory=list)
    port: int = 0

    @property
    def ids(self) -> list[str]:
        """The alert ids in all requests, in order."""
        return [json.loads(line)["alert_id"] for request in self.requests for line in request.lines]


class Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True  # else each answer with a body waits 40 ms for the client's ACK
    endpoint: Endpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = Request(
            self.path, {name.lower(): value for name, value in self.headers.items()}, body, self.client_address[1]
        )
        self.endpoint.requests.append(request)
        reply = self.endpoint.react(request)
        if reply.instead is Instead.HANG:
            self.connection.recv(1)
        if reply.instead is Instead.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        if reply.instead in (Instead.HANG, Instead.RESET):
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in ({"Content-Length": str(len(reply.body))} | reply.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)
        if reply.instead is Instead.STALL:
            self.connection.recv(1)


class Server(LoopbackServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: that clients hang up is what is tried."""


@contextmanager
def serving(endpoint: Endpoint, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Endpoint]:
    with serve(Handler, port=port, tls=tls, kind=Server, endpoint=endpoint) as endpoint.port:
        yield endpoint


def unused_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
    return port


@dataclass
class Collector:
    """Takes lines of JSON, three times out of ten not, and one of them never."""

    poison: bytes
    random: Random
    refusal: Callable[[int], bytes] = lambda _: b"no"
    taken: list[bytes] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def react(self, request: Request) -> Reply:
        fault = self.random.choice(("busy", "later", "reset", "hang", "lost")) if self.random.random() < 0.3 else ""
        if fault:
            self.faults.append(fault)
        if fault in ("", "lost"):
            if self.poison in request.lines:
                return Reply(BAD_REQUEST, self.refusal(request.lines.index(self.poison)))
            self.taken += request.lines
        return {
            "": Reply(),
            "lost": Reply(instead=Instead.RESET),
            "busy": Reply(BUSY, b'{"text":"Server is busy","code":9}'),
            "later": Reply(LATER, headers={"Retry-After": "0"}),
            "reset": Reply(instead=Instead.RESET),
            "hang": Reply(instead=Instead.HANG),
        }[fault]


def first_times(lines: list[bytes]) -> list[bytes]:
    """Return each line once, where it came first."""
    return list(dict.fromkeys(lines))
