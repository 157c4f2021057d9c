"""Which sessions are told as one story, and which stories have to do with each other. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from itertools import pairwise
from typing import Final

from detector.story.from_lake import Birth, Part
from detector.story.story import Connection, Link, MadeKind, StoryKind
from detector.times import rfc3339

# A key that is used so soon belongs to the story of the session that made it; later ones are connected with that.
TOLD_WITHIN: Final = timedelta(hours=24)
OPEN_FOR: Final = timedelta(hours=72)  # as long as rules look back from a sign-in
SAME_ADDRESS_WITHIN: Final = timedelta(days=7)
MOST_CONNECTIONS: Final = 50


@dataclass(frozen=True, slots=True)
class Thread:
    """The sessions that one story is told of."""

    first: Part
    others: tuple[Part, ...]  # whose credentials the first one, or another of these, made; oldest first
    connections: tuple[Connection, ...]

    @property
    def parts(self) -> tuple[Part, ...]:
        """All of them."""
        return (self.first, *self.others)


def weave(parts: Sequence[Part], births: Iterable[Birth]) -> list[Thread]:
    """Return the stories, newest first.

    Args:
        parts: each session once, in any order.
        births: which of them used credentials that another one made.
    """
    by_session = {part.session: part for part in sorted(parts, key=_order)}
    known = [birth for birth in births if birth.child in by_session and birth.parent in by_session]
    hosts = _hosts(by_session, known)
    others: defaultdict[str, list[Part]] = defaultdict(list)
    for session, part in by_session.items():
        if hosts[session] != session:
            others[hosts[session]].append(part)
    connections = _connections(by_session, known, hosts)
    threads = [
        Thread(part, tuple(others[session]), connections[session])
        for session, part in by_session.items()
        if hosts[session] == session
    ]
    return threads[::-1]


def _order(part: Part) -> tuple[datetime, str]:
    return part.first_time, part.session


def _hosts(parts: Mapping[str, Part], births: Iterable[Birth]) -> dict[str, str]:
    """Return for each session the one in whose story it is told, which may be its own."""
    parents: dict[str, str] = {}
    for birth in births:
        child, parent = parts[birth.child], parts[birth.parent]
        # Whoever was there first is no child: records that say otherwise must not close a circle.
        if _order(parent) < _order(child) and child.first_time - birth.time <= TOLD_WITHIN:
            parents.setdefault(birth.child, birth.parent)
    hosts: dict[str, str] = {}
    for session in parts:  # parents come before their children
        hosts[session] = hosts[parents[session]] if session in parents else session
    return hosts


def _connections(
    parts: Mapping[str, Part], births: Iterable[Birth], hosts: Mapping[str, str]
) -> defaultdict[str, tuple[Connection, ...]]:
    strongest: dict[tuple[str, str], tuple[Link, str]] = {}
    for earlier, later, link, value in _links(parts, births):
        pair = hosts[earlier], hosts[later]
        if pair[0] != pair[1]:
            strongest.setdefault(pair, (link, value))
    found: defaultdict[str, list[Connection]] = defaultdict(list)
    for (earlier, later), (link, value) in strongest.items():
        found[earlier].append(Connection(parts[later].id, link, value, is_later=True))
        found[later].append(Connection(parts[earlier].id, link, value, is_later=False))
    return defaultdict(tuple, {session: tuple(some[:MOST_CONNECTIONS]) for session, some in found.items()})


def _links(parts: Mapping[str, Part], births: Iterable[Birth]) -> Iterator[tuple[str, str, Link, str]]:
    """Yield (earlier session, later session, why, by what), the strongest reasons first."""
    for birth in births:
        if _order(parts[birth.parent]) < _order(parts[birth.child]):
            link = Link.MADE_KEY if birth.kind is MadeKind.KEY else Link.MADE_SESSION
            yield birth.parent, birth.child, link, birth.name
    yield from _openings(parts.values())
    yield from _same_keys(parts.values())
    yield from _same_addresses(parts.values())


def _openings(parts: Iterable[Part]) -> Iterator[tuple[str, str, Link, str]]:
    last: dict[str | None, Part] = {}
    for part in parts:
        opener = last.get(part.account_id)
        if opener is not None and opener.openings is not None and part.kind is StoryKind.SESSION:
            first, latest = opener.openings
            if first <= part.first_time and part.first_time - latest <= OPEN_FOR:
                yield opener.session, part.session, Link.OPENED, rfc3339(first)
        if part.openings is not None:
            last[part.account_id] = part


def _same_keys(parts: Iterable[Part]) -> Iterator[tuple[str, str, Link, str]]:
    by_key: defaultdict[tuple[str | None, str], list[Part]] = defaultdict(list)
    for part in parts:
        if part.kind is StoryKind.KEY:
            by_key[part.account_id, part.key.partition(" ")[0]].append(part)
    for (_, key), same in by_key.items():
        for earlier, later in pairwise(same):
            yield earlier.session, later.session, Link.SAME_KEY, key


def _same_addresses(parts: Iterable[Part]) -> Iterator[tuple[str, str, Link, str]]:
    by_address: defaultdict[tuple[str | None, str], list[Part]] = defaultdict(list)
    for part in parts:
        for address in part.addresses:
            if _is_address(address.value):
                by_address[part.account_id, address.value].append(part)
    for (_, value), same in by_address.items():
        for earlier, later in pairwise(same):
            if later.first_time - earlier.last_time <= SAME_ADDRESS_WITHIN:
                yield earlier.session, later.session, Link.SAME_ADDRESS, value


def _is_address(text: str) -> bool:
    """Tell an address from the name of a service, which stands for very many."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
