"""The interface of whatever runs tasks: it is handed a function of a module and tasks, and gives results back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Engine(Protocol):
    """Runs tasks somewhere; holds no rows, and commits nothing."""

    @property
    def is_elsewhere(self) -> bool:
        """True where tasks find no folder of this process, unless all machines share it."""
        ...

    def run(self, work: Callable[[Task], Result], tasks: Iterable[Task], *, jobs: int) -> Iterator[Result]:
        """Yield `work(task)` of each task, in any order.

        Args:
            work: a function of a module whose result is data: dataclasses, enumerations, tables, and what JSON has.
            tasks: picklable; taken only a few ahead of the work.
            jobs: so many tasks at a time.

        Raises:
            DetectorError: what `work` raises, or the engine has given up.
        """
        ...
