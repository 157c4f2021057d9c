"""`watch --verify`: digests as they arrive, from a source that is listed or from messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from detector.lake.ledger.ledger import Ledger
from tests.long import many
from tests.running import Result, Run
from tests.verify.aws_server import AwsServer
from tests.verify.halves import assert_judged_in_halves
from tests.verify.test_alerts import by_rule
from tests.verify.vectors import CASES, Vector

pytestmark = pytest.mark.slow


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def watch(run: Run, lake: Path, *arguments: object) -> Result:
    return run("watch", *arguments, "--lake", lake, "--once", "--verify", "complete")


@pytest.mark.parametrize(
    ("case", "rule"),
    [
        ("tampered_log", "log_file_altered"),
        ("missing_log", "log_file_missing"),
        ("injected_log", "log_file_unlisted"),
        ("missing_digest", "digest_chain_broken"),
    ],
)
def test_damage_in_a_source_that_is_listed_is_an_alert(
    run: Run, aws: AwsServer, lake: Path, case: str, rule: str
) -> None:
    aws.hold(Vector(case))

    result = watch(run, lake, "s3://example-trail-bucket")

    assert result.code == 5, result.err
    assert [len(alerts) for name, alerts in by_rule(result.alerts).items() if name == rule] == [1]
    again = watch(run, lake, "s3://example-trail-bucket")
    assert again.alerts == []


# All of them in halves: test_ingest.py, in a quarter of the time.
@pytest.mark.parametrize("case", CASES[:: many(4, 1)])
def test_a_vector_gets_its_verdicts_when_half_of_it_comes_later(
    run: Run, aws: AwsServer, lake: Path, case: str
) -> None:
    assert_judged_in_halves(case, aws, lake, lambda vector: watch(run, lake, f"s3://{vector.expected['bucket']}"))


def test_the_files_of_alerts_have_their_verdicts(run: Run, aws: AwsServer, lake: Path) -> None:
    aws.hold(Vector("injected_log"))

    alerts = watch(run, lake, "s3://example-trail-bucket").alerts

    root = [alert for alert in alerts if alert["rule_id"].startswith("root_console_login")]
    assert {evidence["integrity"] for alert in root for evidence in alert["evidence"]} == {"unlisted"}


@pytest.fixture
def queue(s3_url: str) -> Iterator[tuple[Any, str]]:
    """A queue on moto's server: a client of it, and its URL."""
    client = boto3.client("sqs", endpoint_url=s3_url, region_name="us-east-1")
    url = client.create_queue(QueueName="verify")["QueueUrl"]
    yield client, url
    client.delete_queue(QueueUrl=url)
    client.close()


def announce(client: Any, url: str, aws: AwsServer, part: str) -> None:  # noqa: ANN401
    for place in aws.objects:
        if part in place:
            bucket, _, key = place.partition("/")
            # Without size and ETag: S3 is asked.
            named = {"bucket": {"name": bucket}, "object": {"key": key}}
            record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": named}
            client.send_message(QueueUrl=url, MessageBody=json.dumps({"Records": [record]}))


def waiting(client: Any, url: str) -> int:  # noqa: ANN401
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(count) for count in answer.values())


@pytest.mark.parametrize("first", ["/CloudTrail/", "/CloudTrail-Digest/"])
def test_digests_in_messages_are_read_and_judged_in_any_order(
    run: Run,
    aws: AwsServer,
    lake: Path,
    queue: tuple[Any, str],
    monkeypatch: pytest.MonkeyPatch,
    s3_url: str,
    first: str,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", s3_url)
    client, url = queue
    aws.hold(Vector("tampered_log"))
    second = "/CloudTrail-Digest/" if first == "/CloudTrail/" else "/CloudTrail/"
    alerts: list[dict[str, Any]] = []
    for part in (first, second):
        announce(client, url, aws, part)
        alerts += watch(run, lake, "--queue", url).alerts

    assert waiting(client, url) == 0
    altered = by_rule([*alerts, *run("detect", "--lake", lake, "--new").alerts])["log_file_altered"]
    assert len(altered) == 1
    ledger = Ledger.open(lake, writable=False)
    assert ledger.digests.are_there
    assert ledger.digests.absent() == set()
    ledger.close()


def test_a_message_about_a_digest_that_is_denied_comes_again(
    run: Run, aws: AwsServer, lake: Path, queue: tuple[Any, str], monkeypatch: pytest.MonkeyPatch, s3_url: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", s3_url)
    client, url = queue
    aws.hold(Vector("valid"))
    aws.denied.append(next(place for place in aws.objects if "T020131Z" in place))
    announce(client, url, aws, "/CloudTrail-Digest/")

    result = watch(run, lake, "--queue", url)

    assert result.code == 4
    assert waiting(client, url) == 1


def test_without_verify_a_message_about_a_digest_is_done_with(
    run: Run, aws: AwsServer, lake: Path, queue: tuple[Any, str], monkeypatch: pytest.MonkeyPatch, s3_url: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", s3_url)
    client, url = queue
    aws.hold(Vector("valid"))
    announce(client, url, aws, "/CloudTrail-Digest/")

    result = run("watch", "--queue", url, "--lake", lake, "--once")

    assert result.code == 0
    assert waiting(client, url) == 0
    assert aws.gets == []
