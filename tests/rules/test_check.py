from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from detector.errors import RuleError
from detector.rules.check import check_rules
from detector.rules.example_engine import ExampleEngine
from detector.rules.examples import load_examples, merge_patch
from detector.rules.rule import Rule, parse_rule, shipped_rules_directory
from detector.severity import Severity

METADATA = """\
-- /// rule
-- title = "T"
-- severity = "high"
-- confidence = "low"
-- attack = []
-- description = "D"
-- response = "R"
-- false_positives = []
-- references = []
"""
SQL = "SELECT account_id, event_time, [event_id] AS event_ids, 'login' AS summary FROM root_logins\n"
LOGIN = json.loads((shipped_rules_directory() / "root_console_login_without_mfa.examples.json").read_text())["records"][
    "login"
]
FIRES = {"name": "fires", "alerts": 1, "records": [LOGIN]}
QUIET = {"name": "quiet", "alerts": 0, "records": [{**LOGIN, "eventName": "CheckMfa"}]}


def write_rule(directory: Path, *, sql: str = SQL, more: str = "", examples: object = (FIRES, QUIET)) -> Rule:
    path = directory / "mine.sql"
    path.write_text(f"{METADATA}{more}-- ///\n{sql}", encoding="utf-8")
    if examples is not None:
        text = examples if isinstance(examples, str) else json.dumps(examples)
        (directory / "mine.examples.json").write_text(text, encoding="utf-8")
    return parse_rule(path)


def messages(directory: Path) -> list[str]:
    return [problem.message for problem in check_rules(directory)]


def test_a_good_rule_has_no_problems(tmp_path: Path) -> None:
    write_rule(tmp_path)
    assert check_rules(tmp_path) == []


def test_a_malformed_file_is_a_problem_and_the_others_are_checked(tmp_path: Path) -> None:
    write_rule(tmp_path, examples=[QUIET])
    (tmp_path / "broken.sql").write_text("SELECT 1")
    assert messages(tmp_path) == [f"{tmp_path / 'broken.sql'}: no metadata", "no example fires"]


def test_an_example_with_another_count_shows_what_was_found(tmp_path: Path) -> None:
    rule = write_rule(tmp_path, examples=[{**FIRES, "alerts": 2}, QUIET])
    [problem] = check_rules(tmp_path)
    assert problem.path == rule.path
    assert problem.message == "example 'fires': 1 alerts, not 2\n  login"


def test_an_example_with_another_severity(tmp_path: Path) -> None:
    write_rule(tmp_path, examples=[{**FIRES, "severity": "low"}, QUIET])
    assert messages(tmp_path) == ["example 'fires': severity high, not low"]


def test_an_example_with_another_summary(tmp_path: Path) -> None:
    write_rule(tmp_path, examples=[{**FIRES, "summary": "logout"}, QUIET])
    assert messages(tmp_path) == ["example 'fires': summary 'login', not 'logout'"]


def test_an_example_says_which_bucket_its_records_were_read_from(tmp_path: Path) -> None:
    sql = SQL.replace("root_logins", "root_logins WHERE starts_with(logFile, 's3://trail/')")
    write_rule(tmp_path, sql=sql, examples=[{**FIRES, "bucket": "trail"}, {**FIRES, "name": "none", "alerts": 0}])
    assert messages(tmp_path) == []


def test_an_example_of_several_alerts_says_what_each_is_oldest_first(tmp_path: Path) -> None:
    sql = SQL.replace("'login'", "awsRegion").replace("root_logins", "root_logins ORDER BY event_time DESC")
    records = [
        {**LOGIN, "eventID": str(uuid.uuid4()), "eventTime": "2026-03-02T09:00:00Z", "awsRegion": "us-east-1"},
        {**LOGIN, "eventID": str(uuid.uuid4()), "eventTime": "2026-03-01T09:00:00Z", "awsRegion": "cn-north-1"},
    ]
    example = {"name": "both", "alerts": 2, "records": records, "severity": ["high", "high"]}
    write_rule(tmp_path, sql=sql, examples=[{**example, "summary": ["cn-north-1", "us-east-1"]}, QUIET])
    assert messages(tmp_path) == []
    write_rule(tmp_path, sql=sql, examples=[{**example, "summary": ["us-east-1", "cn-north-1"]}, QUIET])
    assert messages(tmp_path) == ["example 'both': summary 'cn-north-1', not 'us-east-1'"]


def test_a_result_that_breaks_the_contract(tmp_path: Path) -> None:
    rule = write_rule(tmp_path, sql="SELECT account_id FROM root_logins\n", examples=[QUIET])
    assert messages(tmp_path) == [
        f"example 'quiet': {rule.path}: result lacks event_time, event_ids, summary",
        "no example fires",
    ]


def test_event_ids_that_name_no_event(tmp_path: Path) -> None:
    write_rule(tmp_path, sql=SQL.replace("[event_id]", "[event_name]"))
    assert messages(tmp_path) == ["example 'fires': event_ids name no event: 'ConsoleLogin'"]


def test_both_kinds_of_example_are_needed(tmp_path: Path) -> None:
    write_rule(tmp_path, examples=[FIRES])
    assert messages(tmp_path) == ["no near miss"]
    write_rule(tmp_path, examples=[])
    assert messages(tmp_path) == ["no example fires", "no near miss"]


def test_a_record_that_cannot_be_a_row(tmp_path: Path) -> None:
    write_rule(tmp_path, examples=[FIRES, QUIET, {"name": "timeless", "alerts": 0, "records": [{"eventName": "x"}]}])
    [message] = messages(tmp_path)
    assert message.startswith("example 'timeless': cannot be read: record 0: ")


def test_reads_must_say_what_the_rule_does(tmp_path: Path) -> None:
    everything = SQL.replace("root_logins", "all_events WHERE event_name = 'ConsoleLogin'")
    write_rule(tmp_path, sql=everything)
    assert messages(tmp_path) == ["reads all events"]
    write_rule(tmp_path, sql=everything, more='-- reads = "events"\n')
    assert messages(tmp_path) == []
    write_rule(tmp_path, more='-- reads = "events"\n')
    assert messages(tmp_path) == ["reads no more than candidates"]


def test_shipped_rules_are_held_to_what_nobody_looks_at_when_they_are_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.rules.rule.shipped_rules_directory", lambda: tmp_path)
    write_rule(tmp_path, more='-- reports_alone = "mfa_changes"\n')
    assert messages(tmp_path) == ["does not read 'mfa_changes'"]
    write_rule(tmp_path, sql="SELECT FROM WHERE")
    assert messages(tmp_path) == ['does not parse: Parser Error: syntax error at or near "WHERE"']


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (None, "no examples"),
        ("[", "Expecting value"),
        ("[" * 100_000, "."),
        ({"examples": []}, 'an object must have "records"'),
        ({"records": [], "examples": []}, 'an object must have "records"'),
        (7, "examples are a list"),
        ([7], "an example is"),
        ([{"name": "x", "alerts": 1}], "an example is"),
        ([{**FIRES, "colour": 1}], "an example is"),
        ([{**FIRES, "bucket": 7}], "bucket is text"),
        ([{**FIRES, "alerts": "1"}], "alerts a number"),
        ([{**FIRES, "name": 1}], "name is text"),
        ([{**FIRES, "records": {}}], "records a list"),
        ([{**FIRES, "severity": "urgent"}], "'urgent' is not a valid Severity"),
        ([{**FIRES, "severity": ["high", "low"]}], "2 values of severity for 1 alerts"),
        ([{**FIRES, "summary": []}], "0 values of summary for 1 alerts"),
        ([{**FIRES, "records": [7]}], "record 0 is neither an object nor a name"),
        ([{**FIRES, "records": ["login"]}], "no record is named 'login'"),
        ([FIRES, FIRES], "two examples named 'fires'"),
    ],
)
def test_a_malformed_examples_file_is_named(tmp_path: Path, examples: object, message: str) -> None:
    rule = write_rule(tmp_path, examples=examples)
    with pytest.raises(RuleError, match=message) as caught:
        load_examples(rule)
    assert str(rule.examples_path) in str(caught.value)
    assert messages(tmp_path) == [str(caught.value)]


def test_named_records_and_patches_of_them(tmp_path: Path) -> None:
    rule = write_rule(
        tmp_path,
        examples={
            "records": {"login": {"eventID": "x", "a": {"b": 1, "c": 2}, "d": 3}},
            "examples": [
                {
                    "name": "n",
                    "alerts": 1,
                    "severity": "low",
                    "records": [
                        "login",
                        {"like": "login", "eventID": "y", "a": {"b": None}, "d": {"e": None}},
                        {"z": 1},
                    ],
                }
            ],
        },
    )
    [example] = load_examples(rule)
    assert example.severities == (Severity.LOW,)
    assert example.records == (
        {"eventID": "00000000-0000-4000-8000-000000000000", "a": {"b": 1, "c": 2}, "d": 3},
        {"eventID": "y", "a": {"c": 2}, "d": {}},
        {"z": 1},
    )


def test_a_merge_patch_leaves_its_target_alone() -> None:
    target = {"a": {"b": 1}}
    assert merge_patch(target, {"a": {"c": 2}}) == {"a": {"b": 1, "c": 2}}
    assert merge_patch("no object", {"a": 1}) == {"a": 1}
    assert target == {"a": {"b": 1}}


@pytest.mark.long
@pytest.mark.slow
def test_examples_that_are_loaded_together_do_not_see_one_another() -> None:
    shipped = shipped_rules_directory()
    for rule_id in ("root_api_call", "event_id_collision", "assume_root_privileged_action", "root_read_activity"):
        rule = parse_rule(shipped / f"{rule_id}.sql")
        tables = [example.table() for example in load_examples(rule)[:6]]
        with ExampleEngine() as together, ExampleEngine() as alone:
            together.load(rule, tables)
            for table in (*tables, *reversed(tables)):
                together.show(table)
                alone.show(table)
                assert together.run(rule) == alone.run(rule)


@pytest.mark.slow
def test_many_rules_are_checked_in_processes_with_the_same_answer(tmp_path: Path) -> None:
    rule = write_rule(tmp_path, examples=[{**FIRES, "alerts": 2}, QUIET])
    for number in range(17):
        for suffix in (".sql", ".examples.json"):
            (tmp_path / f"rule_{number:02}{suffix}").write_text(rule.path.with_suffix(suffix).read_text())
    counts: list[tuple[int, int]] = []
    side_by_side = check_rules(tmp_path, jobs=2, show=lambda done, of: counts.append((done, of)))
    assert side_by_side == check_rules(tmp_path)
    assert len(side_by_side) == counts[-1][0] == counts[-1][1] == 18
