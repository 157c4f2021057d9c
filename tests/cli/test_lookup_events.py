"""`lookup-events:` from the command to the alert, and the files that hold the same records in other wrappings."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from detector.sources import lookup_events
from fixtures.expect import TRAILS
from tests.lookup_server import ACCOUNT, LookupServer
from tests.running import LOGIN, Run

THREE_DAYS_AGO = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
HISTORY = ("lookup-events:", "--region", "us-east-1", "--since", "5d", "--jobs", "1")


def login(happened: datetime, number: int = 1) -> dict[str, Any]:
    return LOGIN | {
        "eventTime": f"{happened:%Y-%m-%dT%H:%M:%SZ}",
        "eventID": f"7d1f7c1e-0001-4c6e-9a40-0d6f0d7b7a{number:02x}",
    }


@pytest.fixture
def history(
    lookup_server: LookupServer,
    aws_variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    few_rules: None,  # noqa: ARG001
) -> LookupServer:
    """A history with one root login three days ago; no waiting between requests."""
    for name, value in {**aws_variables, **lookup_server.variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(lookup_events, "INTERVAL_SECONDS", 0.0)
    lookup_server.add(login(THREE_DAYS_AGO))
    return lookup_server


@pytest.mark.usefixtures("history")
def test_an_account_without_a_trail_gives_its_alerts(run: Run, tmp_path: Path) -> None:
    result = run("run", *HISTORY, "--lake", tmp_path / "lake")
    assert result.code == 0, result.err
    [alert] = result.alerts
    assert alert["rule_id"] == "root_console_login_without_mfa"
    assert alert["records"] == [login(THREE_DAYS_AGO)]
    [evidence] = alert["evidence"]
    assert evidence["log_file"].startswith(f"lookup-events://{ACCOUNT}/us-east-1/{THREE_DAYS_AGO:%Y/%m/%d}/")
    assert "only these regions are looked up: us-east-1" in result.err


@pytest.mark.slow
def test_scan_and_root_only_give_the_same_alert(run: Run, history: LookupServer) -> None:
    [whole] = run("scan", *HISTORY).alerts
    [root_only] = run("scan", *HISTORY, "--root-only").alerts
    assert whole["alert_id"] == root_only["alert_id"]
    asked = [one for one in history.looked_up if "LookupAttributes" in one.body]
    assert 0 < len(asked) < len(history.looked_up) / 3


@pytest.mark.slow
def test_what_is_settled_is_not_asked_for_again_and_what_may_grow_is(
    run: Run, history: LookupServer, tmp_path: Path
) -> None:
    just_now = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=5)
    history.add(login(just_now, 2))
    assert len(run("run", *HISTORY, "--lake", tmp_path / "lake").alerts) == 2
    history.requests.clear()
    history.add(login(just_now, 3))  # appears late, in a window that was read before
    again = run("run", *HISTORY, "--lake", tmp_path / "lake")
    assert [alert["event_ids"] for alert in again.alerts] == [[login(just_now, 3)["eventID"]]]
    assert 1 <= len(history.looked_up) <= 2
    counted = run("sql", "SELECT count(*) AS n FROM events", "--lake", tmp_path / "lake", "--format", "csv").out
    assert counted.split() == ["n", "3"]
    by_day = run("status", "--lake", tmp_path / "lake", "--by", "day").out
    [row, *_] = [line for line in by_day.splitlines() if f"{just_now:%Y-%m-%d}" in line]
    assert row.split()[-3:] == ["2", "0", "0"]  # its rows were replaced, not read twice


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_where_it_was(run: Run, history: LookupServer, tmp_path: Path) -> None:
    arguments = ("run", *HISTORY, "--root-only", "--lake", str(tmp_path / "lake"))
    processes: list[subprocess.Popen[str]] = []

    def kill_at_the_fifth_request(_region: str, _body: dict[str, Any]) -> str | None:
        if len(history.requests) == 5:
            processes[0].kill()
        return None

    history.faults.append(kill_at_the_fifth_request)
    program = [sys.executable, "-m", "detector", *arguments]
    processes.append(subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    assert processes[0].communicate()[0] == ""
    assert processes[0].returncode == -signal.SIGKILL
    committed = {one.span for one in history.looked_up[:-1]}
    history.requests.clear()
    resumed = run(*arguments)
    assert (resumed.code, len(resumed.alerts)) == (0, 1)
    settled = {span for span in committed if span[1] < datetime.now(UTC) - timedelta(hours=7)}
    assert settled
    assert not settled & {one.span for one in history.looked_up}


def test_processes_share_the_work_and_the_rate(
    run: Run, history: LookupServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup_events, "INTERVAL_SECONDS", 0.01)
    for days in range(1, 5):
        history.add(login(datetime.now(UTC) - timedelta(days=days), 10 + days))
    result = run("run", *HISTORY[:-1], "2", "--lake", tmp_path / "lake", "--root-only")
    assert (result.code, len(result.alerts)) == (0, 5)


def test_one_broken_event_is_rejected_and_its_neighbours_are_not(
    run: Run, history: LookupServer, tmp_path: Path
) -> None:
    history.add(login(THREE_DAYS_AGO, 2), text='{"eventVersion": "1.08", "eventTi')
    result = run("ingest", *HISTORY, "--lake", tmp_path / "lake")
    assert result.code == 4
    assert "2 records: 1 row (0 further copies of an event), 1 rejected" in result.err


def test_a_window_that_cannot_be_read_makes_the_run_incomplete(run: Run, history: LookupServer, tmp_path: Path) -> None:
    history.page_size = 1
    history.add(login(THREE_DAYS_AGO, 2))
    history.fail("InvalidNextTokenException", of_next_pages=True)
    result = run("run", *HISTORY, "--lake", tmp_path / "lake")
    assert result.code == 4
    assert f"failed: lookup-events://{ACCOUNT}/us-east-1/{THREE_DAYS_AGO:%Y/%m/%d}/" in result.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("lookup-events:us-east-1",), "write lookup-events: alone"),
        (("s3://trail", "--root-only"), "only lookup-events: can ask for root alone"),
    ],
)
def test_bad_usage_is_told(run: Run, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    result = run("ingest", *arguments, "--lake", tmp_path / "lake")
    assert result.code == 2
    assert told in result.err


# The same records in files of other forms -----------------------------------------------------------------------------


def as_lookup_output(record: dict[str, Any]) -> dict[str, Any]:
    """What `aws cloudtrail lookup-events` prints of an event."""
    return {
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "ReadOnly": "false",
        "EventTime": "2025-03-04T10:52:10+01:00",
        "EventSource": record["eventSource"],
        "Username": "root",
        "Resources": [],
        "CloudTrailEvent": json.dumps(record),
    }


def as_eventbridge(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "c0ffee00-0000-4000-8000-000000000001",
        "detail-type": "AWS Console Sign In via CloudTrail",
        "source": "aws.signin",
        "account": record["recipientAccountId"],
        "time": record["eventTime"],
        "region": record["awsRegion"],
        "resources": [],
        "detail": record,
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "form"), [("run", "lookup"), ("scan", "lookup lines"), ("run", "envelopes"), ("scan", "one a file")]
)
def test_a_story_in_other_wrappings_gives_the_same_alerts(run: Run, tmp_path: Path, command: str, form: str) -> None:
    trail = TRAILS / "break_glass"
    folder = tmp_path / "files"
    folder.mkdir()
    wrap = as_lookup_output if form.startswith("lookup") else as_eventbridge
    wrapped = [wrap(record) for record in records_of(trail)]
    if form == "lookup":
        (folder / "events.json").write_text(json.dumps({"Events": wrapped}, indent=4))
    elif form == "one a file":
        for number, one in enumerate(wrapped):
            (folder / f"{number}.json").write_text(json.dumps(one))
    else:
        (folder / "events.jsonl").write_text("".join(json.dumps(one) + "\n" for one in wrapped))
    result = run(command, folder, *(("--lake", tmp_path / "lake") if command == "run" else ()))
    assert result.code == 0
    expected = [json.loads(line) for line in (trail / "expected.jsonl").read_text().splitlines()]
    assert {alert["alert_id"] for alert in result.alerts} == {alert["alert_id"] for alert in expected}


def records_of(trail: Path) -> list[dict[str, Any]]:
    files = sorted((trail / "AWSLogs").rglob("*.json.gz"))
    return [record for file in files for record in json.loads(gzip.decompress(file.read_bytes()))["Records"]]
