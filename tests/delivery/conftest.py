"""A ledger, alerts by the thousand, and an environment without secrets or AWS settings of this machine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import boto3
import pytest

from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.outbox import Document

from .aws_front import Front, serving_aws


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, aws_variables: dict[str, str]) -> None:
    for name in os.environ:
        if name.startswith(("AWS_", "DETECTOR_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in aws_variables.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path, writable=True)
    yield opened
    opened.close()


def alerts(count: int) -> list[Document]:
    return [
        Document(f"id-{number}", json.dumps({"alert_id": f"id-{number}", "summary": "x" * 100}).encode() + b"\n")
        for number in range(count)
    ]


@pytest.fixture
def front(monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """AWS on loopback, with a bucket `alerts`."""
    with serving_aws() as application:
        for service in ("S3", "SECURITYHUB", "STS", "SNS", "SQS", "EVENTBRIDGE"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", application.url)
        with closing(boto3.client("s3")) as s3:
            s3.create_bucket(Bucket="alerts")
        yield application
