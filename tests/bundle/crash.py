"""Kill the writing of a bag with SIGKILL at each file that it opens, makes or renames, in turn. A script.

Each life is a forked child of this process, which never uses a thread before it forks.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from detector.bundle import layout
from detector.bundle.writing import open_bag
from tests.forking import in_child

_STEPS = {"open", "os.mkdir", "os.rename"}


def live(output: Path, step: int) -> None:
    """Write a small bag; die before the given step."""
    left = [step]

    def count(event: str, arguments: tuple[object, ...]) -> None:
        if event in _STEPS and str(output.parent) in str(arguments[0]):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    with open_bag(output) as writer:
        for number in range(3):
            writer.add_object(b"\x1f\x8b" + bytes([number]))
        for path in (layout.README, layout.OBJECTS, layout.CUSTODY):
            writer.add(path, [path.encode()])
        writer.finish()


def main(directory: Path, name: str) -> None:
    """Write a line for each life: was it killed, and what it left."""
    step = 1
    while True:
        folder = directory / f"life-{step}"
        folder.mkdir()
        ended = in_child(lambda at=step, folder=folder: live(folder / name, at))  # type: ignore[misc]
        assert ended in (0, -signal.SIGKILL), ended
        left = sorted(path.name for path in folder.iterdir())
        sys.stdout.write(json.dumps({"killed": ended != 0, "folder": str(folder), "left": left}) + "\n")
        sys.stdout.flush()  # before the next fork copies the buffer
        if ended == 0:
            return
        step += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
