"""What anybody did around one event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from detector.errors import UsageError
from detector.rules.engine import Engine
from detector.story.from_lake import read_between
from detector.story.story import StoryEvent

if TYPE_CHECKING:
    from detector.rules.events import Events

# Records may bear any date.
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Around:
    """The events around one."""

    events: tuple[StoryEvent, ...]  # oldest first
    is_cut: bool  # there are more, further away


def events_around(events: Events, event_id: str, minutes: float, most: int) -> Around:
    """Return what anybody did in the accounts of one event, before and after it.

    Args:
        events: of the lake.
        event_id: eventID, or the event key where there is none.
        minutes: how long before and how long after.
        most: the nearest so many are returned.

    Raises:
        UsageError: there is no such event.
    """
    with Engine(events) as engine:
        found = engine.evidence([event_id]).get(event_id, ())
        if not found:
            raise UsageError(
                f"no event {event_id}", hint="alerts name theirs in event_ids; `detector timeline` those of a story"
            )
        accounts = {account for one in found for account in (one.account_id, one.recipient_account_id) if account}
        moment, reach = found[0].event_time, timedelta(minutes=minutes)
        window = (moment - min(reach, moment - _FIRST), moment + min(reach, _LAST - moment))
        near = read_between(engine, sorted(accounts), moment, window, most + 1)
    ordered = sorted(near[:most], key=lambda one: (one.event_time, one.event_id, one.log_file, one.log_file_index))
    return Around(tuple(ordered), len(near) > most)
