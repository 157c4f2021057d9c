"""Watching without a queue: sources that are listed again and again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from detector.errors import LakeError
from detector.lake.ledger.ledger import Ledger
from detector.lake.writer import open_to_write
from detector.scope import Scope
from detector.sources.log_source import LogObject
from detector.sources.opening import open_source
from detector.watch.polling_feed import PollingFeed
from tests.running import LOGIN, Result, Run, write_log

from .trail import Trail, alert_ids, rows

pytestmark = pytest.mark.usefixtures("few_rules")


@pytest.mark.slow
def test_a_directory_that_is_being_filled(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    command = [sys.executable, "-m", "detector", "watch", str(logs), "--interval", "100ms", "--lake",
               str(tmp_path / "lake"), "--output", str(tmp_path / "alerts.jsonl")]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for number in range(2):
        login = LOGIN | {"eventID": f"7d1f7c1e-0001-4c6e-9a40-00000000000{number}"}
        write_log(logs / f"{number}.tmp", login).rename(logs / f"{number}.json.gz")
        deadline = time.monotonic() + 60
        while len(rows_so_far(tmp_path)) <= number and time.monotonic() < deadline:
            time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert len(rows(tmp_path / "lake")) == 2
    assert alert_ids(tmp_path)


def rows_so_far(folder: Path) -> list[str]:
    try:
        ledger = Ledger.open(folder / "lake", writable=False)
    except LakeError:  # it is being made
        return []
    found = [one.uri for one in ledger.objects()]
    ledger.close()
    return found


@pytest.mark.slow
def test_once_reads_what_there_is_and_says_when_there_is_nothing(run: Run, trail: Trail, tmp_path: Path) -> None:
    def once(*more: str) -> Result:
        return run("watch", f"s3://{trail.bucket}", "--once", "--lake", tmp_path / "lake", *more)

    assert once().code == 3
    trail.put({"AWSLogs/1.json.gz": write_log(tmp_path / "log", LOGIN).read_bytes()})
    first = once("--fail-on", "critical")
    assert first.code == 1
    assert [alert["rule_id"] for alert in map(json.loads, first.out.splitlines())]
    again = once("--fail-on", "info")
    assert (again.code, again.out) == (0, "")


def test_what_was_committed_and_not_alerted_is_alerted_by_the_next_one(run: Run, tmp_path: Path) -> None:
    logs = write_log(tmp_path / "logs" / "1.json.gz", LOGIN).parent
    assert run("ingest", logs, "--lake", tmp_path / "lake").code == 0
    ended = run("watch", logs, "--once", "--lake", tmp_path / "lake")
    assert ended.code == 0
    assert "root_console_login_without_mfa" in ended.out


@pytest.mark.slow
def test_rules_of_ones_own_that_read_all_events_run_over_the_lake(run: Run, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "anything_at_all.sql").write_text(
        "-- /// rule\n"
        '-- title = "An event"\n-- severity = "low"\n-- confidence = "low"\n-- attack = ["TA0001:T1078.004"]\n'
        '-- description = "x"\n-- response = "x"\n-- false_positives = ["x"]\n'
        '-- references = ["https://docs.aws.amazon.com/"]\n-- reads = "events"\n'
        "-- ///\n\n"
        "SELECT account_id, event_time, [event_id] AS event_ids, 'x' AS summary FROM all_events\n"
    )
    plain = LOGIN | {
        "eventSource": "ec2.amazonaws.com",
        "eventName": "RunInstances",
        "userIdentity": {"type": "IAMUser"},
    }
    logs = write_log(tmp_path / "logs" / "1.json.gz", plain).parent
    ended = run("watch", logs, "--once", "--lake", tmp_path / "lake", "--rules", rules)
    assert ended.code == 0, ended.err
    assert '"rule_id":"anything_at_all"' in ended.out
    (rules / "broken.sql").write_text("-- no rule")
    assert run("watch", logs, "--once", "--lake", tmp_path / "lake2", "--rules", rules).code == 2


def test_listings_look_back_two_hours_and_over_everything_once_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("detector.watch.polling_feed.time.monotonic", lambda: now)
    stop = threading.Event()
    stop.set()  # ends each wait at once
    follower = PollingFeed(list, 60, stop, once=False)
    with open_to_write(tmp_path / "lake") as lake:
        first = follower.next(lake.ledger)
        assert first is not None
        assert first.scope == Scope()
        assert follower.next(lake.ledger) is None
        now += 60
        second = follower.next(lake.ledger)
        assert second is not None
        assert second.scope.delivered_since is not None
        assert timedelta(hours=1.9) < datetime.now(UTC) - second.scope.delivered_since < timedelta(hours=2.1)
        now += 86_400
        sweep = follower.next(lake.ledger)
        assert sweep is not None
        assert sweep.scope == Scope()
        follower.renew()
        now += 60
        after_trouble = follower.next(lake.ledger)
        assert after_trouble is not None
        assert after_trouble.scope == Scope()


def test_a_listing_asks_for_no_more_than_what_can_be_new(trail: Trail, tmp_path: Path) -> None:
    folder = "AWSLogs/111122223333/CloudTrail/us-east-1/2025/03/"
    name = "111122223333_CloudTrail_us-east-1_202503{}_a.json.gz".format
    old = [folder + "03/" + name("03T2355Z"), folder + "04/" + name("04T0755Z")]
    new = [folder + "04/" + name("04T0800Z"), folder + "04/" + name("04T0955Z"), folder + "05/" + name("05T0000Z")]
    trail.put(dict.fromkeys([*old, *new], b"{}"))
    scope = Scope(delivered_since=datetime(2025, 3, 4, 8, 0, tzinfo=UTC))
    listed = list(open_source(f"s3://{trail.bucket}").list(scope))
    assert [one.uri for one in listed if isinstance(one, LogObject)] == [f"s3://{trail.bucket}/{key}" for key in new]
    assert not [one for one in listed if one.uri.endswith(".gz") and not isinstance(one, LogObject)]
    for key in (*old, *new):
        write_log(tmp_path / key, LOGIN)
    found = [one.uri for one in open_source(str(tmp_path)).list(scope) if isinstance(one, LogObject)]
    assert found == [(tmp_path / key).as_uri() for key in new]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give either --queue URL or a SOURCE"),
        (["logs", "--queue", "https://sqs.us-east-1.amazonaws.com/1/q"], "give either --queue URL or a SOURCE"),
        (["--queue", "my-queue", "--once"], "is not the URL of a queue"),
        (["logs", "--interval", "soon"], "'soon' is not a length of time"),
        (["-"], "standard input cannot be watched"),
        (["inventory:s3://inventories/trail"], "cannot be watched: S3 writes it once a day"),
    ],
)
def test_what_cannot_be_meant(run: Run, tmp_path: Path, arguments: list[str], says: str) -> None:
    ended = run("watch", "--lake", tmp_path / "lake", *arguments)
    assert ended.code == 2
    assert says in ended.err
