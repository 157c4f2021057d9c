"""The command line as a person meets it: output, messages, exit codes."""

from __future__ import annotations

import csv
import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pyarrow.parquet as pq
import pytest

from detector.lake.ledger.ledger import Ledger
from detector.lake.lock import writer_lock
from detector.lake.reader import read_lake
from tests.running import LOGIN, Run, write_log

pytestmark = pytest.mark.usefixtures("few_rules")

COMPROMISED = Path(__file__).parents[2] / "fixtures" / "trails" / "compromised_root"


@pytest.fixture
def lake(run: Run, tmp_path: Path) -> Path:
    """A lake with one root login in it."""
    write_log(tmp_path / "logs" / "login.json.gz", LOGIN)
    assert run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake").code == 0
    return tmp_path / "lake"


# Reading and detecting ------------------------------------------------------------------------------------------------


def test_run_writes_alerts_to_stdout_and_what_it_did_to_stderr(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "login.json.gz", LOGIN)
    result = run("run", tmp_path / "logs", "--lake", tmp_path / "lake")
    assert result.code == 0
    [alert] = result.alerts
    assert alert["rule_id"] == "root_console_login_without_mfa"
    assert alert["records"] == [LOGIN]
    assert "1 object listed: 1 ingested" in result.err
    assert "1 alert: 1 critical" in result.err


def test_a_second_run_reads_nothing_and_writes_no_alert(run: Run, tmp_path: Path) -> None:
    arguments = ("run", COMPROMISED, "--lake", tmp_path / "lake")
    assert run(*arguments).alerts
    again = run(*arguments)
    assert (again.code, again.out) == (0, "")
    assert "0 ingested, 56 already in" in again.err


def test_detect_prints_every_finding_each_time_and_remembers_none(run: Run, lake: Path) -> None:
    first = run("detect", "--lake", lake).alerts
    assert [alert["alert_id"] for alert in first] == [a["alert_id"] for a in run("detect", "--lake", lake).alerts]
    assert len(run("detect", "--lake", lake, "--new").alerts) == 1
    assert run("detect", "--lake", lake, "--new").alerts == []
    assert len(run("detect", "--lake", lake).alerts) == 1


def test_alerts_are_appended_to_a_file(run: Run, lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "alerts.jsonl"
    for _ in range(2):
        assert run("detect", "--lake", lake, "--output", file).out == ""
    assert len(file.read_text().splitlines()) == 2


def test_since_until_and_min_severity_choose_what_is_written(run: Run, lake: Path) -> None:
    assert run("detect", "--lake", lake, "--since", "2025-03-05").alerts == []
    assert run("detect", "--lake", lake, "--until", "2025-03-04T09:52:09Z").alerts == []
    assert len(run("detect", "--lake", lake, "--since", "2025-03-04", "--until", "2025-03-04").alerts) == 1
    assert run("detect", "--lake", lake, "--since", "2025-03-03", "--until", "2025-03-03").alerts == []
    swapped = run("detect", "--lake", lake, "--since", "2025-03-05", "--until", "2025-03-04")
    assert (swapped.code, swapped.errors) == (
        2, ["error: --since 2025-03-05T00:00:00Z is after --until 2025-03-04T23:59:59Z"]
    )  # fmt: skip
    assert len(run("detect", "--lake", lake, "--min-severity", "critical").alerts) == 1


def test_an_alert_below_min_severity_is_still_new_later(run: Run, tmp_path: Path) -> None:
    with_mfa = LOGIN | {"additionalEventData": {"MFAUsed": "Yes"}}
    write_log(tmp_path / "logs" / "login.json.gz", with_mfa)
    arguments = ("run", tmp_path / "logs", "--lake", tmp_path / "lake")
    assert run(*arguments, "--min-severity", "high").alerts == []
    assert len(run(*arguments).alerts) == 1


def test_accounts_without_their_sign_in_region_are_warned_about(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "a.json.gz", LOGIN | {"awsRegion": "eu-west-1", "eventName": "CheckMfa"})
    result = run("run", tmp_path / "a.json.gz", "--lake", tmp_path / "lake")
    assert "warning: no events of the region that records root sign-ins" in result.err
    assert "for 111122223333: no alert about them" in result.err


def test_logs_come_from_standard_input(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with write_log(tmp_path / "log.json.gz", LOGIN).open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        result = run("run", "-", "--lake", tmp_path / "lake")
    assert result.alerts[0]["evidence"][0]["log_file"].startswith("stdin:")


# Exit codes -----------------------------------------------------------------------------------------------------------


def test_fail_on_exits_with_1_only_when_the_severity_is_reached(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "a.json.gz", LOGIN | {"additionalEventData": {"MFAUsed": "Yes"}})
    assert run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake").code == 0
    assert run("detect", "--lake", tmp_path / "lake", "--fail-on", "medium").code == 1
    assert run("detect", "--lake", tmp_path / "lake", "--fail-on", "high").code == 0


@pytest.mark.parametrize("name", [None, "README.md"])
def test_no_log_objects_is_exit_3(run: Run, tmp_path: Path, name: str | None) -> None:
    (tmp_path / "logs").mkdir()
    if name:
        (tmp_path / "logs" / name).write_text("nothing here")
    assert run("run", tmp_path / "logs", "--lake", tmp_path / "lake").code == 3


def test_a_truncated_file_is_exit_4_and_its_records_are_kept(run: Run, tmp_path: Path) -> None:
    path = write_log(tmp_path / "logs" / "cut.json.gz", LOGIN, LOGIN | {"eventID": "x" * 40_000})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 12])
    result = run("run", tmp_path / "logs", "--lake", tmp_path / "lake", "--report", tmp_path / "report.json")
    assert result.code == 4
    assert len(result.alerts) >= 1
    assert "cut.json.gz: truncated gzip" in result.err
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["complete"] is False
    assert report["objects"] == {"listed": 1, "ingested": 0, "already_in": 0, "skipped": 0, "failed": 1}
    assert report["failures"][0]["uri"].endswith("/cut.json.gz")
    # The next run does not read it again, and does not forget it either.
    assert run("run", tmp_path / "logs", "--lake", tmp_path / "lake").code == 4


def test_status_shows_what_is_in_and_says_when_something_is_not_whole(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "AWSLogs/111122223333/CloudTrail/us-east-1/2025/03/04"
    name = "111122223333_CloudTrail_us-east-1_20250304T0955Z_AAAAAAAAAAAAAAAA.json"
    write_log(place / f"{name}.gz", LOGIN, {"no": "time"})
    write_log(place / f"{name.replace('AAAA', 'BBBB')}.gz", LOGIN)
    lake = tmp_path / "lake"
    assert run("ingest", tmp_path / "AWSLogs", "--lake", lake).code == 4
    result = run("status", "--lake", lake, "--by", "day")
    assert result.code == 4
    assert result.out.splitlines()[1].split() == ["111122223333", "us-east-1", "2025-03-04", "2", "1", "1"]
    [row] = [json.loads(line) for line in run("status", "--lake", lake, "--json").out.splitlines()]
    assert (row["records"], row["duplicates"], row["rejected"]) == (2, 1, 1)
    (place / f"{name.replace('AAAA', 'CCCC')}").write_text('{"Records":[{"eventTime":')
    assert run("ingest", tmp_path / "AWSLogs", "--lake", lake).code == 4
    cut = run("status", "--lake", lake)
    assert cut.code == 4
    assert cut.err.count("gap: file:") == 2


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["--since", "2025-03-02", "--until", "2025-03-01"], "is after --until", "swap them"),
        (
            ["--since", "2025-03-02", "--until", "2025-03-02T00:00:00Z"],
            "are both 2025-03-02T00:00:00Z",
            "for a whole day, write the day alone",
        ),
        (["--since", "yesterday"], "'yesterday' is not a time", "write 7d"),
        (["--endpoint-url", "x", "--lake", "{file}"], "is a file", "give --lake a folder"),
    ],
)
def test_bad_usage_is_one_line_and_a_hint(
    run: Run, tmp_path: Path, arguments: list[str], message: str, hint: str
) -> None:
    file = write_log(tmp_path / "log.json.gz", LOGIN)
    arguments = [argument.format(file=file) for argument in arguments]
    result = run("run", file, "--lake", tmp_path / "lake", *arguments)
    assert result.code == 2
    errors = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert f"hint: {hint}" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("command", ["detect", "status", "sql"])
def test_a_lake_that_is_not_there_is_an_error_and_is_not_made(run: Run, tmp_path: Path, command: str) -> None:
    query = ["SELECT 1"] if command == "sql" else []
    result = run(command, *query, "--lake", tmp_path / "none")
    assert result.code == 2
    assert "holds no lake" in result.err
    assert not (tmp_path / "none").exists()


def test_a_second_writer_is_told_who_holds_the_lake(run: Run, lake: Path, tmp_path: Path) -> None:
    ledger = Ledger.open(lake, writable=True)
    ledger.note_writer("process 4242 on somewhere")
    ledger.close()
    with writer_lock(lake):
        result = run("run", tmp_path / "logs", "--lake", lake)
    assert result.code == 2
    assert "is being written by process 4242 on somewhere" in result.err


def test_a_broken_rule_is_named_and_the_others_still_run(run: Run, lake: Path, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "broken.sql").write_text("SELECT 1")
    result = run("detect", "--lake", lake, "--rules", tmp_path / "rules", "--fail-on", "info")
    assert result.code == 2
    assert "broken.sql" in result.err
    assert len(result.alerts) == 1


def test_an_unexpected_error_is_one_line_and_a_traceback_only_when_asked_for(
    run: Run, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_lake: Path) -> None:
        raise RuntimeError("out of cheese \x1b[31m")

    monkeypatch.setattr("detector.lake.status.lake_status", fail)
    quiet = run("status", "--lake", lake)
    assert (quiet.code, quiet.err.splitlines()[0]) == (
        2,
        "error: unexpected RuntimeError: out of cheese \\x1b[31m",
    )
    assert "Traceback" not in quiet.err
    assert "Traceback" in run("--verbose", "status", "--lake", lake).err


def test_ctrl_c_says_that_nothing_committed_is_lost(run: Run, lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_lake: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("detector.lake.status.lake_status", interrupt)
    result = run("status", "--lake", lake)
    assert result.code == 130
    assert "what was committed stays" in result.err


def ended_with_output(output: int | IO[bytes], *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "detector", *arguments]
    return subprocess.run(command, stdout=output, stderr=subprocess.PIPE, check=False)


def test_a_reader_that_has_gone_is_141_whatever_is_shown() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    for arguments in (["--version"], ["rules", "show", "root_api_call"]):
        ended = ended_with_output(writing, *arguments)
        assert (ended.returncode, ended.stderr) == (141, b"")
    os.close(writing)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is full")
@pytest.mark.parametrize("buffered", [True, False])
def test_standard_output_that_is_full_is_an_error_in_one_line(buffered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", "" if buffered else "1")
    with Path("/dev/full").open("wb") as full:
        ended = ended_with_output(full, "--version")
    assert ended.returncode == 2
    assert ended.stderr.decode().splitlines() == [
        "error: cannot write to standard output: No space left on device",
        "hint: is the disk full? write somewhere else",
    ]


def test_another_refusal_of_the_system_is_not_called_one_of_the_output(
    run: Run, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_lake: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("detector.lake.status.lake_status", refuse)
    assert "error: unexpected OSError" in run("status", "--lake", lake).err


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_traceback(lake: Path) -> None:
    command = f'"{sys.executable}" -m detector detect --lake "{lake}" | true'
    ended = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert ended.returncode in (0, 141)  # 0: all was written before the pipe closed
    assert "Traceback" not in ended.stderr
    assert "error" not in ended.stderr


def test_names_in_messages_cannot_drive_the_terminal(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "logs" / "evil\x1b]0;owned\x07.json"
    path.parent.mkdir()
    path.write_text('{"Records": [{"eventTime": "2025-03-04T09:52:10Z"')
    result = run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake")
    assert result.code == 4
    assert "\x1b" not in result.err
    assert "\x07" not in result.err


# sql ------------------------------------------------------------------------------------------------------------------


def test_sql_takes_queries_written_for_athena(run: Run, lake: Path) -> None:
    result = run(
        "sql", "SELECT useridentity.arn, count(*) FROM events WHERE useridentity.type='Root' GROUP BY 1", "--lake", lake
    )
    assert result.code == 0
    assert result.out.splitlines()[1].split() == ["arn:aws:iam::111122223333:root", "1"]


@pytest.mark.parametrize(
    "query", ["-- who was it?\nSELECT 1 AS a", "--who was it?\nSELECT 1 AS a", "/**/ SELECT 1 AS a;"]
)
def test_sql_takes_a_query_that_begins_with_a_comment(run: Run, lake: Path, query: str) -> None:
    assert run("sql", query, "--lake", lake).out == "a\n1\n"
    assert run("sql", f"--lake={lake}", "--", query.replace("--who", "-- who")).out == "a\n1\n"


def test_sql_reads_a_query_from_a_file_or_standard_input(
    run: Run, lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "question.sql"
    file.write_text("\ufeff-- A question.\nSELECT 'é' AS a;\n")
    assert run("sql", "-f", file, "--lake", lake).out == "a\né\n"
    with file.open() as standard_input:
        monkeypatch.setattr(sys, "stdin", standard_input)
        assert run("sql", "--file", "-", "--lake", lake).out == "a\né\n"
    file.write_bytes(b"SELECT '\xff'")
    assert "is not UTF-8" in run("sql", "-f", file, "--lake", lake).err
    assert "No such file" in run("sql", "-f", tmp_path / "none.sql", "--lake", lake).err
    for arguments in ([], ["SELECT 1", "-f", file]):
        result = run("sql", *arguments, "--lake", lake)
        assert (result.code, "give either a SELECT or --file" in result.err) == (2, True)
    assert "No such option: --lakee" in run("sql", "SELECT 1", "--lakee", lake).err


def test_sql_writes_what_other_programs_read(run: Run, lake: Path, tmp_path: Path) -> None:
    query = "SELECT eventTime, eventName, readOnly, userIdentity.type AS who, 3 AS n, NULL AS nothing FROM events"
    row = {"eventTime": "2025-03-04T09:52:10Z", "eventName": "ConsoleLogin", "readOnly": False, "who": "Root", "n": 3}
    assert json.loads(run("sql", query, "--lake", lake, "--format", "jsonl").out) == {**row, "nothing": None}
    [headings, cells] = list(csv.reader(run("sql", query, "--lake", lake, "--format", "csv").out.splitlines()))
    assert headings == [*row, "nothing"]
    assert cells == ["2025-03-04T09:52:10Z", "ConsoleLogin", "false", "Root", "3", ""]
    file = tmp_path / "rows.parquet"
    assert "1 row to" in run("sql", query, "--lake", lake, "--format", "parquet", "--output", file).err
    assert pq.read_table(file).num_rows == 1
    assert run("sql", query, "--lake", lake, "--format", "parquet").code == 2


def test_csv_cells_are_no_formulas(run: Run, lake: Path) -> None:
    query = """SELECT '=cmd()' AS a, ' @x' AS b, '-1' AS c, '-x' AS d, 'a' || chr(10) || 'b' AS e"""
    out = run("sql", query, "--lake", lake, "--format", "csv").out
    assert out.splitlines()[1] == "'=cmd(),' @x,-1,'-x,a\\nb"


@pytest.mark.parametrize(
    "query",
    [
        "COPY events TO '{lake}/x.csv'",
        "ATTACH '{lake}/x.db'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT 1; SELECT 2",
        "INSTALL httpfs",
        "SELECT nonsense FROM events",
        "SELEC 1",
    ],
)
def test_sql_refuses_what_is_not_one_select_over_the_lake(run: Run, lake: Path, query: str) -> None:
    result = run("sql", query.format(lake=lake), "--lake", lake)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err


# rules ----------------------------------------------------------------------------------------------------------------


def test_rules_are_listed_and_shown(run: Run) -> None:
    assert "root_mfa_deactivated" in run("rules", "list").out
    rules = [json.loads(line) for line in run("rules", "list", "--format", "json").out.splitlines()]
    assert {"id", "severity", "attack", "response", "false_positives"} <= rules[0].keys()
    shown = run("rules", "show", "root_mfa_deactivated").out
    assert "What to do:" in shown
    assert "SELECT" in shown
    unknown = run("rules", "show", "no_such_rule")
    assert (unknown.code, "hint:" in unknown.err) == (2, True)


def test_rules_check_names_what_is_wrong(run: Run, tmp_path: Path) -> None:
    (tmp_path / "nameless.sql").write_text("SELECT 1")
    result = run("rules", "check", tmp_path)
    assert result.code == 2
    assert "nameless.sql" in result.err
    listed = run("rules", "list", "--rules", tmp_path)
    assert (listed.code, "nameless.sql" in listed.err) == (2, True)


# help -----------------------------------------------------------------------------------------------------------------


def test_help_does_not_wait_for_the_heavy_libraries() -> None:
    code = (
        "import sys, contextlib, io; sys.argv = ['detector', '--help']\n"
        "from detector.cli.app import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): main()\n"
        "print(sorted({'boto3', 'duckdb', 'pyarrow', 'obstore', 'pydantic', 'rich'} & sys.modules.keys()))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_an_ingest_lists_before_the_heavy_libraries_are_there() -> None:
    code = (
        "import sys, detector.cli, detector.ingest; print(sorted({'duckdb', 'pyarrow', 'boto3'} & sys.modules.keys()))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("variables", "words", "imported"),
    [
        ({}, "status -h", False),
        ({}, "-h", True),
        ({}, "--quiet status -h", True),
        ({"DETECTOR_FAIL_ON": "high"}, "status -h", True),  # which is held against the options of all
    ],
)
def test_a_command_does_not_wait_for_the_others(variables: dict[str, str], words: str, imported: bool) -> None:
    code = (
        "import sys, contextlib, io\n"
        "from detector.cli.app import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): main()\n"
        "print('detector.cli.watch' in sys.modules)"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DETECTOR_")} | variables
    ended = subprocess.run(
        [sys.executable, "-c", code, *words.split()], capture_output=True, text=True, check=True, env=environment
    )
    assert ended.stdout.strip() == str(imported)


def test_the_version_is_the_packages(run: Run) -> None:
    from importlib.metadata import version

    assert run("--version").out == f"detector {version('cloudtrail-root-detector')}\n"


@pytest.mark.parametrize("arguments", [["--version", "--verbose"], ["-v", "--version"], ["--version", "-qv", "scan"]])
def test_the_version_says_whether_the_core_is_in_use_to_who_wants_to_know_more(arguments: list[str], run: Run) -> None:
    from detector.records.core.library import core

    _, line = run(*arguments).out.splitlines()
    assert line == f"compiled core: {core().state}"


def test_the_version_is_shown_beside_a_configuration_that_is_wrong(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "detector.toml").write_text("this is no TOML")
    monkeypatch.chdir(tmp_path)
    shown = run("--version", "--verbose")
    assert (shown.code, shown.err) == (0, "")


# Compaction -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_compacting_changes_no_answer(run: Run, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    assert run("ingest", COMPROMISED, "--lake", lake).code == 0

    def answers() -> list[object]:
        alerts = [{**alert, "detected_at": None} for alert in run("detect", "--lake", lake).alerts]
        events = run("sql", "SELECT * FROM events ORDER BY logFile, logFileIndex", "--lake", lake, "--format", "jsonl")
        return [alerts, events.out, run("status", "--lake", lake, "--by", "day").out]

    before = answers()
    compacted = run("compact", "--lake", lake)
    assert compacted.code == 0
    assert "days compacted" in compacted.err
    assert answers() == before
    assert "0 days compacted" in run("compact", "--lake", lake).err


def test_run_compacts_days_with_much_that_is_new(run: Run, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    for number in range(8):
        login = LOGIN | {"eventID": f"7d1f7c1e-0001-4c6e-9a40-00000000000{number}"}
        write_log(tmp_path / "logs" / f"{number}.json.gz", login)
        run("ingest", tmp_path / "logs", "--lake", lake)
    assert len(read_lake(lake).events) == 8
    assert run("run", tmp_path / "logs", "--lake", lake).code == 0
    assert len(read_lake(lake).events) == 1
    counted = run("sql", "SELECT count(*) AS events FROM events", "--lake", lake, "--format", "csv")
    assert counted.out.split() == ["events", "8"]


def test_a_lake_that_does_not_exist_is_not_made_by_compacting(run: Run, tmp_path: Path) -> None:
    assert run("compact", "--lake", tmp_path / "none").code == 2
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("output", ["sns:topic", "mailto:me", "s3:/bucket", "splunk:8088"])
def test_an_output_of_an_unknown_kind_is_an_error_and_no_file(
    run: Run, lake: Path, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lake.parent)
    result = run("detect", "--lake", lake, "--output", output)
    assert result.code == 2
    assert result.err.startswith("error: --output")
    assert "hint: " in result.err
    assert not (lake.parent / output).exists()


def test_a_lake_that_is_an_address_is_an_error(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "login.json.gz", LOGIN)
    result = run("ingest", tmp_path / "logs", "--lake", "gs://bucket/lake")
    assert result.code == 2
    assert "is no directory" in result.err
    assert "write s3://BUCKET/PREFIX" in result.err
