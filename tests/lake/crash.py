"""Kill a writer with SIGKILL at each step of a commit in turn, and look at what it leaves. Run as a script.

Each life of the writer is a forked child of this process, which never uses a thread before it forks.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from samples import compact, files_of, log, put, record, shown  # type: ignore[import-not-found]  # beside this script

from detector.lake.ledger.ledger import Ledger
from detector.lake.reader import read_lake
from detector.lake.writer import open_to_write
from tests.forking import in_child, only_reads
from tests.lake.lives import tell_lives

BEFORE = {"s3://b/1": log(record(1), record(2), record(2))}
BATCH = {
    "s3://b/0": log(record(1), record(3, day=2), {"eventName": "no time"}),
    "s3://b/1": log(record(2), record(4)),
}


def kill_before(target: Any, name: str, counter: list[int]) -> None:  # noqa: ANN401
    original = getattr(target, name)

    def stepped(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        counter[0] -= 1
        if counter[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)

    setattr(target, name, stepped)


def write(lake: Path, step: int) -> None:
    with open_to_write(lake) as writer:
        counter = [step]
        kill_before(Path, "rename", counter)
        kill_before(os, "fsync", counter)
        kill_before(pq.ParquetWriter, "write_table", counter)
        kill_before(Ledger, "commit", counter)
        connection = writer.ledger._connection
        connection.set_trace_callback(lambda statement: None if only_reads(statement) else stepping(counter))
        put(writer, BATCH, ["s3://b/1"])
        compact(writer)
        connection.set_trace_callback(None)
        stepping(counter)  # killed with the commit done


def stepping(counter: list[int]) -> None:
    counter[0] -= 1
    if counter[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def begin(lake: Path) -> None:
    with open_to_write(lake) as writer:
        put(writer, BEFORE)


def show(lake: Path, target: Path) -> None:
    """Write down what readers see before and after the next writer has come by, and the files that lie there."""
    state: dict[str, Any] = {"before": shown(lake, "eventName")}
    with open_to_write(lake):
        pass
    ledger = Ledger.open(lake, writable=False)
    state["after"] = shown(lake, "eventName")
    state["objects"] = sorted((one.uri, one.records, one.rows) for one in ledger.objects())
    dropped = {path for (path,) in ledger._rows("SELECT path FROM dropped_parts")}
    listed = {str(part.path) for part in ledger.parts()} | dropped
    state["unlisted"] = sorted(files_of(lake) - listed)
    state["missing"] = sorted(listed - files_of(lake))
    state["intended"] = len(ledger.intents())
    state["parts"] = len(read_lake(lake).events)
    target.write_text(json.dumps(state))


def main() -> None:
    """Tell what each life of the writer left."""
    base = Path(sys.argv[1])
    lake = base / "lake"
    assert in_child(lambda: begin(base / "origin")) == 0

    def write_anew(step: int) -> None:
        shutil.rmtree(lake, ignore_errors=True)
        shutil.copytree(base / "origin", lake)
        write(lake, step)

    tell_lives(write_anew, lambda _, target: show(lake, target), base / "state.json", most=500)


if __name__ == "__main__":
    main()
