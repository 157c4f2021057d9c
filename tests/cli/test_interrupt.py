"""Ctrl-C ends what is waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from detector.cli.interrupt import run_interruptibly
from detector.cli.report_lines import report_lines, trouble_lines
from detector.run_report import RunReport
from detector.sources.log_source import ENDED_EARLY, Unreadable
from tests.running import LOGIN, Run, write_log

# Filters and never ends; a listing of its rows is streamed, which DuckDB does without a look at signals.
ENDLESS = "SELECT * FROM range(1000000000000) AS a(n) WHERE hash(n) = 1"


@pytest.fixture(autouse=True)
def python_hears_ctrl_c() -> Iterator[None]:
    """As in the foreground: a shell starts what it runs in the background deaf to Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def ctrl_c_once_it_works() -> Iterator[None]:
    """Press Ctrl-C when the thread of the work is there; the block must end by it."""
    ended = threading.Event()

    def press() -> None:
        while not ended.wait(0.01):
            if any(thread.name.startswith("interruptible") for thread in threading.enumerate()):
                os.kill(os.getpid(), signal.SIGINT)
                return

    pressing = threading.Thread(target=press)
    pressing.start()
    try:
        yield
    finally:
        ended.set()
        pressing.join()


def test_a_query_that_runs_is_interrupted() -> None:
    connection = duckdb.connect()
    ends: list[str] = []

    def work() -> None:
        try:
            connection.sql(ENDLESS).to_arrow_reader(1_000).read_all()
        except Exception as error:  # noqa: BLE001
            ends.append(str(error))

    with pytest.raises(KeyboardInterrupt), ctrl_c_once_it_works():
        run_interruptibly(work, connection.interrupt)
    assert "nterrupt" in ends[0]


def test_work_that_hears_nothing_ends_at_the_second_ctrl_c() -> None:
    script = """
import os, signal, threading
signal.signal(signal.SIGINT, signal.default_int_handler)
from detector.cli.interrupt import run_interruptibly
press = lambda: os.kill(os.getpid(), signal.SIGINT)
def work():
    press()
    threading.Event().wait()
run_interruptibly(work, press)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (130, b"")


def test_results_and_errors_come_through() -> None:
    assert run_interruptibly(lambda: 7, lambda: None) == 7
    with pytest.raises(ValueError, match="seven"):
        run_interruptibly(lambda: int("seven"), lambda: None)


def test_ctrl_c_ends_a_query_of_a_person_with_130(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "login.json.gz", LOGIN)
    run("ingest", tmp_path, "--lake", tmp_path / "lake")
    with ctrl_c_once_it_works():
        result = run("sql", ENDLESS, "--lake", tmp_path / "lake", "--format", "jsonl")
    assert result.code == 130
    assert result.err.splitlines()[-1].startswith("interrupted; ")


def test_duckdbs_own_answer_to_ctrl_c_is_an_interruption(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(*_directories: Path, **_options: object) -> None:
        raise RuntimeError("Query interrupted")  # as DuckDB raises it where it looks at signals

    monkeypatch.setattr("detector.rules.check.check_rules", check)
    result = run("rules", "check", tmp_path)
    assert result.code == 130
    assert result.err.splitlines()[-1].startswith("interrupted; ")


def test_objects_that_were_still_to_be_read_are_counted_in_one_line() -> None:
    report = RunReport(datetime(2026, 3, 1, tzinfo=UTC), ("s3://b",))
    report.listed = 3_000
    for number in range(3_000):
        report.fail(Unreadable(f"s3://b/{number}", ENDED_EARLY))
    assert list(trouble_lines(report)) == ["not read: 3,000 objects, since the run ended early"]
    assert "3,000 failed" in next(report_lines(report))
    assert len(report.to_json()["failures"]) == 3_000


def test_an_interrupted_run_is_not_complete(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("detector.ingest.ingest.ingest", interrupt)
    result = run("ingest", tmp_path, "--lake", tmp_path / "lake", "--report", tmp_path / "report.json")
    assert result.code == 130
    assert '"error": "interrupted"' in (tmp_path / "report.json").read_text()
