from __future__ import annotations

from datetime import UTC, datetime

import pytest

from detector.verify.place import Location, location_of, named_minute, parse_digest_uri, same_place

FOLDER = "444455556666/CloudTrail-Digest/eu-west-1/2025/03/04/"
NAME = "444455556666_CloudTrail-Digest_eu-west-1_my_trail_us-east-1_us-east-1_20250304T010131Z"


def test_a_digests_key_is_read_from_the_right() -> None:
    place = parse_digest_uri(f"s3://b/audit/AWSLogs/o-exampleorg/{FOLDER}{NAME}_backfill.json.gz")

    assert place
    assert place.chain.location == Location("s3://b/audit/AWSLogs/o-exampleorg/", "444455556666", "eu-west-1")
    assert (place.chain.trail, place.chain.home_region) == ("my_trail_us-east-1", "us-east-1")
    assert place.end == datetime(2025, 3, 4, 1, 1, 31, tzinfo=UTC)
    assert place.is_backfill


@pytest.mark.parametrize(
    "uri",
    [
        f"s3://b/{NAME}.json.gz",  # outside of its folders
        f"s3://b/{FOLDER}{NAME}.json.gz.bak",
        f"s3://b/{FOLDER}{NAME}.json.gz\n",
        f"s3://b/{FOLDER}{NAME.replace('20250304T01', '20259904T01')}.json.gz",
        f"s3://b/{FOLDER.replace('eu-west-1', 'eu-west-2')}{NAME}.json.gz",
        f"s3://b/{FOLDER.replace('444455556666', '111122223333')}{NAME}.json.gz",
        f"s3://b/{FOLDER.replace('-Digest', '')}{NAME}.json.gz",
        f"s3://b/{FOLDER}../{NAME}.json.gz",
    ],
)
def test_what_is_not_named_as_a_digest_in_its_folders_is_none(uri: str) -> None:
    assert parse_digest_uri(uri) is None


@pytest.mark.parametrize(
    ("found", "signed", "same"),
    [
        ("s3://b/AWSLogs/", "AWSLogs/", True),
        ("s3://copy/case-42/AWSLogs/", "AWSLogs/", True),
        ("s3://copy/case-42/AWSLogs/", "audit/AWSLogs/", True),
        ("file:///copies/", "audit/AWSLogs/o-exampleorg/", True),
        ("file:///copies/AWSLogs/", "AWSLogs/o-exampleorg/", False),
        ("s3://b/AWSLogs/o-another/", "AWSLogs/o-exampleorg/", False),
        ("s3://b/AWSLogs/AWSLogs/", "AWSLogs/", True),
    ],
)
def test_a_copy_lies_as_signed_from_awslogs_on(found: str, signed: str, same: bool) -> None:
    assert same_place(f"{found}{FOLDER}{NAME}.json.gz", f"{signed}{FOLDER}{NAME}.json.gz") is same


def test_another_name_is_another_place() -> None:
    later = NAME.replace("T010131Z", "T020131Z")

    assert not same_place(f"s3://b/AWSLogs/{FOLDER}{later}.json.gz", f"AWSLogs/{FOLDER}{NAME}.json.gz")


def test_log_files_have_a_location_and_a_minute() -> None:
    uri = (
        "s3://b/AWSLogs/444455556666/CloudTrail/eu-west-1/2025/03/04/"
        "444455556666_CloudTrail_eu-west-1_20250304T0105Z_f2a19216522d3e03.json.gz"
    )

    assert location_of(uri) == Location("s3://b/AWSLogs/", "444455556666", "eu-west-1")
    assert named_minute(uri) == datetime(2025, 3, 4, 1, 5, tzinfo=UTC)
    assert location_of("s3://b/export/1.json") is None
    assert named_minute("s3://b/export/1.json") is None
