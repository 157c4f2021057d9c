"""`detector status`: a lake on a page."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from detector.lake.overview import PlaceRow, fit
from tests.running import LOGIN, Run, write_log
from tests.verify.aws_server import AwsServer, serve_aws
from tests.verify.vectors import Vector

ACCOUNT = "111122223333"


def log(folder: Path, region: str, day: int) -> Path:
    place = folder / f"AWSLogs/{ACCOUNT}/CloudTrail/{region}/2025/03/{day:02}"
    name = f"{ACCOUNT}_CloudTrail_{region}_202503{day:02}T0955Z_AAAAAAAAAAAAAAAA.json.gz"
    record = LOGIN | {"eventTime": f"2025-03-{day:02}T09:52:10Z", "awsRegion": region, "eventID": f"{region}-{day}"}
    return write_log(place / name, record)


def row(account: str, region: str = "us-east-1", **more: int) -> PlaceRow:
    more = {"days_with_records": 1, "days": 1, "records": 1} | more
    day = date(2025, 3, 4)
    return PlaceRow(account, region, day, day, **more, places=frozenset({(account, region)}))


def test_each_account_and_region_is_a_row_with_its_days_and_gaps(run: Run, tmp_path: Path) -> None:
    for day in (4, 6):
        log(tmp_path, "us-east-1", day)
    log(tmp_path, "eu-west-1", 5).write_bytes(b"\x1f\x8bno gzip")
    lake = tmp_path / "lake"
    run("ingest", tmp_path / "AWSLogs", "--lake", lake, "--jobs", 1)

    result = run("status", "--lake", lake)

    assert result.code == 4
    assert [line.split() for line in result.out.splitlines()[1:]] == [
        [ACCOUNT, "eu-west-1", "0", "of", "0", "1"],
        [ACCOUNT, "us-east-1", "2025-03-04", "2025-03-06", "2", "of", "3", "0"],
    ]
    assert "signed" not in result.out, "nobody has asked for digests"


def test_lines_for_programs_are_days_unless_places_are_asked_for(run: Run, tmp_path: Path) -> None:
    log(tmp_path, "us-east-1", 4)
    lake = tmp_path / "lake"
    run("ingest", tmp_path / "AWSLogs", "--lake", lake, "--jobs", 1)

    (day,) = map(json.loads, run("status", "--lake", lake, "--format", "jsonl").out.splitlines())
    assert day["day"] == "2025-03-04"
    (place,) = map(json.loads, run("status", "--lake", lake, "--format", "jsonl", "--by", "place").out.splitlines())
    assert place == {
        "account": ACCOUNT,
        "region": "us-east-1",
        "first_day": "2025-03-04",
        "last_day": "2025-03-04",
        "days_with_records": 1,
        "days": 1,
        "records": 1,
        "gaps": 0,
        "hours_signed": None,
        "hours_due": None,
        "hours_damaged": None,
    }


def test_the_part_that_aws_vouches_for_is_never_rounded_up_and_damage_is_told(
    run: Run, tmp_path: Path, aws_variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_aws() as server:
        for name, value in (aws_variables | server.variables).items():
            monkeypatch.setenv(name, value)
        held(server)
        lake = tmp_path / "lake"
        run("ingest", "s3://example-trail-bucket", "--lake", lake, "--verify", "complete", "--jobs", 1)

    result = run("status", "--lake", lake)
    (place,) = map(json.loads, run("status", "--lake", lake, "--format", "jsonl", "--by", "place").out.splitlines())

    # The newest digest is of long ago: since then nothing is proven.
    assert place["hours_signed"] == 3 < place["hours_due"]
    assert place["hours_damaged"] == 1
    assert result.out.splitlines()[0].split()[-1] == "signed"
    assert result.out.splitlines()[1].endswith(f"0 % of {place['hours_due']:,} h, 1 h damaged")


def held(server: AwsServer) -> None:
    server.hold(Vector("tampered_log"))


def test_of_an_organisation_each_account_is_a_row_and_those_that_lack_something_come_first() -> None:
    rows = [row(f"{account:012}", region) for account in range(30) for region in ("eu-west-1", "us-east-1")]
    rows[21] = row(f"{10:012}", "us-east-1", gaps=2)
    rows[40] = row(f"{20:012}", "eu-west-1", hours_signed=3, hours_due=4)
    rows[50] = row(f"{25:012}", "eu-west-1", hours_signed=47, hours_due=48, hours_damaged=1)

    page = fit(rows)

    assert page.is_by_account
    assert len(page.rows) == 30
    assert [one.account for one in page.rows[:3]] == [f"{25:012}", f"{20:012}", f"{10:012}"]
    assert (page.rows[2].gaps, len(page.rows[2].places), page.rows[2].days) == (2, 2, 2)
    assert page.rest is None


def test_five_hundred_accounts_fit_a_page_and_none_is_lost() -> None:
    rows = [row(f"{account:012}", region) for account in range(500) for region in ("eu-west-1", "us-east-1")]
    rows[999] = row(f"{499:012}", gaps=1)

    page = fit(rows)

    assert len(page.rows) == 39
    assert page.rows[0].account == f"{499:012}"
    assert page.rest is not None
    assert page.rest_accounts == 461
    assert page.rest.records + sum(one.records for one in page.rows) == 1_000
    assert page.rest.gaps == 0


def test_the_rest_of_a_large_lake_is_counted_in_one_row(run: Run, tmp_path: Path) -> None:
    records = [
        LOGIN | {"recipientAccountId": f"{account:012}", "eventID": f"{account}", "awsRegion": "us-east-1"}
        for account in range(45)
    ]
    write_log(tmp_path / "logs" / "a.json.gz", *records)
    run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake", "--jobs", 1)

    lines = run("status", "--lake", tmp_path / "lake").out.splitlines()

    assert len(lines) == 41
    assert lines[0].split()[:2] == ["account", "regions"]
    assert lines[-1].split()[:3] == ["6", "more", "1"]
