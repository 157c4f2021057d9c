from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.long import many
from tests.running import Result, Run
from tests.verify.aws_server import AwsServer
from tests.verify.halves import assert_judged_in_halves
from tests.verify.test_command import key, not_verified, scope_of
from tests.verify.vectors import CASES, THROUGH_COMMANDS, Vector

Report = dict[str, Any]
Ingest = Callable[..., tuple[Result, Report]]
HERE = Path(__file__).parent


@pytest.fixture
def ingested(run: Run, tmp_path: Path) -> Ingest:
    """`detector ingest --verify` of a vector into one lake; its result and the integrity in its report."""

    def call(vector: Vector, verify: str, *more: object, scope: bool = True) -> tuple[Result, Report]:
        report = tmp_path / "report.json"
        arguments = [*scope_of(vector)] if scope else []
        source = f"s3://{vector.expected['bucket']}"
        lake = tmp_path / "lake"
        result = run(
            "ingest", source, "--lake", lake, "--verify", verify, "--report", report, "--jobs", 1, *arguments, *more
        )
        written = json.loads(report.read_text())
        return result, written.get("integrity", {})

    return call


def named(integrity: Report, kind: str) -> dict[str, str]:
    return {key(one["uri"]): one["verdict"] for one in integrity["findings"] if one["kind"] == kind}


@pytest.mark.slow
@pytest.mark.parametrize("case", THROUGH_COMMANDS)
def test_each_vector_gets_its_verdicts_while_it_is_ingested(aws: AwsServer, ingested: Ingest, case: str) -> None:
    vector = Vector(case)
    aws.hold(vector)

    result, integrity = ingested(vector, "complete")

    expected = vector.expected["exit_code"]
    # A log file that cannot be read whole is a failure of ingest, too; damage comes first.
    assert result.code == expected, result.err
    assert named(integrity, "digest") == not_verified(vector.expected_digests())
    assert named(integrity, "log_file") == not_verified(vector.expected_logs())


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_each_vector_gets_its_verdicts_when_half_of_it_comes_later(
    aws: AwsServer, ingested: Ingest, tmp_path: Path, case: str
) -> None:
    assert_judged_in_halves(case, aws, tmp_path / "lake", lambda vector: ingested(vector, "complete", scope=False)[0])


def test_a_second_run_fetches_nothing_and_says_the_same(aws: AwsServer, ingested: Ingest) -> None:
    vector = Vector("missing_log")
    aws.hold(vector)
    first = ingested(vector, "complete")
    aws.gets.clear()
    aws.key_requests.clear()

    second = ingested(vector, "complete")

    assert aws.gets == []
    assert aws.key_requests == []
    assert first[0].code == second[0].code == 5
    assert first[1]["findings"] == second[1]["findings"]


def test_without_verify_no_digest_is_fetched_and_the_report_says_nothing(aws: AwsServer, ingested: Ingest) -> None:
    vector = Vector("tampered_log")
    aws.hold(vector)

    result, integrity = ingested(vector, "none")

    assert result.code == 0
    assert integrity == {}
    assert not any("CloudTrail-Digest" in got for got in aws.gets)
    assert aws.key_requests == []
    assert "skipped 4: CloudTrail-Digest: a digest for log file validation" in result.err


@pytest.fixture
def lost_hour(aws: AwsServer) -> Vector:
    """A bucket whose log files of the fourth hour are gone; in the third there were none."""
    vector = Vector("valid")
    aws.hold(vector)
    aws.objects = {place: one for place, one in aws.objects.items() if "CloudTrail_us-east-1_20250304T03" not in place}
    return vector


def test_present_reads_no_digest_of_an_hour_without_log_files(
    aws: AwsServer, ingested: Ingest, lost_hour: Vector
) -> None:
    result, integrity = ingested(lost_hour, "present")

    assert result.code == 0
    fetched = [got.rpartition("_")[2] for got in aws.gets if "CloudTrail-Digest" in got]
    assert sorted(fetched) == ["20250304T010131Z.json.gz", "20250304T020131Z.json.gz"]
    assert integrity["digests"] == {"unread": 2, "verified": 2}
    assert integrity["log_files"] == {"verified": 3}


def test_present_says_what_is_wrong_with_what_is_there(aws: AwsServer, ingested: Ingest) -> None:
    vector = Vector("tampered_log")
    aws.hold(vector)

    result, integrity = ingested(vector, "present")

    assert result.code == 5
    assert named(integrity, "log_file") == not_verified(vector.expected_logs())


def test_complete_fetches_what_present_left_and_sees_what_is_gone(
    aws: AwsServer, ingested: Ingest, lost_hour: Vector
) -> None:
    ingested(lost_hour, "present")
    aws.gets.clear()

    result, integrity = ingested(lost_hour, "complete")

    assert result.code == 5
    fetched = sorted(got.rpartition("_")[2] for got in aws.gets)
    assert fetched == ["20250304T030131Z.json.gz", "20250304T040131Z.json.gz"]
    assert list(named(integrity, "log_file").values()) == ["missing", "missing"]


@pytest.mark.slow
@pytest.mark.parametrize("order", ["logs first", "digests first", "newest first"])
def test_the_order_of_arrival_changes_nothing(aws: AwsServer, ingested: Ingest, order: str) -> None:
    vector = Vector("tampered_log")
    aws.hold(vector)
    all_objects = dict(aws.objects)
    first = {"logs first": ("/CloudTrail/",), "digests first": ("-Digest/",), "newest first": ("T03", "T04")}[order]
    aws.objects = {place: one for place, one in all_objects.items() if any(part in place for part in first)}
    ingested(vector, "complete")
    aws.objects = all_objects

    result, integrity = ingested(vector, "complete")

    assert result.code == 5
    assert named(integrity, "digest") == {}
    assert named(integrity, "log_file") == not_verified(vector.expected_logs())


def test_a_log_file_that_was_missing_and_comes_back_is_verified(aws: AwsServer, ingested: Ingest) -> None:
    vector = Vector("valid")
    aws.hold(vector)
    all_objects = dict(aws.objects)
    lost = next(place for place in aws.objects if "CloudTrail-Digest" not in place)
    del aws.objects[lost]
    assert ingested(vector, "complete")[0].code == 5
    aws.objects = all_objects

    result, integrity = ingested(vector, "complete")

    assert result.code == 0
    assert integrity["findings"] == []


def test_a_denied_digest_is_named_and_its_log_files_are_ingested(aws: AwsServer, ingested: Ingest) -> None:
    vector = Vector("valid")
    aws.hold(vector)
    aws.denied.append(next(place for place in aws.objects if "T020131Z" in place))

    result, integrity = ingested(vector, "complete")

    assert result.code == 4
    assert set(named(integrity, "digest").values()) == {"unreadable"}
    assert "5 ingested" in result.err
    aws.denied.clear()
    assert ingested(vector, "complete")[0].code == 0


def test_denied_keys_are_named_and_asked_for_again(aws: AwsServer, ingested: Ingest) -> None:
    vector = Vector("valid")
    aws.hold(vector)
    aws.denied.append("us-east-1")

    result, integrity = ingested(vector, "complete")

    assert result.code == 4
    assert set(named(integrity, "digest").values()) == {"unchecked"}
    assert "cloudtrail:ListPublicKeys is not allowed" in integrity["keys_refused"]["us-east-1"]
    assert "5 ingested" in result.err
    aws.denied.clear()
    assert ingested(vector, "complete")[0].code == 0


def test_keys_from_a_file_serve_as_well(aws: AwsServer, ingested: Ingest) -> None:
    vector = Vector("two_keys")
    aws.hold(vector)

    result, integrity = ingested(vector, "complete", "--keys", vector.folder / "keys")

    assert result.code == 0
    assert integrity["keys"] == 2
    assert aws.key_requests == []


def test_a_denied_log_file_is_not_called_missing(aws: AwsServer, ingested: Ingest) -> None:
    vector = Vector("valid")
    aws.hold(vector)
    aws.denied.append(next(place for place in aws.objects if "CloudTrail-Digest" not in place))

    result, integrity = ingested(vector, "complete")

    assert result.code == 4
    assert set(named(integrity, "log_file").values()) == {"unreadable"}


def test_what_the_scope_left_out_is_not_called_missing_later(aws: AwsServer, ingested: Ingest, tmp_path: Path) -> None:
    vector = Vector("valid")
    aws.hold(vector)
    ingested(vector, "complete", "--since", "2025-03-05", "--until", "2025-03-06", scope=False)
    assert not (tmp_path / "lake").exists(), "nothing was in scope"

    assert ingested(vector, "complete")[0].code == 0


@pytest.mark.parametrize("every", [13, pytest.param(many(3, 1), marks=pytest.mark.slow)])
def test_a_run_that_is_killed_between_any_two_statements_loses_nothing(tmp_path: Path, every: int) -> None:
    command = [sys.executable, str(HERE / "crash.py"), str(tmp_path), str(Vector("missing_log").folder), str(every)]
    environment = dict(os.environ) | {"PYTHONPATH": str(HERE.parents[1])}

    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    lives = [json.loads(line) for line in output.splitlines()]
    assert len(lives) > 4
    assert [life["killed"] for life in lives] == [True] * (len(lives) - 1) + [False]
    undisturbed = lives[-1]["found"]
    assert undisturbed["log_files"] == {"missing": 1, "verified": 4}
    assert all(life["found"] == undisturbed for life in lives)


def test_a_lake_gets_no_larger_digest_than_the_cap(aws: AwsServer, ingested: Ingest) -> None:
    vector = Vector("valid")
    aws.hold(vector)
    place, stored = next((place, one) for place, one in aws.objects.items() if "T020131Z" in place)
    aws.objects[place] = replace(stored, body=gzip.compress(bytes(16 << 20) + b"x"))

    result, integrity = ingested(vector, "complete")

    assert result.code == 5
    assert set(named(integrity, "digest").values()) == {"malformed"}
