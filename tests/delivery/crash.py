"""Kill a delivery with SIGKILL at each of its steps in turn, and look at what the next one makes of it. A script.

Each life is a forked child of this process, which never uses a thread before it forks. Its arguments are a folder and,
where the lake is to be in S3, the bucket of a server that the environment names.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from detector.alerts.alert import Actor, Alert
from detector.alerts.formats.names import AlertFormat
from detector.alerts.sinks.local import AlertFile
from detector.alerts.sinks.opening import Output
from detector.alerts.sinks.sink import ACCEPTED, Limits, Receipt
from detector.detect.emission import write_new_alerts
from detector.lake.ledger.outbox import Document
from detector.lake.place import LakePlace
from detector.lake.writer import open_to_write
from detector.rules.rule import Confidence
from detector.severity import Severity
from tests.forking import before_each_request, in_child
from tests.places import lake_of_each_step

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ALERTS = 4


@dataclass
class Steps:
    """Counts down to the moment of death."""

    left: int

    def step(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class TwoAtATime:
    """A file that is written in small batches; each of them is a step."""

    file: AlertFile
    steps: Steps = field(hash=False)
    limits: Limits = field(default_factory=lambda: Limits(2, 100_000))

    @property
    def name(self) -> str:
        return self.file.name

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:
        self.steps.step()
        self.file.send(documents, seconds)
        self.steps.step()
        return [ACCEPTED] * len(documents)

    def close(self) -> None:
        """Nothing is open."""


def alert(number: int) -> Alert:
    return Alert(
        alert_id=f"id-{number}",
        rule_id="rule",
        title="title",
        severity=Severity.HIGH,
        confidence=Confidence.HIGH,
        attack=(),
        account_id=None,
        region=None,
        event_time=NOW,
        last_event_time=NOW,
        event_count=1,
        event_ids=(),
        summary="what",
        actor=Actor(),
        source_ip=None,
        user_agent=None,
        mfa=None,
        context={},
        evidence=(),
        records=(),
        records_truncated=False,
        detected_at=NOW,
    )


def deliver(lake: LakePlace, folder: Path, count: int, steps: Steps) -> None:
    """Write alerts from a lake to files; each change of its ledger is a step, or each request where it is in S3."""
    if lake.is_elsewhere:
        before_each_request(steps.step)
    files = [AlertFile(folder / name) for name in ("one.jsonl", "two.jsonl")]
    outputs = [Output(TwoAtATime(file, steps), AlertFormat.JSONL) for file in files]
    digests = TwoAtATime(AlertFile(folder / "digests.jsonl"), steps)
    outputs.append(Output(digests, AlertFormat.JSONL, is_digest=True))
    with open_to_write(lake) as writer:
        if not lake.is_elsewhere:
            writer.ledger._connection.set_trace_callback(steps.step)
        write_new_alerts([alert(number) for number in range(count)], outputs, writer.ledger)
        steps.step()
        writer.ledger._connection.set_trace_callback(None)
    steps.step()


def main() -> None:
    """Print one line of JSON for each step at which the delivery was killed, and one for the life that ended well."""
    base, *buckets = sys.argv[1:]
    folder = Path(base) / "files"
    lake = lake_of_each_step(folder / "lake", buckets)

    for step in range(1, 1_000):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        code = in_child(lambda: deliver(lake(step), folder, ALERTS, Steps(step)))  # noqa: B023
        assert code in (0, -signal.SIGKILL), code
        # The next one finds two alerts more.
        assert in_child(lambda: deliver(lake(step), folder, ALERTS + 2, Steps(0))) == 0  # noqa: B023
        life: dict[str, Any] = {"step": step, "killed": code != 0}
        for name in ("one", "two"):
            lines = (folder / f"{name}.jsonl").read_text().splitlines()
            life[name] = [json.loads(line)["alert_id"] for line in lines]
        digests = (folder / "digests.jsonl").read_text().splitlines()
        life["digests"] = [[one["alert_id"] for one in json.loads(line)["worst"]] for line in digests]
        sys.stdout.write(json.dumps(life) + "\n")
        if code == 0:
            return


if __name__ == "__main__":
    main()
