"""How much memory the queries of one database may take: little, until that is too little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import duckdb

_ALL: Final = "RESET memory_limit"  # to four fifths of the machine's memory, or of what its cgroup may have
Result = TypeVar("Result")


class Memory:
    """Memory of a sandbox: a thousand calls whose parameters have 95 kB, as logs may, take more than others."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._is_all_given = False

    def suffices_for(self, work: Callable[[], Result]) -> Result:
        """Return what `work` does; once it finds too little memory, all queries get more, and it is done again.

        Raises:
            duckdb.OutOfMemoryException: it is too little all the same, or was when others took theirs.
        """
        try:
            return work()
        except duckdb.OutOfMemoryException:
            if self._is_all_given:
                raise
            self._is_all_given = True
            # By another connection to the same: this one may have a result that is being read, by another thread.
            with self._connection.cursor() as free:
                free.execute(_ALL)
            return work()
