"""`detector doctor`: what is said of a source before it is read, and what to do about what cannot be."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from detector.doctor.examine import examine
from detector.doctor.findings import Check, Status, Trial, findings
from detector.errors import CredentialsError
from detector.scope import Scope
from detector.sources.aws_options import AwsOptions
from detector.sources.log_source import Unreadable
from detector.sources.s3 import open_s3
from detector.sources.s3_sampling import S3Sampling
from detector.sources.survey import Amount, Survey, estimate
from tests.running import LOGIN, Result, Run, write_log
from tests.verify.aws_server import AwsServer

FIXTURES = Path(__file__).parents[2] / "fixtures"
BUCKET = "s3://example-trail-bucket"
PLACE = "example-trail-bucket/AWSLogs/111122223333/"


def checks(result: Result) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in map(json.loads, result.out.splitlines()):
        found.setdefault(row["check"], []).append(row)
    return found


def look(run: Run, *more: object) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    result = run("doctor", *more, "--format", "jsonl")
    return result.code, checks(result)


def test_a_bucket_is_described_and_nothing_stands_in_the_way(run: Run, aws: AwsServer) -> None:  # noqa: ARG001
    code, found = look(run, BUCKET, "--until", "2025-03-05")

    assert code == 0
    assert found["who"][0]["arn"] == "arn:aws:iam::111122223333:user/auditor"
    assert found["layout"][0]["layouts"] == ["trails of accounts"]
    (logs,) = found["logs"]
    assert (logs["accounts"], logs["regions"]) == (["111122223333"], ["us-east-1"])
    assert (logs["first_day"], logs["last_day"]) == ("2025-03-04", "2025-03-04")
    assert (found["objects"][0]["objects"], found["objects"][0]["objects_error"]) == (5, 0)
    assert (found["digests"][0]["status"], found["digests"][0]["last_day"]) == ("ok", "2025-03-04")
    assert (found["read"][0]["sampled"], found["read"][0]["read"], found["read"][0]["records"]) == (5, 5, 5)
    assert found["cost"][0]["get_requests"] == 5
    assert found["cost"][0]["seconds"] > 0


def test_a_trail_that_delivers_no_more_is_noted(run: Run, aws: AwsServer) -> None:  # noqa: ARG001
    code, found = look(run, BUCKET)

    assert code == 0
    assert found["logs"][1]["finding"] == "nothing was delivered since 2025-03-04"


def test_a_prefix_that_cannot_be_listed_is_named_with_the_permission(run: Run, aws: AwsServer) -> None:
    aws.denied.append(f"{PLACE}CloudTrail-Digest/")

    code, found = look(run, BUCKET)

    assert code == 4
    (refused,) = found["list"]
    assert refused["uris"] == [f"s3://{PLACE}CloudTrail-Digest/"]
    assert refused["next"].startswith("allow s3:ListBucket on arn:aws:s3:::example-trail-bucket")


def test_files_that_cannot_be_read_are_named_with_the_permission(run: Run, aws: AwsServer) -> None:
    aws.denied += [f"{PLACE}CloudTrail/us-east-1/2025/03/04/111122223333_", f"{PLACE}CloudTrail-Digest/us-east-1/2025"]

    code, found = look(run, BUCKET)

    assert code == 4
    described, refused = found["read"]
    assert (described["status"], described["read"]) == ("note", 0)
    assert len(refused["uris"]) == 5
    folder = "AWSLogs/111122223333/CloudTrail/us-east-1/2025/03/04"
    assert refused["next"].startswith(f"allow s3:GetObject on arn:aws:s3:::example-trail-bucket/{folder}/*")
    assert "s3:GetObject" in found["digests"][0]["finding"]
    assert "cost" not in found, "there is no rate to tell it by"


def test_a_key_that_may_not_be_used_is_named(run: Run, aws: AwsServer) -> None:
    aws.kms_key = "arn:aws:kms:us-east-1:111122223333:key/0a1b"

    code, found = look(run, BUCKET)

    assert code == 4
    assert found["encryption"][0]["encryptions"] == {f"aws:kms {aws.kms_key}": 5}
    assert aws.kms_key in found["read"][1]["finding"]
    assert found["read"][1]["next"].startswith("allow kms:Decrypt")


def test_who_reads_is_unknown_without_sts_and_that_is_no_problem(run: Run, aws: AwsServer) -> None:
    aws.denied.append("sts")

    code, found = look(run, BUCKET)

    assert (code, found["who"][0]["status"]) == (0, "note")


def test_a_bucket_that_cannot_be_listed_at_all_is_an_error(run: Run, aws: AwsServer) -> None:
    aws.denied.append("example-trail-bucket/")

    result = run("doctor", BUCKET)

    assert result.code == 2
    assert "access denied: cannot list s3://example-trail-bucket/" in result.err
    assert result.out.startswith("ok       who         arn:aws:iam::111122223333:user/auditor")


def test_a_place_without_logs_says_what_is_there_instead(run: Run, aws: AwsServer) -> None:  # noqa: ARG001
    code, found = look(run, BUCKET, "--account", "999988887777")

    assert code == 4
    assert found["logs"][0]["finding"] == "no log files; there are: 1 account 111122223333 is not asked for"


def test_a_directory_is_examined_like_a_bucket(run: Run, tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "digests/valid/bucket", tmp_path / "copy")

    result = run("doctor", tmp_path / "copy")

    assert result.code == 0
    assert "5 log files, 1.7 kB" in result.out
    assert "the signature beside them is not there" in result.out, "what S3 kept beside the bytes was not copied"
    assert "next: a copy has lost them" in result.out
    assert "LIST" not in result.out
    assert "who" not in result.out


def test_what_hinders_an_answer_about_root_is_noted(run: Run, tmp_path: Path) -> None:
    name = "111122223333_CloudTrail_eu-west-1_20250304T0955Z_AAAAAAAAAAAAAAAA.json.gz"
    write_log(tmp_path / "AWSLogs/111122223333/CloudTrail/eu-west-1/2025/03/04" / name, LOGIN)

    code, found = look(run, tmp_path)

    assert code == 0
    assert found["logs"][1]["accounts"] == ["111122223333"]
    assert found["digests"][0]["finding"].startswith("none")


def test_files_of_another_kind_are_a_problem(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"tables": []}')

    code, found = look(run, tmp_path)

    assert code == 4
    assert found["read"][0]["next"].startswith("these are no CloudTrail logs")
    assert found["read"][1]["finding"] == "1 sampled file turned out to be JSON, but no CloudTrail records"


def test_what_names_and_errors_say_cannot_move_the_cursor(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "a\x1b[2J.json.gz", LOGIN).write_bytes(b"\x1f\x8bno")

    result = run("doctor", tmp_path)

    assert result.code == 4
    assert "\x1b" not in result.out


def test_only_sources_with_a_place_can_be_examined(run: Run) -> None:
    assert run("doctor", "lookup-events:").code == 2
    assert run("doctor", "s3://b-cket", "--since", "yesterday").code == 2


# A bucket too large to be listed -------------------------------------------------------------------------------------


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, aws_variables: dict[str, str], tmp_path: Path) -> str:
    """A bucket of an organisation in which a day of a region has two files, or four in us-east-1."""
    for name, value in aws_variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws_variables["AWS_ENDPOINT_URL_S3"])
    bucket = tmp_path.name.replace("_", "-").lower()[:60] + "-b"
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=bucket)
    body = write_log(tmp_path / "log.json.gz", LOGIN).read_bytes()
    for region, files in (("us-east-1", 4), ("eu-west-1", 2)):
        for day in range(20, 32):
            for number in range(files):
                name = f"111122223333_CloudTrail_{region}_202501{day}T0955Z_{number:016}.json.gz"
                key = f"logs/AWSLogs/o-abcdefgh12/111122223333/CloudTrail/{region}/2025/01/{day}/{name}"
                s3.put_object(Bucket=bucket, Key=key, Body=body)
    digest = f"111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_20250131T{10:02}0000Z.json.gz"
    folder = "logs/AWSLogs/o-abcdefgh12/111122223333/CloudTrail-Digest/us-east-1/2025/01/31"
    s3.put_object(Bucket=bucket, Key=f"{folder}/{digest}", Body=body, Metadata={"signature": "00"})
    return f"s3://{bucket}/logs"


def sampled(spec: str, scope: Scope = Scope()) -> dict[str, list[Check]]:  # noqa: B008 - frozen
    found: dict[str, list[Check]] = {}
    for check in examine(open_s3(spec, AwsOptions()), scope, None, listed_whole=10):
        found.setdefault(check.name, []).append(check)
    return found


@pytest.mark.slow
def test_a_large_bucket_is_estimated_from_some_days(large: str) -> None:
    found = sampled(large)

    assert found["layout"][0].facts["layouts"] == ["an organisation's trail"]
    assert found["logs"][0].facts["first_day"] == "2025-01-20"
    assert found["logs"][0].facts["last_day"] == "2025-01-31"
    (objects,) = found["objects"]
    assert (objects.facts["objects"], objects.facts["objects_error"]) == (72, 0), "equal days tell of all others"
    assert (objects.facts["days"], objects.facts["days_counted"]) == (24, 16)
    assert "two standard errors" in objects.finding
    assert found["digests"][0].status is Status.OK
    assert found["digests"][1].facts["places"] == ["111122223333 eu-west-1"]
    assert found["read"][0].facts["read"] == found["read"][0].facts["sampled"] == 48
    assert found["cost"][0].facts["get_requests"] == 72


def test_the_scope_limits_what_is_estimated(large: str) -> None:
    found = sampled(large, Scope(regions=frozenset({"us-east-1"})))

    assert found["logs"][0].facts["regions"] == ["us-east-1"]
    assert found["objects"][0].facts["objects"] == 48


def test_an_estimate_says_how_far_it_may_be_off() -> None:
    assert estimate([(3, [1, 2, 3])]) == Amount(6, 0), "counted"
    spread = estimate([(100, [10, 14]), (2, [5, 5])])
    assert spread.value == 1_210
    # 100 · sqrt(0.98 · 8 / 2), twice.
    assert spread.error == pytest.approx(395.98, abs=0.01)
    assert estimate([(10, [7])]).error > 0, "one value tells nothing of the spread"


def test_days_are_limited_by_the_window(large: str) -> None:
    moment = datetime(2025, 1, 30, tzinfo=UTC)
    found = sampled(large, Scope(since=moment))

    assert found["logs"][0].facts["first_day"] == date(2025, 1, 30).isoformat()
    assert found["objects"][0].facts["objects"] == 12


def test_a_folder_that_cannot_be_listed_is_left_out_of_an_estimate_and_named(aws: AwsServer) -> None:
    aws.denied.append(f"{PLACE}CloudTrail-Digest/")

    found = {check.name: check for check in examine(open_s3(BUCKET, AwsOptions()), Scope(), None, listed_whole=1)}

    assert found["objects"].facts["objects"] == 5
    assert found["list"].status is Status.PROBLEM
    assert found["list"].facts["uris"] == [f"s3://{PLACE}CloudTrail-Digest/"]


def test_folders_beyond_the_requests_are_counted_as_not_looked_at(large: str) -> None:
    bucket = large.removeprefix("s3://").partition("/")[0]
    survey = Survey()

    S3Sampling(boto3.client("s3"), bucket, "logs", Scope(), AwsOptions(), requests=4).run(survey)

    assert survey.unseen == 2
    (problem,) = [check for check in findings(survey, Trial(0, 0, 0), None) if check.name == "list"]
    assert problem.finding == "2 folders not looked at: there are too many"


def test_credentials_that_aws_does_not_know_end_it(aws: AwsServer, run: Run) -> None:
    aws.denied_code = "InvalidAccessKeyId"
    aws.denied.append(f"{PLACE}CloudTrail/")

    assert run("doctor", BUCKET).code == 2
    with pytest.raises(CredentialsError, match="does not know this access key"):
        list(examine(open_s3(BUCKET, AwsOptions()), Scope(), None, listed_whole=1))


@pytest.mark.parametrize(
    ("reason", "step"),
    [("archived (Glacier): restore it first", "restore them"), ("truncated gzip", "look at it")],
)
def test_each_reason_has_a_next_step(reason: str, step: str) -> None:
    refused = [Unreadable(f"s3://b/{number}", reason) for number in range(7)]
    trial = Trial(9, 2, 7_200, refused)
    survey = Survey({("111122223333", "us-east-1"): None}, objects=Amount(4), requests=1)

    found = [check for check in findings(survey, trial, None) if check.name in ("read", "cost")]

    assert found[1].finding == f"{reason}: s3://b/0, s3://b/1, s3://b/2, s3://b/3, s3://b/4 and 2 more"
    assert (found[1].next or "").startswith(step)
    assert "4.0 h in one process, at 0 log files/s" in found[2].finding


def test_where_only_some_folders_are_looked_into_all_of_them_are_estimated(large: str) -> None:
    """Twelve accounts with two days each, of which ten are looked into."""
    bucket = large.removeprefix("s3://").partition("/")[0]
    s3 = boto3.client("s3")
    for number in range(12):
        account = f"{number:012}"
        for day in ("01", "02"):
            name = f"{account}_CloudTrail_eu-north-1_202502{day}T0955Z_a.json.gz"
            key = f"logs/AWSLogs/o-abcdefgh12/{account}/CloudTrail/eu-north-1/2025/02/{day}/{name}"
            s3.put_object(Bucket=bucket, Key=key, Body=b"no log")

    found = sampled(large, Scope(regions=frozenset({"eu-north-1"})))

    assert len(found["logs"][0].facts["accounts"]) == 12
    assert found["objects"][0].facts["objects"] == 24
    assert "first and last day from 10 of 12 folders" in found["objects"][0].finding
    assert found["read"][1].status is Status.PROBLEM
