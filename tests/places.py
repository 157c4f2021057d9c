"""The two kinds of a lake: a folder, and a prefix of a bucket. Tests of what both promise have the fixture `place`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import pytest

from detector.lake.object_store import ObjectStore
from detector.lake.place import LakePlace, lake_at
from detector.lake.stored_lake import StoredLake

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

slow_in_s3: Final = pytest.mark.parametrize(
    "place", ["folder", pytest.param("s3", marks=pytest.mark.slow)], indirect=True
)
in_a_folder: Final = pytest.mark.parametrize("place", ["folder"], indirect=True)


class Place(Protocol):
    """Hands out the place of a lake, each time as a process sees it that has nothing of the lake yet."""

    def __call__(self, name: str = "lake") -> LakePlace: ...


def stored_lake(client: S3Client, bucket: str, name: str) -> StoredLake:
    """Return a lake in S3 with a client that is there already: to make one takes longer than the rest of a test."""
    lake = StoredLake.named(f"s3://{bucket}/{name}")
    lake._store._client = client
    return lake


def lake_of_each_step(folder: Path, buckets: Sequence[str]) -> Callable[[int], LakePlace]:
    """Hand out to a script that forks the one folder or, where it was given a bucket, a lake there for each step."""
    if not buckets:
        return lambda _: lake_at(folder)
    client = ObjectStore(buckets[0], "")._client  # has connected nowhere yet
    return lambda step: stored_lake(client, buckets[0], str(step))
