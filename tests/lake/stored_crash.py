"""Kill a writer of a lake in S3 with SIGKILL before each of its requests in turn, and look at what it leaves.

Run as a script, with the environment of the server that holds the bucket: BUCKET is its argument. Each life of the
writer is a forked child of this process, which never uses a thread before it forks.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import botocore.httpsession
from crash import BATCH, BEFORE  # type: ignore[import-not-found]  # beside this script
from samples import compact, put, shown  # type: ignore[import-not-found]

from detector.lake.place import lake_at
from detector.lake.reader import read_lake
from detector.lake.writer import open_to_write
from tests.forking import in_child


def begin(lake: str) -> None:
    with open_to_write(lake_at(lake)) as writer:
        put(writer, BEFORE)


def write(lake: str, step: int) -> None:
    left = [step]
    send = botocore.httpsession.URLLib3Session.send

    def stepped(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return send(*arguments, **options)

    botocore.httpsession.URLLib3Session.send = stepped  # type: ignore[method-assign]
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
    """Print one line of JSON for each request before which the writer was killed, and one for the life that ended."""
    bucket, folder = sys.argv[1], Path(sys.argv[2])
    for step in range(1, 200):
        lake = f"s3://{bucket}/{step}"
        assert in_child(lambda: begin(lake)) == 0  # noqa: B023
        code = in_child(lambda: write(lake, step))  # noqa: B023
        assert code in (0, -signal.SIGKILL), code
        target = folder / "state.json"
        assert in_child(lambda: show(lake, target)) == 0  # noqa: B023
        life = {"step": step, "killed": code != 0, **json.loads(target.read_text())}
        sys.stdout.write(json.dumps(life) + "\n")
        if code == 0:
            return


if __name__ == "__main__":
    main()
