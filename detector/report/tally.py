"""Findings counted as they are found, of which only so many become alerts: a flood has hundreds with as many events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from detector.rules.finding import Finding
from detector.severity import Severity

_EVENTS: Final = 1_000  # of one rule, severity and account, whose findings become alerts
_EVENTS_OF_A_FINDING: Final = 100  # that an alert names

Kind = tuple[str, Severity, str | None]  # rule, severity, account


@dataclass(slots=True)
class Tally:
    """What was found about a part of a lake.

    Args:
        accounts: the part; empty is all.
        since: what ended before is left out.
        until: what began after is. What is about both sides of it is taken, as a session is told to its end.
        suppressible: ids of rules all of whose findings become alerts, for only those can be suppressed.
    """

    accounts: Collection[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    suppressible: Collection[str] = ()
    left_out: defaultdict[Kind, int] = field(default_factory=lambda: defaultdict(int))
    _events: defaultdict[Kind, int] = field(default_factory=lambda: defaultdict(int))

    def takes(self, finding: Finding) -> bool:
        """Say whether a finding is to become an alert; one that is asked about and does not is counted."""
        if not self._is_about(finding):
            return False
        kind = (finding.rule.id, finding.severity, finding.account_id)
        if self._events[kind] >= _EVENTS and finding.rule.id not in self.suppressible:
            self.left_out[kind] += 1
            return False
        self._events[kind] += min(len(finding.event_ids), _EVENTS_OF_A_FINDING)
        return True

    def _is_about(self, finding: Finding) -> bool:
        return (
            (not self.accounts or finding.account_id in self.accounts)
            and (self.since is None or finding.last_event_time >= self.since)
            and (self.until is None or finding.event_time <= self.until)
        )
