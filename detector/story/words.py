"""Events and connections of stories in words, the same in every format. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from detector.story.story import Connection, Link, Phase, StoryEvent

_LINKS: Final = {
    Link.MADE_KEY: "made its access key {}",
    Link.MADE_SESSION: "made its session {}",
    Link.OPENED: "removed MFA of root, or changed its password or e-mail address, at {}",
    Link.SAME_KEY: "same access key {}",
    Link.SAME_ADDRESS: "same address {}",
}
_LATER_LINKS: Final = {
    **_LINKS,
    Link.MADE_KEY: "used access key {} of this one",
    Link.MADE_SESSION: "used session {} of this one",
    Link.OPENED: "followed what this one did to root's MFA, password or e-mail address at {}",
}


def clock(moment: datetime) -> str:
    """Return a moment, which is in UTC, as `2025-03-04 09:52:10`."""
    return moment.replace(tzinfo=None, microsecond=0).isoformat(" ")


def call_of(event: StoryEvent) -> str:
    """Return what was called: `iam CreateUser`."""
    return " ".join(filter(None, (event.service, event.event_name))) or "an unknown call"


def outcome(event: StoryEvent) -> str:
    """Return what came of an event, in a word or two."""
    if not event.succeeded:
        return event.error_code or "failed"
    if event.mfa is not None:
        return {"yes": "with MFA", "no": "without MFA"}.get(event.mfa, "done")
    return "changed" if event.is_write else "read"


def phase_of(event: StoryEvent) -> str:
    """Return the phase of an event."""
    phase = "" if event.phase is None else {Phase.SIGN_IN: "sign-in"}.get(event.phase, str(event.phase))
    return f"{phase}, probably" if event.is_probable else phase


def message(event: StoryEvent) -> str:
    """Return an event in a sentence."""
    target = f" on {event.target}" if event.target else ""
    whence = f" from {event.source_ip}" if event.source_ip else ""
    return f"{event.actor} called {call_of(event)}{target}{whence}: {outcome(event)}"


def why(connection: Connection) -> str:
    """Return what two stories have to do with each other, as said of the other one."""
    words = _LATER_LINKS if connection.is_later else _LINKS
    return words[connection.link].format(connection.value)
