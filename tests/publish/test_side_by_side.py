"""Several publishers at once, and publishers that are killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detector.errors import TableError
from detector.publish.iceberg_table import commit_snapshot
from tests.lake.samples import log, record, shown
from tests.long import many
from tests.publish.tables import NAME, compact_all, fill, fill_copies, fill_first, publish_to, rows, snapshots

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    fill_first(tmp_path / "lake")
    return tmp_path / "lake"


def before_each_commit(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let something happen between the look at a table and each commit, but for commits of what happens."""
    acts = [act]

    def outdone(*arguments: Any, **options: Any) -> None:  # noqa: ANN401
        if acts:
            acts.pop()()
            acts.append(act)
        commit_snapshot(*arguments, **options)

    monkeypatch.setattr("detector.publish.publish.commit_snapshot", outdone)


def test_whoever_was_outdone_adds_nothing_twice(lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before_each_commit(monkeypatch, lambda: publish_to(tmp_path, lake))
    done = publish_to(tmp_path, lake)
    assert (done.rows, done.added) == (3, 0)
    assert rows(tmp_path) == shown(lake)
    assert snapshots(tmp_path) == 1


@pytest.mark.slow
def test_whoever_is_outdone_each_time_gives_up_and_changes_nothing(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter(range(10, 60))
    published: list[tuple[Any, ...]] = []

    def change() -> None:
        publish_to(tmp_path, lake)
        published[:] = shown(lake)
        number = next(numbers)
        fill(lake, **{f"n{number}": log(record(number))})

    before_each_commit(monkeypatch, change)
    with pytest.raises(TableError, match="5 times"):
        publish_to(tmp_path, lake)
    assert rows(tmp_path) == published
    assert snapshots(tmp_path) == 5


@pytest.mark.slow
def test_of_three_publishers_at_once_nobody_adds_what_another_has(lake: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "detector", "publish", "--lake", str(lake)]
    command += ["--table", f"sqlite:{tmp_path}/catalog.db/{NAME}"]
    for change in (None, fill_copies, compact_all):
        if change:
            change(lake)
        racers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(3)]
        for racer in racers:
            _, err = racer.communicate()
            assert racer.returncode == 0, err
        assert rows(tmp_path) == shown(lake)
    assert snapshots(tmp_path) == 3


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "kills"), [("folder", 3), ("s3", many(1, 10))])
def test_a_killed_publisher_leaves_the_table_of_before_or_of_after(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, kills: int
) -> None:
    command = [sys.executable, "-m", "tests.publish.kill", str(tmp_path), "--random", str(kills)]
    if kind == "s3":
        command += ["--bucket", request.getfixturevalue("lake_bucket")]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert ended.returncode == 0, ended.stderr
    lives = [json.loads(line) for line in ended.stdout.splitlines()]
    assert {life["begun"] for life in lives} == {"new", "next"}
    before: dict[str, list[Any]] = {
        "new": [None, []],
        "next": [[["s3://b/m", 0], ["s3://b/m", 1], ["s3://b/n", 0]]],
    }
    for life in lives:
        assert life["left"] in [*before[life["begun"]], life["lake"]], life
        assert life["next"] == life["lake"]
