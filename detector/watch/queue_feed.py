"""Arrivals from a queue: each message is deleted only when all that it names is in the lake, its alerts written."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from detector.backoff import Backoff
from detector.batching import is_empty
from detector.errors import SourceError
from detector.lake.ledger.ledger import Ledger
from detector.lake.quarantine import Quarantine
from detector.reasons import Reason
from detector.run_report import RunReport
from detector.scope import Scope
from detector.sources.aws_options import AwsOptions
from detector.sources.log_source import LogObject, LogSource, Skipped, Unreadable
from detector.sources.notifications import Decision, NamedObject, decide
from detector.sources.notified import CarriedSource, NotifiedSource
from detector.sources.s3 import S3Source, open_s3
from detector.sources.sqs import Message, Messages, VisibilityExtender
from detector.times import utc_now
from detector.watch.progress import Totals

# How long a request waits for a message. A stop waits for the end of it.
_WAIT_SECONDS = 5
_RETRY = Backoff(first_seconds=5, longest_seconds=900)
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """Settings of a queue's consumer."""

    max_delay_seconds: float = 2  # from a message to its alert, as far as the work allows
    max_objects: int = 500
    once: bool = False
    buckets: frozenset[str] = frozenset()  # to read from; none: all that messages name
    # What is not understood, once it is kept in the lake. Otherwise it is left to the queue's redrive policy.
    deletes_poison: bool = False
    takes_digests: bool = False  # False: messages about them bring nothing

    def reads(self, bucket: str) -> bool:
        """Tell whether objects of this bucket are to be read."""
        return not self.buckets or bucket in self.buckets


@dataclass(frozen=True, slots=True)
class _Judged:
    message: Message
    decision: Decision

    @property
    def uris(self) -> list[str]:
        return [*(one.uri for one in self.decision.objects), *(one.uri for one in self.decision.records)]


class QueueFeed:
    """The messages of one queue.

    A message waits for others only as long as its alert, judging by the time that the last batch took, is still written
    within `max_delay_seconds` of its arrival. A message that comes after a pause does not wait.
    """

    def __init__(
        self,
        queue: Messages,
        extender: VisibilityExtender,
        options: AwsOptions,
        settings: QueueSettings,
        quarantine: Quarantine,
        totals: Totals,
        stop: threading.Event,
        tell: Tell,
    ) -> None:
        self.queue = queue
        self.extender = extender
        self.settings = settings
        self.quarantine = quarantine
        self.totals = totals
        self.tell = tell
        self._stop = stop
        self._bucket = lru_cache(maxsize=64)(lambda bucket: open_s3(f"s3://{bucket}", options))
        self._gathered_at: float | None = None  # while a batch is worked on
        self._worked_seconds = 0.0  # on the last batch
        self._next_batch = 0.0
        self._is_behind = False  # there was more than one batch takes
        self._is_known = False

    def next(self, ledger: Ledger) -> QueueArrival | None:
        """Receive at most one batch of messages."""
        if not self._is_known:
            self.queue.ask_visibility_timeout()
            self._is_known = True
        messages = self._gather()
        if not messages:
            return None
        self.totals.received += len(messages)
        try:
            return self._arrival([_Judged(one, decide(one.body)) for one in messages], ledger)
        except SourceError:
            self.nack(messages)
            raise

    def renew(self) -> None:
        """Ask for credentials anew."""
        self.queue.forget_credentials()
        self._bucket.cache_clear()

    def nack(self, messages: Sequence[Message], seconds: int = 0) -> None:
        """Make messages visible again after `seconds`."""
        self.extender.let_go(messages)
        self.queue.release(messages, seconds)

    def _gather(self) -> list[Message]:
        if self._gathered_at is not None:
            self._worked_seconds = time.monotonic() - self._gathered_at
            self._next_batch = self._gathered_at + self.settings.max_delay_seconds - self._worked_seconds
            self._gathered_at = None
        if not self.settings.once and not self._is_behind:
            self._stop.wait(max(0.0, self._next_batch - time.monotonic()))
        messages: list[Message] = []
        received: list[Message] = []
        wait_seconds = 1 if self.settings.once else _WAIT_SECONDS
        enough = self.settings.max_objects
        until = math.inf
        while not self._stop.is_set() and len(messages) < enough and time.monotonic() < until:
            try:
                received = self.queue.receive(wait_seconds)
            except SourceError:
                if not messages:
                    raise
                break  # the next request will say it again
            if not messages:  # more may come as quickly as they are taken
                until = time.monotonic() + max(self.settings.max_delay_seconds / 2, self._worked_seconds)
            self.extender.hold(received)
            messages += received
            wait_seconds = 0
            if not received:
                break
        self._is_behind = bool(messages) and bool(received)
        self._gathered_at = time.monotonic() if messages else None
        if self._stop.is_set() and messages:
            self.nack(messages)
            return []
        return messages

    def _arrival(self, judged: Sequence[_Judged], ledger: Ledger) -> QueueArrival:
        """Find out what has to be read: each object once, and none that is in the lake as it is now."""
        named = {
            one.uri: one
            for item in judged
            for one in item.decision.objects
            if self.settings.reads(one.bucket) and not is_empty(one.uri, one.size_bytes)
        }
        digests = {
            one.digest.uri: one.digest
            for item in judged
            for one in item.decision.ignored
            if self.settings.takes_digests and one.digest and self.settings.reads(one.digest.bucket)
        }
        carried = CarriedSource([one for item in judged for one in item.decision.records])
        to_read: list[LogObject | Unreadable] = [*carried.objects]
        sources: list[LogSource] = [carried]
        digests_to_read: dict[str, str | None] = {}
        for bucket, objects in _by_bucket([*named.values(), *digests.values()]).items():
            source = self._bucket(bucket)
            found = tuple(_as_they_are(source, objects, ledger))
            to_read += (one for one in found if one.uri not in digests)
            digests_to_read |= {one.uri: _etag(one) for one in found if one.uri in digests}
            sources.append(NotifiedSource(source, tuple(_as_listed(one, digests) for one in found)))
        return QueueArrival(
            self,
            tuple(judged),
            tuple(sources),
            {one.uri: _etag(one) for one in to_read},
            _sent(judged),
            digests_to_read,
        )


@dataclass(frozen=True, slots=True)
class QueueArrival:
    """One batch of messages, and the objects and records of them that are not in the lake."""

    feed: QueueFeed
    judged: tuple[_Judged, ...]
    sources: tuple[LogSource, ...]
    to_read: Mapping[str, str | None]  # URI → ETag; None: its metadata could not be read
    notified_at: Mapping[str, datetime]
    digests_to_read: Mapping[str, str | None] = field(default_factory=dict)  # likewise
    scope: Scope = field(default_factory=Scope)

    def ack(self, ledger: Ledger, report: RunReport) -> None:  # noqa: ARG002 - what is in, the ledger says
        """Delete what is done with; hand back what failed, for longer each time; leave what is not understood."""
        done: list[Message] = []
        for item in self.judged:
            self.feed.totals.ignored += len(item.decision.ignored)
            may_go = item.decision.poison is None or self._is_kept(item.message, item.decision.poison)
            digests = (one.digest.uri for one in item.decision.ignored if one.digest)
            is_in = all(self._is_in(uri, ledger) for uri in item.uris)
            if not is_in or not all(self._is_kept_digest(uri, ledger) for uri in digests):
                self.feed.nack([item.message], _retry_seconds(item.message))
            elif may_go:
                done.append(item.message)
            else:
                self.feed.extender.let_go([item.message])
        self.feed.extender.let_go(done)
        self.feed.totals.deleted += self.feed.queue.delete(done)

    def nack(self) -> None:
        """Make all messages visible again at once."""
        self.feed.nack([item.message for item in self.judged])

    def _is_in(self, uri: str, ledger: Ledger) -> bool:
        if uri not in self.to_read:
            return True  # it was there before
        etag = self.to_read[uri]
        known = None if etag is None else ledger.known(uri, etag)
        return known is not None and known.etag_matches

    def _is_kept_digest(self, uri: str, ledger: Ledger) -> bool:
        etag = self.digests_to_read.get(uri, "")
        return uri not in self.digests_to_read or (etag is not None and ledger.digests.has(uri, etag))

    def _is_kept(self, message: Message, reason: str) -> bool:
        """Keep a message that is not understood; say whether it may be deleted then."""
        feed = self.feed
        feed.totals.poison += 1
        had_room = not feed.quarantine.is_full
        kept = feed.quarantine.keep(message.body, reason, utc_now())
        if had_room and feed.quarantine.is_full:
            feed.tell("no room for more messages that are not understood: from here on they stay in the queue only")
        if message.receive_count == 1 or feed.settings.once:
            feed.tell(f"not understood: message {message.message_id}: {reason}")
        return kept and feed.settings.deletes_poison


def _retry_seconds(message: Message) -> int:
    return int(_RETRY.ceiling(message.receive_count))


def _as_they_are(source: S3Source, objects: Iterable[NamedObject], ledger: Ledger) -> Iterable[LogObject | Unreadable]:
    """Yield what is not in the lake. What messages say may be old: in doubt, S3 is asked."""
    in_doubt: list[str] = []
    for one in objects:
        known = ledger.known(one.uri, one.etag or "")
        if known is not None and known.etag_matches:
            continue
        if known is None and one.etag is not None and one.size_bytes is not None:
            yield LogObject(one.uri, one.size_bytes, one.etag, one.created_at)
        else:
            in_doubt.append(one.key)
    for found in source.look_at(in_doubt) if in_doubt else ():
        known = None if isinstance(found, Unreadable) else ledger.known(found.uri, found.etag)
        is_nothing = isinstance(found, LogObject) and is_empty(found.uri, found.size_bytes)
        if not is_nothing and (known is None or not known.etag_matches):
            yield found


def _etag(found: LogObject | Unreadable) -> str | None:
    return None if isinstance(found, Unreadable) else found.etag


def _as_listed(found: LogObject | Unreadable, digests: Mapping[str, NamedObject]) -> LogObject | Skipped | Unreadable:
    """Return an object as a listing has it: a digest is another kind of file."""
    if isinstance(found, LogObject) and found.uri in digests:
        return Skipped(found.uri, Reason.DIGEST.of(), found)
    return found


def _by_bucket(objects: Iterable[NamedObject]) -> dict[str, list[NamedObject]]:
    buckets: dict[str, list[NamedObject]] = {}
    for one in objects:
        buckets.setdefault(one.bucket, []).append(one)
    return buckets


def _sent(judged: Iterable[_Judged]) -> dict[str, datetime]:
    return {uri: item.message.sent_at for item in judged if item.message.sent_at for uri in item.uris}
