"""The native format: one JSON object a line, schema `detector.alert/1`."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from detector.alerts.alert import Alert
from detector.alerts.formats.json_line import LINE_BYTES, bounded, bounded_context, cut, room_left
from detector.alerts.formats.siem_fields import locations_of, references_of, response_of, suppression_of
from detector.times import rfc3339

SCHEMA = "detector.alert/1"
# The largest size in JSON of each part; together, with the keys, they are less than a line. Records get the rest.
_SUMMARY_BYTES = 2_000
_EVENT_ID_BYTES = 200
_EVENT_IDS_BYTES = 7_800  # a hundred of the longest event keys
_EVIDENCE_BYTES = 7_000
_ATTACK_BYTES = 1_000


def to_native(alert: Alert, size_bytes: int = LINE_BYTES) -> dict[str, Any]:
    """Return the alert in the native format: all keys, in the documented order, a line of at most so many bytes.

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
        "context": bounded_context(alert.context),
        "evidence": [],
        "records": [],
        "records_truncated": alert.records_truncated,
        "suppressed_by": suppression_of(alert),
        "detected_at": rfc3339(alert.detected_at),
        "subject_event_id": cut(alert.subject.event_id, _EVENT_ID_BYTES),
        "response": response_of(alert),
        "references": references_of(alert),
        "rule_url": cut(alert.rule_url),
    }
    room = room_left(native, size_bytes) - len("false")
    native["evidence"] = bounded(locations_of(alert), min(_EVIDENCE_BYTES, room))
    native["records"] = bounded(list(alert.records), room_left(native, size_bytes) - len("false"))
    native["records_truncated"] |= len(native["records"]) < len(alert.records)
    return native


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema that every native alert satisfies."""
    text = resources.files("detector.alerts.formats").joinpath("alert.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
