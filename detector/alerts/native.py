"""The native format: one JSON object a line, schema `detector.alert/1`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import resources
from itertools import accumulate
from typing import Any, overload

from detector.alerts.alert import Alert
from detector.rules.finding import rfc3339

SCHEMA = "detector.alert/1"
# Log shippers drop or cut longer lines: Fluent Bit's default buffer is 32 kB.
LINE_BYTES = 32_000
# The largest size in JSON of each part; together, with the keys, they are less than a line.
_SUMMARY_BYTES = 2_000
_TEXT_BYTES = 600
_EVENT_ID_BYTES = 200
_EVENT_IDS_BYTES = 7_800  # a hundred of the longest event keys
_EVIDENCE_BYTES = 7_000
_CONTEXT_BYTES = 6_000
_ATTACK_BYTES = 1_000
_TOO_LARGE = "(too large)"
_UNSAFE = re.compile(r"[^ -~]")


def to_native(alert: Alert) -> dict[str, Any]:
    """Return the alert in the native format: all keys, in the documented order, a line of at most 32 kB.

    Records are dropped first, from the last one; then locations; text that an attacker chose the length of is cut.
    """
    native: dict[str, Any] = {
        "schema": SCHEMA,
        "alert_id": alert.alert_id,
        "rule_id": alert.rule_id,
        "title": cut(alert.title),
        "severity": alert.severity,
        "confidence": alert.confidence,
        "attack": _bounded(
            [{"tactic": tactic, "technique": technique} for tactic, technique in alert.attack], _ATTACK_BYTES
        ),
        "account_id": cut(alert.account_id),
        "region": cut(alert.region),
        "event_time": rfc3339(alert.event_time),
        "last_event_time": rfc3339(alert.last_event_time),
        "event_count": alert.event_count,
        "event_ids": _bounded(
            list(dict.fromkeys(cut(key, _EVENT_ID_BYTES) for key in alert.event_ids)), _EVENT_IDS_BYTES
        ),
        "summary": cut(alert.summary, _SUMMARY_BYTES),
        "actor": {
            "type": cut(alert.actor.type),
            "arn": cut(alert.actor.arn),
            "access_key_id": cut(alert.actor.access_key_id),
            "session_issuer": cut(alert.actor.session_issuer),
        },
        "source_ip": cut(alert.source_ip),
        "user_agent": cut(alert.user_agent),
        "mfa": alert.mfa,
        "context": _bounded_context(alert.context),
        "evidence": _bounded(
            [{"log_file": e.log_file, "index": e.index, "event_id": e.event_id} for e in alert.evidence],
            _EVIDENCE_BYTES,
        ),
        "records": [],
        "records_truncated": alert.records_truncated,
        "suppressed_by": alert.suppressed_by
        and {"id": cut(alert.suppressed_by.id), "reason": cut(alert.suppressed_by.reason)},
        "detected_at": rfc3339(alert.detected_at),
    }
    room = LINE_BYTES - len(to_line(native)) - len("false")
    native["records"] = _bounded(list(alert.records), room)
    native["records_truncated"] |= len(native["records"]) < len(alert.records)
    return native


def to_line(document: Any) -> bytes:  # noqa: ANN401 - any JSON
    """Return a document as one line of JSON, newline included; all but printable ASCII is escaped.

    So no control character and no line separator of Unicode reaches a terminal. A lone surrogate, which strict
    parsers refuse even as an escape, becomes U+FFFD.
    """
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return _UNSAFE.sub(_escaped, text).encode("ascii") + b"\n"


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code > 0xFFFF:
        return json.dumps(match[0])[1:-1]
    return "\\ufffd" if 0xD800 <= code < 0xE000 else f"\\u{code:04x}"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema that every native alert satisfies."""
    text = resources.files("detector.alerts").joinpath("alert.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


@overload
def cut(text: str, size_bytes: int = ...) -> str: ...
@overload
def cut(text: str | None, size_bytes: int = ...) -> str | None: ...
def cut(text: str | None, size_bytes: int = _TEXT_BYTES) -> str | None:
    """Return text that takes at most so many bytes in JSON; what was cut off is in the raw record."""
    if text is None or (len(text) < size_bytes and _size(text) <= size_bytes):
        return text
    room = size_bytes - len('"\\u2026"')
    # No character takes less than one byte, so that the rest of a long text need not be looked at.
    for length, size in enumerate(accumulate(_size(character) - 2 for character in text[:size_bytes])):
        if size > room:
            return text[:length] + "…"
    return text[:size_bytes]


def _size(value: Any) -> int:  # noqa: ANN401 - any JSON
    """Return how many bytes a value takes in a line."""
    return len(to_line(value)) - 1


def _bounded(items: list[Any], room: int) -> list[Any]:
    """Return as many of the first items as fit into so many bytes of JSON."""
    kept: list[Any] = []
    for item in items:
        room -= _size(item) + len(",")
        if room < 0:
            break
        kept.append(item)
    return kept


def _bounded_context(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context with long text cut, and with `(too large)` for values that still do not fit."""
    bounded: dict[str, Any] = {}
    room = _CONTEXT_BYTES
    for name, value in context.items():
        key = cut(name)
        short = _cut_inside(value)
        for candidate in (short, _TOO_LARGE):
            size = _size({key: candidate})
            if size <= room:
                bounded[key] = candidate
                room -= size
                break
    return bounded


def _cut_inside(value: Any) -> Any:  # noqa: ANN401 - any JSON
    match value:
        case str():
            return cut(value)
        case list():
            return [_cut_inside(member) for member in value[:100]]
        case dict():
            return {cut(key): _cut_inside(member) for key, member in value.items()}
        case _:
            return value
