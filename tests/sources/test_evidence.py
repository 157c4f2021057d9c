"""What S3 keeps beside the bytes: from S3 by both of its clients, and from what lies beside a copy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from detector.scope import Scope
from detector.sources import s3_reader
from detector.sources.evidence import as_evidence
from detector.sources.local import LocalSource, open_local
from detector.sources.log_source import LogObject, Skipped, Stored, Unreadable
from detector.sources.lookup_events import LookupEventsSource
from detector.sources.opening import open_source

KEY = (
    "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2025/03/04/"
    "111122223333_CloudTrail-Digest_us-east-1_management-events_us-east-1_20250304T010131Z.json.gz"
)
METADATA = {"signature": "ab12", "signature-algorithm": "SHA256withRSA"}
# Its class lives in conftest.py, which cannot be imported.
Bucket = Any


@pytest.fixture(autouse=True)
def fresh_clients() -> Iterator[None]:
    yield
    s3_reader._fetcher.cache_clear()


def digests_in(bucket: Bucket) -> list[LogObject]:
    listed = open_source(f"s3://{bucket.name}", bucket.options).list(Scope())
    return [entry.digest for entry in listed if isinstance(entry, Skipped) and entry.digest]


@pytest.mark.parametrize("client", ["obstore", "boto3"])
def test_a_digest_comes_with_its_metadata(bucket: Bucket, client: str) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=KEY, Body=b"a digest", Metadata=METADATA)
    [digest] = digests_in(bucket)
    source = as_evidence(open_source(f"s3://{bucket.name}", bucket.options))
    assert source
    reader: Any = source.digest_reader()
    if client == "boto3":  # which is for credentials with a session token, and a server that is not AWS
        reader = replace(reader, key=replace(reader.key, session_token="token"))

    [(one, stored)] = reader.read_with_metadata([digest])

    assert one == digest
    assert isinstance(stored, Stored)
    assert stored.content == b"a digest"
    assert {name: stored.metadata.get(name) for name in METADATA} == METADATA
    assert stored.bucket == bucket.name
    assert stored.last_modified == source.delivered(digest)


def test_an_object_that_has_gone_has_a_reason(bucket: Bucket) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=KEY, Body=b"a digest", Metadata=METADATA)
    [digest] = digests_in(bucket)
    bucket.client.delete_object(Bucket=bucket.name, Key=KEY)
    source = as_evidence(open_source(f"s3://{bucket.name}", bucket.options))
    assert source

    [(_, gone)] = source.digest_reader().read_with_metadata([digest])

    assert gone == Unreadable(digest.uri, "listed, but gone since")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    path = tmp_path / "bucket" / "my-bucket" / KEY
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a digest")
    return tmp_path


def read_copy(path: Path) -> tuple[Stored, datetime | None]:
    source = as_evidence(LocalSource(path))
    assert source
    [digest] = [entry.digest for entry in source.list(Scope()) if isinstance(entry, Skipped) and entry.digest]
    [(_, stored)] = source.digest_reader().read_with_metadata([digest])
    assert isinstance(stored, Stored)
    return stored, source.delivered(digest)


@pytest.mark.parametrize("named", ["", "bucket", "bucket/my-bucket", "bucket/my-bucket/AWSLogs"])
def test_a_copy_has_what_is_written_beside_it(copy: Path, named: str) -> None:
    known = {f"my-bucket/{KEY}": {"metadata": {"Signature": "ab12"}, "last_modified": "2025-03-04T02:08:31+01:00"}}
    (copy / "objects.json").write_text(json.dumps(known))

    stored, delivered = read_copy(copy / named)

    assert stored.metadata == {"signature": "ab12"}
    assert stored.bucket == "my-bucket"
    assert delivered == stored.last_modified == datetime(2025, 3, 4, 1, 8, 31, tzinfo=UTC)


@pytest.mark.parametrize("known", [None, {}, {"other/key": {}}, {f"my-bucket/{KEY}": {}}])
def test_a_copy_of_which_nothing_is_known_has_no_time_of_delivery(copy: Path, known: dict[str, Any] | None) -> None:
    if known is not None:
        (copy / "objects.json").write_text(json.dumps(known))

    stored, delivered = read_copy(copy / "bucket")

    assert stored.metadata == {}
    assert delivered is None


def test_a_description_that_is_too_large_is_not_read_and_hides_nothing(copy: Path) -> None:
    with (copy / "objects.json").open("wb") as file:
        file.truncate((1 << 30) + 1)  # sparse
    source = as_evidence(LocalSource(copy))
    assert source

    problem, *others = source.list(Scope())

    assert problem == Unreadable((copy / "objects.json").as_uri(), "larger than the cap of 1,073,741,824 bytes")
    assert [type(one) for one in others] == [Skipped]


def test_a_file_of_that_name_elsewhere_describes_nothing(copy: Path) -> None:
    (copy / "bucket" / "my-bucket" / "objects.json").write_text("not JSON")

    assert read_copy(copy / "bucket")[0].metadata == {}


def test_a_file_that_has_gone_has_a_reason(copy: Path) -> None:
    source = as_evidence(open_local(copy))
    assert source
    [digest] = [entry.digest for entry in source.list(Scope()) if isinstance(entry, Skipped) and entry.digest]
    (copy / "bucket" / "my-bucket" / KEY).unlink()

    [(_, gone)] = source.digest_reader().read_with_metadata([digest])

    assert isinstance(gone, Unreadable)


def test_the_event_history_and_streams_can_have_no_digests() -> None:
    assert as_evidence(open_source("lookup-events:")) is None
    assert isinstance(open_source("lookup-events:"), LookupEventsSource)
    assert as_evidence(open_source("-")) is None
