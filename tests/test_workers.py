"""Tasks in worker processes: bounded, in the open, and nothing left behind."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.errors import DetectorError, LakeError
from detector.workers import prestart_workers, run_in_workers


def pid_of(task: int) -> tuple[int, int]:
    return task, os.getpid()


def surroundings_of(task: int) -> tuple[int, str | None, Path]:
    return task, os.environ.get("DETECTOR_TEST"), Path.cwd()


def double(task: int) -> int:
    if task == 13:
        raise LakeError("the disk is full", hint="make room")
    if task == 66:
        os.kill(os.getpid(), signal.SIGKILL)
    return task * 2


def test_one_job_works_in_this_process_and_takes_tasks_one_by_one() -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(5):
            taken.append(number)
            yield number

    results = run_in_workers(pid_of, tasks(), jobs=1)
    assert next(results) == (0, os.getpid())
    assert taken == [0]
    assert [task for task, _ in results] == [1, 2, 3, 4]


@pytest.mark.parametrize("count", [0, 1])
def test_a_single_task_costs_no_process(count: int) -> None:
    assert list(run_in_workers(pid_of, range(count), jobs=8)) == [(n, os.getpid()) for n in range(count)]


def test_several_jobs_work_in_other_processes_and_give_every_result_once() -> None:
    results = list(run_in_workers(pid_of, iter(range(20)), jobs=2))
    assert sorted(task for task, _ in results) == list(range(20))
    assert os.getpid() not in {pid for _, pid in results}
    assert len({pid for _, pid in results}) <= 2
    assert multiprocessing.active_children() == []


def test_tasks_are_taken_only_a_few_ahead_of_the_results() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            taken.append(len(taken))
            yield taken[-1]

    results = run_in_workers(pid_of, endless(), jobs=2)
    for _ in range(10):
        next(results)
    assert len(taken) <= 10 + 4
    results.close()  # type: ignore[attr-defined]
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_of_the_work_comes_out_with_its_hint(jobs: int) -> None:
    with pytest.raises(LakeError, match="the disk is full") as caught:
        list(run_in_workers(double, iter([1, 2, 13, 4]), jobs=jobs))
    assert caught.value.hint == "make room"
    assert multiprocessing.active_children() == []


def test_a_worker_that_dies_is_an_error_with_a_hint() -> None:
    with pytest.raises(DetectorError, match="a worker process died") as caught:
        list(run_in_workers(double, iter([1, 66, 2, 3]), jobs=2))
    assert "--jobs 1" in caught.value.hint


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(
        f"""
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{str(Path(__file__).parents[1])!r}, {str(tmp_path)!r}]

def report_and_wait(task):
    # An open pipe that ends with the last process that holds it.
    print(os.getpid(), flush=True)
    signal.pause()

if __name__ == "__main__":
    import work
    from detector.workers import prestart_workers, run_in_workers
    list(run_in_workers(work.report_and_wait, iter(range(4)), jobs=2))
"""
    )
    parent = subprocess.Popen([sys.executable, str(tmp_path / "work.py")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    with parent:
        workers = {parent.stdout.readline().strip() for _ in range(2)}
        assert all(workers)
        parent.send_signal(signal.SIGKILL)
        # The pipe has an end only when no worker holds it any more.
        has_ended, _, _ = select.select([parent.stdout], [], [], 60)
        for worker in workers if not has_ended else ():
            os.kill(int(worker), signal.SIGKILL)
        assert has_ended
        assert parent.stdout.read() == ""


def test_workers_know_the_environment_and_the_folder_of_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prestart_workers(2, "detector.ingest.worker")  # whatever they are forked from is older than what follows
    for value in ("first", None, "second"):
        folder = tmp_path / str(value)
        folder.mkdir()
        monkeypatch.chdir(folder)
        if value is None:
            monkeypatch.delenv("DETECTOR_TEST")
        else:
            monkeypatch.setenv("DETECTOR_TEST", value)
        assert set(run_in_workers(surroundings_of, [1, 2], jobs=2)) == {(1, value, folder), (2, value, folder)}


def test_expecting_work_leaves_ctrl_c_as_it_was_and_one_job_starts_nothing() -> None:
    script = """
import multiprocessing.forkserver as server, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs in the background
from detector.workers import prestart_workers
prestart_workers(1, "detector.ingest.worker")
print(server._forkserver._forkserver_pid is None)
prestart_workers(2, "detector.ingest.worker")
print(server._forkserver._forkserver_pid is None)
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["True", "False", "True"]
    assert run.stderr == ""


def test_ctrl_c_while_workers_are_being_prepared_is_told_by_nobody_but_the_parent(tmp_path: Path) -> None:
    (tmp_path / "needed.py").write_text(
        f"""
from pathlib import Path
Path({str(tmp_path / "importing")!r}).touch()
while not Path({str(tmp_path / "sent")!r}).exists():
    pass
"""
    )
    (tmp_path / "work.py").write_text(
        f"""
import os, signal
from pathlib import Path
from detector.workers import prestart_workers, run_in_workers

def double(task):
    return 2 * task

if __name__ == "__main__":
    import work
    signal.signal(signal.SIGINT, lambda *_: print("the parent knows"))
    prestart_workers(2, "needed")
    while not Path({str(tmp_path / "importing")!r}).exists():
        pass
    os.killpg(0, signal.SIGINT)
    Path({str(tmp_path / "sent")!r}).touch()
    print(sorted(run_in_workers(work.double, [1, 2], jobs=2)))
"""
    )
    command = [sys.executable, str(tmp_path / "work.py")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), str(tmp_path)])}
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=60, process_group=0, check=True, env=environment
    )
    assert run.stdout.splitlines() == ["the parent knows", "[2, 4]"]
    assert run.stderr == ""
