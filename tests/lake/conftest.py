"""Lakes in S3, on moto's server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from detector.lake.object_store import ObjectStore
from detector.lake.stored_lake import StoredLake
from tests.running import aws_environment

_numbers = count()


@pytest.fixture
def bucket(s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a bucket of the test's own."""
    import boto3

    for name, value in aws_environment(s3_url, tmp_path).items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=s3_url)
    name = f"lake-{next(_numbers)}"
    client.create_bucket(Bucket=name)
    yield name
    client.close()


Machines = Callable[[], StoredLake]


@pytest.fixture
def machine(bucket: str) -> Machines:
    """Hands out one lake in S3, as a further machine sees it that has nothing of it yet."""
    client = ObjectStore(bucket, "")._client

    def see() -> StoredLake:
        lake = StoredLake.named(f"s3://{bucket}/trail")
        lake._store._client = client  # to make one takes longer than the rest of a test
        return lake

    return see
