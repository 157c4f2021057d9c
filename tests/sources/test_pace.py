from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from detector.sources.rate_limit import RateLimiter


class Time:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def rate_limiter(self, folder: Path, interval_seconds: float = 0.5) -> RateLimiter:
        return RateLimiter(folder, interval_seconds, self.clock, self.sleep)


def test_each_waits_for_a_slot_of_its_own_and_names_do_not_wait_for_each_other(tmp_path: Path) -> None:
    hours = Time()
    slots = []
    for name in ("us-east-1", "us-east-1", "eu-west-1", "us-east-1"):
        hours.rate_limiter(tmp_path).wait(name)
        slots.append(hours.now)
    assert slots == [100.0, 100.5, 100.5, 101.0]


def test_time_that_passed_otherwise_is_not_waited_for_again(tmp_path: Path) -> None:
    hours = Time()
    hours.rate_limiter(tmp_path).wait("us-east-1")
    hours.now += 9
    hours.rate_limiter(tmp_path).wait("us-east-1")
    assert hours.now == 109.0


def test_who_is_told_to_slow_down_slows_everybody_down(tmp_path: Path) -> None:
    one, other = Time(), Time()
    one.rate_limiter(tmp_path).wait("us-east-1", 20.0)
    other.rate_limiter(tmp_path).wait("us-east-1")
    assert (one.now, other.now) == (120.0, 120.5)


def test_processes_share_one_pace(tmp_path: Path) -> None:
    # The slots are a thousand seconds apart, and nobody sleeps: what is handed out is read from the file.
    code = """
import sys
from pathlib import Path
from detector.sources.rate_limit import RateLimiter
for _ in range(20):
    RateLimiter(Path(sys.argv[1]), 1000.0, sleep=lambda seconds: None).wait("us-east-1")
"""
    processes = [subprocess.Popen([sys.executable, "-c", code, tmp_path]) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    next_slot = float((tmp_path / "us-east-1").read_text())
    assert 39_000 < next_slot - time.monotonic() <= 40_000
