"""What `detect` and `run` write of what was written before, taken back since, or answered for."""

from __future__ import annotations

import re
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest

from detector.rules.rule import shipped_rules_directory
from tests.running import LOGIN, Run, write_log

pytestmark = pytest.mark.usefixtures("few_rules")

WITH_MFA = LOGIN | {"additionalEventData": {"MFAUsed": "Yes"}}
# An AssumeRoot that handed out the key of a call shows that the call was no direct use of root.
CALL = LOGIN | {
    "userIdentity": LOGIN["userIdentity"] | {"accessKeyId": "ASIAROOT"},
    "eventSource": "ec2.amazonaws.com",
    "eventName": "RunInstances",
    "responseElements": None,
    "additionalEventData": None,
    "eventType": "AwsApiCall",
    "eventID": "7d1f7c1e-0002-4c6e-9a40-0d6f0d7b7a11",
}
ASSUME_ROOT = CALL | {
    "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::444455556666:assumed-role/Ops/x",
                     "accountId": "444455556666"},
    "eventTime": "2025-03-04T09:40:00Z", "eventSource": "sts.amazonaws.com", "eventName": "AssumeRoot",
    "responseElements": {"credentials": {"accessKeyId": "ASIAROOT"}},
    "eventID": "7d1f7c1e-0003-4c6e-9a40-0d6f0d7b7a11", "recipientAccountId": "444455556666",
}  # fmt: skip
SUPPRESSION = """
[[suppression]]
id = "drill"
rule = "root_console_login"
source_cidr = "203.0.113.0/24"
reason = "The drill of each month."
owner = "security@example.com"
expires = 2999-01-01
"""


def withdrawn(run: Run, lake: Path, *arguments: str) -> list[dict[str, Any]]:
    result = run("detect", "--lake", lake, "--withdrawn", *arguments)
    assert result.code == 0, result.err
    return result.alerts


@pytest.fixture
def taken_back(run: Run, tmp_path: Path) -> dict[str, Any]:
    """A lake of which later data took an alert back; the alert."""
    write_log(tmp_path / "logs" / "1.json.gz", CALL)
    alerts = run("run", tmp_path / "logs", "--lake", tmp_path / "lake").alerts
    write_log(tmp_path / "logs" / "2.json.gz", ASSUME_ROOT)
    run("run", tmp_path / "logs", "--lake", tmp_path / "lake")
    [alert] = [alert for alert in alerts if alert["rule_id"] == "root_api_call"]
    return alert


def test_what_later_data_took_back_is_listed(run: Run, tmp_path: Path, taken_back: dict[str, Any]) -> None:
    lake = tmp_path / "lake"
    kept = {alert["alert_id"] for alert in run("detect", "--lake", lake).alerts}
    assert taken_back["alert_id"] not in kept
    listed = {line["alert_id"]: line for line in withdrawn(run, lake)}
    assert not listed.keys() & kept
    line = listed[taken_back["alert_id"]]
    assert line.pop("emitted_at").endswith("Z")
    assert line == {
        "schema": "detector.withdrawn/1",
        **{
            key: taken_back[key]
            for key in ("alert_id", "rule_id", "severity", "account_id", "event_time", "last_event_time", "summary")
        },
    }
    assert withdrawn(run, lake) == withdrawn(run, lake)  # it only looks


def test_withdrawn_alerts_are_chosen_like_others(run: Run, tmp_path: Path, taken_back: dict[str, Any]) -> None:
    lake = tmp_path / "lake"
    assert taken_back["severity"] == "high"
    assert withdrawn(run, lake, "--min-severity", "critical") == []
    assert withdrawn(run, lake, "--since", "2025-03-05") == []
    assert withdrawn(run, lake, "--until", "2025-03-04T09:52:10Z", "--since", "2025-03-04T09:52:09Z")
    out = tmp_path / "withdrawn.jsonl"
    assert withdrawn(run, lake, "--output", str(out)) == []
    assert taken_back["alert_id"] in out.read_text()


def test_alerts_of_rules_that_do_not_run_now_are_not_called_withdrawn(
    run: Run, tmp_path: Path, taken_back: dict[str, Any]
) -> None:
    with sqlite3.connect(tmp_path / "lake" / "ledger.sqlite") as ledger:
        ledger.execute("UPDATE emitted_alerts SET rule_id = 'mine' WHERE alert_id = ?", [taken_back["alert_id"]])
    ledger.close()
    result = run("detect", "--lake", tmp_path / "lake", "--withdrawn")
    assert taken_back["alert_id"] not in result.out
    assert "warning: alerts of these rules were written, and cannot be judged now: mine" in result.err


def test_nothing_is_withdrawn_from_a_lake_that_remembers_nothing(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "1.json.gz", LOGIN)
    run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake")
    assert withdrawn(run, tmp_path / "lake") == []
    for name in ("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"):
        (tmp_path / "lake" / name).unlink(missing_ok=True)
    result = run("detect", "--lake", tmp_path / "lake", "--withdrawn")
    assert (result.code, "has no ledger.sqlite" in result.err) == (2, True)


@pytest.mark.parametrize("other", [["--new"], ["--fail-on", "high"]])
def test_withdrawn_goes_alone(run: Run, tmp_path: Path, other: list[str]) -> None:
    result = run("detect", "--lake", tmp_path / "lake", "--withdrawn", *other)
    assert (result.code, "--withdrawn cannot be combined with" in result.err) == (2, True)


# Suppressions ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def suppressions(tmp_path: Path) -> Path:
    path = tmp_path / "suppressions.toml"
    path.write_text(SUPPRESSION)
    return path


@pytest.mark.parametrize("command", ["detect", "run"])
def test_a_suppressed_alert_is_written_and_does_not_fail_the_run(
    run: Run, tmp_path: Path, suppressions: Path, command: str
) -> None:
    write_log(tmp_path / "logs" / "1.json.gz", WITH_MFA)
    lake = tmp_path / "lake"
    if command == "detect":
        run("ingest", tmp_path / "logs", "--lake", lake)
    source = [tmp_path / "logs"] if command == "run" else []
    result = run(command, *source, "--lake", lake, "--suppressions", suppressions, "--fail-on", "medium")
    assert result.code == 0
    [alert] = [alert for alert in result.alerts if alert["rule_id"] == "root_console_login"]
    assert alert["suppressed_by"] == {"id": "drill", "reason": "The drill of each month."}
    assert "of them suppressed" in result.err
    assert run("detect", "--lake", lake, "--fail-on", "medium").code == 1


def test_an_expired_suppression_warns_and_the_alert_is_news_then(run: Run, tmp_path: Path, suppressions: Path) -> None:
    write_log(tmp_path / "logs" / "1.json.gz", WITH_MFA)
    arguments = ("run", tmp_path / "logs", "--lake", tmp_path / "lake", "--suppressions", suppressions)
    assert run(*arguments).alerts[0]["suppressed_by"]
    assert run(*arguments).alerts == []
    suppressions.write_text(SUPPRESSION.replace("2999", "2020"))
    result = run(*arguments, "--fail-on", "medium")
    assert result.code == 1
    assert "warning: suppression drill of root_console_login has expired" in result.err
    assert [alert["suppressed_by"] for alert in result.alerts if alert["rule_id"] == "root_console_login"] == [None]
    assert run(*arguments).alerts == []


def test_a_critical_alert_is_silenced_only_on_purpose(run: Run, tmp_path: Path, suppressions: Path) -> None:
    write_log(tmp_path / "logs" / "1.json.gz", LOGIN)
    run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake")
    text = SUPPRESSION.replace("root_console_login", "root_console_login_without_mfa")
    arguments = ("detect", "--lake", tmp_path / "lake", "--suppressions", suppressions, "--fail-on", "critical")
    suppressions.write_text(text)
    assert run(*arguments).code == 1
    suppressions.write_text(text + "allow_critical = true")
    assert run(*arguments).code == 0


def test_a_bad_suppressions_file_is_an_error_before_anything_runs(run: Run, tmp_path: Path, suppressions: Path) -> None:
    write_log(tmp_path / "logs" / "1.json.gz", LOGIN)
    suppressions.write_text(SUPPRESSION + "expire = 1")
    result = run("run", tmp_path / "logs", "--lake", tmp_path / "lake", "--suppressions", suppressions)
    assert result.code == 2
    assert "unknown key 'expire'" in result.err
    assert not (tmp_path / "lake").exists()


def denials(caller: str, minutes: range, hour: int = 9) -> list[dict[str, Any]]:
    """Return records of one caller who is denied StopLogging, minute by minute."""
    return [
        CALL | {
            "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::111122223333:user/{caller}",
                             "accountId": "111122223333", "userName": caller},
            "eventTime": f"2025-03-04T{hour:02}:{minute:02}:00Z",
            "eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging",
            "requestParameters": {"name": f"trail-{minute}"}, "errorCode": "AccessDenied",
            "eventID": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{caller} {hour} {minute}")),
        }
        for minute in minutes
    ]  # fmt: skip


@pytest.fixture
def more_rules(tmp_path: Path) -> Path:
    """A directory with one rule that groups and one that does not."""
    folder = tmp_path / "rules"
    folder.mkdir()
    grouped = shipped_rules_directory() / "trail_tampering_denied.sql"
    text = re.sub(r"^-- reports_alone = .*\n", "", grouped.read_text(), flags=re.MULTILINE)
    (folder / grouped.name).write_text(text)
    header, end, _ = text.partition("-- ///\n\n")
    select = "SELECT account_id, event_time, [event_id] AS event_ids, event_name AS summary FROM candidates"
    (folder / "per_event.sql").write_text(header + end + select)
    return folder


def test_a_flood_of_denied_calls_is_one_alert_and_another_callers_is_one_of_its_own(
    run: Run, tmp_path: Path, more_rules: Path
) -> None:
    def denied() -> list[dict[str, Any]]:
        alerts = run("run", tmp_path / "logs", "--lake", tmp_path / "lake", "--rules", more_rules).alerts
        return [alert for alert in alerts if alert["rule_id"] == "trail_tampering_denied"]

    write_log(tmp_path / "logs" / "1.json.gz", *denials("intern", range(60)), *denials("intern", range(60), hour=10))
    assert [alert["event_count"] for alert in denied()] == [60, 60]
    write_log(tmp_path / "logs" / "2.json.gz", *denials("backup-admin", range(5, 6)))
    [second] = denied()
    assert "user/backup-admin" in second["summary"]


def test_findings_beyond_the_cap_are_written_by_the_next_runs_and_the_error_ends(
    run: Run, tmp_path: Path, more_rules: Path
) -> None:
    write_log(tmp_path / "logs" / "1.json.gz", *denials("intern", range(5)))
    minutes, codes = [], []
    for _ in range(4):
        result = run(
            "run", tmp_path / "logs", "--lake", tmp_path / "lake", "--rules", more_rules, "--rule-findings", "2"
        )
        minutes.append([alert["event_time"][14:16] for alert in result.alerts if alert["rule_id"] == "per_event"])
        codes.append(result.code)
    assert minutes == [["03", "04"], ["01", "02"], ["00"], []]
    assert codes == [2, 2, 0, 0]


def test_a_suppression_fits_every_event_of_a_flood_not_only_those_that_the_alert_names(
    run: Run, tmp_path: Path, more_rules: Path, suppressions: Path
) -> None:
    suppressions.write_text(SUPPRESSION.replace('"root_console_login"', '"trail_tampering_denied"'))

    def suppressed(*records: dict[str, Any]) -> list[bool]:
        write_log(tmp_path / "logs" / "1.json.gz", *records)
        alerts = run("scan", tmp_path / "logs", "--rules", more_rules, "--suppressions", suppressions).alerts
        denied = [alert for alert in alerts if alert["rule_id"] == "trail_tampering_denied"]
        assert [len(alert["event_ids"]) for alert in denied] == [100]
        return [alert["suppressed_by"] is not None for alert in denied]

    flood = [
        record | {"eventID": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{second} {record['eventID']}"))}
        for second in range(3)
        for record in denials("intern", range(50))
    ]
    stranger = denials("intern", range(59, 60))[0] | {"sourceIPAddress": "198.51.100.7"}
    assert suppressed(*flood) == [True]
    assert suppressed(*flood, stranger) == [False]
