"""A lake read for a report: its rules run, its checks answered, its stories told, all over views that are made once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from detector.alerts.alert import Alert
from detector.detect.basis import Basis, basis_of
from detector.detect.detect import Detection, detect_through
from detector.detect.selection import Selection
from detector.lake.integrity import DELIVERY, Attested, lake_verdicts
from detector.lake.reader import Snapshot
from detector.posture.posture import posture_through
from detector.report.alert_groups import group
from detector.report.doubts import doubts
from detector.report.judgement import judge
from detector.report.matrix import matrix
from detector.report.report import Question, Report, told_accounts
from detector.report.strip import Hours, strips
from detector.report.tally import Tally
from detector.report.told import OF_A_STORY, tell
from detector.rules.engine import QUERY_MEMORY, Engine
from detector.rules.suppressions import SuppressionEntry
from detector.story.story import Asked as AskedStories
from detector.story.story import Stories
from detector.story.tell import tell_stories
from detector.text import counted
from detector.verify.coverage import hours_of
from detector.verify.integrity import NOT_PROVED
from detector.verify.verdicts import Asked

# Of each account and day, so that it does not matter how many events there are.
_DAYS: Final = """
SELECT
    coalesce(nullif(recipientAccountId, ''), nullif(userIdentity.accountId, '')) AS account_id,
    CAST(eventTime AS DATE) AS day,
    count(*) AS events
FROM events
WHERE eventTime BETWEEN $since AND $until
GROUP BY ALL
"""
_BEFORE_ALL: Final = datetime(2013, 11, 1, tzinfo=UTC)  # CloudTrail began then
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """Which rules run, and how far."""

    directories: Sequence[Path] = ()  # beside the shipped ones
    suppressions: Sequence[SuppressionEntry] = ()
    seconds: float = 60
    findings: int = 100_000


def read_report(
    snapshot: Snapshot, question: Question, as_of: datetime, rules: RuleSettings = RuleSettings()
) -> Report:
    """Return what a lake has to say.

    Args:
        snapshot: of the lake, with the integrity of the time that is asked about.
        question: which part of it.
        as_of: the time, aware; the only clock.
        rules: which rules run.
    """
    with Engine(
        snapshot, memory_limit=QUERY_MEMORY, time_limit_seconds=rules.seconds, row_cap=rules.findings
    ) as engine:
        suppressible = {entry.rule for entry in rules.suppressions}
        tally = Tally(question.accounts, question.since, question.until, suppressible)
        detection = detect_through(
            engine,
            rules.directories,
            as_of,
            rules.suppressions,
            rule_findings=rules.findings,
            is_of_interest=tally.takes,
        )
        detection = _about(detection, question)
        accounts = question.accounts
        posture = posture_through(engine, sorted(accounts), question.until, now=as_of)
        stories = tell(_stories(engine, detection.alerts, question))
        days = _days(engine, question, as_of)
    hours = _hours(snapshot, question, as_of)
    groups = group(detection.alerts, detection.rules, tally.left_out)
    told = told_accounts(detection.alerts, [one.story.account_id for one in stories.told])
    basis = _basis(snapshot, detection, question, hours)
    count = len(detection.alerts) + sum(tally.left_out.values())
    found = counted(count, "alert") if count else "No alert"
    return Report(
        as_of=as_of,
        question=question,
        judgement=judge(groups, stories, basis, question.since),
        rests_on=basis.sentence(found),
        basis=basis,
        coverage=strips(days, hours, (question.since, question.until), as_of, told),
        posture=matrix(posture.answers, posture.missing, told),
        stories=stories,
        alerts=groups,
        doubts=doubts(detection, snapshot.gaps, hours, NOT_PROVED, has_digests=snapshot.integrity is not None),
        errors=tuple(detection.errors),
    )


def _stories(engine: Engine, alerts: Sequence[Alert], question: Question) -> Stories:
    """Return the stories of a time: root's sessions in it, and earlier ones of which something followed in it."""
    asked = AskedStories(question.accounts, question.since, question.until, most_events=OF_A_STORY)
    found = tell_stories(engine, alerts, asked)
    if question.since is None:
        return found
    before = tell_stories(engine, alerts, replace(asked, since=None, until=question.since))
    known = {part for story in found.stories for part in story.parts}
    followed = (story for story in before.stories if story.until >= question.since and known.isdisjoint(story.parts))
    return Stories((*found.stories, *followed), found.untold + before.untold)


def _about(detection: Detection, question: Question) -> Detection:
    """Return what was found with the reach of the accounts that are asked about; rules have seen all of it."""
    reach = {place: moments for place, moments in detection.coverage.items() if question.is_about(place[0])}
    return replace(detection, coverage=reach)


def _basis(snapshot: Snapshot, detection: Detection, question: Question, hours: Hours) -> Basis:
    attested = snapshot.attested
    if attested is not None and question.accounts:
        states = Counter(state for of_place in hours.values() for state in of_place.values())
        blind = tuple(account for account in attested.blind_accounts if question.is_about(account))
        attested = Attested(states, attested.outside, attested.undated, blind)
    return basis_of(
        detection,
        Selection(question.since, question.until),
        objects=snapshot.objects,
        gaps=snapshot.gaps.count,
        attested=attested,
        shown=detection.alerts,
    )


def _hours(snapshot: Snapshot, question: Question, as_of: datetime) -> Hours:
    """Return the state of each hour of delivery in which events of the time that is asked about arrive."""
    if snapshot.integrity is None:
        return {}
    until = as_of if question.until is None else min(question.until + DELIVERY, as_of)
    asked = Asked(question.since, until, as_of)
    places = hours_of(lake_verdicts(snapshot.directory, asked), asked)
    return {place: hours for place, hours in places.items() if question.is_about(place[0])}


def _days(engine: Engine, question: Question, as_of: datetime) -> dict[str | None, dict[date, int]]:
    reach = {
        "since": question.since or _BEFORE_ALL,
        "until": question.until or as_of + _DAY,
    }
    # DuckDB's times have no zone.
    parameters = {name: moment.astimezone(UTC).replace(tzinfo=None) for name, moment in reach.items()}
    days: defaultdict[str | None, dict[date, int]] = defaultdict(dict)
    for batch in engine.query(_DAYS, parameters):
        for row in batch.to_pylist():
            if question.is_about(row["account_id"]):
                days[row["account_id"]][row["day"]] = row["events"]
    return dict(days)
