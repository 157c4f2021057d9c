"""Archived objects: failed where S3 says that they cannot be read, and read where they were restored."""

from __future__ import annotations

from typing import Any

import pytest

from detector.scope import Scope
from detector.sources.log_source import LogObject, Storage, Unreadable
from detector.sources.opening import open_source
from detector.sources.storage import storage_in_inventory

FakeS3 = Any  # the fixture's class lives in conftest.py, which cannot be imported
KEY = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/x.json.gz"
IN_PROGRESS = "<RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>"
RESTORED = (
    "<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress>"
    "<RestoreExpiryDate>2027-01-01T00:00:00.000Z</RestoreExpiryDate></RestoreStatus>"
)


def read(fake_s3: FakeS3, source: str = "s3://trail") -> bytes | Unreadable:
    opened = open_source(source, fake_s3.options)
    [one] = [one for one in opened.list(Scope()) if isinstance(one, LogObject)]
    [(_, content)] = opened.reader().read([one])
    return content


@pytest.mark.parametrize("source", ["s3://trail", f"s3://trail/{KEY}"])
@pytest.mark.parametrize(
    ("storage_class", "restore", "reason"),
    [
        ("GLACIER", "", "archived (GLACIER): restore it first"),
        ("DEEP_ARCHIVE", IN_PROGRESS, "archived (DEEP_ARCHIVE): it is being restored, read it later"),
        ("GLACIER", RESTORED, None),
        ("STANDARD_IA", "", None),
    ],
)
def test_an_archived_object_fails_unless_it_was_restored(
    fake_s3: FakeS3, storage_class: str, restore: str, reason: str | None, source: str
) -> None:
    fake_s3.objects = {KEY: b"{}"}
    fake_s3.storage = {KEY: f"<StorageClass>{storage_class}</StorageClass>{restore}"}

    content = read(fake_s3, source)

    assert (content.reason if isinstance(content, Unreadable) else None) == reason
    assert fake_s3.asked("GET") == ([] if reason else [KEY]), "no request for what cannot be read"


def test_a_server_that_is_not_s3_may_call_a_class_as_it_likes(fake_s3: FakeS3) -> None:
    fake_s3.region = ""  # S3 always says it
    fake_s3.objects, fake_s3.storage = {KEY: b"{}"}, {KEY: "<StorageClass>GLACIER</StorageClass>"}
    assert read(fake_s3) == b"{}"


@pytest.mark.parametrize(
    ("said", "storage"),
    [
        ((None, None, None, None), Storage()),
        (("STANDARD", None, "SSE-KMS", "ENABLED"), Storage("STANDARD", "SSE-KMS", has_bucket_key=True)),
        (("GLACIER_IR", None, "SSE-S3", "DISABLED"), Storage("GLACIER_IR", "SSE-S3")),
    ],
)
def test_an_inventory_says_how_an_object_is_kept(said: tuple[str | None, ...], storage: Storage) -> None:
    assert storage_in_inventory(*said) == storage
