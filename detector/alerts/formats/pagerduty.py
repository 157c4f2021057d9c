"""PagerDuty's Events API v2: an event that opens an incident, or adds to the one that is open.

Source: PagerDuty, "PD-CEF" and "Send an Alert Event".
"""

from __future__ import annotations

from typing import Any

from detector.alerts.formats.notice import Notice, plain_lines
from detector.alerts.formats.siem_fields import PRODUCT, iso_milliseconds, without_unknown
from detector.severity import Severity

_SEVERITY = {
    Severity.CRITICAL: "critical",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "info",
    Severity.INFO: "info",
}
_SUMMARY = 1_024  # characters


def to_pagerduty(notice: Notice) -> dict[str, Any]:
    """Return the event without its routing key, which the sink adds; what comes again has the same `dedup_key`."""
    what = notice.text if notice.rule_id else f"{notice.headline}: {notice.text}"
    event = {
        "event_action": "trigger",
        "dedup_key": notice.id,
        "client": PRODUCT,
        "payload": {
            "summary": f"[{notice.severity}] {what}"[:_SUMMARY],
            "source": notice.about,
            "severity": _SEVERITY[notice.severity],
            "timestamp": iso_milliseconds(notice.time),
            "component": "cloudtrail",
            "class": notice.rule_id,
            "custom_details": {name.lower().replace(" ", "_"): value for name, value in notice.facts},
        },
        "links": [{"href": notice.link, "text": f"Rule {notice.rule_id}"}] if notice.link else [],
    }
    if notice.entries:
        event["payload"]["custom_details"]["alerts"] = list(plain_lines(notice))  # type: ignore[index]
    return without_unknown(event)
