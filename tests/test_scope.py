from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from detector.errors import UsageError
from detector.scope import Scope
from detector.times import parse_end, parse_moment

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", datetime(2026, 3, 3, 12, 0, tzinfo=UTC)),
        ("36h", datetime(2026, 3, 9, 0, 0, tzinfo=UTC)),
        ("90m", datetime(2026, 3, 10, 10, 30, tzinfo=UTC)),
        (" 2w ", datetime(2026, 2, 24, 12, 0, tzinfo=UTC)),
        ("10s", datetime(2026, 3, 10, 11, 59, 50, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T09:00:00Z", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01T09:00:00+02:00", datetime(2026, 3, 1, 7, tzinfo=UTC)),
    ],
)
def test_a_moment_is_an_age_or_an_iso_8601_time(text: str, moment: datetime) -> None:
    parsed = parse_moment(text, NOW)
    assert parsed == moment
    assert parsed.utcoffset() == timedelta(0)


def test_an_age_counts_from_now_in_utc_whatever_the_zone_of_now() -> None:
    tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    assert parse_moment("1h", tokyo).isoformat() == "2026-03-10T11:00:00+00:00"


@pytest.mark.parametrize("text", ["", "yesterday", "7", "d7", "7y", "2026-13-01", "999999w", "0001-01-01T00:00+05:00"])
def test_what_is_no_moment_is_a_usage_error_that_shows_the_forms(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time") as caught:
        parse_moment(text, NOW)
    assert "7d" in caught.value.hint


@pytest.mark.parametrize("text", ["2026-03-01", " 2026-03-01 ", "20260301", "2026-W09-7"])
def test_a_day_that_ends_a_window_is_in_it_to_its_last_moment(text: str) -> None:
    assert parse_end(text, NOW) == datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=UTC)


@pytest.mark.parametrize("text", ["7d", "2026-03-01T00:00", "2026-03-01T09:00:00+02:00", "20260301T000000Z"])
def test_a_time_that_ends_a_window_is_exact(text: str) -> None:
    assert parse_end(text, NOW) == parse_moment(text, NOW)


def test_since_after_until_is_a_usage_error_with_both_times() -> None:
    with pytest.raises(UsageError, match="--since 2026-03-10T12:00:00Z is after --until 2026-03-10T11:00:00Z"):
        Scope(since=NOW, until=NOW - timedelta(hours=1))


def test_a_window_of_one_moment_is_allowed() -> None:
    assert Scope(since=NOW, until=NOW).first_day == date(2026, 3, 10)


def test_the_days_run_from_since_to_until_plus_the_look_ahead() -> None:
    scope = Scope(since=NOW, until=NOW + timedelta(days=2), look_ahead_days=3)
    assert (scope.first_day, scope.last_day) == (date(2026, 3, 10), date(2026, 3, 15))


def test_without_limits_every_day_is_in() -> None:
    assert (Scope().first_day, Scope().last_day) == (None, None)


def test_a_look_ahead_past_the_calendar_ends_with_it() -> None:
    assert Scope(until=datetime(9999, 12, 31, tzinfo=UTC)).last_day == date.max
