"""A DuckDB that can touch nothing but the events it was opened with, and for so long."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from detector.lake.duplicates import glob_safe
from detector.lake.part_files import COLUMNS
from detector.rules.events import Events

# It copies the rows of a statement once more on their way to Arrow: a rule finds a handful.
warnings.filterwarnings("ignore", message="Arrow output on a DB-API result", category=UserWarning)
# Of many events. Five million candidates take 2.2 GB with it, the process and what rules find included.
_LAKE_MEMORY = "1500MB"
# In memory: what keeps a million events of a flood at 1 GB in all.
_TABLE_MEMORY = "600MB"
_FIT_MEMORY = 1_500_000  # rows of candidates, which are made a third faster there than in a file
_CHEAP_OPTIMIZERS = {"filter_pushdown", "unused_columns"}


def open_sandbox(
    events: Events,
    spill: Path,
    threads: int | None,
    memory_limit: str | None,
    *,
    connections: int,
    plans_cheaply: bool = False,
) -> list[duckdb.DuckDBPyConnection]:
    """Open a DuckDB of its own with the events in it, so many times for so many threads of ours, and lock it.

    What is made of many events of a lake lies in a file, compressed: of a table in memory, DuckDB can put only a part
    aside.

    Args:
        events: all that it may read.
        spill: the folder of what does not fit into memory.
        threads: DuckDB's own, default the cores.
        memory_limit: as DuckDB writes it; default, by where the events are.
        connections: how many.
        plans_cheaply: leave out all of planning but what lets rules read fewer columns and rows.
    """
    most = events.most_candidates
    in_memory = events.directory is None or (most is not None and most <= _FIT_MEMORY)
    connection = duckdb.connect(
        ":memory:" if in_memory else spill / "events.duckdb",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            # Without this, a table name in SQL finds any variable of the calling Python code.
            "python_enable_replacements": "false",
            "memory_limit": memory_limit or (_TABLE_MEMORY if in_memory else _LAKE_MEMORY),
            "temp_directory": str(spill),
            "max_temp_directory_size": "20GB",
            **({} if threads is None else {"threads": str(threads)}),
            # Of rows in memory there are few: making a join of an IN list takes longer than going through the list.
            **({"disabled_optimizers": "in_clause"} if events.directory is None else {}),
        },
    )
    try:
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        opened = [connection, *(connection.cursor() for _ in range(connections - 1))]
        if plans_cheaply:
            known = {name for (name,) in connection.execute("SELECT name FROM duckdb_optimizers()").fetchall()}
            connection.execute(
                "SET GLOBAL disabled_optimizers = $names", {"names": ",".join(known - _CHEAP_OPTIMIZERS)}
            )
        events.attach(*opened)
        connection.execute(
            "CREATE VIEW events AS SELECT * FROM parts ANTI JOIN duplicates USING (logFile, logFileIndex)"
        )
        # Both as it is and as it stands in a pattern: DuckDB compares with what it is given to read.
        folder = events.directory and events.directory.resolve()
        readable = [f"{folder}/", f"{glob_safe([folder])[0]}/"] if folder else []
        connection.execute("SET allowed_directories = $readable", {"readable": readable})
        connection.execute("SET allowed_paths = $paths", {"paths": [str(COLUMNS)] if readable else []})
        connection.execute("SET enable_external_access = false")
        for one in opened:
            # On by default where Python has no main file; it would be written between the alerts.
            one.execute("SET enable_progress_bar = false")
        # `Memory` gives more; no SELECT can.
        connection.execute("SET allowed_configs = ['memory_limit']")
        connection.execute("SET lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return opened


@contextmanager
def time_limit(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt the connection when the time is up, and never after the block has ended."""
    lock = threading.Lock()
    running = True

    def stop() -> None:
        with lock:
            if running:
                connection.interrupt()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            running = False
        timer.cancel()
