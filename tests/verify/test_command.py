from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detector.cli.integrity_lines import finding_lines
from detector.verify.integrity import Integrity
from detector.verify.keys import KeyRing
from tests.running import Result, Run, write_log
from tests.verify.aws_server import AwsServer
from tests.verify.test_alerts import STOP
from tests.verify.vectors import THROUGH_COMMANDS, VECTORS, Vector, judge

# From verdicts to what `--format jsonl` says: everything but what is verified.


def findings(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.out.splitlines()]


def named(result: Result, kind: str) -> dict[str, str]:
    return {key(one["uri"]): one["verdict"] for one in findings(result) if one["kind"] == kind}


def key(uri: str) -> str:
    """The key of an S3 object, or of a copy of it."""
    return uri.split("/bucket/", 1)[1].split("/", 1)[1] if uri.startswith("file:") else uri.split("/", 3)[3]


def not_verified(expected: dict[str, str]) -> dict[str, str]:
    return {uri: verdict for uri, verdict in expected.items() if verdict != "verified"}


def scope_of(vector: Vector) -> list[str]:
    scope = vector.expected["scope"]
    return ["--since", scope["since"], "--until", scope["until"]]


def assert_as_expected(result: Result, vector: Vector) -> None:
    assert result.code == vector.expected["exit_code"], result.err
    assert named(result, "digest") == not_verified(vector.expected_digests())
    assert named(result, "log_file") == not_verified(vector.expected_logs())


@pytest.mark.slow
@pytest.mark.parametrize("case", THROUGH_COMMANDS)
def test_each_vector_from_s3_with_keys_from_aws(run: Run, aws: AwsServer, case: str) -> None:
    vector = Vector(case)
    aws.hold(vector)

    result = run("verify", f"s3://{vector.expected['bucket']}", *scope_of(vector), "--format", "jsonl", "--jobs", 1)

    assert_as_expected(result, vector)


@pytest.mark.parametrize("case", THROUGH_COMMANDS)
def test_each_vector_from_a_copy_with_keys_from_a_file(run: Run, case: str) -> None:
    vector = Vector(case)

    result = run(
        "verify", vector.folder / "bucket", "--keys", vector.folder / "keys", *scope_of(vector), "--format", "jsonl",
        "--jobs", 1,
    )  # fmt: skip

    assert_as_expected(result, vector)


@pytest.mark.slow
@pytest.mark.usefixtures("few_rules")
@pytest.mark.parametrize("case", THROUGH_COMMANDS)
def test_each_vector_against_a_lake_reads_no_log_file(run: Run, aws: AwsServer, tmp_path: Path, case: str) -> None:
    vector = Vector(case)
    aws.hold(vector)
    source = f"s3://{vector.expected['bucket']}"
    run("ingest", source, "--lake", tmp_path / "lake", "--jobs", 1)
    aws.gets.clear()

    result = run("verify", source, "--lake", tmp_path / "lake", *scope_of(vector), "--format", "jsonl")

    assert_as_expected(result, vector)
    assert all("/CloudTrail-Digest/" in got for got in aws.gets)


@pytest.mark.usefixtures("few_rules")
def test_a_lake_says_how_much_rests_on_a_file(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    vector = Vector("injected_log")
    aws.hold(vector)
    source, lake = f"s3://{vector.expected['bucket']}", tmp_path / "lake"
    run("ingest", source, "--lake", lake, "--jobs", 1)
    asked = ("verify", source, "--lake", lake, *scope_of(vector))

    (found,) = (json.loads(line) for line in run(*asked, "--format", "jsonl").out.splitlines())

    assert (found["verdict"], found["events"], found["alerts"], found["cause"]) == ("unlisted", 1, 1, None)
    assert "; 1 event and 1 alert rest on it" in run(*asked).out
    alone = json.loads(run("verify", source, *scope_of(vector), "--format", "jsonl").out)
    assert (alone["events"], alone["alerts"]) == (None, None)


def test_a_lake_names_the_call_beside_a_gap(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    vector = Vector("logging_stopped")
    aws.hold(vector)
    source, lake = f"s3://{vector.expected['bucket']}", tmp_path / "lake"
    stop = write_log(tmp_path / "export.json.gz", STOP)
    run("ingest", source, stop, "--lake", lake, "--jobs", 1, "--verify", "complete")
    cause = "StopLogging by arn:aws:iam::111122223333:user/ops at 2025-03-04T02:17:31Z"

    verified = run("verify", source, "--lake", lake, *scope_of(vector))
    gaps = run("coverage", "--lake", lake, *scope_of(vector), "--gaps", "--format", "jsonl")

    assert f"; {cause}\n" in verified.out
    reasons = [json.loads(line)["reason"] for line in gaps.out.splitlines()]
    assert reasons[0] == f"verified digests cover a part of each hour; {cause}"


def test_a_lake_that_lacks_a_signed_file_proves_nothing_about_it(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    vector = Vector("valid")
    aws.hold(vector)
    run("ingest", VECTORS / "other_region" / "bucket", "--lake", tmp_path / "lake", "--jobs", 1)

    source = f"s3://{vector.expected['bucket']}"
    result = run("verify", source, "--lake", tmp_path / "lake", *scope_of(vector), "--format", "jsonl")

    assert result.code == 4
    assert set(named(result, "log_file").values()) == {"unreadable"}
    assert "not in the lake" in result.out


def test_keys_are_asked_for_in_the_region_of_the_digest(run: Run, aws: AwsServer) -> None:
    vector = Vector("other_region")
    aws.hold(vector)

    run("verify", f"s3://{vector.expected['bucket']}", *scope_of(vector))

    assert [region for region, _ in aws.key_requests] == ["eu-west-1"]
    (body,) = (body for _, body in aws.key_requests)
    assert body["EndTime"] - body["StartTime"] == pytest.approx(5 * 3600)  # two ends, an hour apart, two hours around


def test_a_denied_key_api_is_named_and_proves_nothing(run: Run, aws: AwsServer) -> None:
    vector = Vector("other_region")
    aws.hold(vector)
    aws.denied.append("eu-west-1")

    result = run("verify", f"s3://{vector.expected['bucket']}", *scope_of(vector))

    assert result.code == 4
    assert "no keys: eu-west-1: access denied: cloudtrail:ListPublicKeys is not allowed in eu-west-1" in result.err


def test_a_region_that_a_key_makes_up_is_not_spoken_to(run: Run, aws: AwsServer) -> None:
    vector = Vector("valid")
    aws.hold(vector)
    aws.objects = {
        place.replace("us-east-1", "xx-north-9"): replace(stored, uri=stored.uri.replace("us-east-1", "xx-north-9"))
        for place, stored in aws.objects.items()
    }

    result = run("verify", f"s3://{vector.expected['bucket']}", *scope_of(vector), "--keys", "live")

    assert aws.key_requests == []
    assert "xx-north-9 is no region that this installation knows" in result.err
    assert result.code == 5  # nothing in it lies where it says


def test_a_denied_folder_of_log_files_is_not_taken_for_a_missing_one(run: Run, aws: AwsServer) -> None:
    vector = Vector("valid")
    aws.hold(vector)
    aws.denied.append("example-trail-bucket/AWSLogs/111122223333/CloudTrail/")

    result = run("verify", "s3://example-trail-bucket", *scope_of(vector), "--format", "jsonl")

    assert result.code == 4
    assert set(named(result, "log_file").values()) == {"unreadable"}


@pytest.mark.parametrize("with_lake", [False, True])
def test_who_names_only_the_digests_is_not_told_that_log_files_are_missing(
    run: Run, aws: AwsServer, tmp_path: Path, with_lake: bool
) -> None:
    aws.hold(Vector("valid"))
    folder = "s3://example-trail-bucket/AWSLogs/111122223333/CloudTrail-Digest/"
    lake = tmp_path / "lake"
    ingested = run("ingest", folder, "--lake", lake, "--verify", "complete", "--jobs", 1)

    result = run("verify", folder, *scope_of(Vector("valid")), *(["--lake", lake] if with_lake else []))

    assert (ingested.code, result.code) == (4, 4)
    assert "5 unreadable" in result.err
    assert "missing" not in result.out + result.err + ingested.err


def test_a_denied_digest_is_named(run: Run, aws: AwsServer) -> None:
    vector = Vector("valid")
    aws.hold(vector)
    denied = next(place for place in aws.objects if "T020131Z" in place)
    aws.denied.append(denied)

    result = run("verify", "s3://example-trail-bucket", *scope_of(vector), "--format", "jsonl")

    assert result.code == 4
    assert set(named(result, "digest").values()) == {"unreadable"}
    assert "s3:GetObject is not allowed" in result.out


def test_files_without_metadata_are_proven_by_their_successors(run: Run, tmp_path: Path) -> None:
    vector = Vector("valid")
    bucket = vector.folder / "bucket" / "example-trail-bucket"
    (tmp_path / "copy").symlink_to(bucket)

    result = run(
        "verify",
        bucket.parent.parent.parent / "valid" / "bucket",
        "--keys",
        vector.folder / "keys",
        *scope_of(vector),
    )

    assert result.code == 0
    moved = tmp_path / "moved"
    for path in bucket.rglob("*.gz"):
        there = moved / path.relative_to(bucket)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(path.read_bytes())
    result = run("verify", moved, "--keys", vector.folder / "keys", *scope_of(vector), "--format", "jsonl")
    assert result.code == 4
    assert sorted(one["verdict"] for one in findings(result) if one["kind"] == "digest") == [
        "unsigned",
        "verified-by-successor",
        "verified-by-successor",
        "verified-by-successor",
    ]
    assert "authentic as delivered to s3://example-trail-bucket/AWSLogs/, read from a copy" in result.err


def test_what_is_added_after_a_file_is_altered_and_zeros_are_padding(run: Run, tmp_path: Path) -> None:
    vector = Vector("valid")
    first, second, third = [
        path for path in sorted(vector.folder.rglob("*.gz")) if "CloudTrail-Digest" not in str(path)
    ][:3]
    added = {first: bytes(7), second: b"x", third: gzip.compress(b"")}
    for path in sorted(vector.folder.rglob("*.gz")):
        there = tmp_path / path.relative_to(vector.folder)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(path.read_bytes() + added.get(path, b""))
    (tmp_path / "objects.json").write_text((vector.folder / "objects.json").read_text())

    result = run("verify", tmp_path, "--keys", vector.folder / "keys", *scope_of(vector), "--format", "jsonl")

    assert result.code == 5
    altered = {Path(name).name for name in named(result, "log_file")}
    assert altered == {second.name, third.name}


def test_the_report_has_counts_and_findings(run: Run, tmp_path: Path) -> None:
    vector = Vector("tampered_log")
    report = tmp_path / "report.json"

    result = run(
        "verify", vector.folder / "bucket", "--keys", vector.folder / "keys", *scope_of(vector), "--report", report
    )

    written = json.loads(report.read_text())
    assert written["judgement"] == "damaged"
    assert written["digests"] == {"verified": 4}
    assert written["log_files"] == {"altered": 1, "verified": 4}
    assert [one["verdict"] for one in written["findings"]] == ["altered"]
    assert "damaged: what AWS signed and what is there differ in 1 object" in result.err
    assert result.out.startswith("altered     file:///")
    assert "signed " in result.out


def test_an_expected_account_that_is_absent_makes_it_unproven(run: Run, tmp_path: Path) -> None:
    vector = Vector("valid")
    expected = tmp_path / "expected.toml"
    expected.write_text('accounts = ["111122223333", "444455556666"]\nregions = ["us-east-1"]\n')
    arguments = [
        "verify",
        vector.folder / "bucket",
        "--keys",
        vector.folder / "keys",
        *scope_of(vector),
        "--expect",
        expected,
    ]

    result = run(*arguments)

    assert result.code == 4
    assert "absent      444455556666 us-east-1  expected, and nothing is there" in result.out
    expected.write_text('accounts = ["111122223333"]\n')
    assert run(*arguments).code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accounts = 7", "a list of names is needed"),
        ('accounts = ["1"]', "'1' is no account"),
        ('regions = ["here"]', "'here' is no region"),
        ("other = []", "'other' is not known"),
        ("[", "expect.toml"),
    ],
)
def test_an_expectation_that_is_none_is_an_error(run: Run, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "expect.toml").write_text(text)

    result = run(
        "verify", VECTORS / "valid/bucket", "--keys", VECTORS / "valid/keys", "--expect", tmp_path / "expect.toml"
    )

    assert result.code == 2
    assert message in result.errors[0]
    assert run("verify", VECTORS / "valid", "--expect", tmp_path / "absent").code == 2


def test_nothing_there_is_not_a_clean_trail(run: Run, tmp_path: Path) -> None:
    result = run("verify", tmp_path, "--keys", VECTORS / "valid" / "keys")

    assert result.code == 3
    assert "nothing there" in result.err


def test_files_outside_of_cloudtrails_folders_cannot_be_judged(run: Run, tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text('{"Records": []}')

    result = run("verify", tmp_path, "--keys", VECTORS / "valid" / "keys")

    assert result.code == 4
    assert "unplaced" in result.out


@pytest.mark.parametrize("source", ["lookup-events:", "-"])
def test_a_source_without_digests_is_refused(run: Run, source: str) -> None:
    result = run("verify", source)

    assert result.code == 2
    assert "has no digests" in result.errors[0]


def test_a_lake_that_is_none_is_an_error(run: Run, tmp_path: Path) -> None:
    result = run("verify", VECTORS / "valid", "--lake", tmp_path, "--keys", VECTORS / "valid/keys")

    assert result.code == 2
    assert "holds no lake" in result.errors[0]


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 7}', '{"a": {"metadata": {"b": 7}}}'])
def test_a_broken_description_of_a_copy_is_named_and_hides_nothing(run: Run, tmp_path: Path, text: str) -> None:
    vector = Vector("tampered_log")
    shutil.copytree(vector.folder / "bucket" / "example-trail-bucket", tmp_path / "copy")
    (tmp_path / "copy" / "bucket").mkdir()
    (tmp_path / "copy" / "objects.json").write_text(text)

    result = run("verify", tmp_path / "copy", "--keys", vector.folder / "keys", *scope_of(vector), "--jobs", 1)

    assert result.code == 5  # a log file was changed
    assert f"unreadable  {(tmp_path / 'copy' / 'objects.json').as_uri()}  it does not describe" in result.out


def test_objects_that_were_put_into_a_bucket_do_not_hide_the_rest_of_its_copy(run: Run, tmp_path: Path) -> None:
    """The attacker adds what a copy with a description has: the good account's objects, signed and intact."""
    planted, damaged = Vector("valid"), Vector("missing_log")
    shutil.copytree(damaged.folder / "bucket" / "example-trail-bucket", tmp_path, dirs_exist_ok=True)
    shutil.copytree(planted.folder / "bucket", tmp_path / "bucket")
    shutil.copyfile(planted.folder / "objects.json", tmp_path / "objects.json")

    result = run("verify", tmp_path, "--keys", planted.folder / "keys", *scope_of(planted), "--jobs", 1)

    assert result.code == 5
    assert "8 digests of 2 chains" in result.err
    assert "1 missing" in result.err
    assert "9 log files" in run("doctor", tmp_path).out


def test_what_lies_beside_the_objects_of_a_described_copy_is_named(run: Run) -> None:
    folder = Vector("valid").folder

    result = run("verify", folder, "--keys", folder / "keys", *scope_of(Vector("valid")), "--jobs", 1)

    assert result.code == 4
    assert f"unplaced    {(folder / 'keys' / 'us-east-1.json').as_uri()}" in result.out
    assert "objects.json" not in result.out


def test_what_is_not_proven_for_one_reason_is_one_line(run: Run) -> None:
    vector, keys = Vector("valid"), VECTORS / "other_region" / "keys" / "eu-west-1.json"
    asked = ("verify", vector.folder / "bucket", "--keys", keys, *scope_of(vector), "--jobs", 1)

    result = run(*asked)

    _, digests, logs = result.out.splitlines()
    place = "111122223333 us-east-1 below " + (vector.folder / "bucket/example-trail-bucket/AWSLogs").as_uri()
    assert digests.startswith(f"unchecked   4 digests of management-events, {place}/, 2025-03-04T01:01Z to ")
    assert logs.startswith(f"unattested  5 log files of {place}/, 2025-03-04T00:")
    assert logs.endswith("  no verified digest covers its delivery")
    assert len(findings(run(*asked, "--format", "jsonl"))) == 1 + 4 + 5


def test_few_are_named_each_and_more_than_are_kept_are_counted() -> None:
    vector = Vector("valid")
    logs = [one for one in vector.objects if not one.is_digest]
    integrity = Integrity(vector.asked(), vector.keys)
    (few,) = judge(logs[:3], vector.keys, vector.asked())
    integrity.add(few)
    assert sum(line.startswith("unattested  s3://") for line in finding_lines(integrity)) == 3

    (many,) = judge(logs, vector.keys, vector.asked())
    integrity.add(replace(many, logs=many.logs * 300))
    lines = list(finding_lines(integrity))
    assert "unattested  1,000 log files of 111122223333 us-east-1" in "\n".join(lines)
    assert "… and 503 more log files that are not proven and not named" in lines


def test_without_keys_digests_are_one_line_for_each_trail() -> None:
    vector = Vector("two_trails")
    integrity = Integrity(vector.asked(), KeyRing())
    (verdict,) = judge(vector.objects, KeyRing(), vector.asked())
    integrity.add(replace(verdict, digests=verdict.digests * 2))

    lines = [line for line in finding_lines(integrity) if line.startswith("unchecked")]

    assert len(lines) == 2
    assert "6 digests of management-events, 111122223333 us-east-1 below s3://" in lines[0]
    assert ", 2025-03-04T01:01Z to 2025-03-04T03:01Z  " in lines[0]
