"""A flood hides nothing: what matters comes first, the rest is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.flood import ACCOUNT, flood
from detector import Lake
from detector.report.alert_groups import group
from detector.report.render import markdown, page
from detector.report.tally import Kind, Tally
from detector.rules.finding import Finding
from detector.rules.rule import Rule, parse_rule, shipped_rules_directory
from detector.severity import Severity
from fixtures.expect import found_report
from tests.report.samples import NOON, a_report, a_story, an_alert, an_event


@pytest.fixture(scope="module")
def rule() -> Rule:
    return parse_rule(shipped_rules_directory() / "root_api_call.sql")


def findings(rule: Rule, count: int, events: int = 1, account: str = ACCOUNT) -> Sequence[Finding]:
    return [
        Finding(
            rule=rule,
            account_id=account,
            event_time=NOON + timedelta(minutes=number),
            event_ids=tuple(f"{number}-{one}" for one in range(events)),
            summary="root did",
            severity=rule.severity,
            dedup_key=str(number),
            last_event_time=NOON + timedelta(minutes=number),
            event_count=events,
            context={},
        )
        for number in range(count)
    ]


def test_findings_of_very_many_events_are_counted_once_enough_of_them_are_alerts(rule: Rule) -> None:
    tally = Tally()
    taken = [tally.takes(one) for one in findings(rule, 100, events=500)]
    assert taken == [True] * 10 + [False] * 90
    assert tally.left_out == {("root_api_call", rule.severity, ACCOUNT): 90}
    assert all(tally.takes(one) for one in findings(rule, 10, 500, "444455556666")), "another account has its own"


def test_findings_of_one_event_all_become_alerts_until_there_are_thousands(rule: Rule) -> None:
    tally = Tally()
    assert sum(tally.takes(one) for one in findings(rule, 1_100)) == 1_000


def test_where_a_suppression_may_fit_every_finding_becomes_an_alert(rule: Rule) -> None:
    tally = Tally(suppressible={"root_api_call"})
    assert all(tally.takes(one) for one in findings(rule, 100, events=500))


def test_what_is_not_asked_about_is_not_counted(rule: Rule) -> None:
    tally = Tally({"444455556666"})
    assert not any(tally.takes(one) for one in findings(rule, 100, events=500))
    window = Tally(since=NOON + timedelta(minutes=2), until=NOON + timedelta(minutes=3))
    assert [window.takes(one) for one in findings(rule, 6)] == [False, False, True, True, False, False]
    assert not tally.left_out
    assert not window.left_out


def test_what_reaches_beyond_the_time_is_taken_as_its_session_is_told_to_its_end(rule: Rule) -> None:
    [begun] = findings(rule, 1)
    long = replace(begun, last_event_time=NOON + timedelta(minutes=10))
    assert Tally(until=NOON + timedelta(minutes=3)).takes(long)
    assert Tally(since=NOON + timedelta(minutes=3)).takes(long)
    assert not Tally(until=NOON - timedelta(minutes=3)).takes(long)
    assert not Tally(since=NOON + timedelta(minutes=11)).takes(long)


def test_what_is_only_counted_counts() -> None:
    left_out: dict[Kind, int] = {
        ("root_api_call", Severity.HIGH, ACCOUNT): 70,
        ("root_api_call", Severity.LOW, ACCOUNT): 5,
    }
    [high] = group([an_alert()], {}, left_out)
    assert (high.count, high.rules[0].rest) == (71, 70)


@pytest.mark.slow
def test_the_one_call_that_matters_is_among_the_first_and_the_page_stays_small(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.ingest(flood(tmp_path, 12_000))
    report = found_report(lake.directory)
    assert "Trail stopped or deleted" in [rule.title for rule in report.judgement.first]
    assert report.stories.shown <= 1_000
    assert sum(one.story.event_count for one in report.stories.told) >= 12_000
    assert len(page(report)) < 500_000
    assert len(markdown(report)) < 200_000


def test_twelve_loud_sessions_of_one_account_hide_no_critical_one_of_another() -> None:
    loud, quiet = "111111111111", "222222222222"
    alerts = [an_alert(number, Severity.CRITICAL, loud, rule_id=f"rule_{number % 7}") for number in range(70)]
    alerts += [an_alert(100, Severity.CRITICAL, quiet, rule_id=rule) for rule in ("rule_0", "rule_of_its_own")]
    noise = {"severity": Severity.CRITICAL, "alerts": (an_alert(0, Severity.CRITICAL),) * 9}
    stories = [a_story(n, (an_event(minute) for minute in range(100)), account_id=loud, **noise) for n in range(12)]
    stories.append(a_story(99, account_id=quiet, severity=Severity.CRITICAL, sentence="root deleted the bucket"))
    report = a_report(alerts, stories)
    assert [one.story.account_id for one in report.stories.told[:3]] == [loud, quiet, loud]
    assert "rule_of_its_own" in [rule.rule_id for rule in report.judgement.first]
    for written in (page(report), markdown(report)):
        assert "2 more stories (2 critical)" in written
        assert written.count("2 accounts (111111111111, 222222222222)") >= 2
    of_rule = markdown(report).partition("11 alerts in")[2].partition("11 alerts in")[2].partition("**")[0]
    assert "account 222222222222: root did 100" in of_rule
    assert "6 more" in of_rule
