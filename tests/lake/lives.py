"""Lives of a writer that is killed one step later each time, and what all of them must have left."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.forking import in_child

_BEFORE: Final = ([["Call1"], ["Call2"]], [["s3://b/1", 3, 3]])
AFTER: Final = ([["Call1"], ["Call2"], ["Call3"], ["Call4"]], [["s3://b/0", 3, 2], ["s3://b/1", 2, 2]])


def tell_lives(write: Callable[[int], None], show: Callable[[int, Path], None], target: Path, most: int) -> None:
    """Print one line of JSON for each step at which the writer was killed, and one for the life that ended well.

    Args:
        write: from the beginning, to be killed at a step.
        show: writes down what the life left.
        target: where `show` writes to.
        most: steps.
    """
    for step in range(1, most):
        code = in_child(lambda: write(step))  # noqa: B023
        assert code in (0, -signal.SIGKILL), code
        assert in_child(lambda: show(step, target)) == 0  # noqa: B023
        life = {"step": step, "killed": code != 0, **json.loads(target.read_text())}
        sys.stdout.write(json.dumps(life) + "\n")
        if code == 0:
            return


def assert_all_or_none(output: str) -> list[dict[str, Any]]:
    """Require of what `tell_lives` printed that each life left all of the commit or none; return the lives."""
    lives = [json.loads(line) for line in output.splitlines()]
    states = [(life["after"], life["objects"]) for life in lives]
    assert all(state in (_BEFORE, AFTER) for state in states)
    assert states == sorted(states, key=lambda state: state == AFTER)  # committed once, and for good
    assert _BEFORE in states
    assert states.count(AFTER) >= 2  # also when killed right after the commit
    assert len(lives) > 15
    assert lives[-1]["killed"] is False
    return lives
