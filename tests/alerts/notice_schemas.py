"""What Slack, Teams and PagerDuty take, as JSON Schemas of our own, written from what each publishes."""

from __future__ import annotations

from typing import Any


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
    }


def _text(longest: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"type": "string", "minLength": 1, "maxLength": longest} | more


# Block Kit: in mrkdwn a `<` begins a mention, a channel or a link; the last one alone is ours. ------------------------
_OUR_MRKDWN = r"^(?:[^<>&]|&amp;|&lt;|&gt;|<https?://[^<>|]*\|[a-z0-9_]+>)*$"


def _mrkdwn(longest: int) -> dict[str, Any]:
    return _object(
        {"type": {"const": "mrkdwn"}, "text": _text(longest, pattern=_OUR_MRKDWN), "verbatim": {"const": True}}
    )


_HEADER = _object(
    {
        "type": {"const": "header"},
        "text": _object({"type": {"const": "plain_text"}, "text": _text(150), "emoji": {"const": False}}),
    }
)
_SECTION = _object({"type": {"const": "section"}, "text": _mrkdwn(3_000)})
_FIELDS = _object(
    {"type": {"const": "section"}, "fields": {"type": "array", "items": _mrkdwn(2_000), "minItems": 1, "maxItems": 10}}
)
_CONTEXT = _object(
    {
        "type": {"const": "context"},
        "elements": {"type": "array", "items": _mrkdwn(3_000), "minItems": 1, "maxItems": 10},
    }
)
SLACK = _object(
    {
        "text": _text(3_000, pattern=_OUR_MRKDWN),
        "unfurl_links": {"const": False},
        "unfurl_media": {"const": False},
        "blocks": {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": {"anyOf": [_HEADER, _SECTION, _FIELDS, _CONTEXT]},
        },
    }
)

# Adaptive Cards 1.4, of which runs of text have no Markdown. ----------------------------------------------------------
_URL = {"type": "string", "pattern": "^https?://"}
_OPEN_URL = _object({"type": {"const": "Action.OpenUrl"}, "url": _URL}, {"title": _text(100)})
_RUN = _object(
    {"type": {"const": "TextRun"}, "text": {"type": "string"}},
    {
        "weight": {"enum": ["lighter", "default", "bolder"]},
        "size": {"enum": ["default", "small", "medium", "large", "extraLarge"]},
        "color": {"enum": ["default", "dark", "light", "accent", "good", "warning", "attention"]},
        "isSubtle": {"type": "boolean"},
        "selectAction": _OPEN_URL,
    },
)
_BLOCK = _object({"type": {"const": "RichTextBlock"}, "inlines": {"type": "array", "items": _RUN, "minItems": 1}})
_CARD = _object(
    {
        "$schema": {"const": "http://adaptivecards.io/schemas/adaptive-card.json"},
        "type": {"const": "AdaptiveCard"},
        "version": {"const": "1.4"},
        "body": {"type": "array", "items": _BLOCK, "minItems": 1},
    },
    {
        "fallbackText": {"type": "string"},
        "msteams": _object({"width": {"const": "Full"}}),
        "actions": {"type": "array", "items": _OPEN_URL},
    },
)
TEAMS = _object(
    {
        "type": {"const": "message"},
        "attachments": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": _object(
                {
                    "contentType": {"const": "application/vnd.microsoft.card.adaptive"},
                    "contentUrl": {"type": "null"},
                    "content": _CARD,
                }
            ),
        },
    }
)

# Events API v2 --------------------------------------------------------------------------------------------------------
PAGERDUTY = _object(
    {
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": _text(255),
        "payload": _object(
            {
                "summary": _text(1_024),
                "source": _text(1_024),
                "severity": {"enum": ["critical", "error", "warning", "info"]},
            },
            {
                "timestamp": _text(30, pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"),
                "component": _text(255),
                "group": _text(255),
                "class": _text(255),
                "custom_details": {"type": "object"},
            },
        ),
    },
    {
        "routing_key": _text(32, minLength=32),
        "client": _text(255),
        "client_url": _URL,
        "links": {"type": "array", "items": _object({"href": _URL}, {"text": _text(255)})},
        "images": {"type": "array"},
    },
)

MAIL = _object({"id": _text(36), "subject": _text(200), "text": _text(32_000)})
