"""From the message to the alert: a real bucket that notifies a real queue, over HTTP."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.running import Run

from .trail import Trail, alert_ids, bundled_files, once, rows, watch_once

pytestmark = pytest.mark.usefixtures("few_rules")


@pytest.mark.parametrize("by", ["sns", "sns-raw"])
def test_topics_between_bucket_and_queue(run: Run, s3_url: str, tmp_path: Path, by: str) -> None:
    trail = Trail.make(s3_url, by=by)
    trail.put(few(bundled_files("compromised_root")))
    ended = watch_once(run, trail, tmp_path)
    assert ended.code == 0, ended.err
    assert len(rows(tmp_path / "lake")) >= 10
    assert trail.left == 0
    trail.close()


def run_once(run: Run, trail: Trail, folder: Path) -> set[str]:
    """Return the alert ids of one batch run over the bucket."""
    folder.mkdir()
    files = ("--lake", folder / "lake", "--output", folder / "alerts.jsonl")
    assert run("run", f"s3://{trail.bucket}", *files, "--jobs", "1").code == 0
    return set(alert_ids(folder))


def few(files: dict[str, bytes]) -> dict[str, bytes]:
    return dict(list(files.items())[:10])


def test_what_a_queue_tells_of_is_alerted_as_one_run_does_it(run: Run, trail: Trail, tmp_path: Path) -> None:
    files = bundled_files("compromised_root")
    trail.put(files)
    ended = watch_once(run, trail, tmp_path)
    assert ended.code == 0, ended.err
    assert set(alert_ids(tmp_path)) == run_once(run, trail, tmp_path / "batch")
    assert rows(tmp_path / "lake") == rows(tmp_path / "batch" / "lake")
    assert trail.left == 0


@pytest.mark.slow
def test_repeated_reordered_and_replayed_messages_change_nothing(run: Run, trail: Trail, tmp_path: Path) -> None:
    files = few(bundled_files("compromised_root"))
    trail.put(files)
    bodies = [message["Body"] for message in received(trail)]
    again = [body for body in bodies for _ in range(2)]
    random.Random(1).shuffle(again)
    trail.send(*again)
    assert watch_once(run, trail, tmp_path).code == 0
    before = rows(tmp_path / "lake")
    first = alert_ids(tmp_path)
    # An object that was written again since: a message of before then names what it no longer is.
    changed = next(iter(files))
    trail.put({changed: files[changed]})
    trail.send(*bodies[::-1])
    assert watch_once(run, trail, tmp_path).code == 0
    assert rows(tmp_path / "lake") == before
    assert alert_ids(tmp_path) == first
    assert once(first)
    assert set(first) == run_once(run, trail, tmp_path / "batch")
    assert trail.left == 0


def received(trail: Trail) -> list[Any]:
    messages: list[Any] = []
    while found := trail.sqs.receive_message(QueueUrl=trail.queue_url, MaxNumberOfMessages=10).get("Messages", []):
        messages += found
        for message in found:
            trail.sqs.delete_message(QueueUrl=trail.queue_url, ReceiptHandle=message["ReceiptHandle"])
    return messages


@pytest.mark.slow
def test_other_bytes_under_a_known_key_replace_its_rows(run: Run, trail: Trail, tmp_path: Path) -> None:
    files = bundled_files("compromised_root")
    key, other = list(files)[:2]
    trail.put({key: files[key]})
    assert watch_once(run, trail, tmp_path).code == 0
    trail.put({key: files[other]})
    assert watch_once(run, trail, tmp_path).code == 0
    [first, *_] = rows(tmp_path / "lake")
    trail.put({key: files[key], other: files[other]})
    assert watch_once(run, trail, tmp_path).code == 0
    assert first not in rows(tmp_path / "lake")
    assert trail.left == 0
