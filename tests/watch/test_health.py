"""How long it took, what was done, and who has fallen silent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from detector.watch.heartbeat import Heartbeat
from detector.watch.progress import Totals
from tests.running import Run

from .trail import Trail, alert_ids, alert_lines, bundled_files

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
URI = "s3://trail/AWSLogs/{account}/CloudTrail/{region}/2025/03/04/x.json.gz"


@pytest.mark.slow
def test_lag_and_metrics(run: Run, trail: Trail, tmp_path: Path) -> None:
    files = dict(list(bundled_files("compromised_root").items())[:30])
    trail.put(files)
    watch = ["watch", "--queue", trail.queue_url, "--once", "--output"]
    metrics = tmp_path / "metrics.prom"
    plain, timed = tmp_path / "plain", tmp_path / "timed"
    plain.mkdir()
    timed.mkdir()
    ended = run(*watch, timed / "alerts.jsonl", "--lake", timed / "lake", "--lag", "--metrics", metrics)
    assert ended.code == 0, ended.err
    assert (
        run(
            "watch", f"s3://{trail.bucket}", "--once", "--lake", plain / "lake", "--output", plain / "alerts.jsonl"
        ).code
        == 0
    )
    assert set(alert_ids(timed)) == set(alert_ids(plain))
    for alert in alert_lines(timed):
        lag = alert["context"]["lag"]
        assert list(lag) == ["delivered", "notified", "ingested", "alerted"]
        assert lag["delivered"] <= lag["notified"] + 1
        assert lag["notified"] <= lag["ingested"] <= lag["alerted"]
    assert all("lag" not in alert["context"] for alert in alert_lines(plain))
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.read_text())
        for sample in family.samples
    }
    alerts = alert_lines(timed)
    assert values["detector_messages_received_total",] == values["detector_messages_deleted_total",] == 31
    assert values["detector_objects_ingested_total",] == 30
    assert values["detector_objects_failed_total",] == 0
    assert values["detector_alerts_total", "critical"] == sum(alert["severity"] == "critical" for alert in alerts)
    assert values["detector_alert_lag_seconds_count",] == len(alerts)
    assert values["detector_delivery_lag_seconds_count",] == 30
    assert values["detector_last_success_timestamp_seconds",] > START.timestamp()
    assert [path.name for path in tmp_path.glob("metrics*")] == ["metrics.prom"]


def test_metrics_that_cannot_be_written_are_an_error(run: Run, tmp_path: Path) -> None:
    ended = run("watch", tmp_path, "--once", "--lake", tmp_path / "lake", "--metrics", tmp_path / "absent" / "file")
    assert ended.code == 2
    assert "cannot write metrics" in ended.err


def test_a_heartbeat_says_what_was_done_since_the_last_one() -> None:
    said: list[str] = []
    heart = Heartbeat(timedelta(minutes=15), said.append)
    totals = Totals(ingested=3, records=40)
    heart.beat(totals, START)
    heart.beat(totals, START + timedelta(minutes=14))
    assert said == []
    heart.beat(totals, START + timedelta(minutes=15))
    totals.ingested, totals.failed = 5, 1
    totals.alerts["high"] = 2
    heart.beat(totals, START + timedelta(minutes=30))
    assert said == [
        "alive: in the last 15 minutes 3 objects, 40 records, 0 alerts, 0 failed, 0 not understood",
        "alive: in the last 15 minutes 2 objects, 0 records, 2 alerts, 1 failed, 0 not understood",
    ]


def test_who_delivered_regularly_and_stops_is_named_once_and_when_it_comes_back() -> None:
    said: list[str] = []
    heart = Heartbeat(timedelta(minutes=15), said.append)
    regular = URI.format(account="111122223333", region="us-east-1")
    rare = URI.format(account="111122223333", region="eu-west-1")
    for minute in range(0, 60, 5):
        heart.note(regular, START + timedelta(minutes=minute))
        heart.note(regular, START + timedelta(minutes=minute))
    heart.note(rare, START)
    heart.note("s3://trail/a-file-of-no-account.json", START)
    for minute in range(60, 240, 15):
        heart.beat(Totals(), START + timedelta(minutes=minute))
    warnings = [line for line in said if line.startswith("warning")]
    assert warnings == ["warning: account 111122223333, region us-east-1 has delivered nothing for 35 minutes"]
    heart.note(regular, START + timedelta(minutes=255))
    assert said[-1] == "account 111122223333, region us-east-1 delivers again, after 200 minutes"


def test_without_a_heartbeat_nothing_is_said() -> None:
    said: list[str] = []
    heart = Heartbeat(None, said.append)
    heart.beat(Totals(), START)
    heart.beat(Totals(), START + timedelta(days=1))
    assert said == []
