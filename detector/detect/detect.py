"""Detect: run the rules over events and turn what they find into alerts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from pathlib import Path

from detector.alerts.alert import EVENT_IDS, Alert, Suppression, make_alert
from detector.alerts.record_text import RecordMemo
from detector.detect.fetching import fetch_for_rules
from detector.detect.running import newest, runs
from detector.errors import RuleError
from detector.lake.elsewhere import Elsewhere
from detector.records.coverage import Coverage
from detector.rules.engine import RULES_AT_A_TIME, Engine
from detector.rules.events import Events, TableEvents
from detector.rules.evidence import evidence_of
from detector.rules.finding import Finding
from detector.rules.needed_events import may_find, needed_by
from detector.rules.query_errors import TooManyFindings
from detector.rules.rule import Reads, Rule, RuleSet, load_rules, shipped_rules_directory
from detector.rules.suppressions import SuppressionEntry, suppressing_entry, suppression_warnings
from detector.times import rfc3339

_KEYS_AT_A_TIME = 100_000  # of events that are asked about at once
_EVENTS_AT_A_TIME = 10_000  # whose records are in memory while alerts are made of them


@dataclass(slots=True)
class Detection:
    """The alerts of one detection, and the errors that stood in its way."""

    alerts: list[Alert] = field(default_factory=list)  # oldest first
    errors: list[RuleError] = field(default_factory=list)  # rules that did not run, or not to their end
    warnings: list[str] = field(default_factory=list)
    complete: set[str] = field(default_factory=set)  # ids of the rules that ran to their end
    coverage: Coverage = field(default_factory=dict)  # from when to when there are events
    rules: Mapping[str, Rule] = field(default_factory=dict)  # those that were run, by id


def everything(_finding: Finding) -> bool:
    """Take every finding."""
    return True


def detect(
    events: Events,
    rule_directories: Sequence[Path],
    now: datetime,
    suppressions: Sequence[SuppressionEntry] = (),
    *,
    rule_seconds: float = 60,
    rule_findings: int = 100_000,
    sees_all_events: bool = True,
    is_of_interest: Callable[[Finding], bool] = everything,
    rule_pages: str | None = None,
) -> Detection:
    """Run the shipped rules, and those of more directories, over all events.

    A rule that fails does not stop the others: it is named in `errors`.

    Args:
        events: all that is known; rules look back as far as it goes.
        rule_directories: beside the shipped rules.
        now: aware; becomes `detected_at`, and decides which suppressions have expired.
        suppressions: of what they cover, the alert says so.
        rule_seconds: how long one rule may run.
        rule_findings: how many findings of one rule become alerts; of more, the newest of each caller.
        sees_all_events: False when `events` are only what candidates and the shipped rules need; rules of other
            directories that read all events then cannot run.
        is_of_interest: findings for which it is False become no alerts, which saves looking up their events.
        rule_pages: what the URL of a rule's page begins with, for `rule_url`.
    """
    with Engine(
        events,
        threads=events.threads if isinstance(events, TableEvents) else None,
        time_limit_seconds=rule_seconds,
        row_cap=rule_findings,
        few_rows=isinstance(events, TableEvents) and events.are_few,
    ) as engine:
        return detect_through(
            engine,
            rule_directories,
            now,
            suppressions,
            elsewhere=events.elsewhere,
            rule_findings=rule_findings,
            sees_all_events=sees_all_events,
            is_of_interest=is_of_interest,
            rule_pages=rule_pages,
        )


def detect_through(
    engine: Engine,
    rule_directories: Sequence[Path],
    now: datetime,
    suppressions: Sequence[SuppressionEntry] = (),
    *,
    elsewhere: Elsewhere | None = None,
    rule_findings: int = 100_000,
    sees_all_events: bool = True,
    is_of_interest: Callable[[Finding], bool] = everything,
    rule_pages: str | None = None,
) -> Detection:
    """Do the same through an engine that is open already, and stays so; what rules want of `elsewhere` is fetched."""
    detection = Detection()
    with ThreadPoolExecutor(1) as pool:
        preparing = pool.submit(engine.prepare)
        try:
            rule_set = load_rules(shipped_rules_directory(), *rule_directories, pages=rule_pages)  # meanwhile
            preparing.result()
        except KeyboardInterrupt:
            engine.interrupt()
            raise
        detection.errors += rule_set.errors
        if not sees_all_events:
            rule_set = _without_readers_of_all_events(rule_set, detection)
        if elsewhere is not None:
            fetch_for_rules(engine, elsewhere, rule_set.rules)
        detection.rules = {rule.id: rule for rule in rule_set.rules}
        detection.warnings += suppression_warnings(suppressions, set(detection.rules), now)
        run_rules(engine, rule_set.rules, now, suppressions, detection, is_of_interest, rule_findings)
        detection.coverage = engine.coverage()
        detection.warnings += _coverage_warnings(engine.accounts_without_sign_in_region())
        detection.warnings += _time_warnings(engine.implausible_times(now))
    return detection


def run_rules(
    engine: Engine,
    rules: Sequence[Rule],
    now: datetime,
    suppressions: Sequence[SuppressionEntry],
    detection: Detection,
    is_of_interest: Callable[[Finding], bool] = everything,
    rule_findings: int = 100_000,
) -> None:
    """Run rules that are loaded already, and add what they find to `detection`; see `detect`."""
    engine.prepare()
    running = _that_may_find(engine, rules, detection)
    engine.prepare(*running)
    with closing(_findings(engine, running, detection, is_of_interest, rule_findings)) as found:
        detection.alerts += _alerts(engine, found, now, suppressions)
    detection.alerts.sort(key=lambda alert: (alert.event_time, alert.rule_id, alert.alert_id))


def _that_may_find(engine: Engine, rules: Sequence[Rule], detection: Detection) -> list[Rule]:
    """Return the rules that can find anything; the others are at their end, and nothing is planned for them."""
    occurring = engine.occurring()
    running: list[Rule] = []
    for rule, needed in needed_by(shipped_rules_directory(), rules):
        if may_find(needed, occurring):
            running.append(rule)
        else:
            detection.complete.add(rule.id)
    return running


def _findings(
    engine: Engine,
    rules: Sequence[Rule],
    detection: Detection,
    is_of_interest: Callable[[Finding], bool],
    rule_findings: int,
) -> Generator[Finding]:
    """Yield what rules find, and note in `detection` which ones came to their end, and what kept the others from it."""
    with ThreadPoolExecutor(RULES_AT_A_TIME) as pool:
        try:
            for rule, (findings, error) in runs(engine, rules, pool):
                if isinstance(error, TooManyFindings):
                    findings, error = newest(engine, rule, is_of_interest, rule_findings)
                else:
                    findings = list(filter(is_of_interest, findings))  # once each: it may count them
                if error is None:
                    detection.complete.add(rule.id)
                else:
                    detection.errors.append(error)
                yield from findings
        except (KeyboardInterrupt, GeneratorExit):  # here, or in whoever asks for findings
            pool.shutdown(wait=False, cancel_futures=True)
            engine.interrupt()
            raise


def _without_readers_of_all_events(rule_set: RuleSet, detection: Detection) -> RuleSet:
    shipped = shipped_rules_directory()
    runnable: list[Rule] = []
    for rule in rule_set.rules:
        if rule.reads is Reads.EVENTS and rule.path.parent != shipped:
            hint = "use `ingest` and `detect` for it"
            detection.errors.append(RuleError(f"{rule.path}: reads all events, which a scan passes over", hint=hint))
        else:
            runnable.append(rule)
    return replace(rule_set, rules=tuple(runnable))


def _alerts(
    engine: Engine, findings: Iterable[Finding], now: datetime, suppressions: Sequence[SuppressionEntry]
) -> Iterator[Alert]:
    suppressed = {entry.rule for entry in suppressions}
    for some in _in_batches(findings, EVENT_IDS, _EVENTS_AT_A_TIME):
        found = engine.evidence(_shown(engine, some, suppressed))
        records = RecordMemo()
        for finding in some:
            events = evidence_of(finding, found)
            entry = suppressing_entry(suppressions, finding, events, now)
            alert = make_alert(finding, events, now, engine.integrity_of, records)
            yield alert if entry is None else replace(alert, suppressed_by=Suppression(entry.id, entry.reason))


def _in_batches(findings: Iterable[Finding], of_each: int, in_all: int) -> Iterator[list[Finding]]:
    """Yield findings in batches: a query for each is slow, and the events of a flood are not to be held all at once.

    Args:
        findings: in order.
        of_each: the events that count, at most.
        in_all: a batch ends with the finding that makes it so many.
    """
    batch: list[Finding] = []
    events = 0
    for finding in findings:
        batch.append(finding)
        events += min(len(finding.event_ids), of_each)
        if events >= in_all:
            yield batch
            batch, events = [], 0
    if batch:
        yield batch


def _shown(engine: Engine, findings: Sequence[Finding], suppressed: Collection[str]) -> Iterator[str]:
    """Yield the keys of the events that alerts name; of all, where a suppression may have to fit every one."""
    large: dict[Reads, list[Finding]] = {reads: [] for reads in Reads}  # asked about where their rule has looked
    for finding in findings:
        if len(finding.event_ids) <= EVENT_IDS or finding.rule.id in suppressed:
            yield from finding.event_ids
        else:
            large[finding.rule.reads].append(finding)
    for some in chain.from_iterable(_in_batches(one, _KEYS_AT_A_TIME, _KEYS_AT_A_TIME) for one in large.values()):
        for finding, named in zip(some, engine.oldest_and_last(some, EVENT_IDS), strict=True):
            yield from named
            if finding.subject_event_id is not None:
                yield finding.subject_event_id


def _coverage_warnings(accounts: Sequence[str]) -> Iterator[str]:
    """Warn of the accounts in one line: an organisation has hundreds, and other warnings stand beside it."""
    if accounts:
        yield (
            "no events of the region that records root sign-ins and IAM calls, for "
            f"{', '.join(accounts)}: no alert about them does not mean that nothing happened"
        )


def _time_warnings(times: Sequence[datetime]) -> Iterator[str]:
    if times:
        listed = ", ".join(rfc3339(time) for time in times[:3])
        yield (
            f"some events are dated before CloudTrail began or in the future ({listed}): a clock or a record is wrong, "
            "and rules that look back from one event to others can miss"
        )
