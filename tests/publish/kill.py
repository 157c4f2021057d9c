"""Kill a publisher with SIGKILL at steps of its work, and look at the table that it leaves. Run as a script.

Each life of the publisher is a forked child of this process, which never uses a thread before it forks.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from detector.lake.place import LakePlace, lake_at
from detector.publish import catalog
from tests.forking import before_each_request, in_child
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
        before_each_request(self.step)

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


@dataclass(frozen=True)
class Site:
    """Where a lake and its table lie: in a folder, or in a bucket and only the catalogue in the folder."""

    folder: Path
    bucket: str | None

    @property
    def lake(self) -> LakePlace:
        return lake_at(f"s3://{self.bucket}/{self.folder.name}/lake" if self.bucket else self.folder / "lake")

    def publish(self) -> None:
        publish_to(self.folder, self.lake, f"s3://{self.bucket}/{self.folder.name}/table" if self.bucket else None)

    def rows(self) -> list[tuple[str, int]]:
        if not self.bucket:
            return rows(self.folder)
        names = {"endpoint": "AWS_ENDPOINT_URL_S3", "access-key-id": "AWS_ACCESS_KEY_ID",
                 "secret-access-key": "AWS_SECRET_ACCESS_KEY", "region": "AWS_DEFAULT_REGION"}  # fmt: skip
        return rows(self.folder, **{f"s3.{name}": os.environ[variable] for name, variable in names.items()})


def publish_killed(site: Site, step: int) -> None:
    steps = Steps(step)
    site.publish()
    steps.step()


def look(site: Site) -> None:
    """Write down the rows of the table as it was left, and as the next publisher leaves it."""
    from pyiceberg.exceptions import NoSuchTableError
    from sqlalchemy.exc import OperationalError

    state: dict[str, Any] = {"lake": shown(site.lake)}
    try:
        state["left"] = site.rows()
    except (NoSuchTableError, OperationalError):
        state["left"] = None
    site.publish()
    state["next"] = site.rows()
    (site.folder / "state.json").write_text(json.dumps(state))


def begin(site: Site, name: str) -> None:
    """Make a lake; where the table is there already, one that has gone on since."""
    fill_first(site.lake)
    if name == "next":
        site.publish()
    fill_copies(site.lake)
    if name == "next":
        compact_all(site.lake)


def lives(folder: Path, name: str, steps: Iterable[int], bucket: str | None) -> None:
    """Print one line of JSON for each life."""
    for step in steps:
        site = Site(folder / f"{name}-{step}", bucket)
        site.folder.mkdir()
        assert in_child(lambda: begin(site, name)) == 0  # noqa: B023
        code = in_child(lambda: publish_killed(site, step))  # noqa: B023
        assert code in (0, -signal.SIGKILL), code
        assert in_child(lambda: look(site)) == 0  # noqa: B023
        state = json.loads((site.folder / "state.json").read_text())
        sys.stdout.write(json.dumps({"begun": name, "step": step, "killed": code != 0, **state}) + "\n")
        sys.stdout.flush()
        if code == 0:
            return


def main() -> None:
    """Kill at all steps, or at some drawn at random; with a bucket, in S3."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--bucket")
    arguments = parser.parse_args()
    for name in ("new", "next"):
        steps = sorted(random.sample(range(1, 60), arguments.random)) if arguments.random else range(1, 500)
        lives(arguments.folder.resolve(), name, steps, arguments.bucket)


if __name__ == "__main__":
    main()
