"""Commands over a lake in S3 say what they say over one in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from detector.alerts.formats.names import AlertFormat
from detector.alerts.sinks.opening import Output
from detector.alerts.sinks.sink import ACCEPTED, Limits, Receipt
from detector.detect.detect import detect
from detector.detect.emission import write_new_alerts
from detector.ingest.ingest import ingest
from detector.lake.ledger.outbox import Document
from detector.lake.place import lake_at
from detector.lake.reader import read_lake
from detector.lake.remembered import read_emitted, read_outbox
from detector.lake.writer import open_to_write
from detector.run_report import RunReport
from detector.scope import Scope
from detector.sources.opening import open_source
from detector.times import now
from tests.running import LOGIN, Run, write_log

TRAIL = Path(__file__).parents[2] / "fixtures" / "trails" / "compromised_root" / "AWSLogs"
_TIMES = {"detected_at"}


@pytest.fixture
def lake(lake_bucket: str) -> str:
    return f"s3://{lake_bucket}/trail"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return write_log(tmp_path / "logs" / "login.json.gz", LOGIN).parent


def test_a_second_run_from_another_machine_writes_nothing_anew(run: Run, lake: str, logs: Path) -> None:
    first = run("run", logs, "--lake", lake, "--jobs", "1", "--format", "jsonl")
    assert first.code == 0
    assert first.alerts
    again = run("run", logs, "--lake", lake, "--jobs", "1", "--format", "jsonl")
    assert (again.code, again.alerts) == (0, [])
    assert "1 already in" in again.err


@pytest.mark.slow
def test_every_command_answers_as_over_a_folder(run: Run, lake: str, tmp_path: Path) -> None:
    def shown(alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{key: value for key, value in alert.items() if key not in _TIMES} for alert in alerts]

    folder = str(tmp_path / "lake")
    for place in (folder, lake):
        assert run("run", TRAIL, "--lake", place, "--jobs", "1", "--output", tmp_path / f"{len(place)}.jsonl").code == 0
    for command in (
        ["detect", "--format", "jsonl"],
        ["compact"],
        ["detect", "--format", "jsonl"],
        ["status", "--format", "jsonl"],
        ["status", "--lag", "--format", "jsonl"],
        ["coverage", "--format", "jsonl"],
        ["posture", "--format", "jsonl"],
        ["timeline", "--format", "jsonl"],
        ["sql", "SELECT eventName, count(*) AS n FROM events GROUP BY ALL ORDER BY ALL", "--format", "jsonl"],
        ["report", "--format", "markdown"],
        ["detect", "--withdrawn"],
        ["lake", "check"],
        ["lake", "repair"],
        ["detect", "--format", "jsonl"],
    ):
        here, there = (run(*command, "--lake", place) for place in (folder, lake))
        assert there.code == here.code, there.err
        if "jsonl" in command:
            assert shown(there.alerts) == shown(here.alerts), command
        elif command != ["report", "--format", "markdown"]:  # names the moment
            assert there.out == here.out, command
    bags = [run("bundle", "--output", tmp_path / name, "--lake", place) for name, place in (("a", folder), ("b", lake))]
    assert bags[0].code == bags[1].code


def test_watch_says_that_it_wants_a_disk(run: Run, lake: str, logs: Path) -> None:
    result = run("watch", logs, "--lake", lake, "--once")
    assert result.code == 2
    assert "needs a lake on a disk" in result.err
    assert "hint: run `detector run`" in result.err


class Looking:
    """An output that looks at the lake from another machine before it takes anything."""

    name = "looking"
    limits = Limits(100, 1_000_000)

    def __init__(self, lake: str) -> None:
        self.lake = lake
        self.seen: list[tuple[int, int]] = []  # alerts emitted and waiting, as others know it

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:  # noqa: ARG002
        other = lake_at(self.lake)
        self.seen.append((len(read_emitted(other)), len(read_outbox(other)[1])))
        return [ACCEPTED] * len(documents)

    def close(self) -> None:
        """Stay."""


def test_before_an_alert_leaves_everybody_knows_of_it(lake: str, logs: Path) -> None:
    sink = Looking(lake)
    with open_to_write(lake_at(lake)) as writer:
        ingest([open_source(str(logs))], writer, Scope(), RunReport(now()), jobs=1)
        found = detect(read_lake(writer.place), [], now()).alerts
        write_new_alerts(found, [Output(sink, AlertFormat.JSONL)], writer.ledger)
    assert found
    assert sink.seen == [(len(found), len(found))]
    assert read_outbox(lake_at(lake))[1] == []


_RULE = """-- /// rule
-- title = "Calls of EC2"
-- severity = "low"
-- confidence = "high"
-- attack = ["TA0005:T1685.002"]
-- description = "Any call."
-- response = "1. Ask."
-- false_positives = []
-- references = []
-- reads = "events"
-- ///
SELECT account_id, min(event_time) AS event_time, list(event_id) AS event_ids, count(*) || ' calls' AS summary
FROM all_events
WHERE service = 'ec2'
GROUP BY account_id
"""


def test_a_rule_that_reads_all_events_has_all_of_them_fetched(run: Run, lake: str, tmp_path: Path) -> None:
    user = {"type": "IAMUser", "userName": "a"}
    call = LOGIN | {"eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances", "userIdentity": user}
    calls = [call | {"eventID": f"7d1f7c1e-0002-4c6e-9a40-00000000000{number}"} for number in range(3)]
    write_log(tmp_path / "logs" / "calls.json.gz", *calls, LOGIN)
    run("ingest", tmp_path / "logs", "--lake", lake, "--jobs", "1")
    assert run("compact", "--lake", lake, "--jobs", "1").code == 0  # the calls are set apart from the sign-in
    rule = tmp_path / "rules" / "ec2_calls.sql"
    rule.parent.mkdir()
    rule.write_text(_RULE)
    result = run("detect", "--lake", lake, "--rules", rule.parent, "--format", "jsonl")
    [alert] = [alert for alert in result.alerts if alert["rule_id"] == "ec2_calls"]
    assert alert["summary"].startswith("3 calls")
