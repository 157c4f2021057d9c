"""Fields that SIEMs ask of an alert and it has only indirectly: its subject's call, who that was, its times."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import msgspec

from detector import __version__
from detector.alerts.alert import Actor, Alert, Location
from detector.alerts.formats.json_line import TEXT_BYTES, bounded, cut
from detector.text import is_web_address

# How the program names itself in each format.
PRODUCT = "detector"
VENDOR = "cloudtrail-root-detector"
VERSION = __version__
_RESPONSE_BYTES = 1_000
_REFERENCES_BYTES = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Call:
    """The call that one raw record is about. Unknown, or of another type than CloudTrail's, is None."""

    event_id: str | None = None
    name: str | None = None  # eventName
    service: str | None = None  # eventSource
    source: str | None = None  # sourceIPAddress
    error_code: str | None = None
    error_message: str | None = None
    outcome: str | None = None  # "success" or "failure"
    read_only: bool | None = None


def subject_call(alert: Alert) -> Call:
    """Return the call that the alert is about."""
    return call_of(subject_record(alert))


def subject_record(alert: Alert) -> msgspec.Raw | None:
    """Return the raw record of that call, when the alert shows it."""
    index = alert.subject.record_index
    return alert.records[index] if index is not None and index < len(alert.records) else None


def subject_location(alert: Alert) -> Location | None:
    """Return where the record of that call lies, when it is among the evidence."""
    return next((one for one in alert.evidence if one.event_id == alert.subject.event_id), None)


def call_of(raw: msgspec.Raw | None) -> Call:
    """Return what a raw record says was called."""
    record = None if raw is None else json.loads(bytes(raw))
    if not isinstance(record, dict):
        return Call()
    read_only = record.get("readOnly")
    return Call(
        event_id=_text(record, "eventID"),
        name=_text(record, "eventName"),
        service=_text(record, "eventSource"),
        source=_text(record, "sourceIPAddress"),
        error_code=_text(record, "errorCode"),
        error_message=_text(record, "errorMessage"),
        outcome="failure" if _failed(record) else "success",
        read_only=read_only if isinstance(read_only, bool) else None,
    )


def _failed(record: dict[str, Any]) -> bool:
    if record.get("errorCode") or record.get("errorMessage"):
        return True
    # A failed sign-in has no errorCode.
    answer = record.get("responseElements")
    if isinstance(answer, str):  # as pipelines write it that flatten records
        with contextlib.suppress(ValueError, RecursionError):
            answer = json.loads(answer)
    return isinstance(answer, dict) and "Failure" in answer.values()


def _text(record: dict[str, Any], key: str) -> str | None:
    value = record.get(key)
    return cut(value, TEXT_BYTES) if isinstance(value, str) and value else None


def address_of(source: str | None) -> IPv4Address | IPv6Address | None:
    """Return the source as an IP address; None for the name of a service, which no IP field may hold."""
    try:
        address = ip_address(source or "")
    except ValueError:
        return None
    # `fe80::1%eth0` is one for Python, and for no SIEM.
    return None if isinstance(address, IPv6Address) and address.scope_id else address


def user_name(actor: Actor) -> str | None:
    """Return `root`, or what the ARN ends with: `alice`, `Role/session`."""
    if actor.type == "Root":
        return "root"
    _, _, name = (actor.arn or "").partition("/")
    return cut(name) or None


def locations_of(alert: Alert) -> list[dict[str, Any]]:
    """Return where the raw records lie, as objects."""
    return [
        {"log_file": one.log_file, "index": one.index, "event_id": one.event_id}
        | ({} if one.integrity is None else {"integrity": one.integrity})
        for one in alert.evidence
    ]


def suppression_of(alert: Alert) -> dict[str, str] | None:
    """Return why the alert needs nobody's attention, as an object."""
    entry = alert.suppressed_by
    return None if entry is None else {"id": cut(entry.id), "reason": cut(entry.reason)}


def response_of(alert: Alert) -> str | None:
    """Return what to do about the alert; shipped rules say it in less than 500 characters."""
    return cut(alert.response, _RESPONSE_BYTES)


def references_of(alert: Alert) -> list[str]:
    """Return the first references of the rule, each of them whole: half an address leads nowhere."""
    return bounded(list(alert.references), _REFERENCES_BYTES)


def page_of(alert: Alert) -> str | None:
    """Return the one address for a field that takes one: the rule's page, or its first reference that is a URL."""
    return next(filter(is_web_address, (alert.rule_url or "", *references_of(alert))), None)


def epoch_milliseconds(moment: datetime) -> int:
    """Return milliseconds since 1970; 0 for an earlier time, which some receivers refuse."""
    return max(0, (moment - _EPOCH) // _MILLISECOND)


def iso_milliseconds(moment: datetime) -> str:
    """Return `2025-03-04T09:52:10.000Z`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def without_unknown(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document without keys whose value is None or empty: what is unknown is left out, at any depth."""
    kept = {key: without_unknown(value) if isinstance(value, dict) else value for key, value in document.items()}
    return {key: value for key, value in kept.items() if value is not None and value not in ({}, [], "")}
