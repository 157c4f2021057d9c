"""The strip of days says what is there, what is signed, and where nothing is known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from detector.report.strip import MOST_CELLS, MOST_FOLDED, MOST_STRIPS, DayState, day_state, strips
from detector.verify.coverage import HourState
from tests.report.samples import ACCOUNT, AS_OF

DAY = date(2026, 3, 4)
WHENEVER = (None, None)


@pytest.mark.parametrize(
    ("events", "hours", "state"),
    [
        (1, [], DayState.EVENTS),
        (0, [], DayState.NOTHING),
        (1, [HourState.COMPLETE, HourState.EMPTY], DayState.SIGNED),
        (0, [HourState.EMPTY], DayState.SIGNED),
        (1, [HourState.COMPLETE, HourState.DARK], DayState.PARTLY),
        (1, [HourState.COMPLETE, HourState.PENDING], DayState.SIGNED),
        (1, [HourState.COMPLETE, HourState.DAMAGED], DayState.DAMAGED),
        (0, [HourState.UNATTESTED], DayState.EVENTS),
        (0, [HourState.DARK], DayState.NOTHING),
        (1, [HourState.PENDING], DayState.EVENTS),
    ],
)
def test_a_day_is_never_better_than_its_worst_hour(events: int, hours: list[HourState], state: DayState) -> None:
    assert day_state(events, hours) is state


def test_days_that_are_alike_are_one_run_and_a_hole_between_them_shows() -> None:
    days = {DAY + timedelta(days=number): 1 for number in (0, 1, 3)}
    [strip] = strips({ACCOUNT: days}, {}, WHENEVER, AS_OF).shown
    assert [(run.start, run.cells, run.state) for run in strip.runs] == [
        (0, 2, DayState.EVENTS), (2, 1, DayState.NOTHING), (3, 1, DayState.EVENTS),
    ]  # fmt: skip
    assert (strip.runs[1].first, strip.runs[1].last) == (DAY + timedelta(days=2),) * 2
    assert strip.days_with_events == 3


def test_a_window_is_shown_in_whole_also_where_nothing_is() -> None:
    since, until = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 10, 23, tzinfo=UTC)
    found = strips({ACCOUNT: {DAY: 1}}, {}, (since, until), AS_OF)
    assert (found.first, found.last, found.days, found.cells) == (since.date(), until.date(), 10, 10)


def test_hours_are_counted_as_signed_of_due() -> None:
    start = datetime(2026, 3, 4, tzinfo=UTC)
    states = [HourState.COMPLETE, HourState.EMPTY, HourState.DARK, HourState.PENDING]
    hours = {(ACCOUNT, "us-east-1"): {start + timedelta(hours=number): state for number, state in enumerate(states)}}
    [strip] = strips({}, hours, WHENEVER, AS_OF).shown
    assert (strip.hours_signed, strip.hours_due) == (2, 3)
    assert strip.states == [DayState.PARTLY]


def test_times_that_cloudtrail_cannot_have_written_do_not_stretch_the_scale() -> None:
    days = {date(1, 1, 1): 1, date(2012, 1, 1): 1, DAY: 1, date(9999, 12, 31): 1}
    found = strips({ACCOUNT: days}, {}, WHENEVER, AS_OF)
    assert (found.first, found.last) == (DAY, DAY)


def test_ten_years_have_no_more_cells_than_a_screen_and_a_cell_shows_the_worst_of_its_days() -> None:
    first = date(2016, 1, 1)
    days = {first + timedelta(days=number): 1 for number in range(3_650) if number != 1_000}
    found = strips({ACCOUNT: days}, {}, WHENEVER, AS_OF)
    assert found.cells <= MOST_CELLS
    assert [run.state for run in found.shown[0].runs] == [DayState.EVENTS, DayState.NOTHING, DayState.EVENTS]
    assert found.shown[0].runs[1].cells == 1
    assert found.shown[0].runs[-1].last == max(days)


def test_of_many_accounts_those_with_something_to_tell_are_drawn_and_the_others_folded() -> None:
    accounts = [f"{number:012}" for number in range(500)]
    found = strips(
        {account: {DAY: 1} for account in accounts}, {}, WHENEVER, AS_OF, told=[accounts[400], accounts[7], "gone"]
    )
    assert [one.account for one in found.shown] == [accounts[7], accounts[400]]
    assert len(found.folded) == 498
    assert found.not_named == 0


def test_more_accounts_than_anybody_reads_are_counted() -> None:
    found = strips({f"{number:012}": {DAY: 1} for number in range(3_000)}, {}, WHENEVER, AS_OF)
    assert len(found.shown) + len(found.folded) == MOST_STRIPS + MOST_FOLDED
    assert found.not_named == 3_000 - MOST_STRIPS - MOST_FOLDED


def test_nothing_gives_no_strip() -> None:
    found = strips({}, {}, WHENEVER, AS_OF)
    assert (found.first, found.days, found.shown) == (None, 0, ())
