"""Where alert lines go: standard output, or a file that other programs tail."""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from detector.errors import OutputClosed, SinkError


class Sink(Protocol):
    """Takes alert lines, and has them when `write` returns."""

    def write(self, lines: Iterable[bytes]) -> None:
        """Write complete lines, in order.

        Raises:
            SinkError: not all of them are written.
        """
        ...


class StandardOutput:
    """Lines to standard output."""

    def write(self, lines: Iterable[bytes]) -> None:
        """Write and flush; a reader that has gone away (`| head`) is an error here, not a traceback."""
        stream = sys.stdout.buffer
        try:
            stream.writelines(lines)
            stream.flush()
        except BrokenPipeError as error:
            forget_standard_output()
            raise OutputClosed("the reader of standard output has gone") from error
        except OSError as error:
            raise SinkError(f"cannot write to standard output: {error.strerror}") from error


def forget_standard_output() -> None:
    """Keep Python from flushing a closed standard output at exit, which it would complain about."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@dataclass(frozen=True, slots=True)
class AlertFile:
    """A file that only grows.

    One O_APPEND write a batch, complete lines only: a program that tails it sees whole lines, two writers do not
    mix theirs, and nothing is ever rewritten, which would make it read everything again.
    """

    path: Path

    def write(self, lines: Iterable[bytes]) -> None:
        """Append and fsync."""
        data = b"".join(lines)
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)  # not a pipe, and not /dev/stdout
            try:
                if is_file and data:
                    # So that no other writer's batch is half there when the end is looked at.
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
                    data = self._line_end(descriptor) + data
                while data:
                    data = data[os.write(descriptor, data) :]
                if is_file:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise SinkError(
                f"cannot write {self.path}: {error.strerror}", hint="no alert was recorded as written"
            ) from error

    def _line_end(self, descriptor: int) -> bytes:
        """Return a newline when the last write was cut off in the middle of a line (a full disk, a crash)."""
        size = os.fstat(descriptor).st_size
        if size == 0:
            return b""
        with self.path.open("rb") as file:
            file.seek(size - 1)
            return b"" if file.read(1) == b"\n" else b"\n"


def open_sink(output: str | None) -> Sink:
    """Return the sink that `--output` names: a path, or `-` and None for standard output."""
    return StandardOutput() if output in (None, "-") else AlertFile(Path(str(output)))
