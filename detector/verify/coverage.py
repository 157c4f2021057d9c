"""Hours of delivery, and what can be said of each: by account, region and hour. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from detector.verify.place import ROUNDED, fits_its_folder, folder_day, named_minute
from detector.verify.verdicts import SETTLE, Asked, DigestVerdict, JudgedLog, LocationVerdict, LogVerdict

HOUR: Final = timedelta(hours=1)
Place = tuple[str, str]  # account, region


class HourState(StrEnum):
    """The state of one hour."""

    DAMAGED = "damaged"  # a listed file is altered or missing, or an unlisted one is there
    COMPLETE = "complete"  # verified digests cover it, and every file that they list was read with the signed hash
    EMPTY = "empty"  # the same, and they list nothing
    PARTIAL = "partial"  # covered for a part of it
    UNREAD = "unread"  # signed, and not read
    UNATTESTED = "unattested"  # log files for which no verified digest vouches
    PENDING = "pending"  # a digest is not due yet
    DARK = "dark"  # neither


PROVEN: Final = frozenset({HourState.COMPLETE, HourState.EMPTY})
REASON: Final[Mapping[HourState, str]] = {
    HourState.DAMAGED: "what is there is not what AWS signed",
    HourState.COMPLETE: "signed, and read with the signed hashes",
    HourState.EMPTY: "AWS signed that nothing was delivered",
    HourState.PARTIAL: "verified digests cover a part of each hour",
    HourState.UNREAD: "signed and not read: denied, failed, or not ingested",
    HourState.UNATTESTED: "log files for which no verified digest vouches",
    HourState.PENDING: "no digest is due yet",
    HourState.DARK: "neither log files nor digests",
}
NEXT_STEP: Final[Mapping[HourState, str]] = {
    HourState.DAMAGED: "detector verify names the files; keep them as they are",
    HourState.PARTIAL: "look for StopLogging and StartLogging around it",
    HourState.UNREAD: "ingest again with --verify complete, and look at what failed",
    HourState.UNATTESTED: "verify names them. Was validation off? look for UpdateTrail; or ingest --verify complete",
    HourState.PENDING: "look again in two hours",
    HourState.DARK: "nothing is known: was there a trail, and was this region in scope?",
}
LETTERS: Final[Mapping[HourState, str]] = dict(zip(HourState, "!#.~x?:_", strict=True))
# Of an hour that several trails tell of. What is damaged, or was signed and not read, counts first; otherwise one trail
# that vouches for it is enough, whatever another lacks.
_ORDER: Final = {
    state: number
    for number, state in enumerate(
        (
            HourState.DAMAGED,
            HourState.UNREAD,
            HourState.COMPLETE,
            HourState.EMPTY,
            HourState.PARTIAL,
            HourState.UNATTESTED,
            HourState.PENDING,
            HourState.DARK,
        )
    )
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hours in a row, of one account and region, in one state."""

    account: str
    region: str
    start: datetime
    end: datetime
    state: HourState


def hours_of(verdicts: Iterable[LocationVerdict], asked: Asked) -> dict[Place, dict[datetime, HourState]]:
    """Return the state of each hour of the time asked, by account and region.

    Args:
        verdicts: on locations; where several are of one account and region, an hour that one attests is attested, but
            for damage, and for what was signed and not read.
        asked: without a beginning, an account and region begins with the first that is known of it. Hours are counted
            from it: digests do not begin at the full hour either.
    """
    places: dict[Place, dict[datetime, HourState]] = {}
    for verdict in verdicts:
        hours = places.setdefault((verdict.location.account, verdict.location.region), {})
        for start, state in _hours(verdict, asked):
            before = hours.get(start)
            hours[start] = state if before is None or _ORDER[state] < _ORDER[before] else before
    return places


def stretches(places: Mapping[Place, Mapping[datetime, HourState]]) -> Iterator[Stretch]:
    """Yield hours in a row that are in one state, by account, region and time."""
    for (account, region), hours in sorted(places.items()):
        current: Stretch | None = None
        for start, state in sorted(hours.items()):
            if current is not None and current.end == start and current.state is state:
                current = Stretch(account, region, current.start, start + HOUR, state)
                continue
            if current is not None:
                yield current
            current = Stretch(account, region, start, start + HOUR, state)
        if current is not None:
            yield current


def undated(verdict: LocationVerdict, now: datetime) -> int:
    """Count the log files of no hour until now: no digest lists them, and neither name nor folder can be."""
    return sum(
        log.digest is None
        and not any(moment < now for moment in _moments(log))
        and (fits_its_folder(log.uri) or (day := folder_day(log.uri)) is None or day >= now)
        for log in verdict.logs
    )


class Damage:
    """The log files that are not as AWS delivered them, found by time."""

    def __init__(self, verdicts: Iterable[LocationVerdict]) -> None:
        self._found: defaultdict[Place, list[tuple[datetime, datetime, LogVerdict]]] = defaultdict(list)
        for verdict in verdicts:
            windows = {one.uri: one.content for one in verdict.digests if one.content is not None}
            for log in verdict.logs:
                if not log.is_damage:
                    continue
                digest, moment = windows.get(log.digest or ""), log.delivered or named_minute(log.uri)
                start, end = (digest.start, digest.end) if digest else (moment, moment)
                if start is not None and end is not None:
                    found = self._found[verdict.location.account, verdict.location.region]
                    found.append((start, end, log.verdict))

    def within(self, stretch: Stretch) -> Counter[LogVerdict]:
        """Count those of a stretch of time: listed by a digest that reaches into it, or delivered in it."""
        found = self._found.get((stretch.account, stretch.region), ())
        return Counter(
            verdict
            for start, end, verdict in found
            if start < stretch.end and (end > stretch.start or start >= stretch.start)
        )


def _hours(verdict: LocationVerdict, asked: Asked) -> Iterator[tuple[datetime, HourState]]:
    facts = _Facts(verdict)
    start = asked.since or facts.first
    while start is not None and start < asked.until:
        yield start, facts.state(start, start + HOUR, asked)
        start += HOUR


def _moments(log: JudgedLog) -> Iterator[datetime]:
    """Yield when a log file was delivered; of one that no digest lists also the minute that it is named after."""
    minute = named_minute(log.uri)
    moment = log.delivered or minute
    if moment is not None:
        yield moment
    if log.digest is None and minute is not None and moment is not None and abs(moment - minute) > ROUNDED:
        yield minute


class _Facts:
    """One location's verdicts, found by time."""

    def __init__(self, verdict: LocationVerdict) -> None:
        self._covered = verdict.covered
        self._starts = [start for start, _ in verdict.covered]
        listed: defaultdict[str | None, set[LogVerdict]] = defaultdict(set)
        for log in verdict.logs:
            listed[log.digest].add(log.verdict)
        self._windows = sorted(
            (one.content.start, one.content.end, frozenset(listed[one.uri]))
            for one in verdict.digests
            if one.is_genuine and one.content is not None and one.uri in listed
        )
        self._window_starts = [start for start, _, _ in self._windows]
        self._longest = max((end - start for start, end, _ in self._windows), default=HOUR)
        self._there = sorted((moment, log.verdict) for log in verdict.logs for moment in _moments(log))
        self._days = {
            day
            for log in verdict.logs
            if log.digest is None and not fits_its_folder(log.uri) and (day := folder_day(log.uri))
        }
        self._moments = [moment for moment, _ in self._there]
        self._unread = [one.place.end for one in verdict.digests if one.verdict is DigestVerdict.UNREADABLE]
        self._doubtful = [one.place.end for one in verdict.digests if not one.is_genuine]
        firsts = [*self._starts[:1], *self._moments[:1], *(one.place.end - HOUR for one in verdict.digests[:1])]
        firsts += self._days
        self.first = min(firsts, default=None)

    def state(self, start: datetime, end: datetime, asked: Asked) -> HourState:
        """Return the state of one hour."""
        listed = self._listed(start, end)
        there = {found for _, found in self._there[self._at(start) : self._at(end)]}
        if listed & {LogVerdict.ALTERED, LogVerdict.MISSING} or LogVerdict.UNLISTED in there:
            return HourState.DAMAGED
        last = min(end, asked.until)
        covered = self._covered_time(start, last)
        if covered >= last - start:
            if listed - {LogVerdict.VERIFIED}:
                return HourState.UNREAD
            if self._has_undated(start) or (LogVerdict.UNATTESTED in there and not self._lacks_digest(start, end)):
                return HourState.UNATTESTED
            return HourState.COMPLETE if listed else HourState.EMPTY
        if end > asked.now - SETTLE:
            return HourState.PENDING
        if covered:
            return HourState.PARTIAL
        if any(start < ended <= end + HOUR for ended in self._unread):
            return HourState.UNREAD
        return HourState.UNATTESTED if there or self._has_undated(start) else HourState.DARK

    def _lacks_digest(self, start: datetime, end: datetime) -> bool:
        """Tell whether a digest that is missing or cannot be believed may list what is there: that of another trail."""
        return any(start < ended <= end + HOUR for ended in self._doubtful)

    def _has_undated(self, start: datetime) -> bool:
        """Tell whether a file of the day says nothing of its hour that could be believed."""
        return start.replace(hour=0, minute=0, second=0, microsecond=0) in self._days

    def _listed(self, start: datetime, end: datetime) -> set[LogVerdict]:
        """Return the verdicts on what is listed by digests that reach into a stretch of time."""
        found: set[LogVerdict] = set()
        for index in range(bisect_left(self._window_starts, start - self._longest), len(self._windows)):
            begins, ends, verdicts = self._windows[index]
            if begins >= end:
                break
            if ends > start:
                found |= verdicts
        return found

    def _covered_time(self, start: datetime, end: datetime) -> timedelta:
        covered = timedelta()
        for index in range(max(0, bisect_right(self._starts, start) - 1), len(self._covered)):
            begins, ends = self._covered[index]
            if begins >= end:
                break
            covered += max(timedelta(), min(ends, end) - max(begins, start))
        return covered

    def _at(self, moment: datetime) -> int:
        return bisect_left(self._moments, moment)
