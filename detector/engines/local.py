"""This machine as an engine: worker processes, which end with the command."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from detector.engines.engine import Engine, Result, Task
from detector.workers import run_in_workers


class LocalEngine:
    """Runs tasks in processes of this machine."""

    is_elsewhere = False

    def run(self, work: Callable[[Task], Result], tasks: Iterable[Task], *, jobs: int) -> Iterator[Result]:
        """Yield `work(task)` of each task; see `workers.run_in_workers`."""
        return run_in_workers(work, tasks, jobs=jobs)


LOCAL: Final[Engine] = LocalEngine()
