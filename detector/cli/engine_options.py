"""The options that say where the work is done, and by how many."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from detector.engines.names import HERE as HERE
from detector.engines.names import MOST_TASKS, require_engine


def _cores() -> int:
    """Return the processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


CORES = _cores()
Jobs = Annotated[int, typer.Option("--jobs", min=1, max=64, help="Worker processes.", show_default="one for each core")]
Width = Annotated[
    int,
    typer.Option(
        "--jobs",
        min=1,
        max=MOST_TASKS,
        help="Worker processes; with another --engine, tasks at a time.",
        show_default="one for each core",
    ),
]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        help="Where files are read and written: on this machine, by the Spark that spark-submit gives, or by a server "
        "of Spark Connect; docs/guide/on-a-cluster.md.",
        metavar="local|spark|sc://HOST:PORT",
        callback=require_engine,
    ),
]
