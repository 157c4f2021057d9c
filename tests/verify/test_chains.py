"""Chains that no vector has: made as the vectors are, with keys of their own."""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from detector.verify.keys import KeyRing, key_ring
from detector.verify.verdicts import Asked, GapKind, LocationVerdict
from tests.verify.vectors import LONG_AFTER, VECTORS, StoredObject, digest_verdicts, judge, log_verdicts

Made = Any  # classes of a script that is no module of a package
START = datetime(2025, 3, 4, 0, 1, 31, tzinfo=UTC)
HOUR = timedelta(hours=1)


@cache
def maker() -> Made:
    """The script that made the vectors, as a module."""
    spec = importlib.util.spec_from_file_location("make_vectors", VECTORS / "make_vectors.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def key() -> Made:
    return maker().Key("us-east-1/1", "us-east-1", START - timedelta(days=10))


def keys() -> KeyRing:
    return key_ring({"us-east-1": {"PublicKeyList": [key().listed()]}})


def new_trail() -> Made:
    return maker().Trail(maker().Bucket(), key())


def objects_of(bucket: Made) -> list[StoredObject]:
    return [
        StoredObject(f"s3://{bucket.name}/{name}", one["body"], one["metadata"], one["last_modified"])
        for name, one in bucket.objects.items()
    ]


def judged(objects: list[StoredObject], hours: int, now: datetime = LONG_AFTER) -> LocationVerdict:
    until = START + hours * HOUR
    (verdict,) = judge(objects, keys(), Asked(START, min(until, now), now))
    return verdict


def rewritten(one: StoredObject, change: Callable[[dict[str, Any]], None]) -> StoredObject:
    document = json.loads(gzip.decompress(one.body))
    change(document)
    return replace(one, body=gzip.compress(json.dumps(document).encode()))


def test_what_lies_in_the_trails_former_bucket_is_not_called_missing() -> None:
    trail = new_trail()
    trail.hours(START, (1, 1))
    trail.bucket = maker().Bucket("a-new-bucket")
    trail.hours(START + 2 * HOUR, (1, 1))

    verdict = judged(objects_of(trail.bucket), 4)

    assert [str(one.verdict) for one in verdict.digests] == ["verified", "verified"]
    assert [(gap.kind, gap.start) for gap in verdict.gaps] == [(GapKind.BEFORE, START)]


def test_a_file_that_was_delivered_to_another_bucket_is_not_called_missing() -> None:
    trail = new_trail()
    log = trail.log(START + timedelta(minutes=7))
    trail.digest(START, START + HOUR, [log | {"s3Bucket": "a-former-bucket"}])

    verdict = judged(objects_of(trail.bucket), 1)

    listed = next(one for one in verdict.logs if one.digest)
    assert listed.uri.startswith("s3://a-former-bucket/")
    assert (listed.verdict, listed.reason) == (
        "unreadable",
        "delivered to another place, which is not among the sources",
    )


def test_a_hash_of_a_kind_that_is_not_known_proves_nothing_and_accuses_nobody() -> None:
    trail = new_trail()
    log = trail.log(START + timedelta(minutes=7))
    trail.digest(START, START + HOUR, [log | {"hashAlgorithm": "SHA-512"}])

    assert set(log_verdicts([judged(objects_of(trail.bucket), 1)]).values()) == {"unattested"}


def test_an_algorithm_that_is_not_known_proves_nothing_and_accuses_nobody() -> None:
    trail = new_trail()
    trail.hours(START, (0,))
    changed = [
        rewritten(one, lambda document: document.update(digestSignatureAlgorithm="SHA512withECDSA"))
        for one in objects_of(trail.bucket)
    ]

    verdict = judged(changed, 1)

    assert set(digest_verdicts([verdict]).values()) == {"unchecked"}
    assert "signed with SHA512withECDSA" in verdict.digests[0].reason


def test_a_backfill_without_the_time_of_its_making_is_unsigned() -> None:
    trail = new_trail()
    trail.hours(START, (0,))
    late = trail.log(START + timedelta(minutes=50))
    trail.digest(START, START + HOUR, [late], backfill=START + 3 * HOUR)
    objects = [replace(one, metadata={}) if "_backfill" in one.uri else one for one in objects_of(trail.bucket)]

    verdict = judged(objects, 1)

    assert sorted(digest_verdicts([verdict]).values()) == ["unsigned", "verified"]
    assert set(log_verdicts([verdict]).values()) == {"unattested"}


def test_what_is_delivered_while_others_are_listed_is_pending() -> None:
    trail = new_trail()
    trail.hours(START, (0, 1))
    digests = [one for one in objects_of(trail.bucket) if one.is_digest]

    verdict = judged(digests, 2, now=START + timedelta(minutes=80))

    assert set(log_verdicts([verdict]).values()) == {"pending"}


def test_a_successor_that_names_another_hash_of_a_digest_without_metadata_breaks_the_link() -> None:
    trail = new_trail()
    trail.hours(START, (0,))
    first, digest_hash, signature, bucket = trail.previous
    trail.previous = (first, "0" * len(digest_hash), signature, bucket)
    trail.hours(START + HOUR, (0,))
    objects = [replace(one, metadata={}) if one.uri.endswith(first) else one for one in objects_of(trail.bucket)]

    assert list(digest_verdicts([judged(objects, 2)]).values()) == ["broken-link", "verified"]


def test_a_malformed_digest_does_not_hide_what_is_said_of_it() -> None:
    trail = new_trail()
    trail.hours(START, (0, 0))
    first, second = objects_of(trail.bucket)

    verdict = judged([replace(first, body=b"{}"), second], 2)

    assert list(digest_verdicts([verdict]).values()) == ["malformed", "verified"]
    assert [gap.kind for gap in verdict.gaps] == [GapKind.NOT_VERIFIED]
