"""The alerts of one run as one message: how many there are, and the worst."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from detector.alerts.alert import Alert
from detector.alerts.turns import in_turns
from detector.severity import Severity

WORST = 10
_NAMESPACE = uuid.UUID("0c3f6a52-7f0e-5d2b-8a41-6b1de0c9d7a4")


@dataclass(frozen=True, slots=True)
class Digest:
    """At least one alert, told together."""

    digest_id: str  # the same for the same alerts
    count: int
    by_severity: Mapping[Severity, int]  # worst first, none of 0
    suppressed: int  # of these
    accounts: tuple[str, ...]  # as far as they are known, sorted
    event_time: datetime
    last_event_time: datetime
    worst: tuple[
        Alert, ...
    ]  # at most ten, worst first, of those as bad of each account and rule some; suppressed ones last

    @property
    def severity(self) -> Severity:
        """That of the worst alert; of those that nobody has answered for, when there are any."""
        return self.worst[0].severity


def make_digest(alerts: Sequence[Alert]) -> Digest:
    """Sum up alerts, at least one."""
    counts = Counter(alert.severity for alert in alerts)
    ids = sorted(f"{alert.alert_id} {alert.severity}" for alert in alerts)
    return Digest(
        digest_id=str(uuid.uuid5(_NAMESPACE, json.dumps(ids))),
        count=len(alerts),
        by_severity={severity: counts[severity] for severity in reversed(Severity) if counts[severity]},
        suppressed=sum(alert.suppressed_by is not None for alert in alerts),
        accounts=tuple(sorted({alert.account_id for alert in alerts if alert.account_id})),
        event_time=min(alert.event_time for alert in alerts),
        last_event_time=max(alert.last_event_time for alert in alerts),
        worst=tuple(_worst_first(alerts)[:WORST]),
    )


def _worst_first(alerts: Sequence[Alert]) -> list[Alert]:
    """Return alerts, the worst first; of those as bad accounts take turns, and the rules of each."""
    oldest_first = sorted(alerts, key=lambda alert: alert.event_time)
    rules = in_turns(oldest_first, lambda alert: (_urgency(alert), alert.account_id, alert.rule_id))
    accounts = in_turns(rules, lambda alert: (_urgency(alert), alert.account_id))
    return sorted(accounts, key=_urgency)  # stable


def _urgency(alert: Alert) -> tuple[bool, int]:
    return alert.suppressed_by is not None, -list(Severity).index(alert.severity)
