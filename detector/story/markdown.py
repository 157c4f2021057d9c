"""Stories as Markdown for a ticket or a mail. What others chose is never markup in it.

Source: CommonMark 0.31, "Entity and numeric character references" (a reference is text, never structure) and "Code
spans"; GitHub Flavored Markdown, "Tables" and "Autolinks".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from detector.story.story import Story, StoryEvent
from detector.story.words import call_of, clock, outcome, phase_of, why
from detector.text import counted, printable, shown

_MARKUP = re.compile(r"[^\w .,;:()'/-]|_|:(?=//)|(?<=[wW]{3})\.", re.ASCII)
_HEADINGS = ("time (UTC)", "phase", "actor", "call", "on", "from", "came of it", "event")


def text(value: object) -> str:
    """Return text that is no markup, and no link, wherever it stands in a line but at its beginning."""
    return _MARKUP.sub(_reference, printable(value))


def code(value: object) -> str:
    """Return text as code, which is no markup, link or mention. What could end it, backticks and pipes, is replaced."""
    written = shown(value).replace("`", "'").replace("|", "¦").strip()
    return f"`{written}`" if written else ""


def story_list(stories: Sequence[Story], untold: int) -> Iterator[str]:
    """Yield the lines of a table of stories."""
    yield from _table(
        ("first event (UTC)", "severity", "account", "what happened", "alerts", "story"),
        (
            (
                clock(story.first_time),
                str(story.severity),
                code(story.account_id),
                text(shown(story.sentence)),
                f"{len(story.alerts):,}",
                code(story.id),
            )
            for story in stories
        ),
    )
    if untold:
        yield ""
        yield f"{untold:,} more are not shown."


def story_page(story: Story) -> Iterator[str]:
    """Yield the lines of one story: what happened, what it rests on, its events."""
    yield f"## Root of account {text(shown(story.account_id or 'unknown'))}, {clock(story.first_time)} UTC"
    yield ""
    yield f"**What happened.** {text(shown(story.sentence))}."
    yield ""
    yield f"- Story: {code(story.id)}, severity {story.severity}, {counted(len(story.alerts), 'alert')}"
    yield f"- Time: {clock(story.first_time)} to {clock(story.last_time)} UTC; what followed, to {clock(story.until)}"
    yield f"- Addresses: {', '.join(code(one.value) for one in story.addresses) or 'none'}"
    yield f"- User agents: {', '.join(code(one.value) for one in story.user_agents) or 'none'}"
    yield f"- MFA: {story.mfa}" + (f", device {code(story.mfa_device)}" if story.mfa_device else "")
    for made in story.made:
        owner = f" of user {code(made.owner)}" if made.owner else ""
        yield f"- Made: {made.kind} {code(made.name)}{owner} at {clock(made.time)}; {counted(made.uses, 'call')} since"
    for one in story.connections:
        when = "later" if one.is_later else "earlier"
        yield f"- Connected: the {when} story {code(one.story_id)}: {text(shown(why(one)))}"
    yield ""
    yield from event_table(story.events)
    if story.event_count > len(story.events):
        yield ""
        yield f"Not shown: {counted(story.event_count - len(story.events), 'more event')}."
    if story.alerts:
        yield ""
        yield from _table(
            ("severity", "alert", "what it says"),
            ((str(alert.severity), code(alert.rule_id), text(shown(alert.summary))) for alert in story.alerts),
        )


def event_table(events: Iterable[StoryEvent]) -> Iterator[str]:
    """Yield the lines of a table of events."""
    yield from _table(
        _HEADINGS,
        (
            (
                clock(event.event_time),
                phase_of(event),
                code(event.actor),
                code(call_of(event)),
                code(event.target),
                code(event.source_ip),
                code(outcome(event)),
                code(event.event_id),
            )
            for event in events
        ),
    )


def _reference(match: re.Match[str]) -> str:
    # Mentions and numbers of issues are looked for in what is shown: a space of no width parts them.
    return f"&#{ord(match[0])};" + ("&#8203;" if match[0] in "@#" else "")


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{' --- |' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
