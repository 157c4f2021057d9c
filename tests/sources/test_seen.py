"""What a listing passes by is remembered, and told in few words."""

from __future__ import annotations

from detector.sources.seen import Seen


def seen(*uris: str) -> list[str]:
    noted = Seen()
    for uri in uris:
        noted.note(uri)
    return list(noted.parts())


def test_keys_and_folders_tell_of_accounts_regions_and_days() -> None:
    digest = "s3://b/AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2025/03/{}/x.json.gz"
    assert seen(digest.format("09"), digest.format("11"), digest.format("10"), "s3://b/AWSLogs/444455556666/") == [
        "accounts 111122223333, 444455556666",
        "region eu-west-1",
        "days from 2025-03-09 to 2025-03-11",
        "prefixes s3://b/AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/, s3://b/AWSLogs/444455556666/",
    ]


def test_a_folder_of_a_year_names_no_day() -> None:
    assert seen("s3://b/AWSLogs/111122223333/CloudTrail/us-east-1/2024/") == [
        "account 111122223333",
        "region us-east-1",
        "prefix s3://b/AWSLogs/111122223333/CloudTrail/us-east-1/",
    ]
    assert "the day 2024-02-29" in seen("s3://b/111122223333_CloudTrail_us-east-1_20240229T0000Z_a.csv")


def test_a_bucket_full_of_other_things_costs_bounded_memory_and_few_words() -> None:
    noted = Seen()
    for number in range(3_000):
        noted.note(f"s3://b/AWSLogs/{number:012}/CloudTrail-Digest/")
    assert len(noted.accounts) == len(noted.prefixes) == 1_000
    assert next(noted.parts()).endswith("000000000004 and 995 more")
    assert sum(map(len, noted.parts())) < 600
