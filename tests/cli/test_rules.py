"""`detector rules …`: documentation, explanations, checks of suppressions; and rules that misbehave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import LOGIN, Run, write_log

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
-- ///
"""
FAILED = LOGIN | {
    "eventID": "7d1f7c1e-0002-4c6e-9a40-0d6f0d7b7a11",
    "eventTime": "2025-03-04T09:50:00Z",
    "responseElements": {"ConsoleLogin": "Failure"},
    "errorMessage": "Failed authentication",
}
ALICE = {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/alice", "accountId": "111122223333"}
UNRELATED = LOGIN | {
    "userIdentity": ALICE | {"userName": "alice"},
    "eventID": "7d1f7c1e-0003-4c6e-9a40-0d6f0d7b7a11",
    "eventSource": "ec2.amazonaws.com",
    "eventName": "RunInstances",
    "eventType": "AwsApiCall",
}


@pytest.fixture
def lake(run: Run, tmp_path: Path) -> Path:
    """A lake with a failed root login, one without MFA, and a call of nobody special."""
    write_log(tmp_path / "logs" / "login.json.gz", LOGIN, FAILED, UNRELATED)
    assert run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake").code == 0
    return tmp_path / "lake"


def write_rule(folder: Path, name: str, sql: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.sql").write_text(METADATA + sql)


# Explanations ---------------------------------------------------------------------------------------------------------


def explained(run: Run, lake: Path, rule: str, event: object, *more: str | Path) -> str:
    result = run("rules", "explain", rule, "--event-id", str(event), "--lake", lake, *more)
    assert result.code == 0, result.err
    return result.out


def test_a_reported_event_is_explained(run: Run, lake: Path) -> None:
    out = explained(run, lake, "root_console_login_without_mfa", LOGIN["eventID"])
    assert "root_origin" in out.split("\n\n")[0]
    assert "eventVersion" not in out
    assert "root_console_login_without_mfa reads root_logins, which has the event\n  holds          mfa = 'no'\n" in out
    assert "root_console_login_without_mfa reports it (critical): root signed in" in out


def test_a_condition_that_does_not_hold_is_named(run: Run, lake: Path) -> None:
    out = explained(run, lake, "root_console_login", LOGIN["eventID"])
    assert "  does not hold  mfa = 'yes'\n" in out
    assert "root_console_login does not report the event" in out


def test_an_event_that_a_view_leaves_out_is_explained_by_the_view(run: Run, lake: Path) -> None:
    out = explained(run, lake, "root_console_login_without_mfa", FAILED["eventID"])
    assert "root_console_login_without_mfa reads root_logins, which does not have the event\n" in out
    assert "root_logins reads root_login_attempts, which has the event\n  does not hold  succeeded\n" in out


def test_an_event_that_no_view_has_is_explained_down_to_the_candidates(run: Run, lake: Path) -> None:
    out = explained(run, lake, "root_console_login_without_mfa", UNRELATED["eventID"])
    assert "direct_root_calls reads candidates, which does not have the event" in out
    assert "the event is no candidate" in out
    assert "event_name" in out


def test_a_join_that_only_filters_is_a_condition(run: Run, lake: Path) -> None:
    out = explained(run, lake, "root_api_call", LOGIN["eventID"])
    assert "root_api_call reads root_api_calls, which does not have the event" in out
    assert "root_api_call does not report the event" in out


def test_a_rule_over_several_events_says_so(run: Run, lake: Path) -> None:
    out = explained(run, lake, "root_login_after_failures", LOGIN["eventID"])
    assert "root_login_after_failures compares events with one another" in out
    assert "root_login_after_failures does not report the event" in out


def test_the_parts_of_a_rule_of_ones_own_are_explained(run: Run, lake: Path, tmp_path: Path) -> None:
    write_rule(
        tmp_path / "rules",
        "mine",
        """WITH few AS (SELECT * FROM candidates WHERE succeeded AND event_time > TIMESTAMP '2025-01-01')
        SELECT account_id, max(event_time) AS event_time, list(event_id) AS event_ids, 'x' AS summary
        FROM few SEMI JOIN root_logins USING (event_id)
        WHERE nullif(error_code, '') = 'x' OR event_time > event_time - INTERVAL 3 HOUR
        GROUP BY account_id""",
    )
    out = explained(run, lake, "mine", LOGIN["eventID"], "--rules", tmp_path / "rules")
    assert "mine reads few, which has the event" in out
    assert "OR (event_time > (event_time - INTERVAL 3 HOUR))" in out
    assert "  holds          in root_logins\n" in out
    assert "… and then looks at groups of such events" in out
    assert "mine reports it (high): x" in out
    out = explained(run, lake, "mine", FAILED["eventID"], "--rules", tmp_path / "rules")
    assert "few reads candidates, which has the event\n  does not hold  succeeded\n  holds " in out


def test_a_condition_that_cannot_be_asked_alone_says_so(run: Run, lake: Path, tmp_path: Path) -> None:
    write_rule(
        tmp_path / "rules",
        "mine",
        """SELECT account_id, event_time, [event_id] AS event_ids, 'x' AS summary, event_name AS name_called
        FROM candidates WHERE name_called = 'ConsoleLogin' AND error_code = 'x'""",
    )
    out = explained(run, lake, "mine", LOGIN["eventID"], "--rules", tmp_path / "rules")
    assert "  cannot tell    name_called = 'ConsoleLogin' (" in out
    assert "  is NULL        error_code = 'x'\n" in out


def test_an_event_or_a_rule_that_is_not_there(run: Run, lake: Path) -> None:
    result = run("rules", "explain", "root_api_call", "--event-id", "' OR 1=1 --", "--lake", lake)
    assert (result.code, "there is no event" in result.err) == (2, True)
    result = run("rules", "explain", "no_such_thing", "--event-id", "x", "--lake", lake)
    assert result.err == "error: there is no rule 'no_such_thing'\nhint: `detector rules list` lists them\n"
    result = run("rules", "show", "root_api_cal")
    assert (result.code, "hint: did you mean root_api_call?" in result.err) == (2, True)


# Beginnings -----------------------------------------------------------------------------------------------------------


def test_a_new_rule_passes_the_check_as_it_is_and_fires(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    assert run("rules", "new", "root_made_a_user", "--output", folder).code == 0
    checked = run("rules", "check", folder)
    assert (checked.code, checked.err) == (0, "1 rule, 0 problems\n")
    assert "Root made a user" in run("rules", "show", "root_made_a_user", "--rules", folder).out


@pytest.mark.parametrize("condition", ["service = 'iam'", "AND event_name = 'CreateUser'", "AND succeeded"])
def test_an_example_of_a_new_rule_notices_that_a_condition_is_gone(run: Run, tmp_path: Path, condition: str) -> None:
    run("rules", "new", "mine", "--output", tmp_path)
    text = (tmp_path / "mine.sql").read_text()
    assert condition in text
    (tmp_path / "mine.sql").write_text(text.replace(condition, "true" if condition.startswith("service") else ""))
    assert run("rules", "check", tmp_path).code == 2


def test_a_new_rule_takes_no_files_and_no_id_that_are_there(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.examples.json").write_text("[]")
    result = run("rules", "new", "mine", "--output", tmp_path)
    assert (result.code, "mine.examples.json exists" in result.err) == (2, True)
    assert not (tmp_path / "mine.sql").exists()
    assert "there is a shipped rule 'root_api_call'" in run("rules", "new", "root_api_call", "--output", tmp_path).err
    assert "cannot be the id of a rule" in run("rules", "new", "../Mine", "--output", tmp_path).err
    assert run("rules", "new", "other", "--output", tmp_path / "mine.examples.json").code == 2


def test_the_shell_completes_rule_ids(tmp_path: Path) -> None:
    write_rule(tmp_path, "root_mine", "SELECT 1")
    words = f"detector rules show --rules {tmp_path} root_mi"
    variables = {"_DETECTOR_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "5"}
    completed = subprocess.run(
        [Path(sys.executable).parent / "detector"],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.stdout.split() == ["root_mine"]


# Documentation --------------------------------------------------------------------------------------------------------


def test_docs_are_written_for_rules_of_ones_own_too(run: Run, tmp_path: Path) -> None:
    write_rule(tmp_path / "rules", "mine", "SELECT 1")
    result = run("rules", "docs", "--output", tmp_path / "docs", "--rules", tmp_path / "rules")
    assert result.code == 0
    page = (tmp_path / "docs" / "rules.md").read_text()
    assert "## mine\n\n**T.** Severity high, confidence low.\n\nD\n" in page
    assert "| [root_mfa_deactivated](#root_mfa_deactivated) | critical |" in page
    layer = json.loads((tmp_path / "docs" / "attack-navigator.json").read_text())
    scores = {technique["techniqueID"]: technique["score"] for technique in layer["techniques"]}
    assert scores["T1562.008"] == scores["T1685.002"] > 1
    assert layer["gradient"]["maxValue"] == max(scores.values())


def test_docs_that_cannot_be_written_are_an_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("rules", "docs", "--output", tmp_path / "file")
    assert (result.code, "cannot write to" in result.err) == (2, True)


# Suppressions ---------------------------------------------------------------------------------------------------------

SUPPRESSION = """
[[suppression]]
id = "drill"
rule = "root_console_login"
reason = "The drill."
owner = "security@example.com"
expires = 2999-01-01
"""


def test_a_suppressions_file_is_checked(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "suppressions.toml"
    path.write_text(SUPPRESSION)
    good = run("rules", "check", "--suppressions", path)
    assert (good.code, good.err) == (0, "1 suppression, 0 problems\n")
    path.write_text(
        SUPPRESSION.replace("root_console_login", "mine")
        + "colour = 1"
        + SUPPRESSION.replace("root_console_login", "mine")
    )
    bad = run("rules", "check", "--suppressions", path)
    assert bad.code == 2
    assert "unknown key 'colour'" in bad.err
    assert "suppression drill: there is no rule 'mine'" in bad.err
    write_rule(tmp_path / "rules", "mine", "SELECT 1")
    path.write_text(SUPPRESSION.replace("root_console_login", "mine"))
    assert run("rules", "check", tmp_path / "rules", "--suppressions", path).code == 0


# Rules that misbehave -------------------------------------------------------------------------------------------------

FOUND = (
    "SELECT account_id, event_time, [event_id] AS event_ids, 'x' || coalesce(n, 0) AS summary, 'k' || n AS dedup_key"
)


def test_each_bad_rule_is_named_and_the_others_run(run: Run, lake: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    write_rule(rules, "broken", "SELECT nothing FROM candidates")
    write_rule(rules, "endless", f"{FOUND} FROM root_logins, (SELECT count(*) AS n FROM range(100000000000))")
    write_rule(rules, "greedy", f"{FOUND} FROM root_logins, range(10000) AS numbers(n)")
    write_rule(
        rules, "prying", f"{FOUND} FROM root_logins, (SELECT length(content) AS n FROM read_text('/etc/passwd'))"
    )
    write_rule(rules, "writing", f"COPY (SELECT 1) TO '{tmp_path}/out.csv'")
    write_rule(rules, "working", f"{FOUND} FROM root_logins, (SELECT 1 AS n)")
    result = run("detect", "--lake", lake, "--rules", rules, "--rule-seconds", "2", "--rule-findings", "3")
    assert result.code == 2
    errors = {Path(line.split(": ")[1]).stem: line for line in result.err.splitlines() if line.startswith("error: ")}
    assert errors.keys() == {"broken", "endless", "greedy", "prying", "writing"}
    assert "stopped after 2 seconds" in errors["endless"]
    assert "more than 3 findings; the newest of each caller are kept" in errors["greedy"]
    assert "/etc/passwd" in errors["prying"]
    assert not (tmp_path / "out.csv").exists()
    found = [alert["rule_id"] for alert in result.alerts]
    assert found.count("greedy") == 3
    assert {"working", "root_console_login_without_mfa"} <= set(found)
    assert "root:" not in result.out


def test_run_has_the_same_limits(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "login.json.gz", LOGIN)
    write_rule(tmp_path / "rules", "greedy", f"{FOUND} FROM root_logins, range(9) AS numbers(n)")
    result = run("run", tmp_path / "logs", "--lake", tmp_path / "lake", "--rules", tmp_path / "rules",
                 "--rule-findings", "2")  # fmt: skip
    assert result.code == 2
    assert [alert["rule_id"] for alert in result.alerts].count("greedy") == 2
    assert "greedy.sql: more than 2 findings" in result.err
