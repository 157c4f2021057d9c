"""Every alert arrives at least once, in order; what can never arrive is named, and does not stop the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from detector.alerts.delivery import Delivery, InMemoryOutbox, Refused, RetryPolicy, Undelivered, deliver
from detector.alerts.sinks.sink import ACCEPTED, BatchRefused, Fate, Limits, NotDelivered, Receipt
from detector.backoff import Backoff
from detector.errors import OutputClosed
from detector.lake.ledger.outbox import Document

Reaction = Callable[[Sequence[str]], Sequence[Receipt]]


@dataclass
class Clock:
    """Time that passes while somebody sleeps."""

    now: float = 0
    sleeps: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    def retry_policy(self, **changes: object) -> RetryPolicy:
        return RetryPolicy(**changes, sleep=self.sleep, clock=lambda: self.now)  # type: ignore[arg-type]


@dataclass(eq=False)
class Scripted:
    """Meets one reaction after the other, then takes everything."""

    reactions: Iterator[Reaction] = field(default_factory=lambda: iter(()))
    name: str = "scripted"
    limits: Limits = field(default_factory=lambda: Limits(4, 1_000))
    sent: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    seconds: float = 0

    def send(self, documents: Sequence[Document], seconds: float) -> Sequence[Receipt]:
        ids = [document.alert_id for document in documents]
        self.sent.append("".join(ids))
        self.seconds = seconds
        receipts = next(self.reactions, take)(ids)
        self.taken += [one for one, receipt in zip(ids, receipts, strict=True) if receipt is ACCEPTED]
        return receipts

    def close(self) -> None:
        """Stay."""


def take(ids: Sequence[str]) -> list[Receipt]:
    return [ACCEPTED] * len(ids)


def fail(**how: object) -> Reaction:
    def react(_: Sequence[str]) -> Sequence[Receipt]:
        raise NotDelivered("busy", **how)  # type: ignore[arg-type]

    return react


def refuse(poison: str, *, name_it: bool = False) -> Reaction:
    def react(ids: Sequence[str]) -> Sequence[Receipt]:
        found = [position for position, one in enumerate(ids) if one in poison]
        if found:
            raise BatchRefused("bad", suspect=found[0] if name_it else None)
        return take(ids)

    return react


def always(reaction: Reaction) -> Iterator[Reaction]:
    while True:
        yield reaction


def send(ids: str, *sinks: Scripted, retry_policy: RetryPolicy | None = None) -> Delivery:
    documents = [Document(one, one.encode()) for one in ids]
    waiting = InMemoryOutbox({sink.name: documents for sink in sinks})
    return deliver(waiting, sinks, retry_policy or Clock().retry_policy())


def test_documents_go_in_order_in_batches_within_the_limits() -> None:
    sink = Scripted()
    assert send("abcdefghij", sink) == Delivery(accepted=10)
    assert sink.sent == ["abcd", "efgh", "ij"]
    small = Scripted(limits=Limits(100, 2))
    send("abcde", small)
    assert small.sent == ["ab", "cd", "e"]


def test_an_alert_that_comes_twice_goes_in_two_batches() -> None:
    sink = Scripted()
    send("abacc", sink)
    assert sink.sent == ["ab", "ac", "c"]


def test_what_fails_is_tried_again_before_anything_else_with_longer_and_longer_waits() -> None:
    clock = Clock()
    sink = Scripted(iter([take, *[fail()] * 6, take]))
    assert send("abcdef", sink, retry_policy=clock.retry_policy(backoff=Backoff(1, 20))).accepted == 6
    assert sink.sent == ["abcd", *["ef"] * 7]
    assert len(clock.sleeps) == 6
    assert all(seconds <= 2**number for number, seconds in enumerate(clock.sleeps))
    assert len(set(clock.sleeps)) == 6  # anywhere in between


def test_a_sink_is_not_asked_again_before_it_wants() -> None:
    clock = Clock()
    sink = Scripted(iter([fail(wait_seconds=7)]))
    assert send("ab", sink, retry_policy=clock.retry_policy()).accepted == 2
    assert clock.sleeps[0] >= 7


@pytest.mark.parametrize(
    ("how", "attempts"),
    [({"may_recover": False}, 1), ({"wait_seconds": 100}, 1), ({}, 5)],
    ids=["hopeless", "too long", "again and again"],
)
def test_a_sink_that_does_not_recover_is_given_up_and_the_rest_is_counted(how: dict[str, float], attempts: int) -> None:
    sink = Scripted(iter([take, *[fail(**how, hint="do this")] * 9]))
    delivery = send("abcdefghi", sink, retry_policy=Clock().retry_policy(attempts=5))
    assert delivery == Delivery(accepted=4, undelivered=[Undelivered("scripted", 5, "busy", "do this")])
    assert sink.sent == ["abcd", *["efgh"] * attempts]


def test_patience_begins_anew_with_every_success() -> None:
    sink = Scripted(iter([fail(), fail(), take] * 3))
    assert send("abcdefghijkl", sink, retry_policy=Clock().retry_policy(attempts=3)).accepted == 12


@pytest.mark.parametrize("name_it", [True, False])
def test_the_refused_document_is_found_and_named_and_the_others_arrive_in_order(name_it: bool) -> None:
    sink = Scripted(always(refuse("bg", name_it=name_it)))
    delivery = send("abcdefghi", sink)
    assert sink.taken == list("acdefhi")
    assert delivery.refused == [Refused("scripted", "b", "bad"), Refused("scripted", "g", "bad")]
    assert (delivery.accepted, delivery.undelivered) == (7, [])


def test_a_document_is_refused_only_when_it_is_refused_alone() -> None:
    def blames_another(ids: Sequence[str]) -> Sequence[Receipt]:
        if "b" in ids:
            raise BatchRefused("bad", suspect=(ids.index("b") + 1) % (len(ids) + 1))
        return take(ids)

    sink = Scripted(always(blames_another))
    assert send("abcd", sink).refused == [Refused("scripted", "b", "bad")]
    assert sink.taken == list("acd")


def test_a_sink_that_refuses_everything_is_to_blame_itself() -> None:
    sink = Scripted(always(refuse("abcdefghijklmnopqrstuvwxyz")))
    [undelivered] = send("abcdefghijklmnopqrstuvwxyz", sink).undelivered
    assert undelivered.alerts == 26
    assert "refuses one alert after the other: bad" in undelivered.reason
    assert send("ab", sink).refused  # of two, nobody knows


def test_of_a_batch_only_what_was_not_taken_is_sent_again() -> None:
    def partly(ids: Sequence[str]) -> Sequence[Receipt]:
        fates = {"b": Receipt(Fate.LATER, "slow down"), "c": Receipt(Fate.REFUSED, "bad")}
        return [fates.get(one, ACCEPTED) for one in ids]

    sink = Scripted(iter([partly]))
    delivery = send("abcdef", sink)
    assert sink.sent == ["abcd", "b", "ef"]
    assert delivery == Delivery(accepted=5, refused=[Refused("scripted", "c", "bad")])
    stuck = Scripted(always(partly))
    assert send("abcdef", stuck).undelivered == [Undelivered("scripted", 3, "slow down", "")]


def test_one_slow_sink_leaves_time_for_the_next_and_the_whole_ends_in_time() -> None:
    clock = Clock()

    def slow(ids: Sequence[str]) -> Sequence[Receipt]:
        clock.now += 4
        return take(ids)

    def hangs(_: Sequence[str]) -> Sequence[Receipt]:
        clock.now += first.seconds
        raise NotDelivered("no answer")

    first, second = Scripted(always(hangs), name="first"), Scripted(always(slow), name="second")
    delivery = send("abcdefghijklmnop", first, second, retry_policy=clock.retry_policy(seconds=20, request_seconds=8))
    assert [one.sink for one in delivery.undelivered] == ["first", "second"]
    assert second.sent == ["abcd", "efgh", "ijkl"]
    assert "within the 20 s" in delivery.undelivered[1].reason
    assert clock.now <= 24


def test_a_closed_standard_output_is_said_when_the_others_have_theirs() -> None:
    def closed(_: Sequence[str]) -> Sequence[Receipt]:
        raise OutputClosed("gone")

    stdout, other = Scripted(iter([closed]), name="-"), Scripted()
    with pytest.raises(OutputClosed):
        send("abc", stdout, other)
    assert other.taken == list("abc")
