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
from tests.long import many

from .aws_front import Front, serving_aws

MANY = many(2_000, 10_000)  # of slow tests


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


@pytest.fixture(scope="session")
def served_aws() -> Iterator[Front]:
    """AWS on loopback, with a bucket `alerts`."""
    with serving_aws() as application:
        s3 = boto3.client(
            "s3",
            endpoint_url=application.url,
            aws_access_key_id="AKIATESTING",
            aws_secret_access_key="the-secret-of-the-tests",
            region_name="us-east-1",
        )
        with closing(s3):
            s3.create_bucket(Bucket="alerts")
        yield application


@pytest.fixture
def front(served_aws: Front, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """AWS where the program looks for it, until a test lets it fail."""
    for service in ("S3", "SECURITYHUB", "STS", "SNS", "SQS", "EVENTBRIDGE"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", served_aws.url)
    yield served_aws
    served_aws.fault = None
