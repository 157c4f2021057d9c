"""Which alerts are written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from detector.alerts.alert import Alert
from detector.lake.ledger.emitted import EmittedAlert
from detector.severity import Severity


@dataclass(frozen=True, slots=True)
class Selection:
    """Which alerts are written. Rules always see all events."""

    since: datetime | None = None  # aware; compared with the alert's last event
    until: datetime | None = None
    min_severity: Severity = Severity.INFO

    def takes(self, alert: Alert | EmittedAlert) -> bool:
        """Say whether the alert is to be written."""
        last = alert.last_event_time
        last = datetime.fromisoformat(last) if isinstance(last, str) else last
        return (
            (self.since is None or last is None or last >= self.since)
            and (self.until is None or last is None or last <= self.until)
            and Severity(alert.severity).is_at_least(self.min_severity)
        )
