"""Ctrl-C while DuckDB works, which looks at signals between steps of its own, and not always."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from detector.cli.exit_codes import INTERRUPTED

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Result = TypeVar("Result")
_STEP_SECONDS = 0.05


def run_interruptibly(work: Callable[[], Result], interrupt: Callable[[], None]) -> Result:
    """Return what `work` returns, from a thread of its own, so that this one hears Ctrl-C at once.

    Args:
        work: waits for queries, or for whoever reads what it writes.
        interrupt: makes a query that runs end.

    Raises:
        KeyboardInterrupt: after Ctrl-C, once the query has ended, which takes it a fraction of a second.
    """
    from concurrent.futures import ThreadPoolExecutor  # brings logging, for which --help does not wait

    with ThreadPoolExecutor(1, thread_name_prefix="interruptible") as pool:
        pool.submit(int).result()  # the thread is there: Ctrl-C cannot come between its start and its being known
        try:
            return pool.submit(work).result()
        except KeyboardInterrupt:
            _end(pool, interrupt)
            raise


def _end(pool: ThreadPoolExecutor, interrupt: Callable[[], None]) -> None:
    """Interrupt until the work has ended; at another Ctrl-C end the process, since nothing else would."""
    from concurrent.futures import wait

    try:
        ended = pool.submit(int)  # behind the work, in the one thread
        while not ended.done():
            interrupt()  # again and again: a query that is still planned does not hear it
            wait([ended], timeout=_STEP_SECONDS)
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)


def is_interruption(error: Exception) -> bool:
    """Tell whether an error is DuckDB's answer to Ctrl-C: where it does look, it raises this in place of Python's."""
    return isinstance(error, RuntimeError) and str(error) == "Query interrupted"
