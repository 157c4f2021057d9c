"""An organisation's trail, three accounts in three regions for two days, with damage of each kind: all is named."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.running import Run, aws_environment
from tests.verify.aws_server import AwsServer, serve_aws
from tests.verify.test_chains import HOUR, START, Made, maker, objects_of

pytestmark = pytest.mark.slow

SOURCE = "s3://example-trail-bucket"
ACCOUNTS = ("111122223333", "444455556666", "777788889999")
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
UNTIL = START + 48 * HOUR
ALTERED, MISSING, UNLISTED, OFF = (
    ("111122223333", "us-east-1"),
    ("444455556666", "eu-west-1"),
    ("777788889999", "ap-southeast-2"),
    ("444455556666", "us-east-1"),
)


@dataclass(frozen=True)
class Organisation:
    """A lake of the trail, and the names of what is wrong in it."""

    lake: Path
    server: AwsServer
    environment: dict[str, str]
    altered: str
    missing: str
    unlisted: str


def deliver(trail: Made, hours: int, off: range) -> list[str]:
    """Deliver a log file every six hours, and digests but for the hours in which validation is off; name the files."""
    keys: list[str] = []
    for hour in range(hours):
        start = START + hour * HOUR
        logs = [trail.log(start + timedelta(minutes=7))] if hour % 6 == 0 or hour in off else []
        if hour in off and hour == off.start:
            logs.append(update_trail(trail, start + timedelta(minutes=9)))
        keys += [one["s3Object"] for one in logs]
        if hour in off:
            trail.previous = None
        else:
            trail.digest(start, start + HOUR, logs)
    return keys


def update_trail(trail: Made, delivered: Made) -> Made:
    """A log file with the call that turns validation off."""
    entry = trail.log(delivered, ("UpdateTrail",))
    held = trail.bucket.objects[entry["s3Object"]]
    document = json.loads(gzip.decompress(held["body"]))
    changes = {"name": trail.name, "enableLogFileValidation": False}
    document["Records"][0] |= {
        "eventSource": "cloudtrail.amazonaws.com",
        "requestParameters": changes,
        "readOnly": False,
    }
    content = json.dumps(document).encode()
    held["body"] = gzip.compress(content)
    return entry | {"hashValue": hashlib.sha256(content).hexdigest()}


def hold(server: AwsServer) -> tuple[str, str, str]:
    """Hold the trail; return the keys of the altered, the missing and the unlisted log file."""
    bucket = maker().Bucket()
    files: dict[tuple[str, str], list[str]] = {}
    for region in REGIONS:
        key = maker().Key("us-east-1/1", region, START - timedelta(days=10))
        server.keys[region] = [key.listed()]
        for account in ACCOUNTS:
            trail = maker().Trail(bucket, key, account, region, root="AWSLogs/o-exampleorg")
            off = range(20, 23) if (account, region) == OFF else range(0)
            files[account, region] = deliver(trail, 48, off)
            if (account, region) == UNLISTED:
                unlisted = trail.log(START + 30 * HOUR + timedelta(minutes=20), ("ConsoleLogin",), root_login=True)
    altered, missing = files[ALTERED][2], files[MISSING][3]
    body = gzip.decompress(bucket.objects[altered]["body"])
    bucket.objects[altered]["body"] = gzip.compress(body.replace(b"198.51.100.7", b"203.0.113.99"))
    del bucket.objects[missing]
    server.objects = {one.uri.removeprefix("s3://"): one for one in objects_of(bucket)}
    return altered, missing, unlisted["s3Object"]


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Organisation]:
    folder = tmp_path_factory.mktemp("organisation")
    with serve_aws() as server:
        names = hold(server)
        environment = aws_environment(server.url, folder) | server.variables
        yield Organisation(folder / "lake", server, environment, *names)


@pytest.fixture
def detector(run: Run, organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line, with the organisation's AWS and a lake of its trail."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in organisation.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    if not organisation.lake.exists():
        taken = run("ingest", SOURCE, "--lake", organisation.lake, "--verify", "complete", "--jobs", 1)
        assert taken.code == 5, taken.err
        assert "429 digests of 9 chains: 429 verified" in taken.err
    return run


def rows(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_verify_names_each_and_what_rests_on_it(detector: Run, organisation: Organisation) -> None:
    asked = ("verify", SOURCE, "--lake", organisation.lake, "--until", UNTIL.isoformat())

    result = detector(*asked)
    found = rows(detector(*asked, "--format", "jsonl").out)

    assert result.code == 5
    damage = {one["verdict"]: one for one in found if one["kind"] == "log_file" and one["verdict"] != "unattested"}
    assert {verdict: one["uri"].removeprefix(f"{SOURCE}/") for verdict, one in damage.items()} == {
        "altered": organisation.altered, "missing": organisation.missing, "unlisted": organisation.unlisted,
    }  # fmt: skip
    assert [damage[verdict]["events"] for verdict in ("altered", "missing", "unlisted")] == [1, 0, 1]
    assert damage["altered"]["alerts"] == 0
    assert damage["unlisted"]["alerts"] > 0
    (gap,) = (one for one in found if one["kind"] == "gap")
    assert (gap["account"], gap["region"], gap["verdict"], gap["log_files"]) == (*OFF, "restarted", 4)
    assert gap["cause"].startswith("UpdateTrail by arn:aws:iam::444455556666:user/ops at 2025-03-04T20:")
    assert f"; 1 event and {damage['unlisted']['alerts']} alert" in result.out
    assert f"4 log files there; {gap['cause']}" in result.out


def test_coverage_names_each_in_its_hours(detector: Run, organisation: Organisation) -> None:
    result = detector(
        "coverage", "--lake", organisation.lake, "--gaps", "--until", UNTIL.isoformat(), "--format", "jsonl"
    )

    assert result.code == 5
    found = {(one["account"], one["region"]): one for one in rows(result.out)}
    assert {place: (one["state"], one["hours"]) for place, one in found.items()} == {
        ALTERED: ("damaged", 1), MISSING: ("damaged", 1), UNLISTED: ("damaged", 1), OFF: ("unattested", 3),
    }  # fmt: skip
    assert found[ALTERED]["reason"] == "1 log file altered"
    assert found[MISSING]["reason"] == "1 log file missing"
    assert found[UNLISTED]["reason"] == "1 log file unlisted"
    assert found[OFF]["reason"].startswith(
        "log files for which no verified digest vouches; UpdateTrail by arn:aws:iam::444455556666"
    )
    assert "look for UpdateTrail" in found[OFF]["next"]


def test_status_shows_where_something_is_damaged_or_not_signed(detector: Run, organisation: Organisation) -> None:
    found = rows(detector("status", "--lake", organisation.lake, "--by", "place", "--format", "jsonl").out)

    assert {(one["account"], one["region"]) for one in found if one["hours_damaged"]} == {ALTERED, MISSING, UNLISTED}
    signed = {(one["account"], one["region"]): one["hours_signed"] for one in found}
    assert (signed[OFF], signed[ALTERED], signed[ACCOUNTS[0], REGIONS[1]]) == (45, 47, 48)
    assert detector("status", "--lake", organisation.lake).out.count(", 1 h damaged") == 3


def test_alerts_tell_of_each(detector: Run, organisation: Organisation) -> None:
    alerts = detector("detect", "--lake", organisation.lake).alerts

    named = {one["rule_id"]: one for one in alerts if one["rule_id"].startswith(("log_file_", "digest_chain_"))}
    assert {rule: (one["account_id"], one["context"]["region"]) for rule, one in named.items()} == {
        "log_file_altered": ALTERED,
        "log_file_missing": MISSING,
        "log_file_unlisted": UNLISTED,
        "digest_chain_broken": OFF,
    }
    assert "UpdateTrail by arn:aws:iam::444455556666:user/ops" in named["digest_chain_broken"]["summary"]
    assert organisation.missing in named["log_file_missing"]["context"]["log_file"]
