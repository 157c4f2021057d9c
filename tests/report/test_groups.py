"""What fits a page of alerts, answers and stories, and in which order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from detector.lake.integrity import Attested
from detector.report.alert_groups import IN_ALL, OF_A_RULE, group, one_of_each, steps
from detector.report.judgement import Verdict, judge
from detector.report.matrix import MOST_NAMED, MOST_ROWS, matrix
from detector.report.render import markdown
from detector.report.report import Question, told_accounts
from detector.report.told import AXIS, MOST_EVENTS, MOST_TOLD, OF_A_STORY, place, tell
from detector.report.told import MOST_NAMED as MOST_STORIES
from detector.rules.rule import load_rules, shipped_rules_directory
from detector.severity import Severity
from detector.story.story import Phase, Stories, StoryKind
from detector.verify.coverage import HourState
from tests.report.samples import NO_BASIS, NOON, PROVEN, a_report, a_story, an_alert, an_event, answered, answers

NO_STORIES = tell(Stories((), 0))


def test_alerts_come_by_severity_and_what_is_answered_for_comes_last() -> None:
    alerts = [
        answered(an_alert(0, Severity.HIGH, rule_id="a")),
        an_alert(1, Severity.HIGH, rule_id="b"),
        an_alert(2, Severity.CRITICAL, rule_id="c"),
        an_alert(3, Severity.INFO, rule_id="d"),
    ]
    groups = group(alerts, {})
    assert [(one.severity, [rule.rule_id for rule in one.rules]) for one in groups] == [
        (Severity.CRITICAL, ["c"]), (Severity.HIGH, ["b", "a"]), (Severity.INFO, ["d"]),
    ]  # fmt: skip
    assert (groups[1].count, groups[1].open) == (2, 1)


def test_one_loud_account_hides_no_other_of_the_same_rule() -> None:
    alerts = [an_alert(number, account="111122223333") for number in range(1_000)]
    alerts += [an_alert(1_000 + number, account=f"{number:012}") for number in range(5)]
    [rule] = group(alerts, {})[0].rules
    assert len(rule.shown) == OF_A_RULE
    assert rule.rest == 1_005 - OF_A_RULE
    assert {f"{number:012}" for number in range(5)} < {alert.account_id for alert in rule.shown}
    assert list(rule.shown) == sorted(rule.shown, key=lambda alert: alert.event_time)


def test_of_one_rule_what_is_answered_for_does_not_take_the_place_of_what_is_not() -> None:
    alerts = [answered(an_alert(number)) for number in range(OF_A_RULE)] + [an_alert(OF_A_RULE)]
    [rule] = group(alerts, {})[0].rules
    assert [alert.suppressed_by for alert in rule.shown].count(None) == 1


def test_no_more_alerts_are_written_out_than_a_page_takes_the_gravest_first() -> None:
    alerts = [
        an_alert(number, severity, rule_id=f"rule_{severity}_{rule}")
        for severity in (Severity.LOW, Severity.HIGH) for rule in range(30) for number in range(OF_A_RULE)
    ]  # fmt: skip
    high, low = group(alerts, {})
    assert sum(len(rule.shown) for one in (high, low) for rule in one.rules) == IN_ALL
    assert sum(len(rule.shown) for rule in low.rules) == 0
    assert low.count == 600


def test_what_to_do_is_the_rules_own_response_step_by_step() -> None:
    rules = {rule.id: rule for rule in load_rules(shipped_rules_directory()).rules}
    [rule] = group([an_alert()], rules)[0].rules
    assert len(rule.response) > 1
    assert not any(step[0].isdigit() or "\n" in step for step in rule.response)
    assert rule.references == rules["root_api_call"].references


def test_steps_may_go_over_lines_and_need_no_numbers() -> None:
    assert steps("1. One\n   goes on.\n12. Two: 3. is no step") == ("One goes on.", "Two: 3. is no step")
    assert steps("A paragraph\nof two lines.\n\nAnother.\n") == ("A paragraph of two lines.", "Another.")
    assert steps("") == ()


def test_each_place_on_the_page_is_named_once_the_gravest_first() -> None:
    alerts = [an_alert(0, Severity.LOW), an_alert(1), an_alert(2), an_alert(3, Severity.CRITICAL)]
    assert [alert.severity for alert in one_of_each(alerts)] == [Severity.CRITICAL, Severity.HIGH, Severity.LOW]
    assert one_of_each(alerts)[1] is alerts[1]


def test_accounts_with_grave_alerts_are_told_before_those_with_stories() -> None:
    alerts = [
        an_alert(0, Severity.LOW, "1"), an_alert(1, Severity.CRITICAL, "2"), an_alert(2, Severity.INFO, "3"),
        answered(an_alert(3, Severity.CRITICAL, "4")),
    ]  # fmt: skip
    assert told_accounts(alerts, ["5", "1"]) == ["2", "1", "5"]


@pytest.mark.parametrize(
    ("severities", "verdict", "said"),
    [
        ([Severity.CRITICAL, Severity.HIGH, Severity.LOW], Verdict.ACT, "1 critical and 1 high alerts in account"),
        ([Severity.HIGH], Verdict.ACT, "1 high alert in account 111122223333 on 2026-03-04 wants an answer"),
        ([Severity.MEDIUM, Severity.LOW], Verdict.LOOK, "No alert is critical or high; 1 medium and 1 low alerts"),
        ([Severity.INFO], Verdict.NOT_PROVEN, "that this is all is not proven"),
        ([], Verdict.NOT_PROVEN, "that this is all is not proven"),
    ],
)
def test_one_sentence_says_what_it_comes_to(severities: list[Severity], verdict: Verdict, said: str) -> None:
    groups = group([an_alert(number, severity) for number, severity in enumerate(severities)], {})
    judgement = judge(groups, NO_STORIES, NO_BASIS)
    assert judgement.verdict is verdict
    assert said in judgement.sentence


def test_nothing_found_is_said_without_reserve_only_where_aws_vouches_for_every_hour() -> None:
    assert judge((), NO_STORIES, PROVEN).verdict is Verdict.QUIET
    holey = replace(PROVEN, attested=Attested({HourState.COMPLETE: 23, HourState.DARK: 1}))
    assert judge((), NO_STORIES, holey).verdict is Verdict.NOT_PROVEN
    assert judge((), NO_STORIES, replace(PROVEN, gaps=1)).verdict is Verdict.NOT_PROVEN


def test_what_somebody_has_answered_for_wants_no_answer() -> None:
    judgement = judge(group([answered(an_alert(0, Severity.CRITICAL))], {}), NO_STORIES, PROVEN)
    assert judgement.verdict is Verdict.QUIET
    assert judgement.first == ()


def test_the_sentence_names_a_span_and_counts_accounts_and_the_top_names_the_first_kinds() -> None:
    alerts = [an_alert(n, Severity.CRITICAL, str(n % 3), rule_id=f"rule_{n}") for n in range(8)]
    alerts.append(an_alert(1, Severity.HIGH, last_event_time=NOON + timedelta(days=2)))
    judgement = judge(group(alerts, {}), NO_STORIES, NO_BASIS)
    assert "in 4 accounts from 2026-03-04 to 2026-03-06 want an answer" in judgement.sentence
    assert [rule.rule_id for rule in judgement.first] == [f"rule_{n}" for n in range(5)]
    assert judgement.more == 4


@pytest.mark.parametrize(
    ("mfa", "untold", "said"),
    [
        (["yes"], 0, "; root was in use in 1 session."),
        (["no"], 0, "; root was in use in 1 session, without MFA."),
        (["no", "no"], 0, "; root was in use in 2 sessions, all without MFA."),
        (["no", "unknown"], 3, "; root was in use in 2 sessions or more, 1 without MFA."),
    ],
)
def test_the_sentence_says_how_often_root_was_in_use(mfa: list[str], untold: int, said: str) -> None:
    stories = tell(Stories(tuple(a_story(number, mfa=one) for number, one in enumerate(mfa)), untold))
    loose = a_story(9, kind=StoryKind.LOOSE, mfa="no")
    with_loose = tell(Stories((*(one.story for one in stories.told), loose), untold))
    for told in (stories, with_loose):
        assert judge((), told, PROVEN).sentence.endswith(said)


def test_the_gravest_session_is_the_one_with_most_to_answer_for() -> None:
    newest = a_story(1, alerts=(an_alert(1),))
    gravest = a_story(2, alerts=(an_alert(2), an_alert(3)))
    lesser = a_story(3, severity=Severity.MEDIUM, alerts=(an_alert(4, Severity.MEDIUM),) * 9)
    told = tell(Stories((lesser, newest, gravest), 0))
    assert [one.story for one in told.told] == [gravest, newest, lesser]
    assert judge(group([an_alert()], {}), told, NO_BASIS).gravest is gravest
    assert judge((), tell(Stories((lesser,), 0)), NO_BASIS).gravest is None


def test_what_an_earlier_session_left_is_looked_at_and_is_no_session_of_this_time() -> None:
    stories = tell(Stories((a_story(until=NOON + timedelta(hours=8)),), 0))
    judgement = judge((), stories, PROVEN, NOON + timedelta(hours=7))
    assert judgement.verdict is Verdict.LOOK
    assert judgement.sentence == "No alert wants an answer; what 1 earlier session of root left was in use."
    assert "root was in use in 1 session" in judge((), stories, PROVEN, NOON).sentence


def test_no_session_is_no_word_about_a_time_without_events() -> None:
    report = a_report()
    assert report.no_story == "No session of root was seen."
    evening = replace(report, question=Question(since=NOON))
    assert evening.no_story == "No session of root was seen in what was asked for."
    assert "says nothing about root" in markdown(replace(evening, basis=replace(NO_BASIS, first=None)))


def test_accounts_that_are_alike_share_a_row_the_most_failures_first() -> None:
    rows = [*answers("1"), *answers("2", "root_mfa_on"), *answers("3"), *answers("4", "root_mfa_on", "root_unused")]
    found = matrix(rows, told=["3"])
    assert [row.accounts for row in found.rows] == [("4",), ("2",), ("1", "3")]
    assert found.written_out == {}
    [column] = [column for column in found.columns if column.check.id == "root_mfa_on"]
    assert column.failing == ("2", "4")
    assert column.next == column.check.next
    assert {column.next for column in found.columns if not column.failing} == {None}


def test_a_few_accounts_are_written_out_and_too_many_are_counted() -> None:
    assert list(matrix([*answers("1"), *answers("2")]).written_out) == ["1", "2"]
    many = matrix([answer for number in range(1_200) for answer in answers(f"{number:012}")])
    assert (many.accounts, many.not_named) == (1_200, 1_200 - MOST_NAMED)
    assert sum(len(row.accounts) for row in many.rows) == MOST_NAMED


def test_answers_that_are_all_different_do_not_fill_the_page() -> None:
    ids = [answer.check.id for answer in answers("1")]
    rows = [a for n in range(60) for a in answers(f"{n:012}", *(name for bit, name in enumerate(ids) if n >> bit & 1))]
    found = matrix(rows)
    assert (len(found.rows), len(found.folded)) == (MOST_ROWS, 20)


def test_the_most_telling_events_of_a_story_are_kept_and_the_rest_is_counted() -> None:
    reads = [an_event(number) for number in range(500)]
    changed = [an_event(number, Phase.CHANGED) for number in range(600, 620)]
    story = a_story(0, [an_event(0, Phase.SIGN_IN), *reads, *changed])
    counts = {**story.counts, Phase.AFTER: 7}  # of which none was kept
    [told] = tell(Stories((replace(story, counts=counts),), 0)).told
    assert told.shown == OF_A_STORY
    shown = {chapter.phase: (len(chapter.events), chapter.rest) for chapter in told.chapters}
    assert shown == {Phase.SIGN_IN: (1, 0), Phase.CHANGED: (20, 0), Phase.READ: (79, 421), Phase.AFTER: (0, 7)}
    assert told.chapters[0].ticks == (0,)
    assert max(tick for chapter in told.chapters for tick in chapter.ticks) < AXIS


def test_a_page_has_at_most_a_thousand_events_and_the_other_stories_a_line() -> None:
    stories = [a_story(number, [an_event(minute) for minute in range(60)]) for number in range(300)]
    told = tell(Stories(tuple(stories), 5))
    assert told.shown == MOST_EVENTS
    assert len(told.told) == 17
    assert len(told.named) == MOST_STORIES
    assert told.count == 305
    assert len(tell(Stories(tuple(a_story(number) for number in range(60)), 0)).told) == MOST_TOLD


def test_a_moment_outside_the_axis_lies_at_its_end() -> None:
    end = NOON + timedelta(hours=1)
    assert [place(NOON + timedelta(minutes=at), NOON, end) for at in (-5, 0, 30, 60, 99)] == [
        0,
        0,
        AXIS // 2,
        AXIS - 1,
        AXIS - 1,
    ]
    assert place(NOON, NOON, NOON) == 0
