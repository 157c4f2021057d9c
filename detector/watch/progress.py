"""The state and the totals of a watch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from detector.errors import DetectorError


@dataclass(slots=True)
class Totals:
    """Counts of what has been received, read and alerted since the start."""

    received: int = 0  # messages
    deleted: int = 0
    poison: int = 0  # messages that nobody understands, each time they come
    ignored: int = 0  # what messages name, and is none of ours
    ingested: int = 0  # objects
    failed: int = 0  # objects that could not be read, or not whole, each time
    records: int = 0
    alerts: Counter[str] = field(default_factory=Counter)  # by severity
    last_success: datetime | None = None  # aware, UTC: when last all that had arrived was dealt with


@dataclass(slots=True)
class Watched:
    """The state and the totals of a watch."""

    totals: Totals = field(default_factory=Totals)
    unread: dict[str, str] = field(default_factory=dict)  # URIs that could not be read, or not whole → why
    rule_errors: dict[str, DetectorError] = field(default_factory=dict)  # by message
    has_log_objects: bool = False  # something that was listed looks like a log
    undelivered: dict[str, str] = field(default_factory=dict)  # outputs that did not take an alert → why
    has_reached: bool = False  # an alert was as severe as `fail_on`
    is_damaged: bool = False  # something that arrived is not as AWS signed it
    is_unproven: bool = False  # some of what arrived is not covered by a verified digest

    @property
    def is_incomplete(self) -> bool:
        """True when something that arrived could not be read, or an output lacks an alert."""
        return bool(self.unread or self.totals.poison or self.undelivered)
