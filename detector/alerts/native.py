"""The native format: one JSON object a line, schema `detector.alert/1`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from detector.alerts.alert import Alert
from detector.alerts.line import LINE_BYTES, bounded, cut, cut_inside, json_line, size_of
from detector.rules.finding import rfc3339

SCHEMA = "detector.alert/1"
# The largest size in JSON of each part; together, with the keys, they are less than a line.
_SUMMARY_BYTES = 2_000
_EVENT_ID_BYTES = 200
_EVENT_IDS_BYTES = 7_800  # a hundred of the longest event keys
_EVIDENCE_BYTES = 7_000
_CONTEXT_BYTES = 6_000
_ATTACK_BYTES = 1_000
_TOO_LARGE = "(too large)"


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
        "attack": bounded(
            [{"tactic": tactic, "technique": technique} for tactic, technique in alert.attack], _ATTACK_BYTES
        ),
        "account_id": cut(alert.account_id),
        "region": cut(alert.region),
        "event_time": rfc3339(alert.event_time),
        "last_event_time": rfc3339(alert.last_event_time),
        "event_count": alert.event_count,
        "event_ids": bounded(
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
        "evidence": bounded(
            [{"log_file": e.log_file, "index": e.index, "event_id": e.event_id} for e in alert.evidence],
            _EVIDENCE_BYTES,
        ),
        "records": [],
        "records_truncated": alert.records_truncated,
        "suppressed_by": alert.suppressed_by
        and {"id": cut(alert.suppressed_by.id), "reason": cut(alert.suppressed_by.reason)},
        "detected_at": rfc3339(alert.detected_at),
    }
    room = LINE_BYTES - len(json_line(native)) - len("false")
    native["records"] = bounded(list(alert.records), room)
    native["records_truncated"] |= len(native["records"]) < len(alert.records)
    return native


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema that every native alert satisfies."""
    text = resources.files("detector.alerts").joinpath("alert.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _bounded_context(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context with long text cut, and with `(too large)` for values that still do not fit."""
    bounded: dict[str, Any] = {}
    room = _CONTEXT_BYTES
    for name, value in context.items():
        key = cut(name)
        short = cut_inside(value)
        for candidate in (short, _TOO_LARGE):
            size = size_of({key: candidate})
            if size <= room:
                bounded[key] = candidate
                room -= size
                break
    return bounded
