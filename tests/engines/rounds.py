"""Kill the engine, or the program that commits, with SIGKILL at random moments; run it again, and compare.

    python -m tests.engines.rounds --rounds 20 [--seed N] [--stored]

With --stored the lake is in S3, on a server that this script starts. After each kill and rerun the lake must hold the
same rows, none twice, show the same events, and the alerts that were written must be those of a run that nobody
disturbed; the ledger must explain every part that lies there.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.engines.sail import sail
from tests.kill.rounds import Outcome, lake_of, make_source, outcome, server, unexplained

VICTIMS = ("server", "driver", "both")
GIVES_UP_SECONDS = 120  # the client of a server that is gone asks again for half a minute


def command(source: Path, folder: Path, address: str) -> list[str]:
    return [sys.executable, "-m", "detector", "run", str(source), "--lake", str(lake_of(folder)), "--engine", address,
            "--output", str(folder / "alerts.jsonl"), "--jobs", "2"]  # fmt: skip


def run_to_end(source: Path, folder: Path) -> tuple[Outcome, float]:
    """Run with a server of its own, and say what came of it, and in how many seconds."""
    with sail() as engine:
        started = time.monotonic()
        ended = subprocess.run(command(source, folder, engine.address), check=False, stderr=subprocess.PIPE, text=True)
        seconds = time.monotonic() - started
    assert ended.returncode == 0, ended.stderr
    assert unexplained(lake_of(folder)) == [], "a part that nobody listed"
    return outcome(lake_of(folder), folder / "alerts.jsonl"), seconds


def kill_after(seconds: float, victim: str, source: Path, folder: Path) -> bool:
    """Start a run, kill the victim; say whether the run was still under way.

    A server that stays goes on with the tasks of a program that is gone, while the next run begins.
    """
    with (
        sail() as engine,
        subprocess.Popen(command(source, folder, engine.address), stderr=subprocess.PIPE, text=True) as run,
    ):
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.communicate(timeout=seconds)
            return False
        if victim != "driver":
            engine.process.send_signal(signal.SIGKILL)
        if victim != "server":
            run.send_signal(signal.SIGKILL)
        try:
            _, told = run.communicate(timeout=GIVES_UP_SECONDS)
        finally:
            run.kill()
        assert run.returncode in ((0, 2) if victim == "server" else (-signal.SIGKILL,)), told
        assert "Traceback" not in told, told
        assert "Warning" not in told, told
        assert unexplained(lake_of(folder)) == [], "a part that no ledger entry and no intent explains"
        if victim == "driver":
            run_to_end(source, folder)
        return True


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--stored", action="store_true", help="keep lakes in S3")
    arguments = parser.parse_args()
    seed = random.randrange(10**6) if arguments.seed is None else arguments.seed
    moments = random.Random(seed)
    with tempfile.TemporaryDirectory() as name, server(Path(name)) if arguments.stored else contextlib.nullcontext():
        folder = Path(name)
        source = make_source(folder / "logs")
        clean, duration = run_to_end(source, folder)
        killed: Counter[str] = Counter()
        for number in range(arguments.rounds):
            scratch = folder / f"round-{number}"
            scratch.mkdir()
            victim = VICTIMS[number % len(VICTIMS)]
            killed[victim] += kill_after(moments.uniform(0.1, 0.9) * duration, victim, source, scratch)
            assert run_to_end(source, scratch)[0] == clean, f"round {number} of seed {seed} differs"
            print(f"round {number}: {victim}", file=sys.stderr)  # noqa: T201
            shutil.rmtree(scratch)
    print(f"seed {seed}: {arguments.rounds} rounds, killed {dict(killed)}, {len(clean.rows)} rows and "  # noqa: T201
          f"{len(clean.alert_ids)} alerts each time")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
