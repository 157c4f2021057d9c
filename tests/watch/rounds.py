"""Kill `detector watch` with SIGKILL at random moments while a trail is delivered, and start it again at once.

    python -m tests.watch.rounds --kills 30 [--seed N] [--rate 20]

At the end the alert ids must be those of one batch run (rules that are not monotone may have written more), no row may
be in the lake twice, and the queue must be empty. Without kills it shows how long alerts take.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from detector.rules.rule import load_rules, shipped_rules_directory
from tests.running import aws_environment

from .trail import FIXTURES, Trail, alert_lines, bundled_files, once, rows, run_over, watch_command

HIDDEN_SECONDS = 4
PATIENCE_SECONDS = 300


@contextmanager
def moto() -> Iterator[str]:
    """Start moto's server as a process of its own, so that it does not share the interpreter of what is measured."""
    code = (
        "import logging, sys; logging.getLogger('werkzeug').setLevel(logging.ERROR)\n"
        "from moto.server import ThreadedMotoServer\n"
        "server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False); server.start()\n"
        "print(*server.get_host_and_port(), flush=True); sys.stdin.read()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        host, port = process.stdout.readline().split()
        yield f"http://{host}:{port}"
    finally:
        process.communicate()


def deliver(trail: Trail, files: Mapping[str, bytes], rate: float, put_at: dict[str, float]) -> None:
    """Upload object by object, so many a second."""
    started = time.monotonic()
    for number, (key, content) in enumerate(files.items()):
        time.sleep(max(0.0, started + number / rate - time.monotonic()))
        put_at[f"s3://{trail.bucket}/{key}"] = time.time()
        trail.put({key: content})


def copies_of_the_bundled_trails(copies: int, trails: int) -> dict[str, bytes]:
    names = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())
    files = bundled_files(*names[:trails])
    return {f"copy-{number}/{key}": content for key, content in files.items() for number in range(copies)}


class Watcher:
    """The program that is killed and started again, and its alert file, tailed."""

    def __init__(self, trail: Trail, folder: Path) -> None:
        self.folder = folder
        self._command = watch_command(trail.queue_url, folder)
        self._environment = aws_environment(trail.url, folder)
        self._seen: list[float] = []  # when each line was there
        self._tail = threading.Thread(target=self._watch_lines, daemon=True)
        self._tail.start()
        self.start()

    def start(self) -> None:
        with (self.folder / "stderr").open("ab") as errors:
            self._process = subprocess.Popen(self._command, env=self._environment, stderr=errors)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE_SECONDS)

    def lines(self) -> list[tuple[float, dict[str, Any]]]:
        """The alert lines, and when each was there."""
        return list(zip(self._seen, alert_lines(self.folder), strict=False))

    def errors(self) -> str:
        return (self.folder / "stderr").read_text()

    def _watch_lines(self) -> None:
        path = self.folder / "alerts.jsonl"
        while True:
            count = path.read_bytes().count(b"\n") if path.exists() else 0
            self._seen += [time.time()] * (count - len(self._seen))
            time.sleep(0.05)


def wait_for(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--rate", type=float, default=20, help="objects a second")
    parser.add_argument("--copies", type=int, default=4, help="how often each file is delivered, under other names")
    parser.add_argument("--trails", type=int, default=5, help="so many of the bundled ones")
    arguments = parser.parse_args()
    seed = random.randrange(10**6) if arguments.seed is None else arguments.seed
    moments = random.Random(seed)
    files = copies_of_the_bundled_trails(arguments.copies, arguments.trails)
    with tempfile.TemporaryDirectory() as name, moto() as url:
        folder = Path(name)
        trail = Trail.make(url, visibility_timeout=HIDDEN_SECONDS)
        put_at: dict[str, float] = {}
        watcher = Watcher(trail, folder)
        upload = threading.Thread(target=deliver, args=(trail, files, arguments.rate, put_at), daemon=True)
        upload.start()
        for _ in range(arguments.kills):
            time.sleep(moments.uniform(0.0, 2 * len(files) / arguments.rate / arguments.kills))
            watcher.kill()
            watcher.start()
        upload.join()
        assert wait_for(lambda: trail.left == 0), f"{trail.left} messages are left\n{watcher.errors()}"
        assert watcher.stop() == 0, watcher.errors()
        assert once(rows(folder / "lake")), "a row is in the lake twice"
        expected = run_over(files, trail.bucket, url, folder / "batch")
        assert rows(folder / "lake") == rows(folder / "batch" / "lake"), f"seed {seed}: other rows"
        written = {line["alert_id"]: line["rule_id"] for _, line in watcher.lines()}
        monotone = {rule.id for rule in load_rules(shipped_rules_directory()).rules if rule.monotone}
        assert expected <= written.keys(), f"seed {seed}: {len(expected - written.keys())} alerts are missing"
        more = {rule_id for alert_id, rule_id in written.items() if alert_id not in expected}
        assert not more & monotone, f"seed {seed}: {sorted(more & monotone)} wrote more"
        waits = sorted(
            seen - max(put_at[place["log_file"]] for place in line["evidence"]) for seen, line in watcher.lines()
        )
    print(  # noqa: T201
        f"seed {seed}: {len(files)} objects at {arguments.rate:g}/s, {arguments.kills} kills: {len(written)} alerts in "
        f"{len(waits)} lines, queue empty; from upload to alert line p50 {waits[len(waits) // 2]:.1f} s, "
        f"p95 {waits[int(len(waits) * 0.95)]:.1f} s, longest {waits[-1]:.1f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
