"""smtplib's connections, held to one deadline and to replies of a bounded length."""

from __future__ import annotations

import io
import smtplib
import socket
import ssl
from typing import TYPE_CHECKING

from detector.alerts.sinks.deadline import Reading, seconds_left, wait_no_longer

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_CONNECT_SECONDS = 5.0
_REPLIES_BYTES = 1_000_000  # of one connection; a reply is one line of 512 bytes, or a few


class _Replies(Reading):
    """The bytes that a server sends, in time and not without end."""

    _left = _REPLIES_BYTES

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        count = super().readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise OSError("a reply that does not end")
        return count


class SmtpInTime(smtplib.SMTP):
    """A connection that is over when the request is inside which it is opened, whatever the server does."""

    def __init__(self, host: str, port: int) -> None:
        """Connect, and read the greeting."""
        super().__init__(host, port, _own_name(), timeout=min(_CONNECT_SECONDS, seconds_left()))

    def getreply(self) -> tuple[int, bytes]:
        """Read a reply."""
        connected: socket.socket | None = self.sock
        if self.file is None and connected is not None:
            received: io.RawIOBase = connected.makefile("rb", buffering=0)
            self.file = io.BufferedReader(_Replies(connected, received))
        return super().getreply()

    def send(self, s: ReadableBuffer | str) -> None:
        """Send all of it."""
        if self.sock is not None:
            wait_no_longer(self.sock)
        super().send(s)


class SmtpOverTlsInTime(SmtpInTime, smtplib.SMTP_SSL):
    """The same, with TLS from the start."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        """Connect, and read the greeting."""
        seconds = min(_CONNECT_SECONDS, seconds_left())
        smtplib.SMTP_SSL.__init__(self, host, port, _own_name(), timeout=seconds, context=context)


def _own_name() -> str:
    """Return what a greeting says; smtplib would ask a name server, which may take any time."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
