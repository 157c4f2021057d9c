"""Scan passes over most records; what it finds must be what a lake of all of them gives."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.alerts.formats.native import to_native
from detector.detect.detect import detect
from detector.ingest.ingest import ingest
from detector.lake.reader import read_lake
from detector.lake.writer import open_to_write
from detector.records.log_file import decode_log_file
from detector.records.schema import EVENTS
from detector.rules.engine import Engine
from detector.rules.events import TableEvents
from detector.run_report import RunReport
from detector.scan.prefilter import Prefilter
from detector.scan.scan import scan
from detector.scan.wanted_events import is_wanted, names_of
from detector.scope import Scope
from detector.sources.opening import open_source
from fixtures.expect import TRAILS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCENARIOS = sorted(path for path in TRAILS.iterdir() if path.is_dir())
CORPUS = Path(__file__).parents[3] / "shared/corpus/trails"


def by_scan(source: Path, jobs: int = 1) -> tuple[list[dict[str, Any]], RunReport]:
    report = RunReport(NOW)
    events = scan([open_source(str(source))], Scope(), report, jobs=jobs, progress=lambda _: None)
    return [to_native(alert) for alert in detect(events, [], NOW).alerts], report


def by_lake(source: Path, lake: Path) -> tuple[list[dict[str, Any]], RunReport]:
    report = RunReport(NOW)
    with open_to_write(lake) as writer:
        ingest([open_source(str(source))], writer, Scope(), report, jobs=1)
    return [to_native(alert) for alert in detect(read_lake(lake), [], NOW).alerts], report


def counts(report: RunReport) -> dict[str, Any]:
    told = report.to_json()
    return {"objects": told["objects"], "bytes": told["bytes_read"], "records": {**told["records"], "duplicates": None}}


@pytest.mark.slow
@pytest.mark.parametrize("trail", SCENARIOS, ids=lambda trail: trail.name)
def test_scan_gives_the_alerts_of_a_lake_and_counts_the_same(trail: Path, tmp_path: Path) -> None:
    scanned, scan_report = by_scan(trail / "AWSLogs")
    stored, lake_report = by_lake(trail / "AWSLogs", tmp_path / "lake")
    assert scanned == stored
    assert counts(scan_report) == counts(lake_report)


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not beside the project")
def test_scan_gives_the_alerts_of_a_lake_on_real_logs(tmp_path: Path) -> None:
    scanned, scan_report = by_scan(CORPUS, jobs=2)
    stored, lake_report = by_lake(CORPUS, tmp_path / "lake")
    assert scanned == stored
    assert counts(scan_report) == counts(lake_report)


def test_what_the_same_caller_did_while_the_trail_was_stopped_is_looked_for(tmp_path: Path) -> None:
    def call(name: str, minute: int, source: str = "cloudtrail", **fields: Any) -> dict[str, Any]:  # noqa: ANN401
        alice = {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/alice", "accountId": "111122223333",
                 "userName": "alice", "accessKeyId": "AKIAEXAMPLEALICE"}  # fmt: skip
        return {"eventVersion": "1.09", "eventTime": f"2025-03-04T10:{minute:02}:00Z", "eventName": name,
                "eventSource": f"{source}.amazonaws.com", "awsRegion": "us-east-1", "userIdentity": alice,
                "sourceIPAddress": "203.0.113.9", "readOnly": False, "recipientAccountId": "111122223333",
                "requestParameters": {"name": "main"}, "responseElements": None,
                "eventID": f"00000000-0000-4000-8000-0000000000{minute:02}"} | fields  # fmt: skip

    records = [
        call("StopLogging", 0),
        call("RunInstances", 10, "ec2"),
        call("DescribeInstances", 11, "ec2", readOnly=True),
        call("StartLogging", 30),
        call("RunInstances", 40, "ec2"),
    ]
    (tmp_path / "logs").mkdir()
    for number, record in enumerate(records):
        (tmp_path / "logs" / f"{number}.json").write_text(json.dumps({"Records": [record]}))
    scanned, _ = by_scan(tmp_path / "logs")
    assert scanned == by_lake(tmp_path / "logs", tmp_path / "lake")[0]
    [alert] = [alert for alert in scanned if alert["rule_id"] == "trail_stopped_then_restarted"]
    assert alert["event_count"] == 4


def words(*values: str | None) -> st.SearchStrategy[str | None]:
    return st.sampled_from([*values, None])


IDENTITIES = st.builds(
    lambda kind, issuer, invoked: {
        "type": kind, "invokedBy": invoked, "accountId": "111122223333",
        "sessionContext": {"sessionIssuer": {"type": issuer}},
    },
    words("Root", "ROOT", "root", "IAMUser", "AssumedRole", "FederatedUser", ""),
    words("Root", "rOOt", "Role", ""),
    words("cloudtrail.amazonaws.com", "signin.amazonaws.com", ""),
)  # fmt: skip
RECORDS = st.builds(
    lambda identity, source, name, read_only, event_type: {
        "eventTime": "2025-03-04T10:00:00Z", "userIdentity": identity, "eventSource": source, "eventName": name,
        "readOnly": read_only, "eventType": event_type, "recipientAccountId": "111122223333",
    },
    st.one_of(IDENTITIES, st.just({}), st.none(), st.just("prose")),
    st.one_of(
        words(*(f"{service}.amazonaws.com" for service in (
            "signin", "iam", "sts", "cloudtrail", "organizations", "account", "s3", "kms", "logs", "ec2", "eu.signin"
        ))),
        words("signin.amazonaws.com.cn", "signin", "SIGNIN.amazonaws.com", "", "iam."),
        st.just(["signin.amazonaws.com"]),
    ),
    st.one_of(
        words("ConsoleLogin", "DeactivateMFADevice", "AssumeRoot", "StopLogging", "LeaveOrganization", "CloseAccount",
              "DeleteBucket", "PutBucketVersioning", "ScheduleKeyDeletion", "DeleteLogGroup", "EmailUpdated",
              "PasswordRecoveryCompleted", "PasswordRecovery", "SetSecurityQuestions", "DeleteUser", "GetBucketAcl",
              "DescribeInstances", "emailupdated", ""),
        st.just(5),
    ),
    words("true") | st.booleans(),
    words("AwsConsoleSignIn", "AwsApiCall"),
)  # fmt: skip


@cache
def views() -> Engine:
    return Engine(TableEvents(EVENTS.empty_table()), threads=1)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(RECORDS, min_size=1, max_size=40))
def test_nothing_that_a_view_keeps_is_passed_over(records: list[dict[str, Any]]) -> None:
    content = json.dumps({"Records": records}).encode()
    whole = decode_log_file(content, "s3://bucket/key")
    views().replace_events(TableEvents(whole.table))
    rows = views().query("SELECT logFileIndex FROM candidates").read_all().to_pylist()
    kept = {row["logFileIndex"] for row in rows}
    pieces = list(Prefilter().prefilter(gzip.compress(content), "s3://bucket/key"))
    wanted = {index for piece in pieces for index in (*piece.wanted.indexes, *piece.taken)}
    # Of equal records a view keeps the first; the prefilter takes each.
    assert kept <= wanted
    assert sum(piece.records for piece in pieces) == len(records)


def test_an_escaped_name_is_the_same_name() -> None:
    content = (
        rb'{"Records":[{"eventTime":"2025-03-04T10:00:00Z","userIdentity":{"type":"R\u006fot"},"eventName":"GetX"}]}'
    )
    [piece] = Prefilter().prefilter(content, "s3://bucket/key")
    assert len(piece.wanted.records) == 1


@pytest.mark.parametrize("space", [b"\x0b", b"\x0c", b"\xc2\xa0"])
def test_what_is_no_white_space_of_json_is_a_failure_in_scan_as_in_ingest(space: bytes) -> None:
    for content in (b'{"Records":' + space + b"[]}", b'{"Records":[]}' + space):
        [piece] = Prefilter().prefilter(content, "s3://bucket/key")
        assert piece.problem == decode_log_file(content, "s3://bucket/key").problem
        assert piece.problem


def test_most_records_are_passed_over() -> None:
    rows = decode_log_file(
        b'{"Records":[{"eventTime":"2025-03-04T10:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"DescribeX"}]}',
        "s3://bucket/key",
    ).rows
    assert not is_wanted(names_of(rows.records[0]))


@pytest.mark.parametrize("caller", [{"type": "Root"}, {"type": "AWSService", "invokedBy": "cloudtrail.example"}])
def test_a_check_of_a_bucket_hides_no_other_call_about_it(caller: dict[str, str]) -> None:
    service = {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}
    call = {
        "eventTime": "2025-03-04T10:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetBucketAcl",
        "requestParameters": {"bucketName": "logs"},
    }
    records = [call | {"userIdentity": identity} for identity in (caller, service, service | caller, service)]
    pieces = list(Prefilter().prefilter(json.dumps({"Records": records}).encode(), "s3://bucket/key"))
    wanted = {index for piece in pieces for index in (*piece.wanted.indexes, *piece.taken)}
    assert wanted == ({0, 1, 2} if caller["type"] == "Root" else {1})
