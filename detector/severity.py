"""The urgency of a finding. Imports nothing, so that `--help` stays quick."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """The urgency with which a person should look, lowest first."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    def is_at_least(self, threshold: Severity) -> bool:
        """Compare severities."""
        order = list(Severity)
        return order.index(self) >= order.index(threshold)
