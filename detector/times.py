"""Moments and lengths of time, as people and programs write them. All datetimes are aware and in UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from detector.errors import UsageError

_AGO = re.compile(r"(\d{1,6})([smhdw])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(ms|s|m|h)")
_DURATION_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def utc_now() -> datetime:
    """Return the time, aware, UTC."""
    return datetime.now(UTC)


def now() -> datetime:
    """Return the time to the second, aware, UTC."""
    return utc_now().replace(microsecond=0)


def parse_moment(text: str, now: datetime) -> datetime:
    """Return the moment that `--since` names, aware and in UTC; a day is its first moment.

    Args:
        text: `7d`, `36h`, `90m` (before now), or an ISO 8601 date or time; without a zone it is UTC.
        now: aware.

    Raises:
        UsageError: `text` is neither.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago is not None:
            return now.astimezone(UTC) - timedelta(seconds=int(ago[1]) * _UNIT_SECONDS[ago[2]])
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text!r} is not a time", hint="write 7d, 36h, 2026-03-01 or 2026-03-01T09:00:00Z (UTC)"
        ) from error


def parse_end(text: str, now: datetime) -> datetime:
    """Return the moment that `--until` names, as `parse_moment` does; but a day is its last moment.

    Raises:
        UsageError: `text` names none.
    """
    moment = parse_moment(text, now)
    try:
        return datetime.combine(date.fromisoformat(text.strip()), time.max, UTC)
    except ValueError:  # more than a day
        return moment


def parse_seconds(text: str) -> float:
    """Return the length of time that an option names.

    Raises:
        UsageError: it names none.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is not a length of time", hint="write 500ms, 2s, 15m or 1h")
    return float(found[1]) * _DURATION_SECONDS[found[2]]


def rfc3339(moment: datetime) -> str:
    """Return a time as RFC 3339 in UTC, `…Z`; one without a zone is in UTC already."""
    return as_utc(moment).isoformat().replace("+00:00", "Z")


def as_utc(moment: datetime) -> datetime:
    """Return an aware time in UTC; one without a zone is in UTC already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
