"""What digests say reaches the alerts: the files behind each, and four rules of their own."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detector.alerts.formats.native import json_schema
from tests.running import Run, write_log
from tests.verify.aws_server import AwsServer
from tests.verify.vectors import Vector

RULES = ("log_file_altered", "log_file_missing", "log_file_unlisted", "digest_chain_broken")


def alerts_of(run: Run, aws: AwsServer, lake: Path, vector: Vector, verify: str = "complete") -> list[dict[str, Any]]:
    aws.hold(vector)
    run("ingest", f"s3://{vector.expected['bucket']}", "--lake", lake, "--verify", verify, "--jobs", 1)
    return run("detect", "--lake", lake).alerts


def by_rule(alerts: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {rule: [alert for alert in alerts if alert["rule_id"] == rule] for rule in RULES}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "rule", "words"),
    [
        ("tampered_log", "log_file_altered", "is not what CloudTrail delivered: signed "),
        ("truncated_log", "log_file_altered", "is not what CloudTrail delivered: signed "),
        ("missing_log", "log_file_missing", "was delivered by CloudTrail and is not there"),
        ("injected_log", "log_file_unlisted", "is in no digest, though CloudTrail signed what it delivered then"),
        ("forged_digest", "digest_chain_broken", "from 2025-03-04T01:01:31Z on: forged"),
        ("missing_digest", "digest_chain_broken", "from 2025-03-04T01:01:31Z on: missing"),
        ("replaced_chain", "digest_chain_broken", "3 digests of the trail management-events"),
        ("validation_off", "digest_chain_broken", "3 log files were delivered in that time"),
    ],
)
def test_damage_is_one_alert_by_its_rule(
    run: Run, aws: AwsServer, tmp_path: Path, case: str, rule: str, words: str
) -> None:
    found = by_rule(alerts_of(run, aws, tmp_path / "lake", Vector(case)))

    assert [len(alerts) for name, alerts in found.items() if name != rule] == [0, 0, 0]
    (alert,) = found[rule]
    assert words in alert["summary"]
    assert alert["account_id"] == "111122223333"
    assert alert["severity"] == ("high" if rule == "digest_chain_broken" else "critical")


# In the vector the call is one of EC2's: a chain of digests is all that it is about.
STOP: dict[str, Any] = {
    "eventVersion": "1.08",
    "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ops", "accountId": "111122223333"},
    "eventTime": "2025-03-04T02:17:31Z",
    "eventSource": "cloudtrail.amazonaws.com",
    "eventName": "StopLogging",
    "awsRegion": "us-east-1",
    "sourceIPAddress": "198.51.100.7",
    "userAgent": "aws-cli",
    "requestParameters": {"name": "management-events"},
    "eventID": "6e9cdd5c-1c5a-4b6e-8a83-7a1d5f0c2c01",
    "eventType": "AwsApiCall",
    "recipientAccountId": "111122223333",
}


def test_the_call_that_stopped_the_trail_is_named_and_is_the_evidence(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    alerts_of(run, aws, tmp_path / "lake", Vector("logging_stopped"))
    (before,) = by_rule(run("detect", "--lake", tmp_path / "lake").alerts)["digest_chain_broken"]
    run("ingest", write_log(tmp_path / "export.json.gz", STOP), "--lake", tmp_path / "lake", "--jobs", 1)

    (alert,) = by_rule(run("detect", "--lake", tmp_path / "lake").alerts)["digest_chain_broken"]

    assert "StopLogging by arn:aws:iam::111122223333:user/ops at 2025-03-04T02:17:31Z" in alert["summary"]
    assert "StopLogging" not in before["summary"]
    assert before["alert_id"] == alert["alert_id"]
    (evidence,) = alert["evidence"]
    assert evidence["integrity"] == "unattested"
    assert alert["context"]["cause"] == "StopLogging"


def test_a_whole_trail_alerts_nothing_of_the_kind(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    assert by_rule(alerts_of(run, aws, tmp_path / "lake", Vector("valid"))) == {rule: [] for rule in RULES}


def test_the_file_of_each_piece_of_evidence_has_its_verdict(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    alerts = alerts_of(run, aws, tmp_path / "lake", Vector("injected_log"))

    root = [alert for alert in alerts if alert["rule_id"].startswith("root_console_login")]
    assert root
    assert {evidence["integrity"] for alert in root for evidence in alert["evidence"]} == {"unlisted"}
    schema = json_schema()["properties"]["evidence"]["items"]["properties"]["integrity"]["enum"]
    assert "unlisted" in schema


def test_without_verify_alerts_are_the_same_and_say_nothing_of_it(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    vector = Vector("injected_log")
    plain = alerts_of(run, aws, tmp_path / "plain", vector, "none")
    verified = alerts_of(run, aws, tmp_path / "verified", vector)

    assert not any("integrity" in evidence for alert in plain for evidence in alert["evidence"])
    assert {alert["alert_id"] for alert in plain} < {alert["alert_id"] for alert in verified}
    assert by_rule(plain) == {rule: [] for rule in RULES}


def test_a_file_that_no_digest_can_list_is_unattested(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    vector = Vector("injected_log")
    (forged,) = vector.expected["unlisted"]
    body = next(one.body for one in vector.objects if one.uri.endswith(forged))
    export = tmp_path / "export.json.gz"
    export.write_bytes(gzip.compress(gzip.decompress(body).replace(b"198.51.100.7", b"198.51.100.8")))
    lake = tmp_path / "lake"
    aws.hold(Vector("valid"))
    run("ingest", "s3://example-trail-bucket", export, "--lake", lake, "--verify", "complete", "--jobs", 1)

    root = [alert for alert in run("detect", "--lake", lake).alerts if alert["rule_id"].startswith("root_console")]

    assert root
    assert {evidence["integrity"] for alert in root for evidence in alert["evidence"]} == {"unattested"}


def test_a_hostile_trail_name_is_data(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    """Names of keys reach SQL as values and alerts as text; a name that no trail can have is no digest."""
    vector = Vector("missing_digest")
    aws.hold(vector)
    aws.objects = {
        place.replace("management-events", "a'; DROP--"): replace(
            one, uri=one.uri.replace("management-events", "a'; DROP--")
        )
        for place, one in aws.objects.items()
    }
    lake = tmp_path / "lake"
    run("ingest", "s3://example-trail-bucket", "--lake", lake, "--verify", "complete", "--jobs", 1)

    assert by_rule(run("detect", "--lake", lake).alerts) == {rule: [] for rule in RULES}


def test_run_alerts_and_ends_with_damaged_before_an_alert(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    vector = Vector("injected_log")
    aws.hold(vector)
    arguments = ["run", "s3://example-trail-bucket", "--lake", tmp_path / "lake", "--jobs", 1, "--fail-on", "info"]

    result = run(*arguments, "--verify", "complete")

    assert result.code == 5
    assert len(by_rule(result.alerts)["log_file_unlisted"]) == 1
    assert "damaged: what AWS signed and what is there differ in 1 object" in result.err
