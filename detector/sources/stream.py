"""One log file that comes as a stream: standard input, or a pipe."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import BinaryIO

from detector.errors import SourceError
from detector.scope import Scope
from detector.sources.log_source import MAX_OBJECT_BYTES, Listed, LogObject, Unreadable


@dataclass
class StreamSource:
    """Standard input, or a pipe: one log file, read once and kept."""

    open_stream: Callable[[], AbstractContextManager[BinaryIO]] = lambda: nullcontext(sys.stdin.buffer)
    _kept: tuple[LogObject, bytes] | None = field(default=None, repr=False)
    root = ""

    def list(self, scope: Scope) -> Iterator[Listed]:  # noqa: ARG002 - a stream has no name to filter by
        """Yield the stream as one object.

        Raises:
            SourceError: it is larger than 1 GiB, or cannot be read.
        """
        yield self._load()[0]

    def reader(self) -> StreamReader:
        """Return a reader that carries the bytes."""
        return StreamReader(*self._load())

    def covers(self, uri: str, scope: Scope) -> bool:  # noqa: ARG002 - nothing is looked for
        """Tell that no folder is listed."""
        return False

    def _load(self) -> tuple[LogObject, bytes]:
        if self._kept is None:
            content = self._read()
            digest = hashlib.sha256(content).hexdigest()
            self._kept = LogObject(f"stdin:{digest}", len(content), digest, None), content
        return self._kept

    def _read(self) -> bytes:
        try:
            with self.open_stream() as stream:
                content = stream.read(MAX_OBJECT_BYTES + 1)
        except OSError as error:
            raise SourceError(f"cannot read standard input: {why(error)}") from error
        if len(content) > MAX_OBJECT_BYTES:
            raise SourceError(
                f"standard input is larger than {MAX_OBJECT_BYTES} bytes",
                hint="save it in a directory as several files and name the directory",
            )
        return content


@dataclass(frozen=True, slots=True)
class StreamReader:
    """Hands out the bytes of a stream that was read before."""

    item: LogObject
    content: bytes = field(repr=False)

    def read(self, objects: Sequence[LogObject]) -> Iterator[tuple[LogObject, bytes | Unreadable]]:
        """Yield the stream's bytes for its object."""
        for item in objects:
            yield item, self.content if item.uri == self.item.uri else Unreadable(item.uri, "not this stream")


def why(error: OSError | ValueError) -> str:
    """Return what the system says of a file that cannot be read, as the end of a sentence."""
    return (getattr(error, "strerror", None) or str(error)).lower()
