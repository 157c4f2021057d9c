"""The mutants are those that matter, and a sample of them is killed in every run of the tests.

The full run is `python -m tests.mutation`.
"""

from __future__ import annotations

import pytest

from detector.rules.rule import load_rules, shipped_rules_directory

from .mutants import mutants_of, parse_statements
from .score import explained_survivors, judge
from .verdict import sample

RULES = load_rules(shipped_rules_directory()).rules


def changes(condition: str) -> set[str]:
    """The conditions that take the place of this one."""
    prefix = "SELECT account_id FROM x WHERE "
    [statement] = parse_statements(prefix + condition)
    return {mutant.sql.removeprefix(prefix) for mutant in mutants_of("r", statement, is_rule=True)}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("a", {"TRUE", "NOT (a)"}),
        ("NOT a", {"TRUE", "a"}),
        ("a AND b", {"TRUE AND b", "NOT (a) AND b", "a AND TRUE", "a AND NOT (b)"}),
        ("a OR b", {"FALSE OR b", "NOT (a) OR b", "a OR FALSE", "a OR NOT (b)"}),
        ("a >= 5", {"TRUE", "NOT (a >= 5)", "a > 5", "a >= 6", "a >= 4"}),
        ("a < 5", {"TRUE", "NOT (a < 5)", "a <= 5", "a < 6", "a < 4"}),
        ("a IN ('x', 'y')", {"TRUE", "NOT (a IN ('x', 'y'))", "a IN ('x')", "a IN ('y')"}),
        ("a IS NOT DISTINCT FROM b", {"TRUE", "NOT (a IS NOT DISTINCT FROM b)", "a = b"}),
        ("a IS DISTINCT FROM b", {"TRUE", "NOT (a IS DISTINCT FROM b)", "a <> b"}),
        (
            "a BETWEEN b AND c",
            {
                "TRUE",
                "NOT (a BETWEEN b AND c)",
                "(a > b AND a <= c)",
                "(a >= b AND a < c)",
                "a <= c",
                "a >= b",
            },
        ),
        (
            "a > b + INTERVAL '60' MINUTE",
            {
                "TRUE",
                "NOT (a > b + INTERVAL '60' MINUTE)",
                "a >= b + INTERVAL '60' MINUTE",
                "a > b + INTERVAL '61' MINUTE",
                "a > b + INTERVAL '59' MINUTE",
            },
        ),
    ],
)
def test_the_changes_of_a_condition(condition: str, expected: set[str]) -> None:
    assert changes(condition) == expected


def statements(sql: str) -> set[str]:
    [statement] = parse_statements(sql)
    return {mutant.sql for mutant in mutants_of("r", statement, is_rule=True)}


def test_the_branches_of_a_case_are_dropped() -> None:
    case = "CASE WHEN a THEN 'high' WHEN b THEN 'low' END"
    found = statements(f"SELECT {case} AS severity FROM x")
    assert {
        "SELECT CASE WHEN b THEN 'low' END AS severity FROM x",
        "SELECT CASE WHEN a THEN 'high' END AS severity FROM x",
        "SELECT CASE WHEN TRUE THEN 'high' WHEN b THEN 'low' END AS severity FROM x",
    } < found
    assert "SELECT ('low') AS severity FROM x" in statements(
        "SELECT CASE WHEN a THEN 1 ELSE 'low' END AS severity FROM x"
    )
    assert statements("SELECT CASE a WHEN 1 THEN 2 WHEN 3 THEN 4 END AS severity FROM x") == {
        "SELECT CASE a WHEN 3 THEN 4 END AS severity FROM x",
        "SELECT CASE a WHEN 1 THEN 2 END AS severity FROM x",
    }


def test_joins_and_group_keys_are_changed() -> None:
    found = statements("SELECT group_key([a, b]) AS dedup_key FROM x ANTI JOIN y USING (k, l)")
    assert found == {
        "SELECT GROUP_KEY([b]) AS dedup_key FROM x ANTI JOIN y USING (k, l)",
        "SELECT GROUP_KEY([a]) AS dedup_key FROM x ANTI JOIN y USING (k, l)",
        "SELECT GROUP_KEY([a, b]) AS dedup_key FROM x",
        "SELECT GROUP_KEY([a, b]) AS dedup_key FROM x ANTI JOIN y USING (l)",
        "SELECT GROUP_KEY([a, b]) AS dedup_key FROM x ANTI JOIN y USING (k)",
    }


def test_text_that_is_only_shown_is_left_alone() -> None:
    assert statements("SELECT CASE WHEN a THEN 1 ELSE 2 END AS summary, a AND b AS extra FROM x") == set()
    assert statements("SELECT a AND b AS extra FROM x UNION ALL SELECT a OR b AS extra FROM y") == set()


@pytest.mark.slow
def test_each_explained_survivor_is_a_mutant_of_today() -> None:
    chosen = judge()
    explained = explained_survivors()
    subjects = {mutant.partition(":")[0] for mutant in explained}
    assert subjects <= set(chosen.subjects)
    mutants = {mutant.id for subject in subjects for mutant in chosen.mutants(subject)}
    assert explained.keys() <= mutants


@pytest.mark.slow
@pytest.mark.parametrize("rule_id", [rule.id for rule in RULES])
def test_a_sample_of_the_mutants_of_a_rule_is_killed(rule_id: str) -> None:
    chosen = judge()
    mutants = [mutant for mutant in chosen.mutants(rule_id) if mutant.id not in explained_survivors()]
    verdicts = list(chosen.verdicts(rule_id, sample(mutants, 3)))
    assert [verdict.mutant for verdict in verdicts if verdict.killed_by is None] == []
    assert chosen.failure_without_mutation(rule_id, verdicts) is None
