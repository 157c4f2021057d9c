"""What lies in the sources: digests and log files by location, and what cannot be listed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from detector.reasons import Reason
from detector.scope import Scope
from detector.sources.evidence import EvidenceSource
from detector.sources.log_source import LeftOut, LogObject, Skipped, Unreadable
from detector.verify.keys import Span
from detector.verify.listed import ListedObjects
from detector.verify.place import DigestPlace, Location, location_of, parse_digest_uri
from detector.verify.verdicts import SETTLE, Asked

# A digest of the first hour lists files that were delivered before, perhaps the day before.
_BEFORE: Final = timedelta(hours=3)
_HOUR: Final = timedelta(hours=1)


@dataclass(slots=True)
class Survey:
    """What one source holds."""

    source: EvidenceSource
    digests: defaultdict[Location, ListedObjects] = field(default_factory=lambda: defaultdict(ListedObjects))
    logs: defaultdict[Location, ListedObjects] = field(default_factory=lambda: defaultdict(ListedObjects))
    unreadable: list[Unreadable] = field(default_factory=list)
    unplaced: list[LeftOut] = field(default_factory=list)  # digests and log files that cannot be judged

    @property
    def locations(self) -> list[Location]:
        """Where anything was found, in order."""
        return sorted({*self.digests, *self.logs})


def survey(source: EvidenceSource, scope: Scope, asked: Asked, spans: KeySpans) -> Survey:
    """List a source.

    Args:
        source: to be listed.
        scope: accounts and regions.
        asked: the time; some hours before and after are listed too.
        spans: takes note of each digest.

    Raises:
        SourceError: it cannot be listed as a whole.
    """
    found = Survey(source)
    since = asked.since and asked.since - _BEFORE
    until = None if asked.until >= asked.now else asked.until
    for entry in source.list(Scope(scope.accounts, scope.regions, since, until)):
        match entry:
            case LogObject():
                _add(entry, location_of(entry.uri), found.logs, found)
            case Skipped(digest=LogObject() as digest):
                place = parse_digest_uri(digest.uri)
                if place is None:
                    _add(digest, None, found.digests, found)
                elif speaks_of(place.end, asked):
                    spans.note(place)
                    _add(digest, place.chain.location, found.digests, found)
            case Unreadable():
                found.unreadable.append(entry)
    return found


def _add(one: LogObject, location: Location | None, group: defaultdict[Location, ListedObjects], found: Survey) -> None:
    if location is None:
        found.unplaced.append(LeftOut(one.uri, Reason.UNPLACED.of()))
    else:
        group[location].add(one)


def speaks_of(end: datetime, asked: Asked) -> bool:
    """Tell whether a digest that ended then says something about the time asked, or about a digest of it."""
    # The digest before lists files that were delivered just before, whose names say that it was just after.
    return end <= asked.until + SETTLE and (asked.since is None or end > asked.since - _HOUR)


@dataclass(slots=True)
class KeySpans:
    """From when to when the keys of each region have to be asked for."""

    asked: Asked  # its moment of asking counts
    _spans: dict[str, Span] = field(default_factory=dict)

    def note(self, place: DigestPlace) -> None:
        """Take note of a digest."""
        # Nothing but its metadata says when a backfill was signed: some time between its hour and now.
        last = self.asked.now if place.is_backfill else place.end
        region = place.chain.location.region
        first, until = self._spans.get(region, (place.end, last))
        self._spans[region] = min(first, place.end), max(until, last)

    def to_ask(self) -> dict[str, Span]:
        """Return them, with some time before and after."""
        return {region: (first - SETTLE, last + SETTLE) for region, (first, last) in self._spans.items()}
