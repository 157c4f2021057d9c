"""Elastic Common Schema 8.17; what ECS has no field for is below `detector.`.

Source: Elastic, "ECS field reference", 8.17.
"""

from __future__ import annotations

from typing import Any

from detector.alerts.alert import Alert
from detector.alerts.formats.json_line import bounded, bounded_context, cut, json_text, room_left
from detector.alerts.formats.siem_fields import (
    PRODUCT,
    VENDOR,
    VERSION,
    Call,
    address_of,
    iso_milliseconds,
    locations_of,
    page_of,
    references_of,
    response_of,
    subject_call,
    subject_record,
    suppression_of,
    user_name,
    without_unknown,
)
from detector.rules.attack import tactic_name, technique_name
from detector.severity import Severity

_VERSION = "8.17.0"
# The scores that Elastic's own rules have.
_SCORE = {Severity.INFO: 1, Severity.LOW: 21, Severity.MEDIUM: 47, Severity.HIGH: 73, Severity.CRITICAL: 99}
_SIGN_IN = ("signin.amazonaws.com", "sts.amazonaws.com")
_EVENT_IDS_BYTES = 7_000
_EVIDENCE_BYTES = 5_000
_TECHNIQUES = 20


def to_ecs(alert: Alert) -> dict[str, Any]:
    """Return the alert as an ECS document; `event.id` is the alert's id.

    `detector.context` is JSON text: its keys differ from rule to rule, and Elasticsearch refuses a document whose
    value has another type than an earlier document's.
    """
    call = subject_call(alert)
    category, kind = _category(call)
    address = address_of(alert.source_ip)
    name = user_name(alert.actor)
    attack = alert.attack[:_TECHNIQUES]
    document = without_unknown(
        {
            "event": {
                "id": alert.alert_id,
                "kind": "alert",
                "category": [category],
                "type": [kind],
                "outcome": call.outcome or "unknown",
                "action": call.name,
                "provider": call.service,
                "module": PRODUCT,
                "dataset": "detector.alerts",
                "code": alert.rule_id,
                "severity": _SCORE[alert.severity],
                "risk_score": float(_SCORE[alert.severity]),
                "created": iso_milliseconds(alert.detected_at),
                "start": iso_milliseconds(alert.event_time),
                "end": iso_milliseconds(alert.last_event_time),
            },
            "@timestamp": iso_milliseconds(alert.event_time),
            "ecs": {"version": _VERSION},
            "message": cut(alert.summary, 2_000),
            "tags": ["detector", "cloudtrail"],
            "error": {"code": call.error_code, "message": call.error_message},
            "rule": {
                "id": alert.rule_id,
                "name": cut(alert.title),
                "ruleset": PRODUCT,
                "reference": page_of(alert),
            },
            "threat": _threat(attack),
            "cloud": {
                "provider": "aws",
                "account": {"id": cut(alert.account_id)},
                "region": cut(alert.region),
                "service": {"name": "cloudtrail"},
            },
            "user": {"id": cut(alert.actor.arn), "name": name},
            "source": {"address": cut(alert.source_ip), "ip": address and str(address)},
            "related": {"ip": [str(address)] if address else [], "user": [name] if name else []},
            "user_agent": {"original": cut(alert.user_agent)},
            "observer": {"vendor": VENDOR, "product": PRODUCT, "version": VERSION},
            "detector": {
                "severity": alert.severity,
                "confidence": alert.confidence,
                "mfa": alert.mfa,
                "actor": {
                    "type": cut(alert.actor.type),
                    "access_key_id": cut(alert.actor.access_key_id),
                    "session_issuer": cut(alert.actor.session_issuer),
                },
                "event_count": alert.event_count,
                "context": json_text(bounded_context(alert.context)) if alert.context else None,
                "suppressed_by": suppression_of(alert),
                "response": response_of(alert),
                "references": references_of(alert),
            },
        }
    )
    _add_lists(document, alert)
    return document


def _add_lists(document: dict[str, Any], alert: Alert) -> None:
    """Put in what the line has room for: the ids of the events, where they lie, the subject's raw record as text."""
    own = document["detector"]
    own["event_ids"] = own["evidence"] = []
    own["event_ids"] = bounded([cut(key, 200) for key in alert.event_ids], _room(document, _EVENT_IDS_BYTES))
    own["evidence"] = bounded(locations_of(alert), _room(document, _EVIDENCE_BYTES))
    record = subject_record(alert)
    original = [] if record is None else [bytes(record).decode("ascii")]
    for text in bounded(original, room_left(document) - len('"original":')):
        document["event"]["original"] = text


def _room(document: dict[str, Any], most: int) -> int:
    return min(most, room_left(document))


def _category(call: Call) -> tuple[str, str]:
    """Return event.category and an event.type that goes with it."""
    if call.service in _SIGN_IN:
        return "authentication", "start"
    category = "iam" if call.service == "iam.amazonaws.com" else "configuration"
    return category, "info" if call.read_only in (True, None) else "change"


def _threat(attack: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    tactics = list(dict.fromkeys(tactic for tactic, _ in attack))
    techniques = list(dict.fromkeys(technique.partition(".")[0] for _, technique in attack))
    subtechniques = list(dict.fromkeys(technique for _, technique in attack if "." in technique))
    if not attack:
        return {}
    return {
        "framework": "MITRE ATT&CK",
        "tactic": {"id": tactics, "name": list(map(tactic_name, tactics))},
        "technique": {
            "id": techniques,
            "name": list(map(technique_name, techniques)),
            "subtechnique": {"id": subtechniques, "name": list(map(technique_name, subtechniques))},
        },
    }
