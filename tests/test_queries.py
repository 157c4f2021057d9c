"""Every shipped rule against its own examples, and what is written about them against each format's definition."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from detector.alerts.alert import make_alert
from detector.alerts.formats.names import AlertFormat
from detector.rules.check import run_examples
from detector.rules.evidence import evidence_of
from detector.rules.example_engine import ExampleEngine
from detector.rules.examples import load_examples
from detector.rules.rule import Rule, load_rules, shipped_rules_directory
from detector.text import is_web_address
from fixtures.receivers import alert_id_of, read_line
from tests.alerts.samples import to_line
from tests.running import Run

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHIPPED = load_rules(shipped_rules_directory())


def test_every_shipped_rule_can_be_read() -> None:
    assert SHIPPED.errors == ()
    assert len(SHIPPED.rules) >= 9


@pytest.fixture(scope="module")
def engine() -> Iterator[ExampleEngine]:
    with ExampleEngine() as engine:
        yield engine


@pytest.mark.parametrize("rule", SHIPPED.rules, ids=lambda rule: rule.id)
def test_examples(rule: Rule, engine: ExampleEngine) -> None:
    problems: dict[str, str] = {}
    for example, problem, findings in run_examples(rule, load_examples(rule), engine):
        if problem is not None:
            problems[example.name] = problem
        events = engine.evidence(key for finding in findings for key in finding.event_ids) if findings else {}
        for finding in findings:
            alert = make_alert(finding, evidence_of(finding, events), NOW)
            for form in AlertFormat:
                document = read_line(form, to_line(alert, form))
                assert alert_id_of(form, document) in (alert.alert_id, None)
    assert problems == {}


def test_nothing_else_is_wrong_with_the_shipped_rules(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # The examples have run above, one test for each rule.
    monkeypatch.setattr("detector.rules.check.run_examples", lambda *_: ())
    checked = run("rules", "check", "--jobs", "1")
    assert (checked.code, checked.err) == (0, f"{len(SHIPPED.rules)} rules, 0 problems\n")


@pytest.mark.parametrize("rule", SHIPPED.rules, ids=lambda rule: rule.id)
def test_metadata_is_whole(rule: Rule) -> None:
    assert rule.attack
    assert rule.references
    assert rule.false_positives
    assert rule.response.startswith("1. ")
    # T1562.008 became T1685.002 in ATT&CK v19: SIEMs know one or the other.
    techniques = {entry.split(":")[1] for entry in rule.attack}
    assert ("T1562.008" in techniques) == ("T1685.002" in techniques)


@pytest.mark.parametrize("rule", SHIPPED.rules, ids=lambda rule: rule.id)
def test_what_a_rule_advises_is_whole_in_every_format(rule: Rule) -> None:
    assert len(rule.response) <= 512, "Security Hub takes no longer recommendation"
    assert rule.references
    assert all(map(is_web_address, rule.references))
    assert sum(map(len, rule.references)) <= 800
