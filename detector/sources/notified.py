"""Sources of log objects that a message named, or brought along."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from detector.scope import Scope
from detector.sources.log_source import Listed, LogObject, LogSource, Reader, Skipped, Unreadable
from detector.sources.notifications import CarriedRecord


@dataclass(frozen=True, slots=True)
class NotifiedSource:
    """Objects of another source that need not be looked for."""

    whole: LogSource
    objects: tuple[LogObject | Skipped | Unreadable, ...]
    root: ClassVar[str] = ""

    def list(self, scope: Scope) -> Iterator[Listed]:  # noqa: ARG002 - they are all meant
        """Yield the objects, and those that could not be looked at."""
        yield from self.objects

    def reader(self) -> Reader:
        """Return the reader of the source that they lie in."""
        return self.whole.reader()

    def covers(self, uri: str, scope: Scope) -> bool:  # noqa: ARG002 - nothing is looked for
        """Tell that no folder is listed."""
        return False


class CarriedSource:
    """Records that came in messages, each as a log object of its own."""

    root = ""

    def __init__(self, records: Sequence[CarriedRecord]) -> None:
        self._contents = {one.uri: b'{"Records":[' + one.raw + b"]}" for one in records}
        self._records = {one.uri: one for one in records}

    def list(self, scope: Scope) -> Iterator[Listed]:  # noqa: ARG002 - they are all meant
        """Yield one object for each record."""
        yield from self.objects

    @property
    def objects(self) -> tuple[LogObject, ...]:
        """The log objects that the records are."""
        return tuple(
            LogObject(uri, len(content), hashlib.sha256(content).hexdigest(), self._records[uri].sent_at)
            for uri, content in self._contents.items()
        )

    def reader(self) -> CarriedReader:
        """Return a reader that carries the records."""
        return CarriedReader(self._contents)

    def covers(self, uri: str, scope: Scope) -> bool:  # noqa: ARG002 - nothing is looked for
        """Tell that no folder is listed."""
        return False


@dataclass(frozen=True, slots=True)
class CarriedReader:
    """Hands out records that came in messages."""

    contents: Mapping[str, bytes]

    def read(self, objects: Sequence[LogObject]) -> Iterator[tuple[LogObject, bytes | Unreadable]]:
        """Yield each record as the bytes of a log file."""
        for item in objects:
            yield item, self.contents[item.uri]
