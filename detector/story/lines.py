"""Stories and their events for programs: JSON objects, CSV, and JSON as Timesketch imports it.

Source of the latter: Timesketch, "Import from JSON or CSV": `message`, `datetime` and `timestamp_desc` are mandatory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from detector.alerts.formats.csv import csv_line
from detector.alerts.formats.json_line import bounded, cut, json_line
from detector.story.story import Counted, Made, Story, StoryEvent
from detector.story.words import message
from detector.times import rfc3339

STORY_SCHEMA: Final = "detector.story/1"
EVENT_SCHEMA: Final = "detector.story-event/1"
# The largest size in JSON of each part; together, with the keys, they are less than a line.
_VALUES_BYTES: Final = 3_000
_MADE_BYTES: Final = 8_000
_LISTED_BYTES: Final = 3_000
_PARTED: Final = "; "


def story_object(story: Story) -> dict[str, Any]:
    """Return a story, without its events, as an object."""
    return {
        "schema": STORY_SCHEMA,
        "story_id": story.id,
        "kind": story.kind,
        "account_id": cut(story.account_id),
        "key": cut(story.key),
        "who": cut(story.who),
        "severity": story.severity,
        "sentence": cut(story.sentence, 2_000),
        "first_time": rfc3339(story.first_time),
        "last_time": rfc3339(story.last_time),
        "until": rfc3339(story.until),
        "mfa": story.mfa,
        "mfa_device": cut(story.mfa_device),
        "addresses": bounded(list(map(_counted, story.addresses)), _VALUES_BYTES),
        "address_count": story.address_count,
        "user_agents": bounded(list(map(_counted, story.user_agents)), _VALUES_BYTES),
        "user_agent_count": story.user_agent_count,
        "event_count": story.event_count,
        "counts": {str(phase): count for phase, count in story.counts.items()},
        "made": bounded(list(map(_made, story.made)), _MADE_BYTES),
        "made_count": story.made_count,
        "connections": bounded(
            [
                {"story_id": one.story_id, "link": one.link, "value": cut(one.value), "is_later": one.is_later}
                for one in story.connections
            ],
            _LISTED_BYTES,
        ),
        "parts": bounded(list(story.parts), _LISTED_BYTES),
        "alert_count": len(story.alerts),
        "alert_ids": bounded([alert.alert_id for alert in story.alerts], _LISTED_BYTES),
    }


def event_object(event: StoryEvent, story: Story | None = None) -> dict[str, Any]:
    """Return an event, of a story or of none, as an object."""
    return {
        "schema": EVENT_SCHEMA,
        "story_id": None if story is None else story.id,
        "event_time": rfc3339(event.event_time),
        "event_id": cut(event.event_id),
        "account_id": cut(event.account_id),
        "region": cut(event.region),
        "phase": event.phase,
        "actor": cut(event.actor),
        "service": cut(event.service),
        "event_name": cut(event.event_name),
        "target": cut(event.target),
        "source_ip": cut(event.source_ip),
        "user_agent": cut(event.user_agent),
        "mfa": event.mfa,
        "error_code": cut(event.error_code),
        "succeeded": event.succeeded,
        "is_write": event.is_write,
        "is_probable": event.is_probable,
        "log_file": event.log_file,
        "log_file_index": event.log_file_index,
        "integrity": event.integrity,
    }


STORY_COLUMNS: Final = (
    *("first_time", "last_time", "until", "severity", "account_id", "kind", "key", "who", "sentence", "mfa"),
    *("mfa_device", "addresses", "user_agents", "event_count", "made", "connections", "parts", "alert_ids", "story_id"),
)
EVENT_COLUMNS: Final = (
    *("event_time", "phase", "actor", "service", "event_name", "target", "succeeded", "error_code", "source_ip"),
    *("user_agent", "mfa", "account_id", "region", "is_probable", "event_id", "story_id", "log_file", "log_file_index"),
    "integrity",
)


def jsonl(objects: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield each object as a line."""
    return map(json_line, objects)


def csv_lines(objects: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> Iterator[bytes]:
    """Yield a heading, and each object as a line; of lists, the members' first values."""
    names = list(columns)
    yield csv_line({name: name for name in names})
    for one in objects:
        yield csv_line({name: _cell(one[name]) for name in names})


def timesketch(event: StoryEvent, story: Story | None = None) -> dict[str, Any]:
    """Return an event as Timesketch imports it."""
    attributes = event_object(event, story)
    attributes.pop("schema")
    return {
        "message": cut(message(event), 1_000),
        "datetime": event.event_time.isoformat(),
        "timestamp_desc": "CloudTrail event" if event.phase is None else f"Root story: {event.phase}",
        **attributes,
    }


def _counted(one: Counted) -> dict[str, Any]:
    return {"value": cut(one.value), "events": one.events}


def _made(one: Made) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "name": cut(one.name),
        "owner": cut(one.owner),
        "time": rfc3339(one.time),
        "event_id": cut(one.event_id),
        "uses": one.uses,
        "last_use": None if one.last_use is None else rfc3339(one.last_use),
    }


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return _PARTED.join(_cell(member) for member in value)
        case dict():
            return _cell(value.get("value") or value.get("name"))
        case _:
            return str(value)
