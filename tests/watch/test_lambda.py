"""The function that Lambda calls, called in this process with what S3 told a queue, as Lambda hands it over."""

from __future__ import annotations

import gzip
import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detector.errors import LakeError, UsageError
from detector.sources.given_messages import GivenMessages
from tests.delivery.endpoints import Endpoint, Reply, serving
from tests.running import LOGIN

from .trail import Trail, alert_ids, bundled_files, once, rows

HANDLER = Path(__file__).parents[2] / "deploy/lambda/handler.py"
Handle = Callable[[dict[str, Any]], list[str]]
pytestmark = pytest.mark.usefixtures("few_rules")


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Handle:
    """The function, set up by its environment; returns the ids of the messages that come again."""
    monkeypatch.setenv("DETECTOR_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("DETECTOR_WATCH_OUTPUT", str(tmp_path / "alerts.jsonl"))
    function = runpy.run_path(str(HANDLER))["handle"]

    def call(event: dict[str, Any]) -> list[str]:
        answer = json.loads(json.dumps(function(event, None)))
        assert list(answer) == ["batchItemFailures"]
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    return call


def event_of(trail: Trail) -> dict[str, Any]:
    """All messages of a trail's queue, as Lambda's trigger hands them over: hidden, not deleted."""
    records: list[dict[str, Any]] = []
    names: Any = ["All"]
    while messages := trail.sqs.receive_message(
        QueueUrl=trail.queue_url, MaxNumberOfMessages=10, MessageSystemAttributeNames=names
    ).get("Messages"):
        records += (
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": trail.attributes()["QueueArn"],
                "awsRegion": "us-east-1",
            }
            for message in messages
        )
    return {"Records": records}


def logs(number: int) -> dict[str, bytes]:
    """So many log objects; in the first one root signs in."""
    login = gzip.compress(json.dumps({"Records": [LOGIN]}).encode(), mtime=0)
    others = list(bundled_files("compromised_root").items())[: number - 1]
    return {"AWSLogs/111122223333/CloudTrail/us-east-1/2025/03/04/login.json.gz": login} | dict(others)


def test_what_messages_name_is_alerted_once_however_often_they_come(
    handle: Handle, trail: Trail, tmp_path: Path
) -> None:
    trail.put(logs(11))
    event = event_of(trail)
    assert len(event["Records"]) > 10
    assert handle(event) == []
    found, alerts = rows(tmp_path / "lake"), alert_ids(tmp_path)
    assert found
    assert alerts
    assert handle(event) == []
    assert rows(tmp_path / "lake") == found
    assert alert_ids(tmp_path) == alerts
    assert once(alerts)


@pytest.mark.slow
def test_only_messages_that_failed_come_again_and_one_that_is_not_understood_is_named(
    handle: Handle, trail: Trail, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trail.put(logs(3))
    trail.send(trail.created("AWSLogs/gone.json.gz"), "no notification \x1b[2J")
    event = event_of(trail)
    [gone, poison] = [
        record["messageId"]
        for text in ("gone.json.gz", "no notification")
        for record in event["Records"]
        if text in record["body"]
    ]
    assert sorted(handle(event)) == sorted([gone, poison])
    assert {row[0] for row in rows(tmp_path / "lake")} == {f"s3://{trail.bucket}/{key}" for key in logs(3)}
    told = capsys.readouterr().err
    assert f"not understood: message {poison}: " in told
    assert f"s3://{trail.bucket}/AWSLogs/gone.json.gz" in told
    assert "\x1b" not in told


def test_when_nothing_can_be_done_the_function_fails_and_all_messages_come_again(
    handle: Handle, trail: Trail, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trail.put(logs(1))
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "photo.jpg").touch()
    with pytest.raises(LakeError, match="holds no lake"):
        handle(event_of(trail))
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert "hint: " in told
    assert not (tmp_path / "alerts.jsonl").exists() or not alert_ids(tmp_path)


@pytest.mark.slow
def test_a_schedule_sends_what_an_output_did_not_take(
    handle: Handle, trail: Trail, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    late = f"{trail.bucket}-alerts"
    monkeypatch.setenv("DETECTOR_WATCH_OUTPUT", f"s3://{late}/detector/")
    monkeypatch.setenv("DETECTOR_WATCH_DELIVERY_SECONDS", "0.2")
    trail.put(logs(1))
    assert handle(event_of(trail)) == []  # the lake keeps the alerts
    assert "its alerts wait in the lake" in capsys.readouterr().err
    trail.s3.create_bucket(Bucket=late)
    assert handle({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}) == []
    assert trail.s3.list_objects_v2(Bucket=late)["KeyCount"] == 1


@pytest.mark.slow
def test_what_failed_and_comes_back_with_no_message_is_a_metric(
    handle: Handle, trail: Trail, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trail.put(logs(1))
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "detector-1")
    with serving(Endpoint()) as endpoint:
        monkeypatch.setenv("DETECTOR_WATCH_OUTPUT", f"http://127.0.0.1:{endpoint.port}/hook")
        endpoint.react = lambda _: Reply(404)
        assert handle(event_of(trail)) == []
        metric = metric_of(capsys)
        assert (metric["Incomplete"], metric["FunctionName"]) == (1, "detector-1")
        [described] = metric["_aws"]["CloudWatchMetrics"]
        assert described["Dimensions"] == [["FunctionName"]]
        assert [one["Name"] for one in described["Metrics"]] == ["Incomplete"]
        trail.send("no notification")  # comes again, and is a dead letter in the end
        endpoint.react = lambda _: Reply()
        assert len(handle(event_of(trail))) == 1
        assert metric_of(capsys)["Incomplete"] == 0


def metric_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The line in the log that CloudWatch makes a metric of."""
    [metric] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert isinstance(metric, dict)
    return metric


@pytest.mark.parametrize(("code", "incomplete"), [(0, 0), (1, 0), (2, 1), (4, 1), (5, 1)])
def test_a_rule_that_did_not_run_and_a_damaged_file_are_told(
    capsys: pytest.CaptureFixture[str], code: int, incomplete: int
) -> None:
    function = runpy.run_path(str(HANDLER))["handle"]
    function.__globals__["app"] = lambda *_, **__: code
    assert function({}, None) == {"batchItemFailures": []}
    assert metric_of(capsys)["Incomplete"] == incomplete
    assert function({"Records": [A_MESSAGE]}, None) == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert metric_of(capsys)["Incomplete"] == (incomplete if code != 4 else 0)


A_MESSAGE = {
    "messageId": "m-1",
    "receiptHandle": "r-1",
    "body": "{}",
    "attributes": {"ApproximateReceiveCount": "3", "SentTimestamp": "1700000000000"},
    "eventSource": "aws:sqs",
}


def test_a_message_is_what_sqs_says_of_it() -> None:
    messages = GivenMessages.of_event({"Records": [A_MESSAGE]})
    [message] = messages.receive(0)
    assert (message.message_id, message.body, message.receive_count) == ("m-1", "{}", 3)
    assert message.sent_at is not None
    assert messages.receive(0) == []
    assert messages.left == ["m-1"]
    messages.release([message], 900)
    messages.extend([message])
    assert messages.left == ["m-1"]
    assert (messages.delete([message]), messages.delete([message])) == (1, 0)
    assert messages.left == []


@pytest.mark.parametrize(
    "event",
    [
        None,
        [A_MESSAGE],
        {"Records": A_MESSAGE},
        {"Records": ["m-1"]},
        {"Records": [A_MESSAGE | {"eventSource": "aws:s3"}]},
        {"Records": [A_MESSAGE | {"messageId": None}]},
        {"Records": [A_MESSAGE, {key: value for key, value in A_MESSAGE.items() if key != "body"}]},
        {"Records": [A_MESSAGE | {"attributes": []}]},
        {"Records": [A_MESSAGE] * 10_001},
    ],
)
def test_what_is_no_event_of_a_queue_is_refused_as_a_whole(event: object) -> None:
    with pytest.raises(UsageError, match="does not hold messages of an SQS queue"):
        GivenMessages.of_event(event)
