"""Which log files are asked about: nothing falls out because of what its own name, or a copy, says of its time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from detector.verify.coverage import HourState, hours_of
from detector.verify.log_files import FoundLog
from detector.verify.verdicts import Asked, JudgedLog, LocationVerdict
from tests.verify.vectors import LONG_AFTER, StoredObject, Vector, found_log, judge, required

START = required("2025-03-04T00:01:31Z")
TWO_HOURS = Asked(START, START + timedelta(hours=2), LONG_AFTER)
FOLDER = "s3://example-trail-bucket/AWSLogs/111122223333/CloudTrail/us-east-1/2025/03/04/"


def planted(name: str, last_modified: datetime = START) -> StoredObject:
    return StoredObject(FOLDER + name, b"{}", {}, last_modified)


def named(minute: str) -> str:
    return f"111122223333_CloudTrail_us-east-1_{minute}Z_aaaaaaaaaaaaaaaa.json.gz"


def without_time(stored: StoredObject) -> FoundLog:
    return replace(found_log(stored), delivered=None)


def judged(one: StoredObject, asked: Asked = TWO_HOURS, *, says_when: bool) -> tuple[LocationVerdict, JudgedLog | None]:
    """The verdicts on the valid chain with one more log file, and the one on that."""
    vector = Vector("valid")
    log_of = found_log if says_when else without_time
    (verdict,) = judge([*vector.objects, one], vector.keys, asked, log_of=log_of)
    return verdict, next((log for log in verdict.logs if log.uri == one.uri), None)


@pytest.mark.parametrize("minute", ["20250312T0005", "20250304T0040", "20990304T0005", "20250303T0005"])
def test_in_a_copy_an_unlisted_file_is_not_proven_whatever_minute_it_is_named_after(minute: str) -> None:
    _, log = judged(planted(named(minute)), says_when=False)

    assert log is not None
    assert log.is_unproven


@pytest.mark.parametrize("name", ["notes.json.gz", named("2025-03-04"), named("20259999T9999")])
def test_a_name_that_says_nothing_of_time_does_not_hide_a_file(name: str) -> None:
    _, log = judged(planted(name), says_when=False)

    assert log is not None
    assert log.is_unproven


@pytest.mark.parametrize(
    "delivered", [START + timedelta(hours=3), START - timedelta(days=9), LONG_AFTER.replace(year=2099)]
)
def test_a_time_of_delivery_that_was_moved_does_not_hide_a_file(delivered: datetime) -> None:
    _, log = judged(planted(named("20250304T0040"), delivered), says_when=True)

    assert log is not None
    assert log.is_unproven or log.is_damage


@pytest.mark.parametrize("says_when", [True, False])
@pytest.mark.parametrize("minute", ["20990304T0005", "20260101T0020"])
def test_a_file_that_comes_from_the_future_is_not_pending(minute: str, *, says_when: bool) -> None:
    moment = datetime.fromisoformat(f"{minute}Z")
    one = planted(named(minute), moment)
    if minute.startswith("2026"):
        one = replace(one, uri=one.uri.replace("/2025/03/04/", "/2026/01/01/"))

    _, log = judged(one, Asked(None, LONG_AFTER, LONG_AFTER), says_when=says_when)

    assert log is not None
    assert log.is_unproven


def test_a_file_that_was_put_there_today_under_an_old_name_is_not_pending() -> None:
    now = required("2025-03-04T05:00:00Z")
    _, log = judged(planted(named("20250304T0040"), now - timedelta(minutes=5)), Asked(START, now, now), says_when=True)

    assert log is not None
    assert log.is_unproven


def test_what_folder_name_and_delivery_put_into_another_time_is_counted_and_not_judged() -> None:
    late = planted(named("20250304T2305"), required("2025-03-04T23:07:00Z"))

    verdict, log = judged(late, says_when=True)

    assert log is None
    assert verdict.other_times == 3  # and the two that the digest of the last hour lists
    assert not any(one.is_unproven for one in verdict.logs)


def test_a_file_named_after_a_minute_of_the_next_hour_is_found_in_the_digest_before() -> None:
    vector = Vector("valid")
    digests = [one for one in vector.objects if one.is_digest]
    logs = [one for one in vector.objects if not one.is_digest]
    first = min(logs, key=lambda one: one.last_modified)
    later = Asked(START + timedelta(minutes=5), TWO_HOURS.until, LONG_AFTER)

    (verdict,) = judge([*digests, first], vector.keys, later)

    assert not any(log.is_unproven for log in verdict.logs if log.uri == first.uri)


def test_an_hour_with_a_file_that_nobody_vouches_for_is_not_complete() -> None:
    verdict, _ = judged(planted(named("20250304T0040")), says_when=False)

    (hours,) = hours_of([verdict], TWO_HOURS).values()

    assert list(hours.values()) == [HourState.UNATTESTED, HourState.COMPLETE]


@pytest.mark.parametrize(
    ("minute", "delivered", "states"),
    [
        # Its name says nothing that could be believed: it may be of any hour of its day.
        ("20250312T0005", None, ["unattested", "unattested", "unattested"]),
        # It was put there a day later, under a name of the first hour.
        ("20250304T0040", "2025-03-05T00:40:00Z", ["unattested", "complete", "empty"]),
        ("20250304T2305", None, ["complete", "complete", "empty"]),
    ],
)
def test_a_file_counts_in_every_hour_that_it_may_be_of(minute: str, delivered: str | None, states: list[str]) -> None:
    one = planted(named(minute), required(delivered or "2025-03-04T23:05:00Z"))
    asked = Asked(START, START + timedelta(hours=3), LONG_AFTER)
    verdict, _ = judged(one, asked, says_when=delivered is not None)

    (hours,) = hours_of([verdict], asked).values()

    assert [str(state) for state in hours.values()] == states
