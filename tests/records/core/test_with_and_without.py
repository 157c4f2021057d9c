"""Ingest and scan come to the same with the compiled core and without it."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from detector.ingest.ingest import ingest
from detector.lake.part_files import read_part
from detector.lake.writer import open_to_write
from detector.lake_layout import PartKind
from detector.records.core.columns import new_columns
from detector.records.core.glance import new_glance
from detector.records.core.library import library
from detector.run_report import RunReport
from detector.scan.scan import scan
from detector.scope import Scope
from detector.sources.opening import open_source
from tests.records.core.mutated import mutated_file
from tests.records.core.switched import without_core

pytestmark = pytest.mark.skipif(library() is None, reason="the core is not built, or not wanted")

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def call(number: int, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "Root" if number % 7 == 0 else "IAMUser", "accountId": "111122223333"},
        "eventTime": f"2026-03-01T12:00:{number % 60:02}Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": ("CreateUser", "ListUsers", "GetBucketAcl")[number % 3],
        "awsRegion": "us-east-1",
        "sourceIPAddress": f"198.51.100.{number % 5}",
        "requestParameters": {"name": f"n{number % 4}"},
        "responseElements": None,
        "eventID": f"00000000-0000-4000-8000-{number:012}",
        "recipientAccountId": "111122223333",
    } | fields


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Usual files, files that the core refuses, and files of very many days."""
    folder = tmp_path_factory.mktemp("logs")
    random = Random(3)
    services = {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}
    files = [
        *({"Records": [call(50 * file + at) for at in range(50)]} for file in range(4)),
        {"Records": [call(1_000), call(1_001, eventTime="2026-03-02T00:00:01Z"), call(1_002, eventID="no UUID")]},
        {"Records": [call(1_100 + at, eventName="GetBucketAcl", userIdentity=services) for at in range(9)]},
        {"Records": [call(1_200 + at, colour="red") for at in range(40)]},
    ]
    for day in range(12):
        time = f"{date(2020, 1, 1) + timedelta(days=day)}T00:00:00Z"
        files.append({"Records": [call(2_000 + day, eventTime=time)]})
    contents = [json.dumps(one).encode() for one in files] + [mutated_file(random) for _ in range(25)]
    for number, content in enumerate(contents):
        (folder / f"111122223333_CloudTrail_us-east-1_20260301T0000Z_{number:03}.json.gz").write_bytes(
            gzip.compress(content)
        )
    return folder


def ingested(logs: Path, folder: Path) -> tuple[pa.Table, list[Any], list[Any], dict[str, Any]]:
    """Return all rows of a lake, its objects, what is known of its parts by day, and the report."""
    report = RunReport(NOW)
    with open_to_write(folder) as lake:
        ingest([open_source(str(logs))], lake, Scope(), report, jobs=1)
        parts = [part for part in lake.ledger.parts() if part.kind is PartKind.EVENTS]
        objects = sorted(map(str, lake.ledger.objects()))
    rows = pa.concat_tables(read_part(folder / part.path) for part in parts)
    rows = rows.sort_by([("logFile", "ascending"), ("logFileIndex", "ascending")])
    told = sorted((part.event_date, part.rows, sorted(map(str, (part.coverage or {}).items()))) for part in parts)
    return rows, objects, told, report.to_json()


@pytest.fixture(autouse=True)
def few_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let days share parts where four would have one each."""
    monkeypatch.setattr("detector.lake.part_writer._THIN_DAYS", 4)
    monkeypatch.setattr("detector.lake.part_writer._THIN_DAYS_A_FILE", 0)


def test_a_lake_holds_the_same(logs: Path, tmp_path: Path) -> None:
    assert new_columns() is not None
    rows, *others = ingested(logs, tmp_path / "with")
    with without_core():
        assert new_columns() is None
        rows_of_python, *others_of_python = ingested(logs, tmp_path / "without")
    assert others == others_of_python
    assert rows.equals(rows_of_python)
    assert rows.num_rows > 250


def test_parts_are_written_when_enough_is_collected(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.lake.part_writer._BYTES_A_PART", 30_000)
    rows, _, parts, report = ingested(logs, tmp_path / "lake")
    days = [day for day, _, _ in parts]
    assert days.count("2026-03-01") > 1
    assert rows.num_rows == sum(count for _, count, _ in parts) == report["records"]["rows"]


def scanned(logs: Path) -> tuple[pa.Table, list[Any], dict[str, Any]]:
    report = RunReport(NOW)
    events: Any = scan([open_source(str(logs))], Scope(), report, jobs=1, progress=lambda _: None)
    order = [("logFile", "ascending"), ("logFileIndex", "ascending")]
    return events._table.sort_by(order), sorted(map(str, events._coverage.to_pylist())), report.to_json()


def test_scan_finds_the_same(logs: Path) -> None:
    assert new_glance(lambda _: True) is not None
    table, coverage, report = scanned(logs)
    with without_core():
        assert new_glance(lambda _: True) is None
        other_table, other_coverage, other_report = scanned(logs)
    assert table.equals(other_table)
    assert (coverage, report) == (other_coverage, other_report)
    assert table.num_rows > 40
