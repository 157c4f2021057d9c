"""Detect: run the rules over events and turn what they find into alerts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from detector.alerts.alert import Alert, make_alert
from detector.alerts.native import to_line, to_native
from detector.alerts.sinks import Sink
from detector.errors import RuleError
from detector.formats import AlertFormat
from detector.lake.ledger import Ledger
from detector.rules.engine import Engine, TooManyFindings
from detector.rules.events import Events
from detector.rules.evidence import evidence_of
from detector.rules.finding import Finding
from detector.rules.rule import Rule, load_rules, shipped_rules_directory
from detector.severity import Severity

_FORMATS = {AlertFormat.NATIVE: to_native}


@dataclass(slots=True)
class Detection:
    """What one detection found, and what stood in its way."""

    alerts: list[Alert] = field(default_factory=list)  # oldest first
    errors: list[RuleError] = field(default_factory=list)  # rules that did not run, or not to their end
    warnings: list[str] = field(default_factory=list)


def detect(events: Events, rule_directories: Sequence[Path], now: datetime) -> Detection:
    """Run the shipped rules, and those of more directories, over all events.

    A rule that fails does not stop the others: it is named in `errors`.

    Args:
        events: all that is known; rules look back as far as it goes.
        rule_directories: beside the shipped rules.
        now: aware; becomes `detected_at`.
    """
    rule_set = load_rules(shipped_rules_directory(), *rule_directories)
    detection = Detection(errors=list(rule_set.errors))
    with Engine(events) as engine:
        for rule in rule_set.rules:
            findings = _run(engine, rule, detection)
            detection.alerts += _with_evidence(engine, findings, now)
        detection.warnings += map(_coverage_warning, engine.accounts_without_sign_in_region())
    detection.alerts.sort(key=lambda alert: (alert.event_time, alert.rule_id, alert.alert_id))
    return detection


def _run(engine: Engine, rule: Rule, detection: Detection) -> list[Finding]:
    try:
        return engine.run(rule)
    except TooManyFindings as error:
        detection.errors.append(error)
        return error.findings
    except RuleError as error:
        detection.errors.append(error)
        return []


def _with_evidence(engine: Engine, findings: Sequence[Finding], now: datetime) -> Iterator[Alert]:
    found = engine.evidence(key for finding in findings for key in finding.event_ids)
    for finding in findings:
        yield make_alert(finding, evidence_of(finding, found), now)


def _coverage_warning(account: str) -> str:
    return (
        f"account {account}: no events of the region that records its root sign-ins and IAM calls; "
        "no alert about it does not mean that nothing happened"
    )


@dataclass(frozen=True, slots=True)
class Selection:
    """Which alerts are written. Rules always see all events."""

    since: datetime | None = None  # aware; compared with the alert's last event
    until: datetime | None = None
    min_severity: Severity = Severity.INFO

    def takes(self, alert: Alert) -> bool:
        """Say whether the alert is to be written."""
        return (
            (self.since is None or alert.last_event_time >= self.since)
            and (self.until is None or alert.last_event_time <= self.until)
            and alert.severity.is_at_least(self.min_severity)
        )


def write_alerts(alerts: Iterable[Alert], sink: Sink, form: AlertFormat) -> None:
    """Write alerts, one a line.

    Raises:
        SinkError: not all of them are written.
    """
    sink.write(to_line(_FORMATS[form](alert)) for alert in alerts)


def write_new_alerts(alerts: Iterable[Alert], sink: Sink, form: AlertFormat, ledger: Ledger) -> list[Alert]:
    """Write the alerts that have not been written before, or whose severity has risen since, and return them.

    They are written first and recorded after: a crash between the two repeats an alert, with the same id, and
    never loses one.

    Raises:
        SinkError: not all of them are written; none is recorded then.
    """
    new = list(_not_emitted(alerts, ledger.emitted()))
    write_alerts(new, sink, form)
    ledger.record_emitted((alert.alert_id, alert.rule_id, alert.severity) for alert in new)
    return new


def _not_emitted(alerts: Iterable[Alert], emitted: dict[str, str]) -> Iterator[Alert]:
    for alert in alerts:
        before = emitted.get(alert.alert_id)
        if before is None or not Severity(before).is_at_least(alert.severity):
            yield alert
