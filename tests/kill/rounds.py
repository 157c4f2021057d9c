"""Kill `detector run` with SIGKILL at random moments, run it again, and compare with a run that nobody disturbed.

    python tests/kill/rounds.py --rounds 50 [--seed N] [SOURCE]

After each kill and rerun the lake must hold the same rows, show the same events, and the alert ids that were
written, before and after the kill together, must be those of the clean run. Workers of the killed run must end, and
the ledger must explain every part that lies there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from detector.errors import LakeError
from detector.lake.ledger.ledger import Ledger
from detector.lake.reader import read_lake
from detector.lake.unlisted import unlisted_parts

TRAILS = Path(__file__).parents[2] / "fixtures" / "trails"


@dataclass(frozen=True)
class Outcome:
    """What a lake and its alert file hold."""

    rows: frozenset[tuple[object, ...]]
    shown: frozenset[tuple[object, ...]]
    alert_ids: frozenset[str]


def outcome(lake: Path, alerts: Path) -> Outcome:
    with duckdb.connect() as connection:
        read_lake(lake).with_copies().attach(connection)
        rows = connection.execute("SELECT logFile, logFileIndex, eventKey FROM parts").fetchall()
        assert len(set(rows)) == len(rows), "a row is in the lake twice"
        shown = connection.execute(
            "SELECT logFile, logFileIndex FROM parts ANTI JOIN duplicates USING (logFile, logFileIndex)"
        ).fetchall()
    lines = alerts.read_text().splitlines() if alerts.exists() else []
    return Outcome(frozenset(rows), frozenset(shown), frozenset(json.loads(line)["alert_id"] for line in lines))


def command(source: Path, folder: Path) -> list[str]:
    return [sys.executable, "-m", "detector", "run", str(source), "--lake", str(folder / "lake"),
            "--output", str(folder / "alerts.jsonl"), "--jobs", "2"]  # fmt: skip


def run_to_end(source: Path, folder: Path) -> Outcome:
    ended = subprocess.run(command(source, folder), check=False, stderr=subprocess.PIPE, text=True)
    assert ended.returncode == 0, ended.stderr
    assert unexplained(folder / "lake") == [], "a part that nobody listed"
    return outcome(folder / "lake", folder / "alerts.jsonl")


def kill_after(seconds: float, source: Path, folder: Path) -> bool:
    """Start a run, kill it, wait for its workers to end; say whether it was still running."""
    process = subprocess.Popen(command(source, folder), stderr=subprocess.DEVNULL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return False
    workers = [os.pidfd_open(child) for child in children_of(process.pid)]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert unexplained(folder / "lake") == [], "a part that no ledger entry and no intent explains"
    for worker in workers:
        assert select.select([worker], [], [], 30)[0], "a worker outlived the run that started it"
        os.close(worker)
    return True


def unexplained(lake: Path) -> list[Path]:
    try:
        ledger = Ledger.open(lake, writable=False)
    except LakeError:  # killed before there was one
        return list(lake.rglob("part-*"))
    try:
        return unlisted_parts(lake, ledger)
    finally:
        ledger.close()


def children_of(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def make_source(folder: Path, copies: int = 4) -> Path:
    """Return log files enough for several batches: the fixtures' trails, each delivered by several trails."""
    for number in range(copies):
        shutil.copytree(TRAILS, folder / f"trail-{number}", ignore=shutil.ignore_patterns("*.md", "*.jsonl"))
    return folder


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("source", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = random.randrange(10**6) if arguments.seed is None else arguments.seed
    moments = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = arguments.source or make_source(folder / "logs")
        started = time.monotonic()
        clean = run_to_end(source, folder)
        duration = time.monotonic() - started
        killed = 0
        for number in range(arguments.rounds):
            scratch = folder / f"round-{number}"
            scratch.mkdir()
            killed += kill_after(moments.uniform(0.0, duration), source, scratch)
            assert run_to_end(source, scratch) == clean, f"round {number} of seed {seed} differs"
            shutil.rmtree(scratch)
    print(f"seed {seed}: {arguments.rounds} rounds, {killed} killed, {len(clean.rows)} rows and "  # noqa: T201
          f"{len(clean.alert_ids)} alerts each time")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
