"""A bucket that notifies a queue, and a `watch` that takes from it: on moto's server, over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import duckdb

from detector.lake.reader import read_lake
from tests.running import Result, Run, aws_environment

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

FIXTURES = Path(__file__).parents[2] / "fixtures" / "trails"
KEY = {"aws_access_key_id": "AKIATESTING", "aws_secret_access_key": "the-secret-of-the-tests"}
_numbers = count()


def bundled_files(*trails: str) -> dict[str, bytes]:
    """Key → content of the log files of the bundled trails, as they were delivered."""
    paths = [path for trail in trails for path in (FIXTURES / trail / "AWSLogs").rglob("*.gz")]
    return {
        f"AWSLogs{str(path).partition('AWSLogs')[2]}": path.read_bytes()
        for path in sorted(paths, key=lambda path: path.name.split("_")[3])
    }


@dataclass(frozen=True)
class Trail:
    """One bucket and its queue."""

    url: str
    bucket: str
    queue_url: str
    s3: S3Client
    sqs: SQSClient
    sns: SNSClient

    @classmethod
    def make(cls, url: str, *, visibility_timeout: int = 30, by: str = "sqs") -> Trail:
        """Set up a bucket whose objects are told of in a queue; `by`: sqs, sns, sns-raw or nothing."""
        settings: dict[str, Any] = {"endpoint_url": url, "region_name": "us-east-1", **KEY}
        number = next(_numbers)
        trail = cls(
            url,
            f"watched-{os.getpid()}-{number}",
            "",
            boto3.client("s3", **settings),
            boto3.client("sqs", **settings),
            boto3.client("sns", **settings),
        )
        trail.s3.create_bucket(Bucket=trail.bucket)
        made = trail.sqs.create_queue(QueueName=trail.bucket, Attributes={"VisibilityTimeout": str(visibility_timeout)})
        trail = cls(url, trail.bucket, made["QueueUrl"], trail.s3, trail.sqs, trail.sns)
        arn = trail.attributes()["QueueArn"]
        notification: Any = {}
        if by == "sqs":
            notification = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
        elif by.startswith("sns"):
            topic = trail.sns.create_topic(Name=trail.bucket)["TopicArn"]
            trail.sns.subscribe(
                TopicArn=topic, Protocol="sqs", Endpoint=arn,
                Attributes={"RawMessageDelivery": str(by == "sns-raw").lower()},
            )  # fmt: skip
            notification = {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}
        if notification:
            trail.s3.put_bucket_notification_configuration(Bucket=trail.bucket, NotificationConfiguration=notification)
        return trail

    def close(self) -> None:
        for client in (self.s3, self.sqs, self.sns):
            client.close()

    def put(self, files: Mapping[str, bytes]) -> None:
        for key, content in files.items():
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)

    def send(self, *bodies: object) -> None:
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=text)

    def created(self, *keys: str, etag: str = "0" * 32) -> dict[str, Any]:
        """An S3 notification of these objects."""
        return {
            "Records": [
                {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
                 "s3": {"bucket": {"name": self.bucket}, "object": {"key": key, "size": 100, "eTag": etag}}}
                for key in keys
            ]
        }  # fmt: skip

    def attributes(self) -> dict[str, str]:
        names: Any = ["All"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)["Attributes"]
        return {str(name): value for name, value in found.items()}

    @property
    def visible(self) -> int:
        return int(self.attributes()["ApproximateNumberOfMessages"])

    @property
    def left(self) -> int:
        """How many messages there are, hidden ones too."""
        return self.visible + int(self.attributes()["ApproximateNumberOfMessagesNotVisible"])


def watch_command(queue_url: str, folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "detector", "watch", "--queue", queue_url, "--lake", str(folder / "lake"),
            "--output", str(folder / "alerts.jsonl"), *more]  # fmt: skip


def run_over(files: Mapping[str, bytes], bucket: str, s3_url: str, folder: Path) -> set[str]:
    """Return the alert ids of one batch run over a bucket."""
    command = [sys.executable, "-m", "detector", "run", f"s3://{bucket}", "--lake", str(folder / "lake"),
               "--output", str(folder / "alerts.jsonl"), "--jobs", "1"]  # fmt: skip
    folder.mkdir()
    subprocess.run(command, check=True, capture_output=True, env=aws_environment(s3_url, folder))
    assert files
    return set(alert_ids(folder))


def alert_lines(folder: Path) -> list[dict[str, Any]]:
    """The alert lines written so far; one that is being written does not count."""
    path = folder / "alerts.jsonl"
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def alert_ids(folder: Path) -> list[str]:
    return [line["alert_id"] for line in alert_lines(folder)]


def rows(lake: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        read_lake(lake).attach(connection)
        return connection.execute("SELECT logFile, logFileIndex, eventKey FROM parts ORDER BY ALL").fetchall()


def once(items: Iterable[Any]) -> bool:
    listed: Sequence[Any] = list(items)
    return len(set(listed)) == len(listed)


def watch_once(run: Run, trail: Trail, folder: Path, *more: str) -> Result:
    """Work off the queue of a trail in this process."""
    files = ("--lake", folder / "lake", "--output", folder / "alerts.jsonl")
    return run("watch", "--queue", trail.queue_url, *files, "--once", *more)
