"""Alerts as a person goes through them: by severity, then by rule, each rule with what to do about it. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from detector.alerts.alert import Alert
from detector.alerts.turns import in_turns
from detector.report.tally import Kind
from detector.rules.rule import Rule
from detector.severity import Severity
from detector.text import counted

OF_A_RULE: Final = 20  # alerts that are written out
IN_ALL: Final = 400
_NAMED: Final = 10  # accounts
_NAME: Final = 24  # characters of one
_STEP: Final = re.compile(r"\s*\d{1,2}\.\s+")


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """The alerts of one rule that are equally severe."""

    rule_id: str
    title: str
    severity: Severity
    response: tuple[str, ...]  # what to do, step by step
    false_positives: tuple[str, ...]
    references: tuple[str, ...]
    first: datetime
    last: datetime
    accounts: tuple[str | None, ...]  # by their number
    count: int
    suppressed: int  # of them, somebody has answered for
    shown: tuple[Alert, ...]  # oldest first; of each account some
    anchor: str  # the id of its place on the page

    @property
    def rest(self) -> int:
        """The number of alerts that are not written out."""
        return self.count - len(self.shown)

    @property
    def open(self) -> int:
        """The number of alerts that nobody has answered for."""
        return self.count - self.suppressed

    @property
    def places(self) -> str:
        """The accounts: all of a few by name, of many the first ones and how many there are."""
        names = ["unknown" if account is None else account for account in self.accounts]
        if len(names) == 1:
            return f"account {names[0]}"
        named = ", ".join(name[:_NAME] for name in names[:_NAMED])
        return f"{counted(len(names), 'account')} ({named}{', …' if len(names) > _NAMED else ''})"


@dataclass(frozen=True, slots=True)
class SeverityGroup:
    """The alerts of one severity."""

    severity: Severity
    rules: tuple[RuleGroup, ...]  # what nobody has answered for comes first, then what happened first

    @property
    def count(self) -> int:
        """The number of alerts."""
        return sum(rule.count for rule in self.rules)

    @property
    def open(self) -> int:
        """The number of alerts that nobody has answered for."""
        return sum(rule.open for rule in self.rules)


def group(
    alerts: Sequence[Alert],
    rules: Mapping[str, Rule],
    left_out: Mapping[Kind, int] | None = None,
) -> tuple[SeverityGroup, ...]:
    """Return alerts by severity, the most severe first.

    Args:
        alerts: oldest first.
        rules: by id; of one that is not there, nothing but its title is said.
        left_out: by rule, severity and account, how many more there are of those that have alerts.
    """
    by_rule: defaultdict[tuple[Severity, str], list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_rule[alert.severity, alert.rule_id].append(alert)
    more: defaultdict[tuple[Severity, str], int] = defaultdict(int)
    for (rule_id, kind, _), count in (left_out or {}).items():
        more[kind, rule_id] += count
    left = IN_ALL
    found = []
    for severity in reversed(Severity):
        own = [same for (kind, _), same in by_rule.items() if kind is severity]
        own.sort(key=lambda same: (all(alert.suppressed_by for alert in same), same[0].event_time, same[0].rule_id))
        groups = []
        for same in own:
            groups.append(
                _rule_group(same, rules.get(same[0].rule_id), min(OF_A_RULE, left), more[severity, same[0].rule_id])
            )
            left -= len(groups[-1].shown)
        if groups:
            found.append(SeverityGroup(severity, tuple(groups)))
    return tuple(found)


def steps(text: str) -> tuple[str, ...]:
    """Return the steps of a text that numbers them, its paragraphs where it does not; each as one line."""
    parts: list[list[str]] = [[]]
    for line in text.splitlines():
        numbered = _STEP.match(line)
        if numbered or not line.strip():
            parts.append([])
        parts[-1].append(line[numbered.end() :] if numbered else line.strip())
    return tuple(joined for part in parts if (joined := " ".join(filter(None, part))))


def anchor(alert: Alert) -> str:
    """Return the id of the place on the page where alerts of this rule and severity are."""
    return f"{alert.severity}-{alert.rule_id}"


def one_of_each(alerts: Sequence[Alert]) -> list[Alert]:
    """Return one alert for each place on the page, the gravest first."""
    found = {anchor(alert): alert for alert in reversed(alerts)}
    return sorted(
        found.values(), key=lambda alert: (-list(Severity).index(alert.severity), alert.event_time, alert.rule_id)
    )


def some_of_each_account(alerts: Sequence[Alert], most: int) -> tuple[Alert, ...]:
    """Return some alerts, oldest first: accounts take turns, so that one that is loud hides no other."""
    open_first = sorted(alerts, key=lambda alert: alert.suppressed_by is not None)
    chosen = in_turns(open_first, lambda alert: alert.account_id)[:most]
    return tuple(sorted(chosen, key=lambda alert: (alert.event_time, alert.alert_id)))


def _rule_group(alerts: Sequence[Alert], rule: Rule | None, most: int, more: int) -> RuleGroup:
    first = alerts[0]
    return RuleGroup(
        rule_id=first.rule_id,
        title=first.title,
        severity=first.severity,
        response=steps(rule.response) if rule else (),
        false_positives=rule.false_positives if rule else (),
        references=rule.references if rule else (),
        first=first.event_time,
        last=max(alert.last_event_time for alert in alerts),
        accounts=tuple(sorted({alert.account_id for alert in alerts}, key=lambda account: account or "")),
        count=len(alerts) + more,
        suppressed=sum(alert.suppressed_by is not None for alert in alerts),
        shown=some_of_each_account(alerts, most),
        anchor=anchor(first),
    )
