"""Stories for people: what stands above and below the rows of a table, and the rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from detector.story.story import Connection, Made, Story, StoryEvent
from detector.story.words import call_of, clock, outcome, phase_of, why
from detector.text import counted, shown

STORY_HEADINGS: Final = ("story", "first event (UTC)", "severity", "alerts", "what happened")
EVENT_HEADINGS: Final = ("time (UTC)", "phase", "actor", "call", "on", "from", "came of it")


def story_row(story: Story) -> tuple[object, ...]:
    """Return a story as a row of a list."""
    return (story.id, clock(story.first_time), str(story.severity), len(story.alerts), shown(story.sentence))


def event_row(event: StoryEvent) -> tuple[object, ...]:
    """Return an event as a row."""
    return (
        clock(event.event_time),
        phase_of(event),
        shown(event.actor),
        shown(call_of(event)),
        shown(event.target),
        shown(event.source_ip),
        shown(outcome(event)),
    )


def heading(story: Story) -> Iterator[str]:
    """Yield what stands above the events of a story."""
    yield f"{story.id}  {story.severity}  {counted(len(story.alerts), 'alert')}"
    yield shown(story.sentence)
    device = f" (device {shown(story.mfa_device)})" if story.mfa_device else ""
    yield f"{clock(story.first_time)} to {clock(story.last_time)} UTC; MFA: {story.mfa}{device}"
    yield from map(_made, story.made)
    if story.made_count > len(story.made):
        yield f"made {story.made_count - len(story.made):,} more"
    yield from map(_connected, story.connections)


def _made(made: Made) -> str:
    owner = f" of user {shown(made.owner)}" if made.owner else ""
    uses = (
        "not used since" if made.last_use is None else f"{counted(made.uses, 'call')}, the last {clock(made.last_use)}"
    )
    return f"made {made.kind} {shown(made.name)}{owner} at {clock(made.time)}: {uses}"


def _connected(one: Connection) -> str:
    when = "later" if one.is_later else "earlier"
    return f"connected with the {when} story {one.story_id}: {shown(why(one))}"
