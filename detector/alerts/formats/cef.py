"""Common Event Format, version 0, in a syslog line of RFC 5424.

Source: ArcSight, "Implementing ArcSight Common Event Format (CEF)", version 25; RFC 5424, section 6.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Any

from detector.alerts.alert import Alert
from detector.alerts.formats.siem_fields import (
    PRODUCT,
    VENDOR,
    VERSION,
    address_of,
    epoch_milliseconds,
    iso_milliseconds,
    page_of,
    subject_call,
    subject_location,
    user_name,
    without_unknown,
)
from detector.rules.attack import tactic_name
from detector.severity import Severity
from detector.text import printable

# Of CEF (0 to 10), and of syslog; its facility is 13, log audit.
_SEVERITY = {Severity.INFO: 1, Severity.LOW: 3, Severity.MEDIUM: 5, Severity.HIGH: 8, Severity.CRITICAL: 10}
_SYSLOG = {Severity.INFO: 6, Severity.LOW: 5, Severity.MEDIUM: 4, Severity.HIGH: 3, Severity.CRITICAL: 2}
_FACILITY = 13
_HEADER_BYTES = 512
# The largest size of a value, in bytes; CEF allows some more. A whole line stays below rsyslog's 8 KiB.
_BYTES = {"act": 63, "msg": 1_023, "requestClientApplication": 1_023, "suid": 600, "cs6": 1_000, "flexString2": 1_000}
_OTHER_BYTES = 300
# Only extensions may have line breaks; a backslash is escaped in both.
_IN_HEADER = {"|": "\\|"}
_IN_EXTENSION = {"=": "\\=", "\n": "\\n", "\r": "\\r"}


def to_cef(alert: Alert) -> dict[str, Any]:
    """Return the parts of the line, not yet escaped; `externalId` is the alert's id.

    `start` and `end` are the times of the first and the last event, `rt` when they were detected. IPv6 addresses have
    keys of their own in CEF.
    """
    call = subject_call(alert)
    location = subject_location(alert)
    named = {
        "rt": epoch_milliseconds(alert.detected_at),
        "start": epoch_milliseconds(alert.event_time),
        "end": epoch_milliseconds(alert.last_event_time),
        "cnt": alert.event_count,
        "externalId": alert.alert_id,
        "cat": ",".join(dict.fromkeys(tactic_name(tactic) for tactic, _ in alert.attack)),
        "act": call.name,
        "outcome": call.outcome,
        "reason": call.error_code,
        "destinationServiceName": call.service,
        **_source(alert),
        "suser": user_name(alert.actor),
        "suid": alert.actor.arn,
        "requestClientApplication": alert.user_agent,
    }
    labelled = {
        "cs1": ("accountId", alert.account_id),
        "cs2": ("region", alert.region),
        "cs3": ("attackTechniques", ",".join(dict.fromkeys(technique for _, technique in alert.attack))),
        "cs4": ("eventID", alert.subject.event_id),
        "cs5": ("mfa", alert.mfa),
        "cs6": ("logFile", location and f"{location.log_file}#{location.index}"),
        "flexString1": ("suppressedBy", alert.suppressed_by and alert.suppressed_by.id),
        "flexString2": ("ruleUrl", page_of(alert)),
    }
    extension = named | {
        part: value
        for key, (label, text) in labelled.items()
        if text
        for part, value in ((f"{key}Label", label), (key, text))
    }
    return {
        "priority": _FACILITY * 8 + _SYSLOG[alert.severity],
        "timestamp": iso_milliseconds(alert.detected_at),
        "header": {
            "Device Vendor": VENDOR,
            "Device Product": PRODUCT,
            "Device Version": VERSION,
            "Device Event Class ID": alert.rule_id,
            "Name": alert.title,
            "Severity": _SEVERITY[alert.severity],
        },
        "extension": without_unknown(extension | {"msg": alert.summary}),
    }


def cef_line(cef: dict[str, Any]) -> bytes:
    """Return the line. HOSTNAME, PROCID and structured data are nil: a line says the same wherever it was made."""
    header = "|".join(_escaped(str(value), _IN_HEADER, _HEADER_BYTES) for value in cef["header"].values())
    extension = " ".join(f"{key}={_value(key, value)}" for key, value in cef["extension"].items())
    line = f"<{cef['priority']}>1 {cef['timestamp']} - {PRODUCT} - alert - CEF:0|{header}|{extension}\n"
    return line.encode("utf-8")


def _source(alert: Alert) -> dict[str, str | None]:
    match address_of(alert.source_ip):
        case IPv4Address() as address:
            return {"src": str(address)}
        case IPv6Address() as address:
            return {"c6a2Label": "Source IPv6 Address", "c6a2": str(address)}
        case _:
            return {"sourceServiceName": alert.source_ip}


def _value(key: str, value: object) -> str:
    return _escaped(str(value), _IN_EXTENSION, _BYTES.get(key, _OTHER_BYTES))


def _escaped(text: str, escapes: dict[str, str], size_bytes: int) -> str:
    """Return printable text with what has a meaning in CEF escaped, of at most so many bytes."""
    parts: list[str] = []
    for character in text[:size_bytes]:
        part = escapes.get(character) or printable(character).replace("\\", "\\\\")
        size_bytes -= len(part.encode("utf-8"))
        if size_bytes < 0:
            break
        parts.append(part)
    return "".join(parts)
