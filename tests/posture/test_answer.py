"""From facts to an answer, without a lake."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.posture.answer import Answer, Horizon, Source, answer_from_logs
from detector.posture.change import changes_of
from detector.posture.check import Check, Over, Status, load_checks
from detector.posture.fact import Fact, Says

ACCOUNT = "111122223333"
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
LAST = datetime(2026, 3, 8, 9, tzinfo=UTC)
HORIZON = Horizon(ACCOUNT, LAST, (FIRST, LAST))
CHECKS = {check.id: check for check in load_checks()}
MFA = CHECKS["root_mfa_on"]


def fact(days: int, says: str, subject: str = "", detail: str = "login") -> Fact:
    return Fact(ACCOUNT, LAST - timedelta(days=days), subject, Says(says), detail, f"{subject}{says}{days}")


def answer(check: Check, *facts: Fact, horizon: Horizon = HORIZON, moment: datetime = LAST) -> Answer:
    return answer_from_logs(check, facts, horizon, moment)


FACTS = st.lists(
    st.builds(fact, st.integers(0, 800), st.sampled_from(list(Says)), st.sampled_from(["", "a", "b", "c"])), max_size=12
)
ANY_CHECK = st.sampled_from(load_checks())


def is_proof(fact: Fact, facts: list[Fact]) -> bool:
    """Whether it says yes and still holds; of what was switched off, that it was on is a doubt and no proof."""
    others = [one for one in facts if one.subject == fact.subject and one.says is not Says.YES]
    return fact.says is Says.YES and all(one.time < fact.time for one in others)


@given(ANY_CHECK, FACTS, st.sets(st.integers(0, 11)))
def test_taking_proof_away_never_turns_an_answer_into_a_pass(check: Check, facts: list[Fact], away: set[int]) -> None:
    kept = [one for at, one in enumerate(facts) if at not in away or not is_proof(one, facts)]
    if answer(check, *facts).status is not Status.PASS:
        assert answer(check, *kept).status is not Status.PASS


@given(ANY_CHECK, FACTS)
def test_a_pass_rests_on_proof_and_falls_with_it(check: Check, facts: list[Fact]) -> None:
    passed = answer(check, *facts)
    if passed.status is Status.PASS:
        rest = [one for one in facts if one.evidence not in passed.evidence]
        assert answer(check, *(one for one in rest if one.says is not Says.YES)).status is not Status.PASS


@given(ANY_CHECK, FACTS, st.randoms())
def test_the_order_of_facts_does_not_matter(check: Check, facts: list[Fact], random: object) -> None:
    shuffled = list(facts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert answer(check, *facts) == answer(check, *shuffled)


@pytest.mark.parametrize("check", load_checks(), ids=lambda check: check.id)
def test_no_facts_are_unknown_and_say_what_is_missing(check: Check) -> None:
    unknown = answer(check)
    assert (unknown.status, unknown.as_of, unknown.evidence) == (Status.UNKNOWN, None, ())
    assert unknown.detail == f"{check.unseen} (2024-01-01 to 2026-03-08)"
    assert unknown.next == (f"ask live: {check.ask}" if check.ask else None)


def test_of_facts_of_one_moment_the_worst_counts() -> None:
    assert answer(MFA, fact(1, "no"), fact(1, "yes")).status is Status.FAIL
    assert answer(MFA, fact(1, "unsure"), fact(1, "yes")).status is Status.UNKNOWN


def test_later_facts_than_the_moment_are_passed_over() -> None:
    facts = [fact(9, "yes"), fact(1, "no")]
    then = answer(MFA, *facts, moment=LAST - timedelta(days=5))
    assert (then.status, then.seen_until) == (Status.PASS, LAST - timedelta(days=5))
    assert then.detail.endswith("no removal seen until 2026-03-03T09:00:00Z")
    assert answer(MFA, moment=FIRST - timedelta(days=1)).detail == f"{MFA.unseen}: the logs begin later"


def test_where_root_logins_are_not_recorded_the_answer_says_so() -> None:
    elsewhere = replace(HORIZON, sign_in=None)
    nothing = answer(MFA, horizon=elsewhere)
    assert nothing.detail == f"{MFA.unseen}: no events of the region that records root's logins"
    assert nothing.seen_until == LAST
    assert answer(MFA, fact(1, "no"), horizon=elsewhere).detail.endswith(
        "; no events of the region that records root's logins"
    )


def test_a_flood_of_subjects_is_counted() -> None:
    many = answer(CHECKS["root_no_access_keys"], *(fact(1, "no", f"key {number}") for number in range(9)))
    assert many.detail.count("login") == 4
    assert "; and 5 more; nothing newer" in many.detail
    assert len(many.evidence) == 9
    flood = answer(CHECKS["root_no_access_keys"], *(fact(1, "no", f"key {number}") for number in range(500)))
    assert len(flood.evidence) == 100


def test_what_one_event_says_of_several_subjects_is_told_once() -> None:
    both = [replace(fact(1, "yes", subject), evidence="event-1") for subject in ("one", "another")]
    told = answer(CHECKS["root_mfa_two_devices"], *both)
    assert told.status is Status.PASS
    assert told.detail.count("login") == 1
    assert told.evidence == ("event-1",)


def test_an_answer_is_told_in_the_words_of_its_check() -> None:
    on = answer(MFA, fact(3, "yes"), fact(2, "yes"), fact(4, "no"))
    assert (on.value, on.source, on.next) == ("on", Source.LOGS, None)
    assert on.as_of == LAST - timedelta(days=2)
    assert on.detail == "2026-03-06T09:00:00Z login (2 in a row); no removal seen until 2026-03-08T09:00:00Z"
    assert on.evidence == ("yes2", "yes3")
    assert answer(MFA, fact(1, "no")).value == "off"
    assert answer(MFA).value == "unknown"


def test_a_yes_and_a_no_grow_old_and_a_doubt_does_not() -> None:
    passing = replace(MFA, lasts=timedelta(days=90), fades_to=Says.YES)
    assert answer(passing, fact(91, "no")).status is Status.PASS
    assert answer(passing, fact(89, "no")).status is Status.FAIL
    assert answer(passing, fact(91, "unsure")).status is Status.UNKNOWN
    failing = replace(passing, fades_to=Says.NO)
    assert answer(failing, fact(91, "yes")).status is Status.FAIL
    assert answer(failing, fact(91, "unsure")).status is Status.UNKNOWN


def test_some_is_satisfied_by_one_and_every_by_no_less_than_all() -> None:
    facts = [fact(1, "yes", "a"), fact(1, "no", "b")]
    assert answer(replace(MFA, over=Over.SOME), *facts).status is Status.PASS
    assert answer(replace(MFA, over=Over.EVERY), *facts).status is Status.FAIL


def test_where_all_have_to_agree_a_no_beside_a_yes_is_unknown_and_both_are_shown() -> None:
    agreed = replace(MFA, over=Over.AGREED)
    both = answer(agreed, fact(1, "yes", "a", "a started"), fact(2, "no", "b", "b stopped"))
    assert both.status is Status.UNKNOWN
    assert "a started; 2026-03-06T09:00:00Z b stopped" in both.detail
    assert len(both.evidence) == 2
    assert answer(agreed, fact(1, "yes", "a"), fact(2, "yes", "b")).status is Status.PASS
    assert answer(agreed, fact(1, "yes", "a"), fact(2, "unsure", "b")).status is Status.UNKNOWN
    assert answer(agreed, fact(1, "no", "a"), fact(2, "no", "b")).status is Status.FAIL


def test_one_is_not_enough_beside_one_that_was_switched_off() -> None:
    some = replace(MFA, over=Over.SOME)
    facts = [fact(5, "yes", "a"), fact(4, "no", "a"), fact(3, "yes", "b")]
    assert answer(some, *facts).status is Status.UNKNOWN
    assert answer(some, *facts[1:]).status is Status.PASS
    assert answer(some, *facts[:2]).status is Status.FAIL
    assert answer(some, *facts, fact(2, "yes", "a")).status is Status.PASS
    assert [one.after for one in changes_of(some, [*facts, fact(2, "yes", "a")], None)] == [
        Status.PASS, Status.FAIL, Status.UNKNOWN, Status.PASS
    ]  # fmt: skip


def test_changes_are_told_once_and_from_a_moment_on() -> None:
    facts = [fact(9, "yes"), fact(8, "yes"), fact(7, "unsure"), fact(5, "no"), fact(5, "no", "b")]
    changes = list(changes_of(MFA, facts, None))
    assert [(one.before, one.after) for one in changes] == [
        (Status.UNKNOWN, Status.PASS), (Status.PASS, Status.UNKNOWN), (Status.UNKNOWN, Status.FAIL)
    ]  # fmt: skip
    assert changes[2].evidence == ("bno5", "no5")
    since = list(changes_of(MFA, facts, LAST - timedelta(days=6)))
    assert [one.before for one in since] == [Status.UNKNOWN]


def test_more_alike_facts_than_are_read_are_not_counted() -> None:
    many = answer(MFA, *(fact(1, "no") for _ in range(20)))
    assert "login (20 or more in a row)" in many.detail
