"""Where not everything fits, what is loud hides nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from detector.alerts.alert import Alert, Suppression
from detector.alerts.digest import make_digest
from detector.alerts.turns import in_turns
from detector.severity import Severity
from tests.report.samples import NOON, an_alert


def test_groups_take_turns_in_the_order_of_their_first_item() -> None:
    assert in_turns(["a1", "a2", "b1", "a3", "c1", "b2"], lambda item: item[0]) == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert in_turns([None, None], lambda _: 1) == [None, None]
    assert in_turns([], str) == []


def critical(minute: int, account: str, rule: str) -> Alert:
    time = NOON + timedelta(minutes=minute)
    return replace(
        an_alert(), severity=Severity.CRITICAL, account_id=account, rule_id=rule, event_time=time, last_event_time=time
    )


def test_the_worst_of_a_digest_are_of_each_account_and_rule_some() -> None:
    flood = [critical(number, "111111111111", f"loud_{number // 20}") for number in range(60)]
    one = critical(99, "222222222222", "trail_stopped")
    answered = replace(critical(0, "333333333333", "known"), suppressed_by=Suppression("entry", "it was us"))
    lesser = replace(critical(0, "444444444444", "lesser"), severity=Severity.HIGH)
    worst = make_digest([answered, lesser, *flood, one]).worst
    assert len(worst) == 10
    assert [alert.rule_id for alert in worst[:5]] == ["loud_0", "trail_stopped", "loud_1", "loud_2", "loud_0"]
    assert make_digest([answered, lesser, one]).worst == (one, lesser, answered)
