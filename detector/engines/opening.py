"""From `--engine` to what runs the tasks."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

from detector.engines.engine import Engine
from detector.engines.local import LOCAL
from detector.engines.names import HERE
from detector.errors import UsageError
from detector.workers import prestart_workers

if TYPE_CHECKING:
    from detector.lake.place import LakePlace

_MOST_PROCESSES: Final = 64


def open_engine(
    name: str, *, jobs: int, preload: str | None = None, lake: LakePlace | None = None
) -> AbstractContextManager[Engine]:
    """Return an engine to enter; worker processes of this machine begin to start before.

    Args:
        name: `local`, `spark` or `sc://HOST:PORT`.
        jobs: so many tasks are to run at a time.
        preload: the module that worker processes of this machine will need.
        lake: the one that tasks write to; executors find it by the same path, or in S3.

    Raises:
        UsageError: the lake's path is another one for each process, or there are too many processes for one machine.
        DetectorError: on entering; see `spark.open_spark`.
    """
    if name == HERE:
        if jobs > _MOST_PROCESSES:
            raise UsageError(
                f"--jobs {jobs} is more than one machine is given: {_MOST_PROCESSES}",
                hint="--engine names where more of them can run",
            )
        if preload is not None:
            prestart_workers(jobs, preload)
        return nullcontext(LOCAL)
    if lake is not None and not lake.is_elsewhere and not Path(str(lake)).is_absolute():
        raise UsageError(
            f"--lake {lake} is another folder on each executor",
            hint="with --engine, name a lake in S3, or write the path from /, of a file system that all of them share",
        )
    from detector.engines.spark import open_spark

    return open_spark(name, jobs=jobs)
