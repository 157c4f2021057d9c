"""Kill an ingest that verifies with SIGKILL before each statement that changes its ledger, and run it again. A script.

Each life is a forked child of this process, which never uses a thread before it forks.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from detector.ingest.digests import DigestIntake
from detector.ingest.ingest import ingest
from detector.lake.writer import open_to_write
from detector.run_report import RunReport
from detector.scope import Scope
from detector.sources.aws_options import AwsOptions
from detector.sources.opening import open_source
from detector.times import now
from detector.verify.asking import key_source
from detector.verify.depth import Verify
from tests.forking import in_child, only_reads


def live(lake: Path, vector: Path, step: int, result: Path) -> None:
    """Ingest; die before the given statement, or write down what was found."""
    left = [step]

    def count(statement: str) -> None:
        if only_reads(statement):
            return
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    report = RunReport(now())
    with open_to_write(lake) as writer:
        writer.ledger._connection.set_trace_callback(count)
        intake = DigestIntake(writer.ledger, Verify.COMPLETE, key_source(str(vector / "keys"), AwsOptions()))
        ingest([open_source(str(vector / "bucket"))], writer, Scope(), report, jobs=1, digests=intake)
        writer.ledger._connection.set_trace_callback(None)
    assert report.integrity
    found = report.integrity.to_json()
    written: dict[str, Any] = {name: found[name] for name in ("judgement", "digests", "log_files", "findings")}
    for finding in written["findings"]:
        if finding["kind"] == "gap":
            finding["end"] = ""  # the moment of asking
    result.write_text(json.dumps(written))


def main(directory: Path, vector: Path, every: int) -> None:
    """Write a line for each life: was it killed, and what the next one found."""
    step = 1
    while True:
        lake, result = directory / f"lake-{step}", directory / f"result-{step}.json"
        ended = in_child(lambda at=step, lake=lake, result=result: live(lake, vector, at, result))  # type: ignore[misc]
        assert ended in (0, -signal.SIGKILL), ended
        assert in_child(lambda lake=lake, result=result: live(lake, vector, 0, result)) == 0  # type: ignore[misc]
        sys.stdout.write(json.dumps({"killed": ended != 0, "found": json.loads(result.read_text())}) + "\n")
        sys.stdout.flush()  # before the next fork copies the buffer
        if ended == 0:
            return
        step += every


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
