"""Stories as the page tells them: the gravest first, the most telling events of each, when they happened. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from detector.alerts.turns import in_turns
from detector.severity import Severity
from detector.story.story import Phase, Stories, Story, StoryEvent
from detector.text import counted

MOST_EVENTS: Final = 1_000  # on the page
OF_A_STORY: Final = 100
MOST_TOLD: Final = 40  # stories with their events
MOST_NAMED: Final = 200  # further ones, a line each
AXIS: Final = 200  # places on a time axis

_PHASES: Final = tuple(Phase)
# What is kept first where not everything fits.
_TELLING: Final = (Phase.SIGN_IN, Phase.CHANGED, Phase.BEFORE, Phase.REFUSED, Phase.AFTER, Phase.READ)


@dataclass(frozen=True, slots=True)
class Chapter:
    """One phase of a story."""

    phase: Phase
    count: int
    events: tuple[StoryEvent, ...]  # oldest first
    ticks: tuple[int, ...]  # places on the axis where something happened, from 0 to AXIS - 1

    @property
    def rest(self) -> int:
        """The number of events that are not shown."""
        return self.count - len(self.events)


@dataclass(frozen=True, slots=True)
class Told:
    """One story."""

    story: Story
    begins: datetime  # of the axis
    ends: datetime
    chapters: tuple[Chapter, ...]  # those that have events

    @property
    def shown(self) -> int:
        """The number of events that are shown."""
        return sum(len(chapter.events) for chapter in self.chapters)


@dataclass(frozen=True, slots=True)
class ToldStories:
    """All stories."""

    told: tuple[Told, ...]  # the gravest first; accounts take turns
    named: tuple[Story, ...]  # those whose events do not fit
    beyond: Mapping[Severity, int]  # those that are not named, the gravest first
    unread: int  # those beyond, of which nothing is known
    events: int  # of all stories that are told or named

    @property
    def untold(self) -> int:
        """The number of stories that are neither told nor named."""
        return sum(self.beyond.values()) + self.unread

    @property
    def rest(self) -> str:
        """How many stories are not told, and how grave they are."""
        grave = _by_severity(self.named) + Counter(self.beyond)
        said = [f"{grave[severity]:,} {severity}" for severity in reversed(Severity) if grave[severity]]
        said += [f"{self.unread:,} not looked at"] if self.unread else []
        return f"{counted(grave.total() + self.unread, 'more story', 'more stories')} ({', '.join(said)})"

    @property
    def count(self) -> int:
        """The number of stories."""
        return len(self.told) + len(self.named) + self.untold

    @property
    def places(self) -> Mapping[str, str]:
        """The ids of stories, and of stories that are told in others → the one that has a place on the page."""
        return {part: one.story.id for one in self.told for part in (one.story.id, *one.story.parts)}

    @property
    def shown(self) -> int:
        """The number of events that are shown."""
        return sum(one.shown for one in self.told)


def tell(stories: Stories) -> ToldStories:
    """Return what fits of some stories: at most MOST_EVENTS events, the gravest first, of each account some."""
    order = _in_order(stories.stories)
    left = MOST_EVENTS
    told: list[Told] = []
    for story in order[:MOST_TOLD]:
        if not left:
            break
        told.append(_told(story, min(OF_A_STORY, left)))
        left -= told[-1].shown
    rest = order[len(told) :]
    return ToldStories(
        tuple(told),
        tuple(rest[:MOST_NAMED]),
        _by_severity(rest[MOST_NAMED:]),
        stories.untold,
        sum(story.event_count for story in order),
    )


def place(moment: datetime, begins: datetime, ends: datetime) -> int:
    """Return where on the axis a moment lies; one outside it lies at its end."""
    length = (ends - begins).total_seconds()
    share = (moment - begins).total_seconds() / length if length > 0 else 0.0
    return min(AXIS - 1, max(0, int(share * AXIS)))


def _in_order(stories: Iterable[Story]) -> list[Story]:
    """Return stories, the gravest first; of those as grave accounts take turns, so that a loud one hides no other."""
    by_gravity = sorted(stories, key=_gravity, reverse=True)  # stable: the newest first
    turns = in_turns(by_gravity, lambda story: (story.severity, story.account_id))
    return sorted(turns, key=lambda story: list(Severity).index(story.severity), reverse=True)


def _by_severity(stories: Iterable[Story]) -> Counter[Severity]:
    return Counter(story.severity for story in stories)


def _gravity(story: Story) -> tuple[int, int, int]:
    as_grave = [alert for alert in story.alerts if alert.severity is story.severity and alert.suppressed_by is None]
    return list(Severity).index(story.severity), len(as_grave), story.counts.get(Phase.CHANGED, 0)


def _told(story: Story, most: int) -> Told:
    times = [story.first_time, story.until, *(event.event_time for event in story.events)]
    begins, ends = min(times), max(times)
    kept = _most_telling(story.events, most)
    chapters = []
    for phase in _PHASES:
        if not (count := story.counts.get(phase, 0)):
            continue
        of_phase = [event for event in story.events if event.phase is phase]
        ticks = sorted({place(event.event_time, begins, ends) for event in of_phase})
        shown = tuple(event for event in of_phase if event.event_id in kept)
        chapters.append(Chapter(phase, count, shown, tuple(ticks)))
    return Told(story, begins, ends, tuple(chapters))


def _most_telling(events: Sequence[StoryEvent], most: int) -> frozenset[str]:
    telling = sorted(events, key=lambda event: _TELLING.index(event.phase))  # stable: oldest first
    return frozenset(event.event_id for event in telling[:most])
