"""The main job as its users run it: from a directory and from S3 over HTTP, in processes of its own."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import duckdb
import pytest
from jsonschema import Draft202012Validator
from moto.s3.models import s3_backends

from detector.alerts.formats.native import json_schema
from fixtures.expect import TRAILS, portable
from tests.running import write_log

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SANS = Path(__file__).parents[3] / "shared/corpus/trails/Yamato-Security+suzaku-sample-data/SANS-504-S3-ransomware-lab"
ACCOUNT = "123456789012"  # whose buckets moto takes them for
SCENARIOS = sorted(path for path in TRAILS.iterdir() if path.is_dir())

Detector = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def detector(aws_variables: dict[str, str]) -> Detector:
    """Run the program in a process of its own, with the test server as its S3."""

    def run(*arguments: str | Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "detector", *map(str, arguments)]
        ended = subprocess.run(command, env=aws_variables, capture_output=True, text=True, check=False)
        assert ended.returncode == expect, ended.stderr
        return ended

    return run


@pytest.fixture
def s3(aws_variables: dict[str, str]) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=aws_variables["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id="AKIATESTING",
        aws_secret_access_key="the-secret-of-the-tests",
        region_name="us-east-1",
    )


def upload(s3: S3Client, folder: Path, prefix: str = "") -> str:
    """Put all files of a folder into a bucket of its own and return the bucket's name."""
    bucket = f"trail-{uuid4().hex}"
    s3.create_bucket(Bucket=bucket)
    # Not over HTTP, which takes ten times as long: moto keeps its buckets in this process.
    stored = s3_backends[ACCOUNT]["aws"]
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        stored.put_object(bucket, f"{prefix}{path.relative_to(folder)}", path.read_bytes())
    return bucket


def alerts_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("trail", SCENARIOS, ids=lambda trail: trail.name)
def test_each_story_gives_the_expected_alerts(detector: Detector, tmp_path: Path, trail: Path) -> None:
    lines = detector("run", trail, "--lake", tmp_path / "lake").stdout.splitlines()
    assert [portable(line) for line in lines] == (trail / "expected.jsonl").read_text().splitlines()
    for line in lines:
        Draft202012Validator(json_schema()).validate(json.loads(line))
        assert len(line.encode()) < 32_000


@pytest.mark.slow
def test_a_bucket_gives_the_same_alerts_as_the_directory(detector: Detector, s3: S3Client, tmp_path: Path) -> None:
    trail = TRAILS / "organisation_trail"
    bucket = upload(s3, trail, "some/where/")
    run = detector("run", f"s3://{bucket}/some", "--lake", tmp_path / "lake", "--report", tmp_path / "report.json")
    assert [portable(line) for line in run.stdout.splitlines()] == (trail / "expected.jsonl").read_text().splitlines()
    [first, *_] = alerts_of(run.stdout)
    assert first["evidence"][0]["log_file"].startswith(f"s3://{bucket}/some/where/AWSLogs/")
    report = json.loads((tmp_path / "report.json").read_text())
    objects = report["objects"]
    assert objects["listed"] == objects["ingested"] + objects["already_in"] + objects["skipped"] + objects["failed"]
    again = detector("run", f"s3://{bucket}/some", "--lake", tmp_path / "lake")
    assert again.stdout == ""
    assert "0 ingested, 162 already in" in again.stderr


@pytest.mark.slow
def test_the_bucket_that_is_read_is_a_trails_store_whichever_way_it_is_read(
    detector: Detector, s3: S3Client, tmp_path: Path
) -> None:
    bucket = f"trail-{uuid4().hex}"
    suspension = {
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/alice", "accountId": "111122223333"},
        "eventTime": "2026-03-01T09:00:00Z", "eventSource": "s3.amazonaws.com", "eventName": "PutBucketVersioning",
        "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7", "recipientAccountId": "111122223333",
        "requestParameters": {"bucketName": bucket, "VersioningConfiguration": {"Status": "Suspended"}},
        "eventID": "6e9cdd5c-1c5a-4b6e-8a83-7a1d5f0c2b11", "readOnly": False, "eventType": "AwsApiCall",
    }  # fmt: skip
    log = write_log(tmp_path / bucket / "log.json.gz", suspension)
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="AWSLogs/log.json.gz", Body=log.read_bytes())
    watched = tmp_path / "watched.jsonl"
    detector("watch", f"s3://{bucket}", "--lake", tmp_path / "watched", "--output", watched, "--once")
    detector("ingest", f"s3://{bucket}", "--lake", tmp_path / "lake")
    ways = [
        detector("scan", f"s3://{bucket}").stdout,
        watched.read_text(),
        detector("detect", "--lake", tmp_path / "lake").stdout,
    ]
    detector("compact", "--lake", tmp_path / "lake")
    ways.append(detector("detect", "--lake", tmp_path / "lake").stdout)
    assert [[alert["rule_id"] for alert in alerts_of(out)] for out in ways] == [["trail_log_store_tampered"]] * 4
    assert len({alert["alert_id"] for out in ways for alert in alerts_of(out)}) == 1
    assert detector("scan", log.parent).stdout == ""  # a folder of that name is no bucket


def test_an_event_that_two_trails_delivered_is_one_alert_with_both_places(detector: Detector, tmp_path: Path) -> None:
    out = detector("run", TRAILS / "organisation_trail", "--lake", tmp_path / "lake").stdout
    places = [{location["log_file"] for location in alert["evidence"]} for alert in alerts_of(out)]
    assert any(len(files) == 2 for files in places)


def test_an_account_and_a_date_range_prune_the_listing(detector: Detector, s3: S3Client, tmp_path: Path) -> None:
    bucket = upload(s3, TRAILS / "organisation_trail")
    report_file = tmp_path / "report.json"
    detector("ingest", f"s3://{bucket}", "--lake", tmp_path / "lake", "--account", "444455556666",
             "--since", "2025-04-08", "--until", "2025-04-08", "--report", report_file)  # fmt: skip
    rows = detector("sql", "SELECT DISTINCT recipientAccountId AS a FROM events", "--lake", tmp_path / "lake",
                    "--format", "jsonl")  # fmt: skip
    assert alerts_of(rows.stdout) == [{"a": "444455556666"}]
    report = json.loads(report_file.read_text())
    assert report["left_out"]
    assert 0 < report["objects"]["listed"] < 162


@pytest.mark.slow
def test_a_bucket_that_does_not_exist_and_an_empty_one(detector: Detector, s3: S3Client, tmp_path: Path) -> None:
    missing = detector("run", "s3://no-such-bucket-of-ours", "--lake", tmp_path / "lake", expect=2)
    assert "no-such-bucket-of-ours" in missing.stderr
    assert "hint: " in missing.stderr
    s3.create_bucket(Bucket="an-empty-bucket")
    detector("run", "s3://an-empty-bucket", "--lake", tmp_path / "lake", expect=3)


def test_one_bad_object_does_not_cost_its_neighbours(detector: Detector, s3: S3Client, tmp_path: Path) -> None:
    bucket = upload(s3, TRAILS / "break_glass")
    s3.put_object(Bucket=bucket, Key="AWSLogs/bad.json.gz", Body=gzip.compress(b'{"Records":[')[:-4])
    run = detector("run", f"s3://{bucket}", "--lake", tmp_path / "lake", expect=4)
    expected = (TRAILS / "break_glass" / "expected.jsonl").read_text().splitlines()
    assert [portable(line) for line in run.stdout.splitlines()] == expected
    assert f"failed: s3://{bucket}/AWSLogs/bad.json.gz: truncated gzip" in run.stderr


@pytest.mark.slow
def test_an_object_with_new_content_replaces_its_rows(detector: Detector, s3: S3Client, tmp_path: Path) -> None:
    bucket = upload(s3, TRAILS / "quiet_account")
    detector("ingest", f"s3://{bucket}", "--lake", tmp_path / "lake")
    key = next(item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"] if item["Key"].endswith(".gz"))
    s3.put_object(Bucket=bucket, Key=key, Body=b'{"Records":[]}')
    detector("ingest", f"s3://{bucket}", "--lake", tmp_path / "lake")
    rows = detector("sql", f"SELECT count(*) AS n FROM events WHERE logFile = 's3://{bucket}/{key}'", "--lake",
                    tmp_path / "lake", "--format", "jsonl")  # fmt: skip
    assert alerts_of(rows.stdout) == [{"n": 0}]


@pytest.mark.slow
@pytest.mark.skipif(not SANS.exists(), reason="the corpus is not beside the project")
@pytest.mark.parametrize("through_s3", [False, True], ids=["directory", "s3"])
def test_the_sans_trail(detector: Detector, s3: S3Client, tmp_path: Path, through_s3: bool) -> None:
    source = f"s3://{upload(s3, SANS)}" if through_s3 else SANS
    lake = tmp_path / "lake"
    run = detector("run", source, "--lake", lake)
    assert "30,477 records: 30,477 rows (6,496 further copies of an event), 0 rejected" in run.stderr
    alerts = alerts_of(run.stdout)
    assert Counter(alert["rule_id"] for alert in alerts)["root_console_login_without_mfa"] == 3
    covered = {event_id for alert in alerts for event_id in alert["event_ids"]}
    writes = detector(
        "sql",
        """SELECT eventID AS id FROM events WHERE userIdentity.type = 'Root' AND NOT readOnly
           AND errorCode IS NULL AND errorMessage IS NULL AND eventType <> 'AwsServiceEvent'""",
        "--lake", lake, "--format", "jsonl",
    )  # fmt: skip
    assert {row["id"] for row in alerts_of(writes.stdout)} <= covered
    events = detector("sql", "SELECT count(*) AS n FROM events", "--lake", lake, "--format", "jsonl")
    assert alerts_of(events.stdout) == [{"n": 23_981}]
    again = detector("run", source, "--lake", lake)
    assert "0 ingested, 3,872 already in" in again.stderr
    assert again.stdout == ""


def test_a_lake_is_plain_parquet(detector: Detector, tmp_path: Path) -> None:
    detector("ingest", TRAILS / "quiet_account", "--lake", tmp_path / "lake")
    pattern = str(tmp_path / "lake/events/*/*.parquet")
    query = "SELECT count(*), count(DISTINCT event_date) FROM read_parquet(?, hive_partitioning = true)"
    with duckdb.connect() as connection:
        [(rows, days)] = connection.execute(query, [pattern]).fetchall()
    assert rows == 89
    assert days > 1
