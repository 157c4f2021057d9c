"""An inventory in the place of a bucket: ingest, scan and verify read what it names and say what it cannot know."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.inventories import Inventory
from tests.running import Result, Run
from tests.verify.aws_server import AwsServer
from tests.verify.vectors import StoredObject

INVENTORY = "inventory:s3://inventories/inv/"
BUCKET = "example-trail-bucket"


def rows(aws: AwsServer) -> list[dict[str, Any]]:
    """Return what lies in the bucket, log files first."""
    held = [(place.removeprefix(f"{BUCKET}/"), one) for place, one in aws.objects.items()]
    return [
        {
            "key": key,
            "size": len(one.body),
            "e_tag": hashlib.md5(one.body).hexdigest(),
            "last_modified_date": one.last_modified,
            "storage_class": "STANDARD",
        }
        for key, one in sorted(held, key=lambda entry: entry[1].is_digest)
    ]


def write_inventory(aws: AwsServer, named: list[dict[str, Any]]) -> None:
    for key, body in Inventory(source=BUCKET).of(named).items():
        place = f"inventories/{key}"
        aws.objects[place] = StoredObject(f"s3://{place}", body, {}, datetime.now(UTC))


def ingest(run: Run, folder: Path, source: str = INVENTORY, *more: object) -> tuple[Result, dict[str, Any]]:
    result = run("ingest", source, "--lake", folder / "lake", "--jobs", 1, "--report", folder / "report.json", *more)
    return result, json.loads((folder / "report.json").read_text())


def test_a_lake_from_an_inventory_is_that_of_the_bucket(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    write_inventory(aws, rows(aws))

    result, report = ingest(run, tmp_path)

    assert (result.code, report["objects"]["ingested"]) == (0, 5)
    assert "delivered after the inventory of 2026-11-28T01:00Z" in result.err
    result, report = ingest(run, tmp_path, f"s3://{BUCKET}")
    assert (report["objects"]["ingested"], report["objects"]["already_in"]) == (0, 5)


def test_what_is_archived_or_gone_since_fails_and_the_rest_is_read(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    named = rows(aws)
    named[0]["storage_class"] = "GLACIER"
    write_inventory(aws, named)
    gone = named[1]["key"]
    del aws.objects[f"{BUCKET}/{gone}"]

    result, report = ingest(run, tmp_path)

    assert result.code == 4
    assert (report["objects"]["ingested"], report["objects"]["failed"]) == (3, 2)
    failures = {one["uri"].removeprefix(f"s3://{BUCKET}/"): one["reason"] for one in report["failures"]}
    assert failures[named[0]["key"]].startswith("archived (GLACIER): restore it first")
    assert failures[gone] == "listed, but gone since"
    # A gap stays until the object was read, and what is in the lake may be archived without being one.
    assert run("status", "--lake", tmp_path / "lake").err.count("gap: ") == 2
    for one in named:
        one["storage_class"] = "DEEP_ARCHIVE"
    write_inventory(aws, named[2:])
    result, report = ingest(run, tmp_path)
    assert (report["objects"]["already_in"], report["objects"]["failed"]) == (3, 0)


@pytest.mark.slow
def test_alerts_from_an_inventory_are_those_of_the_bucket(run: Run, aws: AwsServer, few_rules: None) -> None:  # noqa: ARG001
    from_bucket = run("scan", f"s3://{BUCKET}", "--jobs", 1)
    write_inventory(aws, rows(aws))
    from_inventory = run("scan", INVENTORY, "--jobs", 1)

    assert from_inventory.code == from_bucket.code
    assert from_inventory.out == from_bucket.out


@pytest.mark.slow
def test_what_an_inventory_does_not_name_is_not_called_missing(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    named = rows(aws)
    write_inventory(aws, named)
    arguments = ("--since", "2025-03-04", "--until", "2025-03-04", "--jobs", 1, "--report", tmp_path / "report.json")

    result = run("verify", INVENTORY, *arguments)
    assert result.code == run("verify", f"s3://{BUCKET}", *arguments).code
    assert "does not name what was delivered after the inventory of 2026-11-28T01:00Z" in result.err
    whole = json.loads((tmp_path / "report.json").read_text())["log_files"]

    write_inventory(aws, named[1:])
    assert run("verify", INVENTORY, *arguments).code == 4
    without_one = json.loads((tmp_path / "report.json").read_text())["log_files"]
    assert without_one["verified"] == whole["verified"] - 1
    assert without_one.get("missing", 0) == 0


def test_a_first_look_goes_through_an_inventory(run: Run, aws: AwsServer) -> None:
    write_inventory(aws, rows(aws))
    found = {}
    for line in run("doctor", INVENTORY, "--until", "2025-03-05", "--format", "jsonl").out.splitlines():
        found[json.loads(line)["check"]] = json.loads(line)
    assert found["inventory"]["bucket"] == f"s3://{BUCKET}/"
    assert (found["objects"]["objects"], found["read"]["read"]) == (5, 5)


def test_an_altered_inventory_is_one_line_and_a_gap(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    write_inventory(aws, rows(aws))
    place = next(place for place in aws.objects if "/data/" in place)
    aws.objects[place] = StoredObject(f"s3://{place}", b"PAR1", {}, datetime.now(UTC))

    result, report = ingest(run, tmp_path)

    assert result.code == 2
    assert len(result.errors) == 1
    assert "is not as S3 wrote it" in result.errors[0]
    assert report["unreadable_prefixes"][0]["uri"] == INVENTORY
