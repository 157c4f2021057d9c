"""`detector scan`: the alerts of ingest and detect, without a lake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from detector.alerts.formats.names import AlertFormat
from fixtures.receivers import read_line
from tests.running import LOGIN, Run, write_log

pytestmark = pytest.mark.usefixtures("few_rules")

COMPROMISED = Path(__file__).parents[2] / "fixtures/trails/compromised_root/AWSLogs"


def without_time(line: str) -> dict[str, Any]:
    alert: dict[str, Any] = json.loads(line)
    return alert | {"detected_at": None}


def test_scan_writes_what_run_writes_and_leaves_no_lake(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scanned = run("scan", COMPROMISED, "--report", "report.json")
    assert scanned.code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    stored = run("run", COMPROMISED, "--lake", "lake")
    assert list(map(without_time, scanned.out.splitlines())) == list(map(without_time, stored.out.splitlines()))
    assert json.loads((tmp_path / "report.json").read_text())["records"]["rows"] == 75


def test_the_window_chooses_alerts_to_the_second_and_what_is_read_by_day(run: Run, tmp_path: Path) -> None:
    day = tmp_path / "AWSLogs/111122223333/CloudTrail/us-east-1/2025/03/04"
    write_log(day / "111122223333_CloudTrail_us-east-1_20250304T0955Z_a.json.gz", LOGIN)
    for command in (("scan", tmp_path / "AWSLogs"), ("run", tmp_path / "AWSLogs", "--lake", tmp_path / "lake")):
        for outside in (("--since", "2025-03-04T09:52:11Z"), ("--until", "2025-03-04T09:52:09Z")):
            result = run(*command, *outside)
            assert (result.code, result.alerts) == (0, [])
            assert "1 object listed" in result.err
        inside = run(*command, "--since", "2025-03-04T09:52:10Z", "--until", "2025-03-04T09:52:11Z")
        assert len(inside.alerts) == 1


def test_what_lies_outside_the_scope_is_a_line_for_each_limit_apart_from_failures(run: Run, tmp_path: Path) -> None:
    for day in ("2025/03/01", "2025/03/02", "2025/03/04"):
        write_log(tmp_path / "AWSLogs/111122223333/CloudTrail/us-east-1" / day / "a.json.gz", LOGIN)
    write_log(tmp_path / "AWSLogs/444455556666/CloudTrail/us-east-1/2025/03/04/a.json.gz", LOGIN)
    write_log(tmp_path / "AWSLogs/111122223333_CloudTrail_us-east-1_20250301T0955Z_a.json.gz", LOGIN)
    result = run("scan", tmp_path / "AWSLogs", "--since", "2025-03-04", "--account", "111122223333")
    assert result.err.splitlines()[2:5] == [
        "outside the window, not listed: 2 prefixes",
        "outside the window, not read: 1 object",
        "of accounts not asked for, not listed: 1 prefix",
    ]


@pytest.mark.slow
def test_a_lake_among_the_logs_leaves_the_answer_incomplete_unless_it_is_the_one_written_to(
    run: Run, tmp_path: Path
) -> None:
    write_log(tmp_path / "logs/login.json.gz", LOGIN)
    assert run("run", tmp_path / "logs", "--lake", tmp_path / "logs/lake").code == 0
    assert run("run", tmp_path / "logs", "--lake", tmp_path / "logs/lake").code == 0
    scanned = run("-q", "scan", tmp_path / "logs")
    assert (scanned.code, len(scanned.alerts)) == (4, 1)
    assert f"failed: {(tmp_path / 'logs/lake').as_uri()}: a lake, of which nothing is read" in scanned.err


@pytest.mark.parametrize("form", [AlertFormat.ECS, AlertFormat.CEF])
def test_the_format_is_chosen(run: Run, tmp_path: Path, form: AlertFormat) -> None:
    scanned = run("scan", write_log(tmp_path / "logs/login.json.gz", LOGIN), "--format", form)
    assert scanned.code == 0
    assert [read_line(form, line) for line in scanned.out.encode().splitlines(keepends=True)]


def test_scan_has_the_exit_codes_of_run(run: Run, tmp_path: Path) -> None:
    log = write_log(tmp_path / "logs/login.json.gz", LOGIN)
    assert run("scan", log, "--fail-on", "critical").code == 1
    assert run("scan", log, "--min-severity", "critical").code == 0
    (tmp_path / "empty").mkdir()
    assert run("scan", tmp_path / "empty").code == 3
    log.write_bytes(log.read_bytes()[:-9])
    cut = run("scan", log)
    assert (cut.code, len(cut.alerts)) == (4, 1)
    assert "truncated gzip" in cut.err


def test_what_is_skipped_rejected_or_in_a_form_that_is_not_read_is_named_as_run_names_it(
    run: Run, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    write_log(logs / "login.json.gz", LOGIN, {"eventName": "NoTime"})
    lacking = json.dumps({name.lower(): value for name, value in LOGIN.items() if name != "userIdentity"})
    (logs / "stream").write_text(json.dumps({"logEvents": [{"id": "1", "message": lacking}]}))
    (logs / "other.json").write_text('{"a": 1}')
    reports = []
    for command in (
        ("scan", logs),
        ("run", logs, "--lake", tmp_path / "lake"),
        ("run", logs, "--lake", tmp_path / "lake"),
    ):
        result = run(*command, "--report", tmp_path / "report.json")
        assert result.code == 4
        assert "stream: holds CloudTrail records in a form that is not read" in result.err
        reports.append(json.loads((tmp_path / "report.json").read_text()))
    for report in reports:
        assert sorted(one["reason"] for one in report["failures"]) == [
            "1 of 2 records rejected, the first one: no eventTime",
            "holds CloudTrail records in a form that is not read: no eventTime",
        ]
        assert [Path(one["uri"]).name for one in report["skipped_for_content"]] == ["other.json"]
    scanned, ingested, _ = reports
    assert scanned["rejected"] == ingested["rejected"]
    assert [(Path(one["uri"]).name, one["index"]) for one in scanned["rejected"]] == [
        ("login.json.gz", 1),
        ("stream", 0),
    ]


def test_sources_that_overlap_are_looked_through_once(run: Run, tmp_path: Path) -> None:
    log = write_log(tmp_path / "logs/login.json.gz", LOGIN)
    result = run("scan", tmp_path / "logs", log, "--min-severity", "critical")
    assert len(result.alerts) == 1
    assert "2 objects listed: 1 read, 1 named twice" in result.err


def test_a_rule_that_reads_all_events_is_named_and_the_others_run(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "logs/login.json.gz", LOGIN)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/all_calls.sql").write_text(
        """\
-- /// rule
-- title = "T"
-- severity = "high"
-- confidence = "low"
-- attack = ["TA0001:T1078.004"]
-- description = "D"
-- response = "1. Look."
-- false_positives = ["all"]
-- references = ["https://docs.aws.amazon.com/"]
-- reads = "events"
-- ///

SELECT account_id, event_time, [event_id] AS event_ids, 'a call' AS summary FROM all_events
"""
    )
    result = run("scan", tmp_path / "logs", "--rules", tmp_path / "rules")
    assert result.code == 2
    assert "all_calls.sql: reads all events, which a scan passes over" in result.err
    assert {alert["rule_id"] for alert in result.alerts} >= {"root_console_login_without_mfa"}
    assert "all_calls" not in {alert["rule_id"] for alert in result.alerts}
