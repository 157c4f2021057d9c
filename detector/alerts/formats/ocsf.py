"""OCSF 1.8.0: class Detection Finding (2004), profile `cloud`.

Source: schema.ocsf.io, "Detection Finding [2004]", version 1.8.0.
"""

from __future__ import annotations

from typing import Any

import msgspec

from detector.alerts.alert import Alert
from detector.alerts.formats.json_line import bounded, bounded_context, cut, room_left
from detector.alerts.formats.siem_fields import (
    PRODUCT,
    VENDOR,
    VERSION,
    Call,
    address_of,
    call_of,
    epoch_milliseconds,
    locations_of,
    references_of,
    response_of,
    subject_call,
    subject_record,
    suppression_of,
    user_name,
    without_unknown,
)
from detector.aws_regions import partition_of
from detector.rules.attack import tactic_name, technique_name
from detector.rules.rule import Confidence
from detector.severity import Severity

_VERSION = "1.8.0"
_SEVERITY = {
    Severity.INFO: (1, "Informational"),
    Severity.LOW: (2, "Low"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.HIGH: (4, "High"),
    Severity.CRITICAL: (5, "Critical"),
}
_CONFIDENCE = {Confidence.LOW: 1, Confidence.MEDIUM: 2, Confidence.HIGH: 3}
_NEW, _SUPPRESSED = (1, "New"), (3, "Suppressed")
_AWS_ACCOUNT = (10, "AWS Account")
_USER_TYPES = {"Root": (2, "Admin"), "IAMUser": (1, "User"), "AWSService": (3, "System")}
_IP_ADDRESS, _RESOURCE_UID = (2, "IP Address"), (10, "Resource UID")
# OCSF takes an evidence that has one of these, of what we can tell.
_EVIDENT = {"actor", "api", "data", "src_endpoint"}
_IDS_BYTES = 6_000
_LOCATIONS_BYTES = 4_000
_ATTACKS_BYTES = 1_500


def to_ocsf(alert: Alert) -> dict[str, Any]:
    """Return the alert as a Detection Finding; what OCSF has no place for is in `unmapped`.

    Times are milliseconds since 1970. `metadata.uid` and `finding_info.uid` are the alert's id.
    """
    severity_id, severity = _SEVERITY[alert.severity]
    status_id, status = _SUPPRESSED if alert.suppressed_by else _NEW
    call = subject_call(alert)
    summary = cut(alert.summary, 2_000)
    finding = without_unknown(
        {
            "metadata": {
                "uid": alert.alert_id,
                "version": _VERSION,
                "profiles": ["cloud"],
                "event_code": alert.rule_id,
                "log_name": "CloudTrail",
                "log_provider": "AWS",
                "logged_time": epoch_milliseconds(alert.detected_at),
                "product": {"name": PRODUCT, "vendor_name": VENDOR, "version": VERSION},
            },
            "activity_id": 1,
            "activity_name": "Create",
            "category_uid": 2,
            "category_name": "Findings",
            "class_uid": 2004,
            "class_name": "Detection Finding",
            "type_uid": 200401,
            "type_name": "Detection Finding: Create",
            "severity_id": severity_id,
            "severity": severity,
            "confidence_id": _CONFIDENCE[alert.confidence],
            "confidence": alert.confidence.capitalize(),
            "status_id": status_id,
            "status": status,
            "is_alert": True,
            "time": epoch_milliseconds(alert.event_time),
            "start_time": epoch_milliseconds(alert.event_time),
            "end_time": epoch_milliseconds(alert.last_event_time),
            "count": alert.event_count,
            "message": summary,
            "finding_info": {
                "uid": alert.alert_id,
                "title": cut(alert.title),
                "created_time": epoch_milliseconds(alert.detected_at),
                "first_seen_time": epoch_milliseconds(alert.event_time),
                "last_seen_time": epoch_milliseconds(alert.last_event_time),
                "types": list(dict.fromkeys(tactic_name(tactic) for tactic, _ in alert.attack))[:20],
                "data_sources": ["AWS CloudTrail"],
                "analytic": {"type_id": 1, "type": "Rule", "uid": alert.rule_id, "name": cut(alert.title)},
                "attacks": bounded([_attack(*pair) for pair in alert.attack], _ATTACKS_BYTES),
            },
            "cloud": {
                "provider": "AWS",
                "region": cut(alert.region),
                "cloud_partition": partition_of(alert.region),
                "account": _account(alert),
            },
            "api": _api(call),
            "resources": [{"uid": cut(alert.account_id), "type": "AWS Account"}] if alert.account_id else [],
            "observables": _observables(alert),
            "remediation": _remediation(alert),
        }
    )
    finding["unmapped"] = {
        "mfa": alert.mfa,
        "context": bounded_context(alert.context),
        "suppressed_by": suppression_of(alert),
        "records_truncated": alert.records_truncated,
    }
    _add_lists(finding, alert, call)
    return finding


def _remediation(alert: Alert) -> dict[str, Any]:
    """Return what to do, which OCSF asks for, and where to read on: the rule's page first."""
    if alert.response is None:
        return {}
    pages = [cut(alert.rule_url)] if alert.rule_url else []
    return {"desc": response_of(alert), "references": pages + references_of(alert)}


def _add_lists(finding: dict[str, Any], alert: Alert, call: Call) -> None:
    """Put in what the line has room for: the ids of the events, where they lie, their raw records.

    The first evidence is the subject, of which all is known.
    """
    info, unmapped = finding["finding_info"], finding["unmapped"]
    about = _subject_evidence(alert, call)
    finding["evidences"] = [about]
    info["related_events"] = unmapped["evidence"] = []
    info["related_events"] = bounded([{"uid": cut(key, 200)} for key in alert.event_ids], _room(finding, _IDS_BYTES))
    unmapped["evidence"] = bounded(locations_of(alert), _room(finding, _LOCATIONS_BYTES))
    finding["evidences"] = []
    record = subject_record(alert)
    evidences = [about if record is None else about | {"data": record}]
    evidences += [_evidence(other) | {"data": other} for other in alert.records if other is not record]
    shown = bounded(evidences, room_left(finding)) or [about]
    finding["evidences"] = [one for one in shown if _EVIDENT & set(one)]
    if not finding["evidences"]:
        del finding["evidences"]
    unmapped["records_truncated"] |= sum("data" in one for one in shown) < len(alert.records)


def _room(finding: dict[str, Any], most: int) -> int:
    return min(most, room_left(finding))


def _subject_evidence(alert: Alert, call: Call) -> dict[str, Any]:
    return without_unknown(
        {
            "uid": cut(alert.subject.event_id or alert.event_ids[0], 200),
            "name": "CloudTrail event",
            "actor": {
                "user": _user(alert),
                "session": {
                    "credential_uid": cut(alert.actor.access_key_id),
                    "issuer": cut(alert.actor.session_issuer),
                    "is_mfa": {"yes": True, "no": False}.get(alert.mfa or ""),
                },
            },
            "src_endpoint": _endpoint(cut(alert.source_ip)),
            "http_request": {"user_agent": cut(alert.user_agent)},
            "api": _api(call),
        }
    )


def _user(alert: Alert) -> dict[str, Any]:
    """Return who it was; nothing when there is neither a name nor an account, which OCSF asks for."""
    name = alert.actor.type
    type_id, type_name = _USER_TYPES.get(name, (99, cut(name))) if name else (0, "Unknown")
    known = {"name": user_name(alert.actor), "uid": cut(alert.actor.arn), "account": _account(alert)}
    return {"type_id": type_id, "type": type_name, **known} if any(known.values()) else {}


def _evidence(record: msgspec.Raw) -> dict[str, Any]:
    call = call_of(record)
    evidence = {
        "uid": call.event_id,
        "name": "CloudTrail event",
        "src_endpoint": _endpoint(call.source),
        "api": _api(call),
    }
    return without_unknown(evidence)


def _api(call: Call) -> dict[str, Any]:
    if call.name is None:
        return {}
    return {
        "operation": call.name,
        "service": {"name": call.service},
        "response": {"error": call.error_code, "error_message": call.error_message, "message": call.outcome},
    }


def _endpoint(source: str | None) -> dict[str, Any]:
    address = address_of(source)
    return {"svc_name": source} if address is None else {"ip": str(address)}


def _account(alert: Alert) -> dict[str, Any]:
    type_id, type_name = _AWS_ACCOUNT
    return {"uid": cut(alert.account_id), "type_id": type_id, "type": type_name} if alert.account_id else {}


def _attack(tactic: str, technique: str) -> dict[str, Any]:
    parent, _, sub = technique.partition(".")
    attack = {
        "tactic": {"uid": tactic, "name": tactic_name(tactic)},
        "technique": {"uid": parent, "name": technique_name(parent)},
    }
    return attack | {"sub_technique": {"uid": technique, "name": technique_name(technique)}} if sub else attack


def _observables(alert: Alert) -> list[dict[str, Any]]:
    address = address_of(alert.source_ip)
    found = [
        (_IP_ADDRESS, "evidences[0].src_endpoint.ip", address and str(address)),
        (_RESOURCE_UID, "evidences[0].actor.user.uid", cut(alert.actor.arn)),
    ]
    return [
        {"type_id": type_id, "type": type_name, "name": name, "value": value}
        for (type_id, type_name), name, value in found
        if value
    ]
