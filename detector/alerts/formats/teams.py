"""Microsoft Teams: a message with one Adaptive Card, as the webhooks of Workflows take it.

Source: Microsoft, "Create incoming webhooks with Workflows", "Format cards in Microsoft Teams"; the schema of Adaptive
Cards 1.4. A message may have 28 KB.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from detector.alerts.formats.notice import Entry, Notice
from detector.severity import Severity

_COLOUR = {
    Severity.CRITICAL: "attention",
    Severity.HIGH: "attention",
    Severity.MEDIUM: "warning",
    Severity.LOW: "accent",
    Severity.INFO: "default",
}


def to_teams(notice: Notice) -> dict[str, Any]:
    """Return the message. What others wrote is in runs of text, in which Teams sees no Markdown and no mention."""
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "fallbackText": notice.subject,
        "body": list(_body(notice)),
    }
    if notice.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Rule", "url": notice.link}]
    return {
        "type": "message",
        "attachments": [
            {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        ],
    }


def _body(notice: Notice) -> Iterator[dict[str, Any]]:
    headline = _run(notice.subject) | {"weight": "bolder", "size": "medium", "color": _COLOUR[notice.severity]}
    yield _block(headline)
    yield _block(_run(notice.text))
    for entry in notice.entries:
        severity = _run(f"{entry.severity} ") | {"weight": "bolder", "color": _COLOUR[entry.severity]}
        yield _block(severity, _run(f"{entry.text} "), _rule(entry))
    if notice.more:
        yield _block(_run(f"… and {notice.more:,} more"))
    for name, value in notice.facts:
        yield _block(_run(f"{name}: ") | {"weight": "bolder"}, _run(value))
    rule = f"{notice.rule_id} · " if notice.rule_id else ""
    yield _block(_run(f"{rule}{notice.id}") | {"isSubtle": True, "size": "small"})


def _block(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _run(text: str) -> dict[str, Any]:
    return {"type": "TextRun", "text": text}


def _rule(entry: Entry) -> dict[str, Any]:
    run = _run(f"({entry.rule_id})") | {"isSubtle": True}
    return run | ({"selectAction": {"type": "Action.OpenUrl", "url": entry.link}} if entry.link else {})
