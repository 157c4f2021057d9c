from __future__ import annotations

import json
import shutil
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from detector.ingest.worker import Batch, stage
from detector.lake.delivery_lag import LagRow, lake_lag
from detector.lake.writer import open_to_write
from detector.lake_layout import LEDGER
from detector.sources.log_source import LogObject
from tests.lake.samples import ACCOUNT, MemoryReader, commit, log, record
from tests.running import Run

EIGHT = datetime(2024, 5, 1, 8, tzinfo=UTC)


def put(lake: Path, uri: str, last_modified: datetime | None, *lags: int, region: str = "eu-west-1") -> None:
    """Bring in one object whose records happened so many seconds before 08:00."""
    records = [
        record(number, awsRegion=region, eventTime=f"{EIGHT - timedelta(seconds=lag):%Y-%m-%dT%H:%M:%SZ}")
        for number, lag in enumerate(lags)
    ]
    content = log(*records)
    with open_to_write(lake) as writer:
        one = LogObject(uri, len(content), "1", last_modified)
        commit(writer, stage(Batch((one,), MemoryReader({uri: content}), writer.staging, uuid.uuid4().hex)))


def key(region: str, minute: str, name: str = "a") -> str:
    folder = f"AWSLogs/{ACCOUNT}/CloudTrail/{region}/2024/05/01"
    return f"{folder}/{ACCOUNT}_CloudTrail_{region}_20240501T{minute}Z_{name}.json.gz"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    lake = tmp_path / "lake"
    uri = f"s3://trail/{key('eu-west-1', '0805')}"
    put(lake, uri, EIGHT + timedelta(seconds=30), *range(1, 101))
    put(lake, f"file:///logs/{key('us-east-1', '0755')}", EIGHT + timedelta(days=99), 60, region="us-east-1")
    put(lake, "stdin:abc", None, 5, region="ap-south-1")
    return lake


def test_percentiles_are_those_of_the_records_for_each_account_and_region(lake: Path) -> None:
    assert lake_lag(lake) == [
        LagRow(ACCOUNT, "eu-west-1", "stored", 100, 30 + 50, 30 + 95, 30 + 100),
        LagRow(ACCOUNT, "eu-west-1", "named", 100, 300 + 50, 300 + 95, 300 + 100),
        # A copy on a disk has the time of its copying; the name's minute can lie before the event.
        LagRow(ACCOUNT, "us-east-1", "named", 1, -240, -240, -240),
    ]


def test_every_copy_of_an_event_was_delivered_also_after_compaction(lake: Path, run: Run) -> None:
    again = f"s3://trail/{key('eu-west-1', '0805', 'b')}"
    put(lake, again, EIGHT + timedelta(seconds=3600), *range(1, 101))
    before = lake_lag(lake)
    assert run("compact", "--lake", lake).code == 0
    assert lake_lag(lake) == before
    stored = before[0]
    assert (stored.records, stored.p50_seconds, stored.max_seconds) == (200, 130, 3700)


def test_without_a_ledger_the_names_tell(lake: Path, tmp_path: Path) -> None:
    shutil.copytree(lake / "events", tmp_path / "other" / "events")
    assert not (tmp_path / "other" / LEDGER).exists()
    assert {row.measure for row in lake_lag(tmp_path / "other")} == {"named"}


def test_status_prints_the_lag(lake: Path, run: Run) -> None:
    table = run("status", "--lag", "--lake", lake)
    assert table.code == 0
    assert table.out.splitlines()[1].split() == [ACCOUNT, "eu-west-1", "stored", "100", "80", "125", "130"]
    first = json.loads(run("status", "--lag", "--json", "--lake", lake).out.splitlines()[0])
    assert first == {
        "account": ACCOUNT,
        "region": "eu-west-1",
        "measure": "stored",
        "records": 100,
        "p50_seconds": 80,
        "p95_seconds": 125,
        "max_seconds": 130,
    }


def test_a_lake_that_tells_no_delivery_says_so(tmp_path: Path, run: Run) -> None:
    put(tmp_path / "lake", "stdin:abc", None, 5)
    result = run("status", "--lag", "--lake", tmp_path / "lake")
    assert (result.code, result.out) == (0, "")
    assert "no object in this lake has a time of delivery" in result.err
