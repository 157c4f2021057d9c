"""Kill a writer of a lake in S3 with SIGKILL before each of its requests in turn, and look at what it leaves.

Run as a script, with the environment of the server that holds the bucket: BUCKET is its argument. Each life of the
writer is a forked child of this process, which never uses a thread before it forks.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from crash import BATCH, BEFORE, stepping  # type: ignore[import-not-found]  # beside this script
from samples import compact, put, shown  # type: ignore[import-not-found]

from detector.lake.place import lake_at
from detector.lake.reader import read_lake
from detector.lake.writer import open_to_write
from tests.forking import before_each_request
from tests.lake.lives import tell_lives


def begin(lake: str) -> None:
    with open_to_write(lake_at(lake)) as writer:
        put(writer, BEFORE)


def write(lake: str, step: int) -> None:
    left = [step]
    before_each_request(lambda: stepping(left))
    with open_to_write(lake_at(lake)) as writer:
        put(writer, BATCH, ["s3://b/1"])
        compact(writer)


def show(lake: str, target: Path) -> None:
    """Write down what readers see before and after the next writer has come by, and what it may do then."""
    place = lake_at(lake)
    state: dict[str, Any] = {"before": shown(place, "eventName"), "unlisted": len(read_lake(place).unlisted)}
    with open_to_write(place) as writer:
        state["objects"] = sorted((one.uri, one.records, one.rows) for one in writer.ledger.objects())
        put(writer, BATCH, [uri for uri, *_ in state["objects"]])
    state["again"] = shown(lake_at(lake), "eventName")
    state["damaged"] = len(read_lake(place).damaged)
    target.write_text(json.dumps(state))


def main() -> None:
    """Tell what each life of the writer left, killed before one of its requests."""
    bucket, folder = sys.argv[1], Path(sys.argv[2])

    def lake(step: int) -> str:
        return f"s3://{bucket}/{step}"

    def write_anew(step: int) -> None:
        begin(lake(step))
        write(lake(step), step)

    tell_lives(write_anew, lambda step, target: show(lake(step), target), folder / "state.json", most=200)


if __name__ == "__main__":
    main()
