"""Kill `detector run` with SIGKILL at random moments, run it again, and compare with a run that nobody disturbed.

    python tests/kill/rounds.py --rounds 50 [--seed N] [--stored] [SOURCE]

With --stored the lake is in S3, on a server that this script starts. After each kill and rerun the lake must hold the
same rows, show the same events, and the alert ids that were written, before and after the kill together, must be those
of the clean run. Workers of the killed run must end, and the ledger must explain every part that lies there, or the
killed run itself.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from detector.errors import LakeError
from detector.lake.ledger.ledger import Ledger
from detector.lake.place import LakePlace, lake_at
from detector.lake.reader import read_lake
from tests.running import aws_environment

TRAILS = Path(__file__).parents[2] / "fixtures" / "trails"


@dataclass(frozen=True)
class Outcome:
    """What a lake and its alert file hold."""

    rows: frozenset[tuple[object, ...]]
    shown: frozenset[tuple[object, ...]]
    alert_ids: frozenset[str]


def outcome(lake: LakePlace, alerts: Path) -> Outcome:
    with duckdb.connect() as connection:
        read_lake(lake).with_copies().attach(connection)
        rows = connection.execute("SELECT logFile, logFileIndex, eventKey FROM parts").fetchall()
        assert len(set(rows)) == len(rows), "a row is in the lake twice"
        shown = connection.execute(
            "SELECT logFile, logFileIndex FROM parts ANTI JOIN duplicates USING (logFile, logFileIndex)"
        ).fetchall()
    lines = alerts.read_text().splitlines() if alerts.exists() else []
    return Outcome(frozenset(rows), frozenset(shown), frozenset(json.loads(line)["alert_id"] for line in lines))


def lake_of(folder: Path) -> LakePlace:
    """Return the lake of a round: beside its alerts, or in the bucket that --stored made."""
    bucket = os.environ.get("ROUNDS_BUCKET")
    return lake_at(f"s3://{bucket}/{folder.name}" if bucket else folder / "lake")


def command(source: Path, folder: Path) -> list[str]:
    return [sys.executable, "-m", "detector", "run", str(source), "--lake", str(lake_of(folder)),
            "--output", str(folder / "alerts.jsonl"), "--jobs", "2"]  # fmt: skip


def run_to_end(source: Path, folder: Path) -> Outcome:
    ended = subprocess.run(command(source, folder), check=False, stderr=subprocess.PIPE, text=True)
    assert ended.returncode == 0, ended.stderr
    assert unexplained(lake_of(folder)) == [], "a part that nobody listed"
    return outcome(lake_of(folder), folder / "alerts.jsonl")


def kill_after(seconds: float, source: Path, folder: Path) -> bool:
    """Start a run, kill it, wait for its workers to end; say whether it was still running."""
    environment = os.environ | {"TMPDIR": str(folder)}  # what it leaves on its own disk goes with the round
    process = subprocess.Popen(command(source, folder), stderr=subprocess.DEVNULL, env=environment)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return False
    workers = [os.pidfd_open(child) for child in children_of(process.pid)]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert unexplained(lake_of(folder)) == [], "a part that no ledger entry and no intent explains"
    for worker in workers:
        assert select.select([worker], [], [], 30)[0], "a worker outlived the run that started it"
        os.close(worker)
    return True


def unexplained(lake: LakePlace) -> list[Path]:
    lake.refresh()
    try:
        ledger = Ledger.open(lake.directory, writable=False)
    except LakeError:  # killed before there was one; in S3, `refresh` has looked
        return list(lake.directory.rglob("part-*"))
    try:
        return lake.unlisted(ledger)
    finally:
        ledger.close()


@contextlib.contextmanager
def server(folder: Path) -> Iterator[None]:
    """Serve a bucket for lakes, and name it in the environment."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    os.environ.update(aws_environment(f"http://{host}:{port}", folder), ROUNDS_BUCKET="lakes")
    boto3.client("s3", endpoint_url=f"http://{host}:{port}").create_bucket(Bucket="lakes")
    try:
        yield
    finally:
        moto.stop()


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
    parser.add_argument("--stored", action="store_true")
    arguments = parser.parse_args()
    seed = random.randrange(10**6) if arguments.seed is None else arguments.seed
    moments = random.Random(seed)
    with contextlib.ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        if arguments.stored:
            opened.enter_context(server(folder))
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
