"""Connections, above all of urllib3, that hold to one deadline for a whole request.

A socket's timeout bounds one wait, and a server that sends a byte a second, or an interim answer after the other, ends
each wait and never the request. Here every wait is given what is left of the request: the handshake, a proxy's answer,
what is sent, the headers, and the framing of the body. Two things are outside: a name server's answer, and the second
and later addresses of a host, each of which gets the time to connect.
"""

from __future__ import annotations

import io
import math
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIECE_BYTES = 16_384  # one record of TLS
_ends_at: ContextVar[float] = ContextVar("ends_at", default=math.inf)


@contextmanager
def whole_request(seconds: float) -> Iterator[None]:
    """Let the request that is made inside end, with a timeout of urllib3, when its seconds are over."""
    before = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(before)


def seconds_left() -> float:
    """Return what is left of the request; a minute outside of any, and never less than a moment."""
    return max(0.001, min(60.0, _ends_at.get() - time.monotonic()))


def hold_to_deadline(pools: urllib3.PoolManager) -> None:
    """Have these pools open such connections."""
    pools.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


def wait_no_longer(connected: socket.socket) -> None:
    """Give the next wait what is left.

    Raises:
        TimeoutError: nothing is.
    """
    seconds = _ends_at.get() - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the time of the request is over")
    connected.settimeout(seconds)


class Reading(io.RawIOBase):
    """The bytes that a socket receives, in time."""

    def __init__(self, connected: socket.socket, received: io.RawIOBase) -> None:
        self._socket = connected
        self._received = received

    def readable(self) -> bool:
        """Say so: it is read from."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        """Read what there is, waiting no longer than the request lasts."""
        wait_no_longer(self._socket)
        return self._received.readinto(buffer)

    def close(self) -> None:
        """Close both."""
        self._received.close()
        super().close()


class _Response(HTTPResponse):
    """An answer, a proxy's too, that is read in time."""

    def __init__(self, sock: socket.socket, debuglevel: int = 0, method: str | None = None) -> None:
        super().__init__(sock, debuglevel, method)
        self.fp = io.BufferedReader(Reading(sock, self.fp.detach()))

    def begin(self) -> None:
        super().begin()
        # urllib3 refuses this too, but leaves the socket open.
        if "," in self.headers.get("Content-Length", ""):
            raise HTTPException("more than one Content-Length")


class _InTime(HTTPConnection):
    response_class = _Response

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        try:
            wait_no_longer(connected)
        except TimeoutError:
            connected.close()
            raise
        return connected

    def send(self, data: bytes) -> None:  # type: ignore[override]  # nothing else is sent
        if self.sock is None:
            self.connect()
        # TLS counts the time of each record by itself.
        view = memoryview(data)
        for start in range(0, len(view), _PIECE_BYTES):
            wait_no_longer(self.sock)
            super().send(view[start : start + _PIECE_BYTES])


class _SecureInTime(_InTime, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _InTime


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureInTime
