"""Running commands and measuring what they cost: wall clock, CPU and memory of all their processes."""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from typing import Final

_SAMPLE_SECONDS: Final = 0.02
_LONGEST_SECONDS: Final = 1_800
_PR_SET_CHILD_SUBREAPER: Final = 36


class BenchmarkError(Exception):
    """A command did not do the work that was to be measured."""


@dataclass(frozen=True, slots=True)
class Command:
    """A contender: something that does a job in processes of its own."""

    name: str
    arguments: Sequence[str]
    prepare: Callable[[], None] = lambda: None  # before each run, not measured
    check: Callable[[str], None] = lambda _: (
        None
    )  # of its standard output: raises BenchmarkError when the work is not done
    environment: Mapping[str, str] = field(default_factory=dict)
    exit_codes: frozenset[int] = frozenset({0})


@dataclass(frozen=True, slots=True)
class Run:
    """What one run cost."""

    wall_seconds: float
    cpu_seconds: float  # user and system, of all processes
    peak_bytes: int  # 0 when memory was not sampled


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians of some runs."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int  # the largest seen
    runs: int


def compare(commands: Sequence[Command], runs: int) -> dict[str, Cost]:
    """Run all commands in turn, `runs` times, so that a drift of the machine hits all of them alike.

    A first round, when there is more than one, warms the page cache and samples memory; it is not timed.

    Raises:
        Failed: a command ended with another exit code than it should have, or `check` refused its output.
    """
    peaks = {command.name: run(command, sample_memory=True) for command in commands} if runs > 1 else {}
    timed: dict[str, list[Run]] = {command.name: [] for command in commands}
    for _ in range(runs):
        for command in commands:
            timed[command.name].append(run(command, sample_memory=runs == 1))
    return {
        name: Cost(
            median(one.wall_seconds for one in seen),
            median(one.cpu_seconds for one in seen),
            max(one.peak_bytes for one in [*seen, *([peaks[name]] if peaks else [])]),
            runs,
        )
        for name, seen in timed.items()
    }


def run(command: Command, *, sample_memory: bool) -> Run:
    """Run a command once, to its end."""
    command.prepare()
    _adopt_orphans()
    with TemporaryFile() as output, TemporaryFile() as errors:
        started = time.perf_counter()
        # Its own process group, so that all of it ends when it takes too long.
        process = subprocess.Popen(  # noqa: S603 - commands of this package
            command.arguments,
            stdout=output,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **command.environment},
            cwd=Path(__file__).parents[1],
            process_group=0,
        )
        watch = _MemoryWatch(process.pid)
        limit = threading.Timer(_LONGEST_SECONDS, lambda: os.killpg(process.pid, 9))
        limit.start()
        try:
            if sample_memory:
                watch.start()
            # Resources of the process and of all descendants that it waited for.
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, 9)
            raise
        finally:
            wall = time.perf_counter() - started
            limit.cancel()
            if sample_memory:
                watch.stop()
        cpu = usage.ru_utime + usage.ru_stime + _cpu_of_orphans(process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        text = output.read().decode(errors="replace")
        if process.returncode not in command.exit_codes:
            said = errors.read().decode(errors="replace")[-2000:]
            raise BenchmarkError(f"{command.name} ended with {process.returncode}: {said}")
    command.check(text)
    return Run(wall, cpu, watch.peak_bytes)


def _adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, as far as the system can do that."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _cpu_of_orphans(group: int) -> float:
    """Wait for what a command left behind, and return the CPU seconds of that and its descendants."""
    seconds = 0.0
    with suppress(ChildProcessError):
        while True:
            _, _, usage = os.wait4(-group, 0)
            seconds += usage.ru_utime + usage.ru_stime
    return seconds


class _MemoryWatch(threading.Thread):
    """The most memory that a process and its descendants had together, sampled.

    PSS: pages that several of them share count once. Pages of files that are mapped and touched count too.
    """

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self._root = root
        self._over = threading.Event()
        self.peak_bytes = 0

    def run(self) -> None:
        """Sample until stopped."""
        while not self._over.wait(_SAMPLE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, sum(map(_pss_bytes, _family(self._root))))

    def stop(self) -> None:
        """End the sampling."""
        self._over.set()
        self.join()


def _family(root: int) -> set[int]:
    """Return the ids of a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                # The name in parentheses may hold spaces; the parent is the second field after it.
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, waiting = {root}, [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting += below
    return found


def _pss_bytes(process: int) -> int:
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    return 0
