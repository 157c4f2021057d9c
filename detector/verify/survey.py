"""What lies in the sources: digests and log files by location, and what cannot be listed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from detector.reasons import Reason
from detector.scope import Scope
from detector.sources.evidence import EvidenceSource
from detector.sources.log_source import LeftOut, LogObject, Skipped, Unreadable
from detector.verify.keys import Span
from detector.verify.place import Location, location_of, parse_digest_uri
from detector.verify.verdicts import SETTLE, Asked

# A digest of the first hour lists files that were delivered before, perhaps the day before.
_BEFORE: Final = timedelta(hours=3)


@dataclass(slots=True)
class Survey:
    """What one source holds."""

    source: EvidenceSource
    digests: defaultdict[Location, list[LogObject]] = field(default_factory=lambda: defaultdict(list))
    logs: defaultdict[Location, list[LogObject]] = field(default_factory=lambda: defaultdict(list))
    unreadable: list[Unreadable] = field(default_factory=list)
    unplaced: list[LeftOut] = field(default_factory=list)  # digests and log files that cannot be judged

    @property
    def locations(self) -> list[Location]:
        """Where anything was found, in order."""
        return sorted({*self.digests, *self.logs})


def survey(source: EvidenceSource, scope: Scope, asked: Asked) -> Survey:
    """List a source.

    Args:
        source: to be listed.
        scope: accounts and regions.
        asked: the time; some hours before and after are listed too.

    Raises:
        SourceError: it cannot be listed as a whole.
    """
    found = Survey(source)
    since = asked.since and asked.since - _BEFORE
    until = None if asked.until >= asked.now else asked.until
    for entry in source.list(Scope(scope.accounts, scope.regions, since, until)):
        match entry:
            case LogObject():
                _add(entry, found.logs, found)
            case Skipped(digest=LogObject() as digest):
                place = parse_digest_uri(digest.uri)
                if place is None or speaks_of(place.end, asked):
                    _add(digest, found.digests, found, is_placed=place is not None)
            case Unreadable():
                found.unreadable.append(entry)
    return found


def _add(
    one: LogObject, group: defaultdict[Location, list[LogObject]], found: Survey, *, is_placed: bool = True
) -> None:
    location = location_of(one.uri) if is_placed else None
    if location is None:
        found.unplaced.append(LeftOut(one.uri, Reason.UNPLACED.of()))
    else:
        group[location].append(one)


def speaks_of(end: datetime, asked: Asked) -> bool:
    """Tell whether a digest that ended then says something about the time asked, or about a digest of it."""
    return end <= asked.until + SETTLE and (asked.since is None or end > asked.since)


def key_spans(digests: Iterable[str], asked: Asked) -> dict[str, Span]:
    """Return for each region of a digest from when to when keys have to be asked for.

    Args:
        digests: their URIs.
        asked: the moment of asking counts.
    """
    spans: dict[str, Span] = {}
    for uri in digests:
        if place := parse_digest_uri(uri):
            # Nothing but its metadata says when a backfill was signed: some time between its hour and now.
            last = asked.now if place.is_backfill else place.end
            first, until = spans.get(place.chain.location.region, (place.end, last))
            spans[place.chain.location.region] = min(first, place.end), max(until, last)
    return {region: (first - SETTLE, last + SETTLE) for region, (first, last) in spans.items()}
