"""Worker processes: a bounded number of tasks under way, results as they come, no orphans.

They are forked from a server process that has imported what they need and done nothing else. Not from this one: a used
Tokio runtime hangs in a forked child, and a forked child would keep the lake's lock.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

from detector.errors import DetectorError
from detector.interpreter import collect_garbage_rarely, keep_out_array_libraries

_CONTEXT = multiprocessing.get_context("forkserver")
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
    surroundings = (dict(os.environ), Path.cwd())
    with ProcessPoolExecutor(jobs, _CONTEXT, initializer=_start_worker, initargs=surroundings) as pool:
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


def prestart_workers(jobs: int, module: str) -> None:
    """Begin to start workers, while this process finds out what there is to do.

    Args:
        jobs: as of `run_in_workers`.
        module: what they will need; importing it takes longer than most listings.
    """
    if jobs > 1:
        _CONTEXT.set_forkserver_preload(["detector.array_libraries", module])
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, also while a child imports
        try:
            multiprocessing.forkserver.ensure_running()
        finally:
            signal.signal(signal.SIGINT, before)


def _start_worker(environment: dict[str, str], folder: Path) -> None:
    """Leave Ctrl-C to the parent, and end when the parent is gone, even when it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What it was forked from may be older than the parent's settings of now.
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    collect_garbage_rarely()
    keep_out_array_libraries()
    parent = multiprocessing.parent_process()

    def end_with_parent() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
