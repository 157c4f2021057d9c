"""Read the objects of one batch: what a worker process of ingest and of scan begins with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from detector.errors import CredentialsError
from detector.sources.log_source import LogObject, Reader, Unreadable


@dataclass(slots=True)
class Reading:
    """The outcome for the objects of one batch, as far as they were read."""

    bytes_read: int = 0  # as stored
    failures: list[Unreadable] = field(default_factory=list)
    stopped_by: CredentialsError | None = None  # the rest of the batch was not read

    def read(self, reader: Reader, objects: Sequence[LogObject]) -> Iterator[tuple[LogObject, bytes]]:
        """Yield each object with its stored bytes; count the others, and end where AWS refuses the credentials."""
        try:
            for log_object, stored in reader.read(objects):
                if isinstance(stored, Unreadable):
                    self.failures.append(stored)
                else:
                    self.bytes_read += len(stored)
                    yield log_object, stored
        except CredentialsError as error:
            self.stopped_by = error
