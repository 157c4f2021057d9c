"""The native format: one JSON object a line, schema `detector.alert/1`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from detector.alerts.alert import Alert
from detector.rules.finding import rfc3339

SCHEMA = "detector.alert/1"
# Log shippers drop or cut longer lines: Fluent Bit's default buffer is 32 kB.
LINE_BYTES = 32_000
_TEXT_LENGTH = 1_024
_EVIDENCE_BYTES = 8_000
_CONTEXT_BYTES = 6_000


def to_native(alert: Alert) -> dict[str, Any]:
    """Return the alert in the native format: all keys, in the documented order, a line of at most 32 kB.

    Records are dropped first, from the last one; then locations; text that an attacker chose the length of is cut.
    """
    native: dict[str, Any] = {
        "schema": SCHEMA,
        "alert_id": alert.alert_id,
        "rule_id": alert.rule_id,
        "title": alert.title,
        "severity": alert.severity,
        "confidence": alert.confidence,
        "attack": [{"tactic": tactic, "technique": technique} for tactic, technique in alert.attack],
        "account_id": cut(alert.account_id),
        "region": cut(alert.region),
        "event_time": rfc3339(alert.event_time),
        "last_event_time": rfc3339(alert.last_event_time),
        "event_count": alert.event_count,
        "event_ids": list(alert.event_ids),
        "summary": cut(alert.summary),
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
        and {"id": alert.suppressed_by.id, "reason": cut(alert.suppressed_by.reason)},
        "detected_at": rfc3339(alert.detected_at),
    }
    room = LINE_BYTES - len(to_line(native)) - len(",false")
    native["records"] = _bounded(list(alert.records), room)
    native["records_truncated"] |= len(native["records"]) < len(alert.records)
    return native


def to_line(document: Mapping[str, Any]) -> bytes:
    r"""Return a document as one line of JSON, newline included; all but ASCII is escaped.

    So no control character, no line separator of Unicode and no lone surrogate of a log reaches a terminal or a parser.
    """
    return json.dumps(document, separators=(",", ":")).replace("\x7f", "\\u007f").encode("ascii") + b"\n"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema that every native alert satisfies."""
    text = resources.files("detector.alerts").joinpath("alert.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def cut(text: str | None) -> str | None:
    """Return text of a bounded length; what was cut off is in the raw record."""
    return text if text is None or len(text) <= _TEXT_LENGTH else text[: _TEXT_LENGTH - 1] + "…"


def _bounded(items: list[Any], room: int) -> list[Any]:
    """Return as many of the first items as fit into so many bytes of JSON."""
    kept: list[Any] = []
    for item in items:
        room -= len(to_line({"": item}))
        if room < 0:
            break
        kept.append(item)
    return kept


def _bounded_context(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context with long text cut, and with values that are still too large as the text `(too large)`."""
    bounded: dict[str, Any] = {}
    room = _CONTEXT_BYTES
    for key, value in context.items():
        value = _cut_inside(value)
        size = len(to_line({key: value}))
        bounded[key] = value if size <= room else "(too large)"
        room -= len(to_line({key: bounded[key]}))
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
