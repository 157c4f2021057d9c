"""The part of a trail to read: accounts, regions, and a window of time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from detector.aws_regions import is_region
from detector.errors import UsageError

_ACCOUNT = re.compile(r"[0-9]{12}")


@dataclass(frozen=True, slots=True)
class Extent:
    """What a scope reaches: accounts, regions and delivery days. Empty sets and None mean: all."""

    accounts: frozenset[str] = field(default_factory=frozenset)
    regions: frozenset[str] = field(default_factory=frozenset)
    first_day: date | None = None
    last_day: date | None = None

    def covers(self, other: Extent) -> bool:
        """Tell whether everything that `other` reaches is reached by this as well."""
        return self.joined(other) == self

    def joined(self, other: Extent) -> Extent:
        """Return the smallest extent that reaches what either of them does."""
        firsts, lasts = (self.first_day, other.first_day), (self.last_day, other.last_day)
        return Extent(
            self.accounts | other.accounts if self.accounts and other.accounts else frozenset(),
            self.regions | other.regions if self.regions and other.regions else frozenset(),
            min((day for day in firsts if day), default=None) if all(firsts) else None,
            max((day for day in lasts if day), default=None) if all(lasts) else None,
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of a source to read. Empty sets and None mean: no limit."""

    accounts: frozenset[str] = field(default_factory=frozenset)
    regions: frozenset[str] = field(default_factory=frozenset)
    since: datetime | None = None  # eventTime, aware, UTC
    until: datetime | None = None
    # CloudTrail files a record under the day of its delivery, minutes to days after the event.
    look_ahead_days: int = 1
    # Aware, UTC: for whoever has read all before; only files that are not named for an earlier time.
    delivered_since: datetime | None = None

    def __post_init__(self) -> None:
        for account in sorted(self.accounts):
            if not _ACCOUNT.fullmatch(account):
                raise UsageError(f"{account!r} is not an account", hint="write its 12 digits, zeros at the front too")
        for region in sorted(self.regions):
            if not is_region(region):
                raise UsageError(f"{region!r} is not a region", hint="write it as AWS does: us-east-1")
        if self.since and self.until and self.since > self.until:
            raise UsageError(
                f"--since {self.since:%Y-%m-%dT%H:%M:%SZ} is after --until {self.until:%Y-%m-%dT%H:%M:%SZ}",
                hint="swap them, or leave one out",
            )

    @property
    def first_day(self) -> date | None:
        """The first delivery day that can hold an event of the window."""
        # A file's name can be minutes ahead of, or behind, the events in it; it never precedes them by a day.
        days = [moment.date() for moment in (self.since, self.delivered_since) if moment]
        return max(days, default=None)

    @property
    def last_day(self) -> date | None:
        """The last delivery day to look at."""
        try:
            return self.until.date() + timedelta(days=self.look_ahead_days) if self.until else None
        except OverflowError:
            return date.max

    @property
    def extent(self) -> Extent:
        """What it reaches."""
        return Extent(self.accounts, self.regions, self.first_day, self.last_day)
