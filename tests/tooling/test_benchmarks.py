"""The benchmarks run to their end at a small size, and their data are what they say."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from benchmarks import s3_server
from benchmarks.bars import BARS, Verdict
from benchmarks.generate import ACCOUNTS, REGIONS, LogFiles, Wanted, log_files
from benchmarks.lakes import parts_of
from benchmarks.s3_server import BUCKET
from detector.sources.keys import parse_key

ROOT = Path(__file__).parents[2]
EVENTS = 20_000


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> LogFiles:
    return log_files(tmp_path_factory.mktemp("generated"), Wanted(EVENTS))


def records_of(logs: LogFiles) -> Iterator[dict[str, Any]]:
    for path in sorted(logs.path.rglob("*.gz")):
        yield from json.loads(gzip.decompress(path.read_bytes()))["Records"]


def digest_of(logs: LogFiles) -> str:
    digest = hashlib.sha256()
    for path in sorted(logs.path.rglob("*.gz")):
        digest.update(path.relative_to(logs.path).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def test_the_same_arguments_give_the_same_bytes_with_any_number_of_processes(tmp_path: Path) -> None:
    one = log_files(tmp_path / "one", Wanted(21_000), processes=1)
    two = log_files(tmp_path / "two", Wanted(21_000), processes=2)
    assert digest_of(one) == digest_of(two)
    assert (one.files, one.raw_bytes, one.stored_bytes) == (two.files, two.raw_bytes, two.stored_bytes)


def test_data_that_are_there_are_not_made_again(tmp_path: Path) -> None:
    first = log_files(tmp_path, Wanted(500))
    made = {path: path.stat().st_mtime_ns for path in first.path.rglob("*.gz")}
    assert log_files(tmp_path, Wanted(500)) == first
    assert {path: path.stat().st_mtime_ns for path in first.path.rglob("*.gz")} == made


def test_events_are_as_large_and_as_compressible_as_real_ones(generated: LogFiles) -> None:
    assert generated.events == EVENTS
    assert 1_150 < generated.raw_bytes / generated.events < 1_400
    assert 6 < generated.raw_bytes / generated.stored_bytes < 8
    assert 80 < generated.events / generated.files < 400


def test_events_are_of_many_kinds_and_the_share_of_root_is_that_of_real_logs(generated: LogFiles) -> None:
    records = list(records_of(generated))
    ids = {record["eventID"] for record in records}
    root = sum(record["userIdentity"]["type"] == "Root" for record in records)
    assert len(ids) == len(records) == EVENTS
    assert root == generated.root_events == round(EVENTS * 0.0002)
    assert len({(record["eventSource"], record["eventName"]) for record in records}) > 50
    assert len({record["userIdentity"]["type"] for record in records}) > 5
    assert {record["recipientAccountId"] for record in records} == set(ACCOUNTS)
    assert {record["awsRegion"] for record in records} == set(REGIONS)
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", event_id) for event_id in ids)
    assert "$" not in re.sub(r"\[\$LATEST\]", "", json.dumps(records))


def test_files_are_named_as_cloudtrail_names_them(generated: LogFiles) -> None:
    for path in generated.path.rglob("*.gz"):
        key = path.relative_to(generated.path).as_posix()
        place = parse_key(key)
        records = json.loads(gzip.decompress(path.read_bytes()))["Records"]
        assert 1 <= len(records) <= 4_000
        assert (place.account, place.region) == (records[0]["recipientAccountId"], records[0]["awsRegion"])
        assert place.delivered_at is not None
        for record in records:
            late = place.delivered_at - datetime.fromisoformat(record["eventTime"])
            assert 0 <= late.total_seconds() < 600


def test_two_parts_share_no_day_and_no_id(tmp_path: Path) -> None:
    days, ids = [], []
    for part in (0, 1):
        records = list(records_of(log_files(tmp_path, Wanted(2_000, part))))
        days.append({record["eventTime"][:10] for record in records})
        ids.append({record["eventID"] for record in records})
    assert max(days[0]) <= min(days[1])
    assert not ids[0] & ids[1]


def test_a_bar_is_judged_by_what_was_measured() -> None:
    bar = next(bar for bar in BARS if bar.figure == "lake ÷ gz")
    assert bar.judge({"lake ÷ gz": 1.0}, loose=False) is Verdict.MET
    assert bar.judge({"lake ÷ gz": 1.1}, loose=False) is Verdict.MISSED
    assert bar.judge({"lake ÷ gz": 1.1}, loose=True) is Verdict.MET
    assert bar.judge({}, loose=False) is Verdict.UNMEASURED


@pytest.mark.skipif(not s3_server.has_nginx(), reason="nginx is not installed")
def test_the_bucket_lists_and_serves_what_lies_in_the_folder(tmp_path: Path) -> None:
    for name in ("a/1", "a/2", "b/c/3", "d&e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)

    with s3_server.serve(tmp_path) as url:

        def get(path: str) -> str:
            with urlopen(f"{url}/{BUCKET}{path}") as answer:
                return str(answer.read().decode())

        assert get("/b/c/3") == "b/c/3"
        assert re.findall("<Key>(.*?)</Key>", get("?list-type=2")) == ["a/1", "a/2", "b/c/3", "d%26e"]
        level = get("/?list-type=2&delimiter=/")
        assert re.findall("<CommonPrefixes><Prefix>(.*?)</Prefix>", level) == ["a/", "b/"]
        assert re.findall("<Key>(.*?)</Key>", level) == ["d%26e"]
        page = get("?list-type=2&prefix=a/&max-keys=1")
        assert "<IsTruncated>true" in page
        token = re.findall("<NextContinuationToken>(.*?)<", page)[0]
        assert re.findall("<Key>(.*?)</Key>", get(f"?list-type=2&prefix=a/&continuation-token={token}")) == ["a/2"]


@pytest.mark.long
@pytest.mark.slow
def test_all_jobs_run_at_a_small_size(tmp_path: Path) -> None:
    """Bars are so loose then that only what does not work misses one."""
    report = tmp_path / "performance.md"
    arguments = ["--scale", "0.005", "--runs", "1", "--data", str(tmp_path), "--markdown", str(report)]
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    for text in (report.read_text(), ended.stdout):
        assert "Failed" not in text
        assert all(bar.text.replace("|", "\\|") in text for bar in BARS)
    (lake,) = tmp_path.glob("lakes-*/lake-2000-5/lake")
    assert sum(1 for _ in parts_of(lake)) > 0


def test_the_cpu_of_a_process_that_outlives_its_parent_counts() -> None:
    script = """
import sys
from benchmarks.measure import Command, run
burn = "import time\\nwhile time.process_time() < 0.5: pass"
leave = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {burn!r}])"
cost = run(Command("leaves a child", [sys.executable, "-c", leave]), sample_memory=False)
print(cost.cpu_seconds)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert float(ran.stdout) > 0.5
