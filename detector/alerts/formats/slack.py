"""Slack's incoming webhooks: a message of Block Kit.

Source: Slack, "Sending messages using incoming webhooks", "Formatting message text", "Block Kit: blocks".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from detector.alerts.formats.notice import Notice

_HEADER, _TEXT, _FIELD = 150, 3_000, 2_000  # characters
_FIELDS = 10
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def to_slack(notice: Notice) -> dict[str, Any]:
    """Return the message; `text` is what a notification shows.

    What others wrote is escaped, so that nobody is mentioned and no link has another's name; `verbatim` keeps Slack
    from making links of it, and nothing is fetched for a preview.
    """
    return {
        "text": escaped(notice.subject, _TEXT),
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": list(_blocks(notice)),
    }


def _blocks(notice: Notice) -> Iterator[dict[str, Any]]:
    yield {"type": "header", "text": {"type": "plain_text", "text": notice.subject[:_HEADER], "emoji": False}}
    yield _section(escaped(notice.text, _TEXT))
    for entry in notice.entries:
        yield _section(f"*{entry.severity}* {escaped(entry.text, 2_000)} ({_rule(entry.rule_id, entry.link)})")
    if notice.more:
        yield _section(f"… and {notice.more:,} more")
    if notice.facts:
        fields = [
            _mrkdwn(f"*{name}*\n{escaped(value, _FIELD - len(name) - 3)}") for name, value in notice.facts[:_FIELDS]
        ]
        yield {"type": "section", "fields": fields}
    rule = f"{_rule(notice.rule_id, notice.link)} · " if notice.rule_id else ""
    yield {"type": "context", "elements": [_mrkdwn(f"{rule}{notice.id}")]}


def _rule(rule_id: str, link: str | None) -> str:
    return rule_id if link is None else f"<{escaped(link, _FIELD).replace('|', '%7C')}|{rule_id}>"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def escaped(text: str, characters: int) -> str:
    """Return text without meaning to Slack, of at most so many characters, no escape cut in two."""
    parts: list[str] = []
    for character in text:
        part = _ESCAPES.get(character, character)
        characters -= len(part)
        if characters < 0:
            break
        parts.append(part)
    return "".join(parts)
