"""Heartbeat: a line in each period, and a warning when an account and region that delivered regularly falls silent."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from detector.sources.keys import parse_key
from detector.text import counted
from detector.watch.progress import Totals

_DELIVERIES = 20  # of a place that are remembered
_REGULAR = 6  # so many make it regular
# CloudTrail delivers about every five minutes where there is something to deliver.
_PATIENCE = 4  # times the longest pause seen
_SHORTEST_SILENCE = timedelta(minutes=30)
_MOST_PLACES = 10_000
Place = tuple[str, str]  # account, region


@dataclass(slots=True)
class _Rhythm:
    moments: deque[datetime] = field(default_factory=lambda: deque(maxlen=_DELIVERIES))
    is_silent: bool = False

    def silence_after(self) -> timedelta | None:
        """Return how long a pause counts as silence; None when the place never delivered regularly."""
        if len(self.moments) < _REGULAR:
            return None
        moments = list(self.moments)
        longest = max(later - earlier for earlier, later in pairwise(moments))
        return max(longest * _PATIENCE, _SHORTEST_SILENCE)


class Heartbeat:
    """Reports what was done, once in each period, and which places fell silent.

    Args:
        every: the period; None: no reports.
        tell: takes each line.
    """

    def __init__(self, every: timedelta | None, tell: Callable[[str], None]) -> None:
        self._every = every
        self._tell = tell
        self._last: datetime | None = None
        self._said = Totals()
        self._places: dict[Place, _Rhythm] = {}

    def note(self, uri: str, now: datetime) -> None:
        """Record that a log object has been ingested."""
        place = parse_key(uri)
        if place.account is None or place.region is None:
            return
        key = (place.account, place.region)
        rhythm = self._places.get(key)
        if rhythm is None and len(self._places) < _MOST_PLACES:
            rhythm = self._places[key] = _Rhythm()
        if rhythm is None or (rhythm.moments and rhythm.moments[-1] == now):
            return  # files that come together are one delivery
        if rhythm.is_silent:
            rhythm.is_silent = False
            self._tell(f"account {key[0]}, region {key[1]} delivers again, after {_minutes(now - rhythm.moments[-1])}")
        rhythm.moments.append(now)

    def beat(self, totals: Totals, now: datetime) -> None:
        """Report, when the period is over."""
        if self._every is None:
            return
        if self._last is None:
            self._last = now
        if now - self._last < self._every:
            return
        self._tell(
            f"alive: in the last {_minutes(now - self._last)} "
            f"{counted(totals.ingested - self._said.ingested, 'object')}, "
            f"{counted(totals.records - self._said.records, 'record')}, "
            f"{counted(totals.alerts.total() - self._said.alerts.total(), 'alert')}, "
            f"{totals.failed - self._said.failed:,} failed, {totals.poison - self._said.poison:,} not understood"
        )
        for (account, region), pause in self._fallen_silent(now):
            self._tell(f"warning: account {account}, region {region} has delivered nothing for {_minutes(pause)}")
        self._last = now
        self._said = Totals(
            ingested=totals.ingested,
            records=totals.records,
            alerts=totals.alerts.copy(),
            failed=totals.failed,
            poison=totals.poison,
        )

    def _fallen_silent(self, now: datetime) -> Iterator[tuple[Place, timedelta]]:
        for place, rhythm in sorted(self._places.items()):
            limit = rhythm.silence_after()
            if limit is not None and not rhythm.is_silent and now - rhythm.moments[-1] > limit:
                rhythm.is_silent = True
                yield place, now - rhythm.moments[-1]


def _minutes(span: timedelta) -> str:
    return counted(max(1, round(span.total_seconds() / 60)), "minute")
