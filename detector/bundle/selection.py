"""Which objects of a lake go into a bag. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from detector.alerts.alert import Alert
from detector.verify.place import Chain, DigestPlace, Location, location_of, named_minute, parse_digest_uri
from detector.verify.survey import speaks_of
from detector.verify.verdicts import Asked, DigestVerdict, LocationVerdict, LogVerdict


@dataclass(slots=True)
class Selected:
    """URIs of objects; those of digests that a lake has, of log files, and of what was looked for in vain."""

    digests: set[str] = field(default_factory=set)
    logs: set[str] = field(default_factory=set)
    absent_digests: set[str] = field(default_factory=set)
    absent_logs: set[str] = field(default_factory=set)

    def add_missing(self, verdict: LocationVerdict, is_wanted: Callable[[str], bool]) -> None:
        """Add what verdicts call missing."""
        digests = (one.uri for one in verdict.digests if one.verdict is DigestVerdict.MISSING)
        logs = (one.uri for one in verdict.logs if one.verdict is LogVerdict.MISSING)
        self.absent_digests.update(filter(is_wanted, digests))
        self.absent_logs.update(filter(is_wanted, logs))


def select_all(
    verdicts: Iterable[LocationVerdict], digests_of: Callable[[Location], Iterable[str]], asked: Asked
) -> Selected:
    """Return everything in scope.

    Args:
        verdicts: on the locations in scope.
        digests_of: returns the digests of a location that the lake knows.
        asked: the time of delivery.
    """
    selected = Selected()
    for verdict in verdicts:
        selected.logs.update(one.uri for one in verdict.logs if one.verdict is not LogVerdict.MISSING)
        selected.add_missing(verdict, lambda _uri: True)
        for uri in digests_of(verdict.location):
            if (place := parse_digest_uri(uri)) and speaks_of(place.end, asked):
                selected.digests.add(uri)
    return selected


def select_named(
    verdicts: Iterable[LocationVerdict], digests_of: Callable[[Location], Iterable[str]], named: Iterable[str]
) -> Selected:
    """Return what is named, and of each chain the digests from there to the newest, with one before.

    Args:
        verdicts: on the locations in scope.
        digests_of: returns the digests of a location that the lake knows.
        named: URIs of log files and digests.
    """
    selected = Selected()
    by_location: defaultdict[Location | None, set[str]] = defaultdict(set)
    for uri in named:
        by_location[location_of(uri)].add(uri)
    selected.logs |= by_location[None]
    for verdict in verdicts:
        uris = by_location.get(verdict.location)
        if not uris:
            continue
        selected.logs |= {uri for uri in uris if parse_digest_uri(uri) is None}
        first = _first(verdict, uris)
        selected.digests |= set(_from(first, digests_of(verdict.location)))

        def is_wanted(uri: str, uris: set[str] = uris, first: datetime | None = first) -> bool:
            place = parse_digest_uri(uri)
            return uri in uris or (place is not None and (first is None or place.end >= first))

        selected.add_missing(verdict, is_wanted)
    selected.logs -= selected.absent_logs
    return selected


def named_by(alert: Alert) -> Iterator[str]:
    """Yield the objects that an alert names: where its records lie, and in its texts those that digests speak of."""
    yield from (one.log_file for one in alert.evidence)
    texts: list[Any] = [*alert.event_ids, *alert.context.values()]
    yield from (text for text in texts if isinstance(text, str) and location_of(text) is not None)


def _first(verdict: LocationVerdict, uris: set[str]) -> datetime | None:
    """Return the end of the first digest that says something of what is named; None when nobody knows when it was."""
    listed = {one.uri: one for one in verdict.logs}
    moments: list[datetime] = []
    for uri in uris:
        log = listed.get(uri)
        digest = parse_digest_uri(log.digest if log and log.digest else uri)
        moment = digest.end if digest else (log and log.delivered) or named_minute(uri)
        if moment is None:
            return None
        moments.append(moment)
    return min(moments)


def _from(first: datetime | None, digests: Iterable[str]) -> Iterator[str]:
    chains: defaultdict[Chain, list[tuple[DigestPlace, str]]] = defaultdict(list)
    for uri in digests:
        if place := parse_digest_uri(uri):
            chains[place.chain].append((place, uri))
    for chain in chains.values():
        before: tuple[datetime, str] | None = None
        for place, uri in chain:
            if first is None or place.end >= first:
                yield uri
            elif not place.is_backfill:
                before = max(before, (place.end, uri)) if before else (place.end, uri)
        if before:  # it says whether the chain was whole then
            yield before[1]
