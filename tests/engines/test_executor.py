"""What executors do, in this process."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from detector.engines.executor import packed_task, run_tasks
from detector.engines.wire import unpack
from tests.engines.work import Task, large, square, write


@pytest.fixture(autouse=True)
def settings_of_the_process() -> Iterator[None]:
    mask, threshold = os.umask(0o022), gc.get_threshold()
    yield
    os.umask(mask)
    gc.set_threshold(*threshold)


def answers(work: Callable[[Any], Any], *tasks: object) -> list[dict[str, Any]]:
    packed = [packed_task(work, task) for task in tasks]
    batch = pa.record_batch({"place": pa.array(range(len(tasks)), pa.int32()), "task": pa.array(packed, pa.binary())})
    return [row for answer in run_tasks(iter([batch])) for row in answer.to_pylist()]


def test_each_task_has_an_answer() -> None:
    found = answers(square, 3, 5)
    assert [(row["place"], row["at"], unpack(square, row["piece"])) for row in found] == [(0, 0, 9), (1, 0, 25)]


def test_a_large_answer_comes_in_pieces_that_any_message_holds() -> None:
    found = answers(large, 9 << 20)
    assert [row["at"] for row in found] == [0, 1, 2]
    assert max(len(row["piece"]) for row in found) <= 4 << 20
    assert unpack(large, b"".join(row["piece"] for row in found)) == large(9 << 20)


def test_two_attempts_of_a_task_write_files_of_their_own_and_for_their_owner_only(tmp_path: Path) -> None:
    first, second = (unpack(write, answers(write, Task(1, tmp_path))[0]["piece"]).names[0] for _ in range(2))
    assert first != second
    assert {path.name for path in tmp_path.iterdir()} == {first, second}
    assert all(name.startswith("part-") for name in (first, second))
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}
