"""Delivery: each alert to each sink at least once, in order, within a bounded time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from typing import Protocol

from detector.alerts.sinks.sink import BatchRefused, Fate, Limits, NotDelivered, Receipt, Sink
from detector.backoff import Backoff
from detector.errors import OutputClosed
from detector.lake.ledger.outbox import Document

# A sink that refuses so many one after the other refuses something else than these alerts.
_REFUSED_IN_A_ROW = 20

_BACKOFF = Backoff(first_seconds=0.5, longest_seconds=20)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The limits of a delivery: attempts, waits and time."""

    seconds: float = 60  # all sinks together
    request_seconds: float = 20
    attempts: int = 8  # one after the other of which none brings anything
    backoff: Backoff = _BACKOFF
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Alerts that one sink did not take now."""

    sink: str
    alerts: int
    reason: str
    hint: str
    noun: str = "alert"  # of what is counted


@dataclass(frozen=True, slots=True)
class Refused:
    """An alert that one sink will never take."""

    sink: str
    alert_id: str
    reason: str


@dataclass(slots=True)
class Delivery:
    """The outcome of alerts on their way to their sinks."""

    accepted: int = 0
    undelivered: list[Undelivered] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    accepting: set[str] = field(default_factory=set, compare=False)  # sinks that accepted something

    @property
    def is_incomplete(self) -> bool:
        """True when a sink lacks an alert."""
        return bool(self.undelivered or self.refused)


# What need not be sent again: accepted, and refused with the reason.
_Settled = tuple[tuple[Document, ...], tuple[tuple[Document, str], ...]]


class DocumentQueue(Protocol):
    """The place where documents wait for sinks, each known by its name: the outbox, or only this process."""

    def waiting(self, sink: str) -> Iterator[Document]:
        """Yield what the sink has yet to accept, in order; it may be settled meanwhile."""
        ...

    def settle(self, sink: str, accepted: Sequence[Document], refused: Sequence[tuple[Document, str]]) -> None:
        """Forget what the sink has accepted, and what it will never take."""
        ...

    def count_waiting(self, sink: str) -> int:
        """Return how many documents the sink has yet to accept."""
        ...


class Documents(Sized, Iterable[Document], Protocol):
    """Documents whose number is known before they are made."""


class InMemoryOutbox:
    """Documents that wait in this process alone."""

    def __init__(self, documents: Mapping[str, Documents]) -> None:
        """Take the documents of each sink."""
        self._documents = documents
        self._left = {sink: len(of_sink) for sink, of_sink in documents.items()}

    def waiting(self, sink: str) -> Iterator[Document]:
        """Yield all, once."""
        return iter(self._documents[sink])

    def settle(self, sink: str, accepted: Sequence[Document], refused: Sequence[tuple[Document, str]]) -> None:
        """Count down."""
        self._left[sink] -= len(accepted) + len(refused)

    def count_waiting(self, sink: str) -> int:
        """Return how many are left."""
        return self._left[sink]


def deliver(waiting: DocumentQueue, sinks: Sequence[Sink], retry_policy: RetryPolicy) -> Delivery:
    """Send what waits for these sinks, to one after the other; what they do not take now goes on waiting.

    Raises:
        OutputClosed: the reader of standard output has gone; the other sinks have theirs.
    """
    delivery = Delivery()
    closed: OutputClosed | None = None
    end = retry_policy.clock() + retry_policy.seconds
    for position, sink in enumerate(sinks):
        now = retry_policy.clock()
        # A sink that does not answer leaves their share of the time to those behind it.
        attempts = _Attempts(retry_policy, now + max(0.0, end - now) / (len(sinks) - position))
        try:
            for accepted, refused in _send_all(sink, waiting.waiting(sink.name), attempts):
                waiting.settle(sink.name, accepted, refused)
                delivery.accepted += len(accepted)
                delivery.accepting |= {sink.name} if accepted else set()
                delivery.refused += [Refused(sink.name, one.alert_id, reason) for one, reason in refused]
        except OutputClosed as error:
            closed = error
        except NotDelivered as error:
            count = waiting.count_waiting(sink.name)
            delivery.undelivered.append(Undelivered(sink.name, count, str(error), error.hint))
    if closed:
        raise closed
    return delivery


class _Attempts:
    """The decision to try again, or to give up."""

    def __init__(self, retry_policy: RetryPolicy, end: float) -> None:
        self._retry_policy = retry_policy
        self._end = end
        self._failures = 0

    def request_seconds(self) -> float:
        """Return how long the next request may take.

        Raises:
            NotDelivered: there is no time left.
        """
        left = self._end - self._retry_policy.clock()
        if left <= 0:
            raise NotDelivered(f"not done within the {self._retry_policy.seconds:g} s of a delivery", may_recover=False)
        return min(left, self._retry_policy.request_seconds)

    def go_on(self) -> None:
        """Note that something was settled: retry_policy begins anew."""
        self._failures = 0

    def wait(self, failure: NotDelivered) -> None:
        """Wait before the next attempt; raise `failure` when there is to be none."""
        retry_policy = self._retry_policy
        self._failures += 1
        seconds = max(retry_policy.backoff.seconds(self._failures), failure.wait_seconds or 0)
        in_time = retry_policy.clock() + seconds < self._end
        if not failure.may_recover or self._failures >= retry_policy.attempts or not in_time:
            raise failure
        retry_policy.sleep(seconds)


def _send_all(sink: Sink, documents: Iterator[Document], attempts: _Attempts) -> Iterator[_Settled]:
    """Send documents until each is accepted or refused.

    Raises:
        NotDelivered: it is time to give up; what has not been yielded, and all that comes after, waits.
    """
    # A refusal counts when the sink accepts something else later, or nothing is left: else the sink is to blame.
    doubted: list[tuple[Document, str]] = []
    for batch in _batches(documents, sink.limits):
        pieces = deque([batch])
        while pieces:
            piece = pieces.popleft()
            try:
                receipts = sink.send(piece, attempts.request_seconds())
            except BatchRefused as refusal:
                if len(piece) > 1:
                    pieces.extendleft(reversed(_cut(piece, refusal.suspect)))
                    continue
                receipts = [Receipt(Fate.REFUSED, str(refusal))]
            except NotDelivered as failure:
                attempts.wait(failure)
                pieces.appendleft(piece)
                continue
            answered = list(zip(piece, receipts, strict=True))
            accepted = tuple(document for document, receipt in answered if receipt.fate is Fate.ACCEPTED)
            doubted += [(document, receipt.reason) for document, receipt in answered if receipt.fate is Fate.REFUSED]
            later = [(document, receipt.reason) for document, receipt in answered if receipt.fate is Fate.LATER]
            if accepted:
                yield accepted, tuple(doubted)
                doubted.clear()
            elif len(doubted) > _REFUSED_IN_A_ROW:
                raise _refusing_everything(doubted[-1][1])
            if len(later) < len(piece):
                attempts.go_on()
            if later:
                pieces.appendleft(tuple(document for document, _ in later))
                attempts.wait(NotDelivered(later[0][1]))
    if doubted:
        yield (), tuple(doubted)


def _refusing_everything(reason: str) -> NotDelivered:
    return NotDelivered(
        f"refuses one alert after the other: {reason}",
        hint="more likely than the alerts, the output is set up differently from what is sent",
        may_recover=False,
    )


def _cut(piece: Sequence[Document], suspect: int | None) -> list[tuple[Document, ...]]:
    """Cut a refused piece: round the document that is suspected, else in the middle."""
    if suspect is None or not 0 <= suspect < len(piece):
        middle = len(piece) // 2
        return [tuple(piece[:middle]), tuple(piece[middle:])]
    cut = [tuple(piece[:suspect]), (piece[suspect],), tuple(piece[suspect + 1 :])]
    return [part for part in cut if part]


def _batches(documents: Iterator[Document], limits: Limits) -> Iterator[tuple[Document, ...]]:
    """Yield as many documents at a time as the limits allow, and no alert twice (a SIEM may take only one of them)."""
    batch: dict[str, Document] = {}
    size = 0
    for document in documents:
        is_full = len(batch) == limits.documents or size + len(document.line) > limits.size_bytes
        if batch and (is_full or document.alert_id in batch):
            yield tuple(batch.values())
            batch, size = {}, 0
        batch[document.alert_id] = document
        size += len(document.line)
    if batch:
        yield tuple(batch.values())
