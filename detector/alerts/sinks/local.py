"""Standard output, and a file that other programs tail."""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from detector.alerts.sinks.sink import ACCEPTED, Limits, NotDelivered, Receipt
from detector.errors import OutputClosed, SinkError
from detector.lake.ledger.outbox import Document

_LIMITS = Limits(documents=1_000, size_bytes=8_000_000)


class StandardOutput:
    """Lines to standard output."""

    name = "-"
    limits = _LIMITS

    def __init__(self, header: bytes | None = None) -> None:
        """Take the line that comes before all others."""
        self._header = header

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:  # noqa: ARG002
        """Write and flush; a reader that has gone away (`| head`) is an error here, not a traceback."""
        stream = sys.stdout.buffer
        try:
            stream.writelines([self._header or b"", *(document.line for document in documents)])
            stream.flush()
            self._header = None
        except BrokenPipeError as error:
            forget_standard_output()
            raise OutputClosed("the reader of standard output has gone") from error
        except OSError as error:
            raise NotDelivered(f"cannot write to standard output: {error.strerror}", may_recover=False) from error
        return [ACCEPTED] * len(documents)

    def close(self) -> None:
        """Leave it open: it is not ours."""


def forget_standard_output() -> None:
    """Keep Python from flushing a closed standard output at exit, which it would complain about."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@dataclass(frozen=True, slots=True)
class AlertFile:
    """A file that only grows.

    One O_APPEND write a batch, complete lines only: a program that tails it sees whole lines, two writers do not
    mix theirs, and nothing is ever rewritten, which would make it read everything again. It is opened for each batch:
    after a rotation the next one goes to a new file.
    """

    path: Path
    header: bytes | None = None  # the first line of an empty file

    @property
    def name(self) -> str:
        """The absolute path; links are not followed, since what they point to may change."""
        return os.path.normpath(self.path.absolute())

    @property
    def limits(self) -> Limits:
        """So much in one write."""
        return _LIMITS

    def create(self) -> None:
        """Make the file when there is none.

        Raises:
            SinkError: it cannot be written.
        """
        try:
            # What exists and is no file (a pipe) would wait here for a reader.
            if self.path.is_file() or not self.path.exists():
                os.close(self._open())
            elif self.path.is_dir():
                raise IsADirectoryError(None, "Is a directory")
        except OSError as error:
            raise SinkError(
                f"cannot write {self.path}: {error.strerror}", hint="no alert was recorded as written"
            ) from error

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:  # noqa: ARG002
        """Append and fsync."""
        data = b"".join(document.line for document in documents)
        try:
            descriptor = self._open()
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)  # not a pipe, and not /dev/stdout
            try:
                if is_file:
                    # So that no other writer's batch is half there when the end is looked at.
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
                    data = self._before(descriptor) + data
                while data:
                    data = data[os.write(descriptor, data) :]
                if is_file:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise NotDelivered(f"cannot write {self.path}: {error.strerror}", may_recover=False) from error
        return [ACCEPTED] * len(documents)

    def close(self) -> None:
        """Nothing to do: it is closed after each batch."""

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)

    def _before(self, descriptor: int) -> bytes:
        """Return the header of an empty file, or a newline when the last write was cut off (a full disk, a crash)."""
        size = os.fstat(descriptor).st_size
        if size == 0:
            return self.header or b""
        with self.path.open("rb") as file:
            file.seek(size - 1)
            return b"" if file.read(1) == b"\n" else b"\n"
