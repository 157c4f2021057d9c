"""The interface of everything that takes alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from detector.errors import SinkError
from detector.lake.ledger.outbox import Document


class Fate(Enum):
    """The fate of one document at a sink."""

    ACCEPTED = auto()
    REFUSED = auto()  # and will refuse it whenever it comes
    LATER = auto()  # not now


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer about one document."""

    fate: Fate
    reason: str = ""


ACCEPTED = Receipt(Fate.ACCEPTED)


class NotDelivered(SinkError):  # noqa: N818 - a state; the documents wait
    """A sink took nothing of a batch.

    Attributes:
        may_recover: False when another attempt a moment later would meet the same answer (a wrong token).
        wait_seconds: how long the sink asks us to wait.
    """

    def __init__(
        self, message: str, *, hint: str = "", may_recover: bool = True, wait_seconds: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.may_recover = may_recover
        self.wait_seconds = wait_seconds


class BatchRefused(SinkError):  # noqa: N818 - an answer
    """A sink refuses a batch because of something in it; alone, each of its documents shows whether it is that.

    Attributes:
        suspect: the position of the document that the sink names.
    """

    def __init__(self, message: str, *, suspect: int | None = None) -> None:
        super().__init__(message)
        self.suspect = suspect


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a sink takes at once."""

    documents: int
    size_bytes: int


class Sink(Protocol):
    """Takes alerts, in order, one batch at a time. Repeats, time limits and the outbox are not its business."""

    @property
    def name(self) -> str:
        """The name by which people and the ledger know it: the same in every run, and without a secret."""
        ...

    @property
    def limits(self) -> Limits:
        """The most that `send` takes."""
        ...

    def send(self, documents: Sequence[Document], seconds: float) -> Sequence[Receipt]:
        """Make one attempt, and return an answer for each document.

        Args:
            documents: at least one, no alert twice, within the limits (a single one may be larger).
            seconds: when to stop waiting for the sink.

        Raises:
            NotDelivered: it took none.
            BatchRefused: it took none because of something in them.
            OutputClosed: standard output has been closed by its reader.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class NamedSink:
    """A sink under the name that the user gave it, so that its own need not be remembered."""

    sink: Sink
    name: str

    @property
    def limits(self) -> Limits:
        """Those of the sink."""
        return self.sink.limits

    def send(self, documents: Sequence[Document], seconds: float) -> Sequence[Receipt]:
        """Let the sink send."""
        return self.sink.send(documents, seconds)

    def close(self) -> None:
        """Close the sink."""
        self.sink.close()
