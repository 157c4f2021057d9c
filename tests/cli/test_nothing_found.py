"""Whoever finds no log is told what there is instead."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from tests.running import LOGIN, Run, write_log

pytestmark = pytest.mark.usefixtures("few_rules")

ACCOUNT = "AWSLogs/111122223333/"
DAY = f"{ACCOUNT}CloudTrail/us-east-1/2025/03/04/"
NAME = "111122223333_CloudTrail_us-east-1_20250304T0955Z_a.json.gz"


@pytest.fixture(params=["directory", "bucket"])
def source(
    request: pytest.FixtureRequest, tmp_path: Path, aws_variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> str:
    """A trail of one log file, in a directory and in a bucket."""
    log = write_log(tmp_path / "logs" / DAY / NAME, LOGIN)
    if request.param == "directory":
        return str(tmp_path / "logs")
    for name, value in aws_variables.items():
        monkeypatch.setenv(name, value)
    bucket = tmp_path.name.replace("_", "-").lower()[:60] + "-b"
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=DAY + NAME, Body=log.read_bytes())
    return f"s3://{bucket}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limits", "within", "seen"),
    [
        (["--account", "444455556666"], "--account 444455556666", "account 111122223333"),
        (["--region", "eu-west-1"], "--region eu-west-1", "account 111122223333; region us-east-1"),
        (["--until", "2024-02-01"], "--until 2024-02-01T23:59:59Z", "account 111122223333; region us-east-1"),
        (["--since", "2027-01-01"], "--since 2027-01-01T00:00:00Z", "account 111122223333; region us-east-1"),
    ],
)
def test_limits_that_exclude_everything_are_told_beside_what_there_is(
    run: Run, source: str, limits: list[str], within: str, seen: str
) -> None:
    result = run("scan", source, *limits)
    assert result.code == 3
    error, hint = result.err.splitlines()[-2:]
    assert error == f"error: no CloudTrail logs under {source} within {within}"
    assert hint.startswith(f"hint: there are: {seen};")
    assert hint.endswith("; check the prefix and the limits")


def test_every_command_that_reads_says_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "README.md").write_text("nothing here")
    for command in (["scan"], ["ingest", "--lake", tmp_path / "lake"], ["run", "--lake", tmp_path / "lake"]):
        result = run(*command, tmp_path / "logs")
        assert result.code == 3
        assert result.errors == [f"error: no CloudTrail logs under {tmp_path / 'logs'}"]
        assert f"hint: there are: prefix {(tmp_path / 'logs').as_uri()}/; check the prefix" in result.err
    result = run("watch", tmp_path / "logs", "--once", "--lake", tmp_path / "lake")
    assert result.code == 3
    assert result.errors == [f"error: no CloudTrail logs under {tmp_path / 'logs'}"]


@pytest.mark.parametrize("source", ["bucket"], indirect=True)
@pytest.mark.parametrize("prefix", ["AWSLogs/999988887777/", "AWSLogs/999988887777/CloudTrail", "AWSLogs/x/y/"])
def test_an_empty_prefix_of_a_bucket_is_told_beside_its_neighbours(run: Run, source: str, prefix: str) -> None:
    result = run("scan", f"{source}/{prefix}")
    assert result.code == 3
    assert f"hint: there are: account 111122223333; prefix {source}/{ACCOUNT}; check the prefix" in result.err


def test_an_empty_directory_holds_nothing_else(run: Run, tmp_path: Path) -> None:
    assert "hint: nothing else was seen there either; check the prefix" in run("scan", tmp_path).err


def test_names_that_others_chose_are_escaped_and_few(run: Run, tmp_path: Path) -> None:
    for number in range(40):
        folder = tmp_path / f"\x1b[2J{number:02}{'x' * 200}"
        folder.mkdir()
        (folder / "notes.md").touch()
    result = run("scan", tmp_path)
    assert result.code == 3
    assert "\x1b" not in result.err
    [hint] = [line for line in result.err.splitlines() if line.startswith("hint: ")]
    assert "and 35 more" in hint
    assert len(hint) < 2_000


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--account", "11112222333", "'11112222333' is not an account"),
        ("--account", "1111-2222-3333", "'1111-2222-3333' is not an account"),
        ("--region", "us-est-1", "'us-est-1' is not a region"),
        ("--region", "Frankfurt", "'Frankfurt' is not a region"),
    ],
)
def test_what_can_be_no_account_or_region_is_refused_before_anything_is_read(
    run: Run, tmp_path: Path, option: str, value: str, message: str
) -> None:
    write_log(tmp_path / "login.json.gz", LOGIN)
    result = run("scan", tmp_path, option, value)
    assert result.code == 2
    assert result.errors == [f"error: {message}"]
    assert "listed" not in result.err
