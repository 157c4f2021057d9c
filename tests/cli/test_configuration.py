"""Defaults of options from the environment and from detector.toml."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from unittest.mock import ANY

import pytest

from detector import Lake
from detector.cli.configuration import OF_FOUND_FILES
from detector.text import printable
from tests.running import LOGIN, Result, Run, write_log

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with one root login in it."""
    folder = tmp_path_factory.mktemp("configured")
    write_log(folder / "logs" / "login.json.gz", LOGIN)
    Lake(folder / "lake").ingest(folder / "logs")
    return folder / "lake"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Path) -> Path:
    """The working directory: two below the one that holds `detector.toml` and, as `lake`, the lake."""
    (tmp_path / "lake").symlink_to(made)
    folder = tmp_path / "cases" / "42"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return tmp_path


def rows(result: Result) -> list[dict[str, object]]:
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.out.splitlines()]


# Where a value comes from ---------------------------------------------------------------------------------------------


def test_the_command_line_comes_before_the_environment_and_that_before_the_file(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = ("sql", "SELECT 1 AS a", "--lake", here / "lake")
    assert run(*query).out == "a\n1\n"
    (here / "detector.toml").write_text('[sql]\nformat = "jsonl"\n')
    assert run(*query).out == '{"a": 1}\n'
    monkeypatch.setenv("DETECTOR_SQL_FORMAT", "csv")
    assert run(*query).out == "a\n1\n"
    assert run(*query, "--format", "jsonl").out == '{"a": 1}\n'


def test_a_required_option_may_come_from_the_environment(run: Run, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_LAKE", str(made))
    assert run("status").code == 0
    monkeypatch.setenv("DETECTOR_STATUS_LAKE", "/nowhere")  # for this command alone
    assert "/nowhere holds no lake" in run("status").err
    assert run("lake", "check").code == 0


def test_the_file_is_found_from_below_and_its_paths_are_relative_to_it(run: Run, here: Path) -> None:
    (here / "detector.toml").write_text('lake = "lake"\n')
    assert run("sql", "SELECT 1 AS a", "--format", "csv").out == "a\n1\n"
    (here / "named.toml").write_text('lake = "lake"\n[sql]\noutput = "rows.csv"\n')
    assert run("--config", here / "named.toml", "sql", "SELECT 1 AS a", "--format", "csv").code == 0
    assert (here / "rows.csv").read_text() == "a\n1\n"
    (here / "cases" / "detector.toml").write_text('lake = "nowhere"\n')  # the nearest alone is read
    assert "cases/nowhere holds no lake" in run("status").err


def test_a_file_that_is_named_is_read_instead(
    run: Run, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "detector.toml").write_text("lake = 1")
    (tmp_path / "other.toml").write_text('lake = "lake"')
    assert run("status").code == 2
    assert run("--config", tmp_path / "other.toml", "status").code == 0
    monkeypatch.setenv("DETECTOR_CONFIG", str(tmp_path / "other.toml"))
    assert run("status").code == 0
    assert "Missing option '--lake'" in run("--config", "/dev/null", "status").err


def test_a_flag_of_the_file_is_taken_back_by_the_environment(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "mine.toml").write_text('lake = "lake"\n[detect]\nwithdrawn = true\n')
    monkeypatch.setenv("DETECTOR_CONFIG", str(here / "mine.toml"))
    assert "0 alerts withdrawn" in run("detect").err
    monkeypatch.setenv("DETECTOR_DETECT_WITHDRAWN", "false")
    assert "withdrawn" not in run("detect").err


def test_an_option_that_may_be_repeated_takes_several_values(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = here / "logs"
    for account in ("111122223333", "444455556666", "777788889999"):
        key = (
            f"AWSLogs/{account}/CloudTrail/us-east-1/2025/03/04/{account}_CloudTrail_us-east-1_20250304T1000Z_x.json.gz"
        )
        write_log(logs / key, LOGIN | {"recipientAccountId": account, "eventID": account})
    accounts = "SELECT recipientAccountId AS id FROM events ORDER BY 1"
    (here / "mine.toml").write_text('[ingest]\naccount = ["111122223333", "444455556666"]\n')
    assert run("--config", here / "mine.toml", "ingest", logs, "--lake", here / "first").code == 0
    assert len(rows(run("sql", accounts, "--lake", here / "first", "--format", "jsonl"))) == 2
    monkeypatch.setenv("DETECTOR_ACCOUNT", "444455556666 777788889999")
    assert run("ingest", logs, "--lake", here / "second").code == 0
    found = rows(run("sql", accounts, "--lake", here / "second", "--format", "jsonl"))
    assert found == [{"id": "444455556666"}, {"id": "777788889999"}]


def test_where_the_pages_about_rules_are_is_set_once_for_all_commands(run: Run, here: Path) -> None:
    named = ("--config", here / "detector.toml")
    (here / "detector.toml").write_text('lake = "lake"\nrule-pages = "https://wiki.example.com/rules.md#"\n')
    found = {alert["rule_id"]: alert for alert in run(*named, "detect").alerts}
    alert = found["root_console_login_without_mfa"]
    assert alert["rule_url"] == "https://wiki.example.com/rules.md#root_console_login_without_mfa"
    elsewhere = {one["rule_id"]: one for one in run("--config", "/dev/null", "detect", "--lake", here / "lake").alerts}
    assert elsewhere["root_console_login_without_mfa"] == alert | {"rule_url": None, "detected_at": ANY}


@pytest.mark.parametrize(
    "pages", ["wiki.example.com/", "ftp://example.com/", "https://", "https://a b", "https://a/\x1b"]
)
def test_pages_that_are_no_web_address_are_refused(run: Run, here: Path, pages: str) -> None:
    result = run("detect", "--lake", here / "lake", "--rule-pages", pages)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(
        f"error: --rule-pages {printable(pages)} is not the beginning of a web address\nhint: "
    )


def test_help_shows_what_an_option_is_set_to_and_where(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "detector.toml").write_text('lake = "lake"\nrule-seconds = 7\n[detect]\nfail-on = "high"\n')
    monkeypatch.setenv("DETECTOR_RULE_FINDINGS", "12")
    shown = " ".join(run("detect", "--help").out.split())
    assert "[default: (high of detector.toml)]" in shown
    assert "[default: (7 of detector.toml); 0.001<=x<=86400]" in shown
    assert "[env var: DETECTOR_RULE_FINDINGS; default: (12); x>=1]" in shown


def test_the_page_has_an_example_that_holds(run: Run, here: Path) -> None:
    [example] = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/reference/configuration.md").read_text(), re.DOTALL)
    (here / "detector.toml").write_text(example)
    (here / "my-rules").mkdir()
    named = ("--config", here / "detector.toml")
    assert rows(run(*named, "sql", "SELECT 1 AS a")) == [{"a": 1}]
    shown = "".join(run(*named, "run", "--help").out.split())
    # The latter are no paths.
    assert f"{here}/alerts.jsonl,securityhub:eu-central-1,slack+https://hooks.slack.example/~" in shown
    assert "name=on-callmin-severity=highdigest=trueofdetector.toml" in shown


# Errors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[detekt]", "[detekt] is no command", "did you mean detect?"),
        ("[rules]\njobs = 1", "[rules] is no command", "did you mean rules-"),
        ("[nothing-like-it-at-all]", "[nothing-like-it-at-all] is no command", "docs/reference/configuration.md"),
        ('lak = "x"', "there is no option 'lak'", "did you mean lake?"),
        ("help = true", "there is no option 'help'", "docs/reference/configuration.md"),
        ("[watch]\nmax-message = 9", "[watch] has no option 'max-message'", "did you mean max-messages?"),
        ("[watch]\nmax-objects = 9", "[watch] has no option 'max-objects'", ""),
        ("[run]\nnew = true", "[run] has no option 'new'", "docs/reference/configuration.md"),
        ('output = ["x"]', "output is not the same for all commands", "[scan] or [detect]"),
        ('[run]\noutput = "x"', "[run] output must be a list", "write output = ['x']"),
        (
            '[run]\noutput = [{ to = "x", digest = "daily" }]',
            "[run] output: --output: digest is true or false",
            "digest",
        ),
        ("[run]\noutput = [1]", "[run] output must be text, and is 1", "text is in quotes"),
        ('jobs = "3"', "jobs must be a whole number, and is 3", "the rest not"),
        ("jobs = true", "jobs must be a whole number, and is True", ""),
        ("jobs = 0", "jobs: 0 is not in the range", ""),
        ("rule-seconds = true", "rule-seconds must be a number, and is True", ""),
        ("since = 2026-01-01", "since must be text, and is 2026-01-01", "text is in quotes"),
        ("[detect]\nnew = 1", "[detect] new must be true or false, and is 1", ""),
        ('min-severity = "hgih"', "min-severity: 'hgih' is not one of 'info'", ""),
        ('[sql]\nformat = "xml"', "[sql] format: 'xml' is not one of", ""),
        ("lake = ", "Invalid value", "has an example"),
        ("# \udcff", "can't decode byte", "has an example"),
        ("x = " + "[" * 100_000, "", ""),
        ("#" * 1_000_001, "is larger than 1,000,000 bytes", ""),
    ],
)
def test_what_is_wrong_with_the_file_is_said_in_one_line(
    run: Run, here: Path, text: str, message: str, hint: str
) -> None:
    (here / "detector.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    result = run("sql", "SELECT 1", "--lake", here / "lake")  # whichever command it is
    assert result.code == 2
    [error, advice] = result.err.splitlines()
    assert error.startswith(f"error: {here}/detector.toml")
    assert message in error
    assert advice.startswith("hint: ")
    assert hint in advice
    assert "unexpected" not in error


def test_a_bad_value_of_the_environment_names_its_variable(
    run: Run, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETECTOR_JOBS", "many")
    result = run("compact", "--lake", made) if "--jobs" in run("compact", "--help").out else run("rules", "check")
    assert result.code == 2
    assert "DETECTOR_JOBS" in result.err


def test_a_variable_that_could_mean_several_options_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_FORMAT", "csv")
    result = run("status", "--lake", "lake")
    assert result.code == 2
    assert re.search(r"hint: set one for each command, such as DETECTOR_[A-Z]+_FORMAT$", result.err, re.MULTILINE)


def test_a_named_file_that_is_not_there_is_an_error(run: Run, tmp_path: Path) -> None:
    result = run("--config", tmp_path / "none.toml", "status", "--lake", "lake")
    assert result.code == 2
    assert f"error: cannot read {tmp_path}/none.toml: No such file or directory" in result.err


# A planted file -------------------------------------------------------------------------------------------------------

PLANTED = '[run]\noutput = ["https://203.0.113.9/alerts"]\n'


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a file somebody else's: its owner, or, without the right to, who asks."""
    try:
        os.chown(path, 12345, -1, follow_symlinks=False)
    except PermissionError:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)


def refusal(run: Run, here: Path) -> str:
    result = run("sql", "SELECT 1", "--lake", here / "lake")
    assert result.code == 2
    assert "hint: if you trust it, name it with --config; else remove it" in result.err
    return result.errors[0].removeprefix(f"error: {here}/detector.toml is not used: ")


@pytest.mark.parametrize(("place", "reason"), [(".", "its directory belongs"), ("detector.toml", "it belongs")])
def test_a_file_of_somebody_else_is_refused(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch, place: str, reason: str
) -> None:
    (here / "detector.toml").write_text(PLANTED)
    give_away(here / place, monkeypatch)
    assert reason in refusal(run, here) or os.geteuid() == 12345
    assert run("--config", here / "detector.toml", "sql", "SELECT 1", "--lake", here / "lake").code == 0


def test_a_link_of_somebody_else_is_refused_whatever_it_leads_to(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "mine.toml").write_text("jobs = 1")
    (here / "detector.toml").symlink_to(here / "mine.toml")
    assert run("sql", "SELECT 1", "--lake", here / "lake").code == 0
    give_away(here / "detector.toml", monkeypatch)
    assert "belongs to somebody else" in refusal(run, here)


def test_a_file_that_everybody_can_write_is_refused(run: Run, here: Path) -> None:
    file = here / "detector.toml"
    file.write_text("jobs = 1")
    here.chmod(0o777)
    assert refusal(run, here) == "its directory can be written by everybody"
    here.chmod(0o1777)  # as /tmp is: others cannot take away what is there
    assert run("sql", "SELECT 1", "--lake", here / "lake").code == 0
    file.chmod(0o666)
    assert refusal(run, here) == "it can be written by everybody"


def test_a_file_that_was_found_is_named_and_one_that_was_named_is_not(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = here / "detector.toml"
    file.write_text("jobs = 1")
    query = ("sql", "SELECT 1", "--lake", here / "lake")
    said = f"options are set by {file}, which was found; --config names another"
    assert said in run(*query).err
    assert said in run(*query, "--quiet").err
    monkeypatch.chdir(here)
    assert said in run(*query).err
    assert "options are set by" not in run("--config", file, *query).err
    monkeypatch.setenv("DETECTOR_CONFIG", str(file))
    assert "options are set by" not in run(*query).err


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('until = "2025-03-03"', "until"),
        ('[scan]\nuntil = "2025-03-03"\njobs = 1', "[scan] until"),
        ('rules = ["x"]\nsuppressions = "x"\nlake = "x"', "rules, suppressions"),
        ('[run]\nkeys = "x"\naccount = ["111122223333"]', "[run] keys, [run] account"),
        ('[detect]\nallow-gaps = true\nmin-severity = "high"', "[detect] allow-gaps, [detect] min-severity"),
        ('[scan]\nreport = "x"\nregion = ["us-east-1"]', "[scan] report, [scan] region"),
        ('[outbox]\ndrop = "x"', "[outbox] drop"),
        ('lake = "s3://bucket-of-somebody/x"', "lake"),
        ('[run]\nlake = "s3://bucket-of-somebody/x"', "[run] lake"),
        (PLANTED, "[run] output"),
    ],
)
def test_a_file_that_was_found_sets_nothing_that_could_hide_or_give_away(
    run: Run, here: Path, text: str, named: str
) -> None:
    file = here / "detector.toml"
    file.write_text(text)
    result = run("sql", "SELECT 1", "--lake", here / "lake")
    assert (result.code, result.out) == (2, "")
    assert result.errors == [f"error: {file} was found, not named, and sets {named}"]
    assert f"hint: if you trust it: --config {file}, or DETECTOR_CONFIG" in result.err
    assert run("--config", file, "sql", "SELECT 1", "--lake", here / "lake").code == 0


def test_the_page_lists_what_a_file_that_was_found_may_set() -> None:
    page = (ROOT / "docs/reference/configuration.md").read_text()
    [listed] = re.findall(r"sets anything but\nthese: (.*?)\. A file", page, re.DOTALL)
    assert set(re.findall(r"`([a-z-]+)`", listed)) == OF_FOUND_FILES


def test_what_is_no_file_is_refused_and_not_waited_for(run: Run, here: Path) -> None:
    os.mkfifo(here / "detector.toml")
    assert refusal(run, here) == "it is no regular file"


def test_a_working_directory_that_is_gone_is_no_error(run: Run, here: Path, made: Path) -> None:
    gone = Path.cwd()
    gone.rmdir()
    assert run("sql", "SELECT 1", "--lake", made).code == 0
    assert not gone.exists()
    os.chdir(here)


# Outputs --------------------------------------------------------------------------------------------------------------


def test_an_output_may_be_a_table_and_the_help_does_not_show_its_secret(run: Run, here: Path) -> None:
    named = ("--config", here / "detector.toml")
    (here / "detector.toml").write_text(
        """[detect]
output = [
    { to = "severe.jsonl", min-severity = "critical" },
    { to = "https://hook.invalid/T0/s3cr3t", name = "on-call", digest = true },
]
"""
    )
    shown = " ".join(run(*named, "detect", "--help").out.split())
    assert "s3cr3t" not in shown
    assert "https://hook.invalid/~" in shown
    result = run(*named, "detect", "--lake", here / "lake", "--delivery-seconds", "0.001")
    assert result.code == 4
    assert "error: 1 digest not delivered to https:on-call: " in result.err
    assert "s3cr3t" not in result.err
    assert (here / "severe.jsonl").is_file()


def test_the_help_does_not_show_a_secret_of_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_RUN_OUTPUT", "a.jsonl https://hook.invalid/T0/s3cr3t min-severity=high")
    shown = run("run", "--help").out
    assert "s3cr3t" not in shown
    assert "https://hook.invalid/~" in shown
