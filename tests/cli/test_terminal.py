"""What a person sees on a terminal, and what a program or a mail gets instead."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.alerts.formats.names import AlertFormat
from detector.alerts.sinks.address import split_format
from detector.alerts.sinks.opening import open_outputs
from detector.errors import UsageError
from tests.running import LOGIN, Run, write_log
from tests.terminals import Shown, has_colour, on_terminal, with_few_rules

COMPROMISED = Path(__file__).parents[2] / "fixtures/trails/compromised_root/AWSLogs"

DIGESTS = Path(__file__).parents[2] / "fixtures/digests"
Show = Callable[..., Shown]


@pytest.fixture
def show(few_rules_directory: Path) -> Show:
    def show(*arguments: object, columns: int = 80, **variables: str) -> Shown:
        return on_terminal([*with_few_rules(few_rules_directory), *arguments], columns, variables=variables)

    return show


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


# Alerts ---------------------------------------------------------------------------------------------------------------


def test_alerts_on_a_terminal_are_a_table_that_fits_it(show: Show, tmp_path: Path) -> None:
    write_log(tmp_path / "login.json.gz", LOGIN)
    shown = show("scan", tmp_path, "--jobs", "1", "--min-severity", "critical")
    assert shown.code == 0
    lines = [line.rstrip() for line in shown.out.splitlines()]
    assert lines[:5] == [
        "TIME (UTC)           SEVERITY  ALERT",
        "2025-03-04 09:52:10  critical  root signed in to the console of account",
        "                               111122223333 from 203.0.113.9 without MFA",
        "                               root_console_login_without_mfa, account",
        "                               111122223333, from 203.0.113.9, 1 event, MFA no",
    ]
    assert "\x1b[1;37;41mcritical" in shown.raw_out
    assert widest(show("scan", tmp_path, "--jobs", "1", columns=60).out) <= 60


def test_no_color_is_heeded_and_severity_stays_in_words(show: Show, tmp_path: Path) -> None:
    write_log(tmp_path / "login.json.gz", LOGIN)
    shown = show("scan", tmp_path, "--jobs", "1", NO_COLOR="1")
    assert not has_colour(shown.raw_out)
    assert "critical" in shown.out


@pytest.mark.slow
def test_a_format_that_is_asked_for_is_written_on_a_terminal_too(show: Show, tmp_path: Path) -> None:
    write_log(tmp_path / "login.json.gz", LOGIN)
    shown = show("scan", tmp_path, "--jobs", "1", "--format", "jsonl", "--min-severity", "critical")
    assert json.loads(shown.raw_out)["rule_id"] == "root_console_login_without_mfa"
    withdrawn = show("run", tmp_path, "--jobs", "1", "--lake", tmp_path / "lake")
    assert withdrawn.out.startswith("TIME (UTC)")
    assert show("detect", "--lake", tmp_path / "lake", "--withdrawn").code == 0


# Evidence -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_coverage_and_verify_fit_the_terminal_but_for_addresses(show: Show, run: Run, tmp_path: Path) -> None:
    case, until = DIGESTS / "missing_digest", ["--until", "2025-03-06T00:00:00Z"]
    keys = ["--keys", case / "keys"]
    lake = tmp_path / "lake"
    run("ingest", case / "bucket", "--lake", lake, "--verify", "complete", *keys, *until, "--jobs", 1)

    days, gaps = show("coverage", "--lake", lake, *until), show("coverage", "--lake", lake, *until, "--gaps")
    found = show("verify", case / "bucket", *keys, *until, "--jobs", 1)

    assert widest(days.out) <= 80
    assert "#?##" in days.out
    assert "damaged !, complete #" in days.out
    assert widest(gaps.out) <= 80
    assert widest(run("coverage", "--lake", lake, *until, "--gaps").out) > 80
    assert found.code == 5
    lines = found.out.splitlines()
    assert all(len(line) <= 80 or "file://" in line for line in lines)
    assert any(line.startswith(" " * 12) for line in lines)


# Other tables ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_lists_fit_the_terminal_and_are_whole_lines_elsewhere(show: Show, run: Run, tmp_path: Path) -> None:
    listed = show("rules", "list")
    assert widest(listed.out) <= 80
    assert "\ncentralized_root_access_changed " in listed.out  # a name stays whole
    assert listed.out.count("\n") > run("rules", "list").out.count("\n")
    assert widest(run("rules", "list").out) > 80
    write_log(tmp_path / "login.json.gz", LOGIN)
    run("ingest", tmp_path, "--lake", tmp_path / "lake")
    few = "SELECT eventTime, eventName, userIdentity.arn, requestParameters, additionalEventData, userAgent FROM events"
    shown = show("sql", few, "--lake", tmp_path / "lake")
    assert widest(shown.out) <= 80
    assert len(shown.out.splitlines()[1:]) > 1
    assert len(run("sql", few, "--lake", tmp_path / "lake").out.splitlines()) == 2
    everything = show("sql", "SELECT * FROM events", "--lake", tmp_path / "lake")
    assert everything.out.splitlines()[0] == "row 1"
    assert widest(everything.out) <= 80
    assert "  eventName" in everything.out
    assert widest(show("status", "--lake", tmp_path / "lake").out) <= 80


# Progress -------------------------------------------------------------------------------------------------------------


def test_progress_is_a_bar_on_a_terminal_and_nothing_after_quiet(show: Show, tmp_path: Path) -> None:
    shown = show("ingest", COMPROMISED, "--jobs", "1", "--lake", tmp_path / "lake")
    assert shown.code == 0
    assert "56 of 56 objects" in shown.err
    assert "━" in shown.err
    quiet = show("ingest", COMPROMISED, "--jobs", "1", "--lake", tmp_path / "other", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


# Formats of outputs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "form"),
    [
        ("alerts.csv:csv", "alerts.csv", AlertFormat.CSV),
        ("-:table", "-", AlertFormat.TABLE),
        ("alerts:table", "alerts", AlertFormat.TABLE),
        ("https://siem.example/x:ecs", "https://siem.example/x", AlertFormat.ECS),
        ("https://siem.example:8088", "https://siem.example:8088", None),
        ("./a:b", "./a:b", None),
        ("./table:", "./table:", None),
        (":csv", ":csv", None),
        ("./x:csv:jsonl", "./x:csv", AlertFormat.JSONL),
        ("securityhub:eu-west-1", "securityhub:eu-west-1", None),
    ],
)
def test_only_a_known_format_behind_the_last_colon_is_one(text: str, place: str, form: AlertFormat | None) -> None:
    assert split_format(text) == (place, form)


@pytest.mark.usefixtures("few_rules")
def test_each_output_has_its_own_format_in_one_run(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "logs/login.json.gz", LOGIN)
    outputs = [tmp_path / "a.jsonl", f"{tmp_path / 'a.csv'}:csv", "-:table"]
    result = run("scan", tmp_path / "logs", *(word for output in outputs for word in ("--output", output)))
    assert result.out.startswith("TIME ")
    assert "critical" in result.out
    assert json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])["schema"] == "detector.alert/1"
    assert (tmp_path / "a.csv").read_text().startswith('"event_time"')


def test_an_output_with_a_format_of_its_own_takes_no_other() -> None:
    with (
        pytest.raises(UsageError, match="securityhub:eu-west-1 takes the format asff alone"),
        open_outputs(["securityhub:eu-west-1:csv"]),
    ):
        pass


# What a cron mail says ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("few_rules")
def test_a_quiet_run_names_critical_alerts_and_says_nothing_of_a_good_night(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "logs/login.json.gz", LOGIN)
    nightly = ("run", tmp_path / "logs", "--lake", tmp_path / "lake", "--output", tmp_path / "alerts.jsonl")
    bad = run(*nightly, "--quiet")
    assert (bad.code, bad.out) == (0, "")
    assert bad.err.splitlines() == [
        "1 alert: 1 critical",
        "critical: 2025-03-04T09:52:10Z root signed in to the console of account 111122223333 from 203.0.113.9"
        " without MFA (root_console_login_without_mfa)",
    ]
    good = run("--quiet", *nightly)
    assert (good.code, good.out, good.err) == (0, "", "")


@pytest.mark.usefixtures("few_rules")
def test_quiet_still_says_what_is_wrong(run: Run, tmp_path: Path) -> None:
    log = write_log(tmp_path / "logs/login.json.gz", LOGIN)
    log.write_bytes(log.read_bytes()[:-9])
    result = run("scan", tmp_path / "logs", "-q", "--output", tmp_path / "alerts.jsonl")
    assert result.code == 4
    assert "failed: " in result.err
    assert "objects listed" not in result.err
    assert "critical: " in result.err


@pytest.mark.usefixtures("few_rules")
def test_alerts_that_fail_a_run_are_named_the_worst_first_and_few(run: Run, tmp_path: Path) -> None:
    arguments = ("--output", tmp_path / "alerts.jsonl", "--fail-on", "high")
    result = run("scan", COMPROMISED, "--quiet", *arguments)
    assert result.code == 1
    named = [line.partition(":")[0] for line in result.err.splitlines()]
    severe = [one for one in named if one in ("critical", "high")]
    assert severe == sorted(severe)
    assert len(severe) == 10
    assert result.err.splitlines()[-1].startswith("… and ")
    assert "critical: " not in run("scan", COMPROMISED).err  # they are on standard output


@pytest.mark.usefixtures("few_rules")
def test_a_report_that_cannot_be_written_fails_before_anything_is_read(run: Run, tmp_path: Path) -> None:
    log = write_log(tmp_path / "logs/login.json.gz", LOGIN)
    for report in (tmp_path / "missing/report.json", tmp_path / "logs"):
        result = run("run", log, "--lake", tmp_path / "lake", "--report", report)
        assert (result.code, result.out) == (2, "")
        assert result.errors[0].startswith(f"error: cannot write the report {report}")
        assert "listed" not in result.err
        assert not (tmp_path / "lake").exists()


def test_verbose_works_after_a_command_too(run: Run, tmp_path: Path) -> None:
    assert "Traceback" in run("status", "--lake", tmp_path / "none", "-v").err
    assert "Traceback" in run("rules", "show", "none", "--verbose").err
    assert "Traceback" not in run("status", "--lake", tmp_path / "none").err
