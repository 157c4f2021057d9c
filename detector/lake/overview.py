"""A lake by account and region, on a page: from when to when, how much of it is signed, and what is missing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from detector.lake.evidence import open_ledger
from detector.lake.integrity import lake_verdicts
from detector.lake.ledger.gaps import Gap
from detector.lake.place import LakePlace, lake_at
from detector.lake.status import LakeStatus
from detector.lake_layout import LEDGER
from detector.sources.keys import parse_folder, parse_key
from detector.verify.coverage import PROVEN, HourState, hours_of
from detector.verify.verdicts import Asked

ROWS_OF_A_PAGE: Final = 40
Where = tuple[str | None, str | None]  # account, region
Hours = Mapping[Where, Mapping[datetime, HourState]]


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """One account and region, or several of them together."""

    account: str | None
    region: str | None
    first_day: date | None = None  # with a record
    last_day: date | None = None
    days_with_records: int = 0  # of each account and region
    days: int = 0  # from the first to the last
    records: int = 0
    gaps: int = 0  # what could not be listed, read, or read whole
    hours_signed: int = 0  # and complete
    hours_due: int = 0  # of which there should be a digest by now; 0: nobody asked for digests
    hours_damaged: int = 0
    places: frozenset[Where] = field(default_factory=frozenset)

    @property
    def covered(self) -> float | None:
        """The part of the hours that AWS vouches for; None when nobody asked for digests."""
        return self.hours_signed / self.hours_due if self.hours_due else None

    @property
    def lacks_something(self) -> bool:
        """True when something was not read, or is not proven."""
        return bool(self.gaps) or self.hours_signed < self.hours_due

    def to_json(self) -> dict[str, Any]:
        """Return it as `--by place --format jsonl` writes it."""
        return {
            "account": self.account,
            "region": self.region,
            "first_day": self.first_day and self.first_day.isoformat(),
            "last_day": self.last_day and self.last_day.isoformat(),
            "days_with_records": self.days_with_records,
            "days": self.days,
            "records": self.records,
            "gaps": self.gaps,
            "hours_signed": self.hours_signed if self.hours_due else None,
            "hours_due": self.hours_due or None,
            "hours_damaged": self.hours_damaged if self.hours_due else None,
        }


@dataclass(frozen=True, slots=True)
class Page:
    """What fits a page: the rows, and what the others come to."""

    rows: tuple[PlaceRow, ...]
    is_by_account: bool = False
    rest: PlaceRow | None = None
    rest_accounts: int = 0


def place_rows(status: LakeStatus, lake: Path | LakePlace, now: datetime) -> list[PlaceRow]:
    """Return a row for each account and region that a lake knows of, in order.

    Args:
        status: of the lake.
        lake: its place.
        now: aware; a digest is due two hours after its hour.

    Raises:
        LakeError: its ledger cannot be read.
    """
    days: defaultdict[Where, set[date]] = defaultdict(set)
    records: Counter[Where] = Counter()
    for row in status.rows:
        records[row.account, row.region] += row.records
        if row.records and row.day:
            days[row.account, row.region].add(date.fromisoformat(row.day))
    gaps = Counter(map(_place_of, status.gaps.first))
    hours = _hours(lake_at(lake), now)
    places = sorted({*records, *gaps, *hours}, key=lambda where: [(part is not None, part or "") for part in where])
    return [_row(where, days[where], records[where], gaps[where], hours.get(where, {})) for where in places]


def fit(rows: Sequence[PlaceRow], most: int = ROWS_OF_A_PAGE) -> Page:
    """Return what fits a page: where there are too many, a row for each account, those that lack something first."""
    if len(rows) <= most:
        return Page(tuple(rows))
    accounts: defaultdict[str | None, list[PlaceRow]] = defaultdict(list)
    for row in rows:
        accounts[row.account].append(row)
    folded = [_together(of_account, account) for account, of_account in accounts.items()]
    folded.sort(key=_urgency)
    if len(folded) <= most:
        return Page(tuple(folded), is_by_account=True)
    shown, rest = folded[: most - 1], folded[most - 1 :]
    return Page(tuple(shown), True, _together(rest, None), len(rest))


def _urgency(row: PlaceRow) -> tuple[bool, int, float, int]:
    """Return what to sort by: damage first, then the least proven, then the most gaps."""
    covered = 1.0 if row.covered is None else row.covered
    return not row.lacks_something, -row.hours_damaged, covered, -row.gaps


def _together(rows: Sequence[PlaceRow], account: str | None) -> PlaceRow:
    return PlaceRow(
        account,
        None,
        min((row.first_day for row in rows if row.first_day), default=None),
        max((row.last_day for row in rows if row.last_day), default=None),
        sum(row.days_with_records for row in rows),
        sum(row.days for row in rows),
        sum(row.records for row in rows),
        sum(row.gaps for row in rows),
        sum(row.hours_signed for row in rows),
        sum(row.hours_due for row in rows),
        sum(row.hours_damaged for row in rows),
        frozenset().union(*(row.places for row in rows)),
    )


def _row(where: Where, days: set[date], records: int, gaps: int, hours: Mapping[datetime, HourState]) -> PlaceRow:
    first, last = min(days, default=None), max(days, default=None)
    states = Counter(hours.values())
    return PlaceRow(
        *where,
        first,
        last,
        len(days),
        (last - first).days + 1 if first and last else 0,
        records,
        gaps,
        sum(states[state] for state in PROVEN),
        states.total() - states[HourState.PENDING],
        states[HourState.DAMAGED],
        frozenset({where}),
    )


def _place_of(gap: Gap) -> Where:
    place = parse_folder(gap.uri) if gap.uri.endswith("/") else parse_key(gap.uri)
    return place.account, place.region


def _hours(place: LakePlace, now: datetime) -> Hours:
    if not (place.directory / LEDGER).exists():
        return {}
    with open_ledger(place) as ledger:
        if not ledger.digests.are_there:
            return {}
    asked = Asked(None, now, now)
    found = hours_of(lake_verdicts(place, asked), asked)
    return {(account, region): hours for (account, region), hours in found.items()}
