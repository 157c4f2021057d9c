"""Splunk HTTP Event Collector: the native alert in an envelope, with the names of the CIM data model Alerts beside.

Source: Splunk, "Format events for HTTP Event Collector"; "Common Information Model Add-on Manual", Alerts.
"""

from __future__ import annotations

from typing import Any

from detector.alerts.alert import Alert
from detector.alerts.formats.json_line import cut, room_left, size_of
from detector.alerts.formats.native import to_native
from detector.alerts.formats.siem_fields import PRODUCT, address_of, epoch_milliseconds, user_name, without_unknown
from detector.severity import Severity

_SEVERITY_ID = {Severity.INFO: "1", Severity.LOW: "2", Severity.MEDIUM: "3", Severity.HIGH: "4", Severity.CRITICAL: "5"}


def to_hec(alert: Alert) -> dict[str, Any]:
    """Return an event for /services/collector/event; `time` is that of the first event, in seconds since 1970.

    The index is that of the token. CIM calls the lowest severity `informational`, all others as we do.
    """
    envelope: dict[str, Any] = {
        "fields": without_unknown(
            {
                "alert_id": alert.alert_id,
                "rule_id": alert.rule_id,
                "severity": _severity(alert),
                "account_id": cut(alert.account_id),
            }
        ),
        "time": epoch_milliseconds(alert.event_time) / 1000,
        "host": PRODUCT,
        "source": PRODUCT,
        "sourcetype": "detector:alert",
        "event": {},
    }
    cim = _cim_alert(alert)
    native = to_native(alert, room_left(envelope) - size_of(cim))
    del native["schema"]  # it allows no other keys
    envelope["event"] = native | cim
    return envelope


def _cim_alert(alert: Alert) -> dict[str, Any]:
    address = address_of(alert.source_ip)
    return without_unknown(
        {
            "app": PRODUCT,
            "type": "alert",
            "id": alert.alert_id,
            "description": cut(alert.summary, 1_000),
            "signature": cut(alert.title),
            "signature_id": alert.rule_id,
            "severity": _severity(alert),
            "severity_id": _SEVERITY_ID[alert.severity],
            "src": str(address) if address else cut(alert.source_ip),
            "src_ip": address and str(address),
            "user": user_name(alert.actor),
            "dest": cut(alert.account_id),
            "dest_type": "aws_account",
            "vendor_account": cut(alert.account_id),
            "vendor_region": cut(alert.region),
            "mitre_technique_id": list(dict.fromkeys(technique for _, technique in alert.attack))[:20],
        }
    )


def _severity(alert: Alert) -> str:
    return "informational" if alert.severity is Severity.INFO else alert.severity
