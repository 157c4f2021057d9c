"""What an executor does: tasks in, results out, a column of bytes each. No row of a log is ever a row of the engine.

Imported on the executors, which must have this very version: `preflight` sees to that.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from detector.engines.wire import pack
from detector.interpreter import collect_garbage_rarely

if TYPE_CHECKING:
    import pyarrow as pa

TASKS: Final = "place int, task binary"
ANSWERS: Final = "place int, at int, piece binary"
_FOR_OWNER_ONLY: Final = 0o077  # as the command line has it
_PIECE_BYTES: Final = 4 << 20  # a message of Spark Connect holds 128 MiB, and a driver of Spark 1 GiB by default


def packed_task(work: Callable[[Any], Any], task: object) -> bytes:
    """Return a task as an executor takes it."""
    return pickle.dumps((work, task), pickle.HIGHEST_PROTOCOL)


def run_tasks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Do the work of tasks: `TASKS` in, `ANSWERS` out, each answer in pieces that any message holds."""
    import pyarrow as pa

    os.umask(_FOR_OWNER_ONLY)
    collect_garbage_rarely()
    for batch in batches:
        for place, packed in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            work, task = pickle.loads(packed)  # noqa: S301 - of the driver, whose program this is
            answer = pack(work, _as_attempt(task))
            for at, start in enumerate(range(0, len(answer), _PIECE_BYTES)):
                yield pa.record_batch(
                    {
                        "place": pa.array([place], pa.int32()),
                        "at": pa.array([at], pa.int32()),
                        "piece": pa.array([answer[start : start + _PIECE_BYTES]], pa.binary()),
                    }
                )


def _as_attempt(task: object) -> object:
    """Return a task with names of its own for the files that it writes.

    An engine begins a task again when an executor is silent, and that one may still be writing.
    """
    stem = getattr(task, "stem", None)
    if stem is None or not is_dataclass(task) or isinstance(task, type):
        return task
    return replace(task, stem=f"{stem}-{uuid4().hex}")
