"""Worker processes: a bounded number of tasks under way, results as they come, no orphans."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from typing import TypeVar

from detector.errors import DetectorError
from detector.garbage import look_seldom

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_in_workers(work: Callable[[Task], Result], tasks: Iterable[Task], *, jobs: int) -> Iterator[Result]:
    """Yield `work(task)` of each task, in any order.

    Args:
        work: a function of a module, run in `jobs` processes; in this one when `jobs` is 1 or there is one task.
        tasks: taken only a few ahead of the work, so that an endless listing costs no memory.

    Raises:
        DetectorError: a worker died, for example because memory ran out; or what `work` raises.
    """
    waiting = iter(tasks)
    first = list(islice(waiting, 2)) if jobs > 1 else []
    if len(first) < 2:
        yield from map(work, chain(first, waiting))
        return
    # spawn: a used Tokio runtime hangs in a forked child, and a forked child would keep the lake's lock.
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_start_worker) as pool:
        under_way: set[Future[Result]] = set()
        waiting = chain(first, waiting)
        try:
            while True:
                under_way |= {pool.submit(work, task) for task in islice(waiting, jobs + 1 - len(under_way))}
                if not under_way:
                    return
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise DetectorError(
                "a worker process died; what was committed before stays",
                hint="if memory ran out, use --jobs 1; then run the same command again",
            ) from error
        finally:
            # Wait for what runs: the staging folder that it writes to is removed after this.
            pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and end when the parent is gone, even when it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    look_seldom()
    parent = multiprocessing.parent_process()

    def end_with_parent() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
