"""A digest for programs: one JSON object, schema `detector.digest/1`."""

from __future__ import annotations

from typing import Any

from detector.alerts.alert import Alert
from detector.alerts.digest import Digest
from detector.alerts.formats.json_line import bounded, cut
from detector.times import rfc3339

SCHEMA = "detector.digest/1"
_ACCOUNTS_BYTES = 4_000


def to_digest(digest: Digest) -> dict[str, Any]:
    """Return all keys, in the documented order; a line with it is at most 32,000 bytes long.

    `alert_id` is the digest's own, so that what tells alerts apart by it tells digests apart too.
    """
    return {
        "schema": SCHEMA,
        "alert_id": digest.digest_id,
        "severity": digest.severity,
        "alerts": digest.count,
        "by_severity": dict(digest.by_severity),
        "suppressed": digest.suppressed,
        "accounts": len(digest.accounts),
        "account_ids": bounded([cut(account) for account in digest.accounts], _ACCOUNTS_BYTES),
        "event_time": rfc3339(digest.event_time),
        "last_event_time": rfc3339(digest.last_event_time),
        "worst": [_of(alert) for alert in digest.worst],
    }


def _of(alert: Alert) -> dict[str, Any]:
    return {
        "alert_id": alert.alert_id,
        "rule_id": alert.rule_id,
        "title": cut(alert.title),
        "severity": alert.severity,
        "account_id": cut(alert.account_id),
        "event_time": rfc3339(alert.event_time),
        "summary": cut(alert.summary),
        "suppressed_by": cut(alert.suppressed_by.id) if alert.suppressed_by else None,
    }
