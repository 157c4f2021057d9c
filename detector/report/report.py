"""Everything that a report about a lake says, before it is written in a format."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from detector.alerts.alert import Alert
from detector.detect.basis import Basis
from detector.errors import RuleError
from detector.report.alert_groups import SeverityGroup
from detector.report.doubts import Doubts
from detector.report.judgement import Judgement
from detector.report.matrix import Matrix
from detector.report.strip import Strips
from detector.report.told import ToldStories
from detector.severity import Severity


@dataclass(frozen=True, slots=True)
class Question:
    """Which part of a lake is asked about. Empty and None mean: all of it."""

    accounts: frozenset[str] = frozenset()
    since: datetime | None = None  # aware; of event time
    until: datetime | None = None

    def is_about(self, account: str | None) -> bool:
        """Tell whether an account is asked about."""
        return not self.accounts or account in self.accounts


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says, in the order in which it is read."""

    as_of: datetime  # when the lake was looked at; aware, UTC
    question: Question
    judgement: Judgement
    rests_on: str  # one sentence
    basis: Basis
    coverage: Strips
    posture: Matrix
    stories: ToldStories
    alerts: tuple[SeverityGroup, ...]
    doubts: Doubts
    errors: tuple[RuleError, ...]  # rules that did not run to their end

    @property
    def no_story(self) -> str:
        """What is said where no story is told."""
        if self.basis.first is None:
            return "The lake holds no event of what was asked for, which says nothing about root."
        return f"No session of root was seen{'' if self.question == Question() else ' in what was asked for'}."

    @property
    def alert_count(self) -> int:
        """The number of alerts."""
        return sum(group.count for group in self.alerts)


def told_accounts(alerts: Sequence[Alert], with_stories: Collection[str | None]) -> list[str | None]:
    """Return the accounts of which there is something to tell: the gravest alerts first, then those with stories."""
    grave = [alert for alert in alerts if alert.suppressed_by is None and alert.severity is not Severity.INFO]
    grave.sort(key=lambda alert: list(Severity).index(alert.severity), reverse=True)  # stable: oldest first
    return list(dict.fromkeys([*(alert.account_id for alert in grave), *with_stories]))
