"""What the page rests on, day by day: which days of an account have events, and how much of them AWS has signed. Pure.

Each account is a strip of cells. Days that are alike lie in one run, so that a year costs no more than its changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Final

from detector.verify.coverage import PROVEN, HourState, Place

MOST_CELLS: Final = 120  # of a strip; beyond it a cell is several days
MOST_STRIPS: Final = 40  # beyond it the accounts of which nothing is told are folded
MOST_FOLDED: Final = 1_000  # named; whoever writes logs chooses how many accounts there are
_FIRST_DAY: Final = date(2013, 11, 1)  # CloudTrail began then
_DAY: Final = timedelta(days=1)

EventDays = Mapping[str | None, Mapping[date, int]]  # account → day → events
Hours = Mapping[Place, Mapping[datetime, HourState]]


class DayState(StrEnum):
    """The state of one day of an account, the one that counts first where days share a cell."""

    DAMAGED = "damaged"  # a file of it is not as AWS signed it
    NOTHING = "nothing"  # no event, and no digest that says so
    EVENTS = "events"  # there are events, and no hour is signed
    PARTLY = "partly"  # some of its hours are signed and complete
    SIGNED = "signed"  # all of them, events or not


_ORDER: Final = {state: number for number, state in enumerate(DayState)}


@dataclass(frozen=True, slots=True)
class Run:
    """Cells in a row that are in one state."""

    start: int  # the first cell
    cells: int
    state: DayState
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class AccountStrip:
    """One account from the first day to the last."""

    account: str | None
    runs: tuple[Run, ...]
    days_with_events: int
    hours_signed: int
    hours_due: int  # 0: nobody asked for digests

    @property
    def states(self) -> list[DayState]:
        """The states that occur, in the order of the legend."""
        return sorted({run.state for run in self.runs}, key=_ORDER.__getitem__)


@dataclass(frozen=True, slots=True)
class Strips:
    """All accounts, on one scale."""

    first: date | None  # None: there is no event of the time asked about
    last: date | None
    days_of_a_cell: int
    cells: int
    shown: tuple[AccountStrip, ...]
    folded: tuple[AccountStrip, ...]  # accounts of which nothing else is told
    not_named: int = 0  # accounts beyond those

    @property
    def days(self) -> int:
        """From the first to the last."""
        return (self.last - self.first).days + 1 if self.first and self.last else 0

    @property
    def states(self) -> list[DayState]:
        """The states that occur in a strip that is drawn."""
        return sorted({state for one in self.shown for state in one.states}, key=_ORDER.__getitem__)


def strips(
    events: EventDays,
    hours: Hours,
    window: tuple[datetime | None, datetime | None],
    as_of: datetime,
    told: Sequence[str | None] = (),
) -> Strips:
    """Return the strips of all accounts.

    Args:
        events: how many there are of each day; times that CloudTrail cannot have written are passed over.
        hours: their states, where there are digests.
        window: of event time; without it, from the first event to the last.
        as_of: aware; nothing later counts.
        told: accounts of which something is told elsewhere, the most important first; these are not folded.
    """
    counts = {
        account: {day: count for day, count in days.items() if _FIRST_DAY <= day <= as_of.date() + _DAY}
        for account, days in events.items()
    }
    by_day = _hours_by_day(hours)
    accounts: set[str | None] = {*counts, *by_day}
    known = sorted(set().union(*counts.values(), *by_day.values()))
    since, until = window
    first = since.astimezone(UTC).date() if since else known[0] if known else None
    last = min(until, as_of).astimezone(UTC).date() if until else known[-1] if known else None
    if first is None or last is None or first > last:
        return Strips(None, None, 1, 0, (), ())
    first = max(first, _FIRST_DAY)
    days_of_a_cell = -(-((last - first).days + 1) // MOST_CELLS)
    cells = -(-((last - first).days + 1) // days_of_a_cell)
    named = [account for account in dict.fromkeys(told) if account in accounts]
    order = [*named, *sorted(accounts - set(named), key=lambda account: account or "")]
    made = [
        _strip(account, counts.get(account, {}), by_day.get(account, {}), (first, last), days_of_a_cell)
        for account in order[: MOST_STRIPS + MOST_FOLDED]
    ]
    shown = made if len(made) <= MOST_STRIPS else made[: max(1, min(len(named), MOST_STRIPS))]
    return Strips(
        first,
        last,
        days_of_a_cell,
        cells,
        tuple(sorted(shown, key=lambda one: one.account or "")),
        tuple(made[len(shown) :]),
        len(order) - len(made),
    )


def day_state(events: int, hours: Collection[HourState]) -> DayState:
    """Return the state of one day of an account from its events and the hours of all its regions."""
    due = [state for state in hours if state is not HourState.PENDING]
    proven = sum(state in PROVEN for state in due)
    if HourState.DAMAGED in due:
        return DayState.DAMAGED
    if proven:
        return DayState.SIGNED if proven == len(due) else DayState.PARTLY
    return DayState.EVENTS if events or HourState.UNATTESTED in due else DayState.NOTHING


def _hours_by_day(hours: Hours) -> dict[str | None, dict[date, list[HourState]]]:
    days: dict[str | None, dict[date, list[HourState]]] = {}
    for (account, _), states in hours.items():
        of_account = days.setdefault(account, {})
        for start, state in states.items():
            of_account.setdefault(start.date(), []).append(state)
    return days


def _strip(
    account: str | None,
    events: Mapping[date, int],
    hours: Mapping[date, Sequence[HourState]],
    reach: tuple[date, date],
    days_of_a_cell: int,
) -> AccountStrip:
    first, last = reach
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    states = [day_state(events.get(day, 0), hours.get(day, ())) for day in days]
    cells = [
        min(states[start : start + days_of_a_cell], key=_ORDER.__getitem__)
        for start in range(0, len(states), days_of_a_cell)
    ]
    counted = Counter(state for day in days for state in hours.get(day, ()))
    return AccountStrip(
        account,
        tuple(_runs(cells, days, days_of_a_cell)),
        sum(day in events for day in days),
        sum(counted[state] for state in PROVEN),
        counted.total() - counted[HourState.PENDING],
    )


def _runs(cells: Sequence[DayState], days: Sequence[date], days_of_a_cell: int) -> Iterable[Run]:
    start = 0
    for state, same in groupby(cells):
        count = len(list(same))
        last = min((start + count) * days_of_a_cell, len(days)) - 1
        yield Run(start, count, state, days[start * days_of_a_cell], days[last])
        start += count
