"""Kill a publisher with SIGKILL at steps of its work, and look at the table that it leaves. Run as a script.

Each life of the publisher is a forked child of this process, which never uses a thread before it forks.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from detector.publish import catalog
from tests.forking import in_child
from tests.lake.samples import shown
from tests.publish.tables import compact_all, fill_copies, fill_first, publish_to, rows


class Steps:
    """Counts the steps of a publisher down, and kills it at the last."""

    def __init__(self, step: int) -> None:
        self._left = step
        self._instrument(catalog._Files, "new_input")
        self._instrument(catalog._Files, "new_output")
        self._instrument(catalog._Files, "delete")
        self._instrument(Path, "rename")
        event.listen(Engine, "before_cursor_execute", lambda *_: self.step())
        event.listen(Engine, "after_cursor_execute", lambda *_: self.step())
        event.listen(Engine, "commit", lambda *_: self.step())

    def step(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def _instrument(self, target: Any, name: str) -> None:  # noqa: ANN401
        original = getattr(target, name)

        def stepped(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            self.step()
            return original(*arguments, **options)

        setattr(target, name, stepped)


def publish_killed(folder: Path, step: int) -> None:
    steps = Steps(step)
    publish_to(folder, folder / "lake")
    steps.step()


def look(folder: Path) -> None:
    """Write down the rows of the table as it was left, and as the next publisher leaves it."""
    from pyiceberg.exceptions import NoSuchTableError
    from sqlalchemy.exc import OperationalError

    state: dict[str, Any] = {"lake": shown(folder / "lake")}
    try:
        state["left"] = rows(folder)
    except (NoSuchTableError, OperationalError):
        state["left"] = None
    publish_to(folder, folder / "lake")
    state["next"] = rows(folder)
    (folder / "state.json").write_text(json.dumps(state))


def begin(folder: Path, name: str) -> None:
    """Make a lake; where the table is there already, one that has gone on since."""
    fill_first(folder / "lake")
    if name == "next":
        publish_to(folder, folder / "lake")
    fill_copies(folder / "lake")
    if name == "next":
        compact_all(folder / "lake")


def lives(folder: Path, name: str, steps: list[int] | None) -> None:
    """Print one line of JSON for each life."""
    saved = folder.parent / f"saved-{name}"
    assert in_child(lambda: begin(folder, name)) == 0
    folder.rename(saved)
    for step in steps or range(1, 500):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(saved, folder)
        code = in_child(lambda: publish_killed(folder, step))  # noqa: B023
        assert code in (0, -signal.SIGKILL), code
        assert in_child(lambda: look(folder)) == 0
        state = json.loads((folder / "state.json").read_text())
        sys.stdout.write(json.dumps({"begun": name, "step": step, "killed": code != 0, **state}) + "\n")
        sys.stdout.flush()
        if code == 0:
            return


def main() -> None:
    """Kill at all steps, or at some drawn at random."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--random", type=int, default=0)
    arguments = parser.parse_args()
    for name in ("new", "next"):
        some = random.sample(range(1, 60), arguments.random) if arguments.random else None
        folder = arguments.folder.resolve() / name / "work"
        folder.mkdir(parents=True)
        lives(folder, name, some)


if __name__ == "__main__":
    main()
