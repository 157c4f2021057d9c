"""`detector plan`: what there is to read, and what it costs, before anything is read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from detector.doctor.measure import Measured
from detector.doctor.plan import Basis, plan
from detector.doctor.planning import planned
from detector.doctor.prices import WRITTEN_DOWN
from detector.doctor.rates import DOCUMENTED, Work
from detector.scope import Scope
from detector.sources.aws_options import AwsOptions
from detector.sources.keys import Place
from detector.sources.log_source import LogObject, Storage, Unreadable
from detector.sources.s3 import open_s3
from detector.sources.survey import Amount, Sample, Survey, survey_listed
from tests.inventories import Inventory
from tests.running import LOGIN, Run, write_log
from tests.verify.aws_server import AwsServer
from tests.verify.vectors import StoredObject

Found = dict[str, list[dict[str, Any]]]
INVENTORY = "inventory:s3://inventories/inv/"
KEY = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/111122223333_CloudTrail_us-east-1_20260301T{:04}Z_a.json.gz"


def hold(aws: AwsServer, rows: list[dict[str, Any]], inventory: Inventory = Inventory()) -> None:  # noqa: B008
    for key, body in inventory.of(rows).items():
        place = f"inventories/{key}"
        aws.objects[place] = StoredObject(f"s3://{place}", body, {}, datetime.now(UTC))


def row(number: int, **more: object) -> dict[str, Any]:
    known = {"key": KEY.format(number), "size": 1_000_000, "e_tag": "5d4", "storage_class": "STANDARD"}
    return known | {"encryption_status": "SSE-S3"} | more


def look(run: Run, *more: object) -> tuple[int, Found]:
    result = run("plan", *more, "--format", "jsonl")
    found: Found = {}
    for line in map(json.loads, result.out.splitlines()):
        found.setdefault(line["check"], []).append(line)
    return result.code, found


def test_an_inventory_is_reckoned_by_class_and_key(run: Run, aws: AwsServer) -> None:
    kinds: list[dict[str, Any]] = [
        {},
        {"storage_class": "STANDARD_IA", "encryption_status": "SSE-KMS"},
        {"encryption_status": "SSE-KMS", "bucket_key_status": "ENABLED"},
        {"storage_class": "GLACIER"},
    ]
    columns = (*Inventory().columns, "bucket_key_status")
    hold(aws, [row(number, **kind) for number, kind in enumerate(kinds)], Inventory(columns=columns))

    code, found = look(run, INVENTORY)

    assert code == 4
    assert found["inventory"][0]["bucket"] == "s3://trail/"
    assert "delivered after the inventory of 2026-11-28T01:00Z" in found["inventory"][0]["finding"]
    assert (found["objects"][0]["objects"], found["objects"][0]["bytes"]) == (4, 4_000_000)
    assert [(one["class"], one["encryption"], one["bucket_key"]) for one in found["storage"]] == [
        ("STANDARD", "SSE-S3", False),
        ("STANDARD_IA", "SSE-KMS", False),
        ("STANDARD", "SSE-KMS", True),
        ("GLACIER", "SSE-S3", False),
    ]
    assert (found["archived"][0]["objects"], found["archived"][0]["bytes"]) == (1, 1_000_000)
    (requests,) = found["requests"]
    assert (requests["list_requests"], requests["get_requests"], requests["kms_requests_at_most"]) == (0, 3, 1)
    assert requests["dollars"] == pytest.approx(2 * 0.4e-6 + 1e-6 + 3e-6 + 0.00001, abs=1e-4)
    assert str(WRITTEN_DOWN) in requests["finding"]
    assert found["events"][0]["events"] == round(3_000_000 / DOCUMENTED.stored_bytes)
    assert not any(key.startswith("AWSLogs") for key in aws.gets), "no log file is read"


def test_what_was_left_out_by_day_is_not_reckoned(run: Run, aws: AwsServer) -> None:
    hold(aws, [row(1), row(2, key=KEY.format(1).replace("2026/03/01", "2026/02/01"))])
    code, found = look(run, INVENTORY, "--since", "2026-02-15")
    assert code == 0
    assert found["objects"][0]["objects"] == 1


def test_a_bucket_is_listed_and_asked_how_it_is_encrypted(run: Run, aws: AwsServer) -> None:
    aws.kms_key = "arn:aws:kms:us-east-1:111122223333:key/0a1b"
    code, found = look(run, "s3://example-trail-bucket")
    assert code == 0
    (requests,) = found["requests"]
    assert (requests["get_requests"], requests["kms_requests_at_most"]) == (5, 5)
    assert requests["list_requests"] > 0
    assert found["scan"][0]["core_hours"] >= 0
    assert not any(key.startswith("AWSLogs") for key in aws.gets), "no log file is read"


def test_of_a_large_bucket_some_days_are_counted(aws: AwsServer) -> None:
    source = open_s3("s3://example-trail-bucket", AwsOptions(endpoint_url=aws.url))
    found = {one.name: one for one in planned(source, Scope(), (2,), listed_whole=1)}
    assert found["objects"].facts["objects"] == 5
    assert found["storage"].facts["class"] == "STANDARD"
    assert found["requests"].facts["get_requests"] == 5


def test_a_bucket_in_which_nothing_lies_is_a_problem(run: Run, aws: AwsServer) -> None:
    aws.objects = {}
    code, found = look(run, "s3://example-trail-bucket")
    assert code == 4
    assert found.keys() == {"logs"}


def test_a_folder_costs_no_requests_and_a_sample_tells_the_rates(run: Run, tmp_path: Path) -> None:
    records = [LOGIN | {"eventID": f"7d1f7c1e-0001-4c6e-9a40-{number:012}"} for number in range(20_000)]
    write_log(tmp_path / KEY.format(1), *records)

    code, found = look(run, tmp_path, "--measure")

    assert code == 0
    assert "requests" not in found
    (measured,) = found["measured"]
    assert (measured["sampled"], measured["records"], measured["used"]) == (1, 20_000, True)
    assert found["events"][0]["events"] == 20_000
    # What was measured is what is reckoned: one object, in core-hours.
    assert found["scan"][0]["core_hours"] == pytest.approx(measured["scan_cpu_seconds"] / 3_600, abs=1e-4)


def test_what_cannot_be_listed_is_said_to_be_so(run: Run) -> None:
    result = run("plan", "-")
    assert result.code == 2
    assert "'-' is nothing to list" in result.err


def test_too_little_is_no_measurement(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / KEY.format(1), LOGIN)
    _, found = look(run, tmp_path, "--measure")
    assert (found["measured"][0]["status"], found["measured"][0]["used"]) == ("note", False)
    assert found["events"][0]["bytes_each"] == DOCUMENTED.stored_bytes


def test_what_of_a_sample_cannot_be_read_is_a_problem(run: Run, aws: AwsServer) -> None:
    aws.denied.append("example-trail-bucket/AWSLogs/111122223333/CloudTrail/us-east-1/2025/03/04/1")
    code, found = look(run, "s3://example-trail-bucket", "--measure")
    assert code == 4
    assert found["read"][0]["next"].startswith("allow s3:GetObject")


def test_a_table_has_a_line_for_each_finding(run: Run, aws: AwsServer) -> None:
    hold(aws, [row(1), row(2, storage_class="GLACIER")])
    result = run("plan", INVENTORY)
    assert result.code == 4
    assert "problem  archived    1 log file, 1.0 MB, archived: they fail until they are restored" in result.out
    assert "2026-11-29" in result.out


def test_ten_terabytes_take_as_long_as_their_commits_at_least() -> None:
    survey = Survey(days={("111122223333", "us-east-1"): None}, objects=Amount(1e8), size_bytes=Amount(1e13))
    for number, kind in enumerate([Storage("STANDARD"), Storage("STANDARD"), Storage("GLACIER", archived="archived")]):
        survey.note_storage(LogObject(f"s3://b/{number}", 1_000, "", None, kind))
    found = {one.name: one for one in plan(survey, Basis(DOCUMENTED, "measured", (4, 100_000)))}

    # What was named stands for all: a third is archived.
    assert found["archived"].facts["objects"] == round(1e8 / 3)
    work = Work(2e8 / 3, 2e13 / 3)
    assert found["ingest"].facts["core_hours"] == pytest.approx(work.ingest_hours(DOCUMENTED), abs=1e-3)
    clock = found["ingest"].facts["seconds_by_cores"]
    assert clock["4"] == pytest.approx(work.ingest_hours(DOCUMENTED) / 4 * 3_600, rel=1e-3)
    assert clock["100000"] == pytest.approx(work.alone_hours(DOCUMENTED) * 3_600, rel=1e-3)
    assert found["lake"].facts["bytes"] == round(2e13 / 3 * DOCUMENTED.lake_share)


def test_measured_rates_give_what_was_measured() -> None:
    measured = Measured(10, 20_000, 4_000_000, scan_seconds=0.5, ingest_seconds=1.5)
    rates = measured.rates(DOCUMENTED)
    assert rates.stored_bytes == 200
    assert Work(10, 4_000_000).scan_hours(rates) == pytest.approx(0.5 / 3_600)
    without_compaction = replace(rates, compact_event=0)
    assert Work(10, 4_000_000).ingest_hours(without_compaction) == pytest.approx(1.5 / 3_600)


def test_a_sample_of_very_many_is_spread_over_all_of_them() -> None:
    sample = Sample(most=8)
    for number in range(10_000):
        sample.add(LogObject(f"s3://b/{number:05}", 1, "", None), Place())
    chosen = [int(one.uri[-5:]) for one in sample.chosen()]
    assert len(chosen) <= 8
    assert 9_999 in chosen, "the newest"
    assert max(number for number in chosen if number != 9_999) > 5_000


def test_refusals_of_a_listing_are_in_the_plan() -> None:
    survey = Survey()
    survey_listed([Unreadable("s3://b/AWSLogs/", "access denied: s3:ListBucket is not allowed")], survey, None)
    found = [one for one in plan(survey, Basis(DOCUMENTED, "measured", (2,))) if one.name == "list"]
    assert found[0].next is not None
