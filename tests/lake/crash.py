"""Kill a writer with SIGKILL at each step of its work in turn, and look at what it leaves. Run as a script.

Its arguments are a folder and, where the lake is to be in S3, the bucket of a server that the environment names. Each
life of the writer is a forked child of this process, which never uses a thread before it forks.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from samples import compact, files_of, log, put, record, shown  # type: ignore[import-not-found]  # beside this script

from detector.lake.check import differences
from detector.lake.ledger.ledger import Ledger
from detector.lake.place import LakePlace, lake_at
from detector.lake.reader import read_lake
from detector.lake.unlisted import known_to
from detector.lake.writer import open_to_write
from tests.forking import before_each_request, in_child, only_reads
from tests.lake.lives import tell_lives
from tests.places import lake_of_each_step

BEFORE = {"s3://b/1": log(record(1), record(2), record(2))}
BATCH = {
    "s3://b/0": log(record(1), record(3, day=2), {"eventName": "no time"}),
    "s3://b/1": log(record(2), record(4)),
}


def kill_before(target: Any, name: str, counter: list[int]) -> None:  # noqa: ANN401
    original = getattr(target, name)

    def stepped(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        stepping(counter)
        return original(*arguments, **options)

    setattr(target, name, stepped)


def write(lake: LakePlace, step: int) -> None:
    """Write to a lake; each request is a step where it is in S3, else whatever changes a file."""
    counter = [step]
    if lake.is_elsewhere:
        before_each_request(lambda: stepping(counter))
    with open_to_write(lake) as writer:
        connection = writer.ledger._connection
        if not lake.is_elsewhere:
            kill_before(Path, "rename", counter)
            kill_before(os, "fsync", counter)
            kill_before(pq.ParquetWriter, "write_table", counter)
            kill_before(Ledger, "commit", counter)
            connection.set_trace_callback(lambda statement: None if only_reads(statement) else stepping(counter))
        put(writer, BATCH, ["s3://b/1"])
        compact(writer)
        connection.set_trace_callback(None)
        if not lake.is_elsewhere:
            stepping(counter)  # killed with the commit done
    if lake.is_elsewhere:
        stepping(counter)


def stepping(counter: list[int]) -> None:
    counter[0] -= 1
    if counter[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def begin(lake: LakePlace) -> None:
    with open_to_write(lake) as writer:
        put(writer, BEFORE)


def show(see: Callable[[], LakePlace], target: Path) -> None:
    """Write down what readers see before and after the next writer has come by, and what lies there."""
    lake = see()
    state: dict[str, Any] = {"before": shown(lake, "eventName"), "unlisted": len(read_lake(lake).unlisted)}
    with open_to_write(see()) as writer:
        state["objects"] = sorted((one.uri, one.records, one.rows) for one in writer.ledger.objects())
        state["intended"] = len(writer.ledger.intents())
        known = {path.as_posix() for path in known_to(writer.ledger)}
    state["after"] = shown(see(), "eventName")
    state["missing"], state["left"] = sorted(known - files_of(see())), sorted(files_of(see()) - known)
    if lake.is_elsewhere:
        with open_to_write(see()) as writer:
            put(writer, BATCH, [uri for uri, *_ in state["objects"]])
        state["again"] = shown(see(), "eventName")
    state["differences"] = list(differences(see()))
    target.write_text(json.dumps(state))


def main() -> None:
    """Tell what each life of the writer left."""
    base, *buckets = sys.argv[1:]
    folder = Path(base)
    see = lake_of_each_step(folder / "lake", buckets)

    def write_anew(step: int) -> None:
        if buckets:
            begin(see(step))
        else:
            shutil.rmtree(folder / "lake", ignore_errors=True)
            shutil.copytree(folder / "origin", folder / "lake")
        write(see(step), step)

    assert in_child(lambda: begin(lake_at(folder / "origin"))) == 0
    tell_lives(write_anew, lambda step, target: show(lambda: see(step), target), folder / "state.json", most=500)


if __name__ == "__main__":
    main()
