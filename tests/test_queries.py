"""Every shipped rule against its own examples."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from detector.rules.check import check_example, check_rules, open_bench
from detector.rules.engine import Engine
from detector.rules.examples import Example, load_examples
from detector.rules.rule import Rule, load_rules, shipped_rules_directory

SHIPPED = load_rules(shipped_rules_directory())
CASES = [
    pytest.param(rule, example, id=f"{rule.id}: {example.name}")
    for rule in SHIPPED.rules
    for example in load_examples(rule)
]


def test_every_shipped_rule_can_be_read() -> None:
    assert SHIPPED.errors == ()
    assert len(SHIPPED.rules) >= 9


@pytest.fixture(scope="module")
def bench() -> Iterator[Engine]:
    with open_bench() as engine:
        yield engine


@pytest.mark.parametrize(("rule", "example"), CASES)
def test_example(rule: Rule, example: Example, bench: Engine) -> None:
    assert check_example(rule, example, bench) is None


def test_nothing_else_is_wrong_with_the_shipped_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    # The examples have run above, one test each.
    monkeypatch.setattr("detector.rules.check.check_example", lambda _rule, _example, _bench: None)
    assert check_rules(shipped_rules_directory()) == []


@pytest.mark.parametrize("rule", SHIPPED.rules, ids=lambda rule: rule.id)
def test_metadata_is_whole(rule: Rule) -> None:
    assert rule.attack
    assert rule.references
    assert rule.false_positives
    assert rule.response.startswith("1. ")
    # T1562.008 became T1685.002 in ATT&CK v19: SIEMs know one or the other.
    techniques = {entry.split(":")[1] for entry in rule.attack}
    assert ("T1562.008" in techniques) == ("T1685.002" in techniques)
