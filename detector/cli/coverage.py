"""`detector coverage`: which hours of a lake AWS vouches for."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detector.cli.choices import format_option
from detector.cli.exit_codes import DAMAGED, DONE, INCOMPLETE, NO_LOG_OBJECTS
from detector.cli.options import Lake, Since, Until, window
from detector.cli.terminal import say
from detector.text import counted, spreadsheet_cell, table_lines
from detector.times import now, rfc3339

if TYPE_CHECKING:
    from detector.verify.coverage import HourState, Place

_LETTERS = "damaged !, complete #, empty ., partial ~, unread x, unattested ?, pending :, dark _"
_DAYS_TO_FOLD = 3


class CoverageFormat(StrEnum):
    """How the rows are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"


def coverage_command(
    lake: Lake,
    since: Since = None,
    until: Until = None,
    gaps: Annotated[
        bool, typer.Option("--gaps", help="Show only stretches of time that are not proven, and what to do next.")
    ] = False,
    expect: Annotated[
        Path | None,
        typer.Option("--expect", help="TOML file with accounts and regions that must be there.", metavar="FILE"),
    ] = None,
    format_: Annotated[CoverageFormat, format_option(CoverageFormat, "Format of the rows.")] = CoverageFormat.TABLE,
) -> None:
    """Show which hours of a lake AWS vouches for.

    Prints, by account, region and day, the state of each hour of delivery, as far as digests in the lake say
    (`ingest --verify complete`): complete, empty (AWS signed that nothing was delivered), damaged, partial, unattested
    (log files, no verified digest), dark (nothing is known), pending or unread.

    Exit codes: 0 each hour is complete or empty, 2 no lake or an error, 3 nothing there, 4 some are not, 5 damaged.

    Example: detector coverage --lake lake/ --since 7d --gaps
    """
    from detector.lake.integrity import lake_verdicts
    from detector.verify.coverage import HourState, hours_of
    from detector.verify.expected import Expected, load_expected
    from detector.verify.verdicts import Asked

    expected = Expected() if expect is None else load_expected(expect)
    moment = now()
    first, last = window(since, until)
    asked = Asked(first, min(last or moment, moment), moment)
    places = hours_of(lake_verdicts(lake, asked), asked)
    absent = [place for place in expected.places(places) if place not in places]
    rows = list(_gap_rows(places, absent) if gaps else _day_rows(places))
    if not gaps and format_ is CoverageFormat.TABLE:
        rows = list(_folded(rows))
    typer.echo(_FORMATS[format_](rows), nl=False)
    states = Counter(state for hours in places.values() for state in hours.values())
    for account, region in absent:
        say(f"absent: {account} {region}: expected, and nothing of it is in the lake")
    if not gaps and format_ is CoverageFormat.TABLE and rows:
        say(_LETTERS)
    listed = ", ".join(f"{count:,} {state}" for state, count in states.most_common())
    of = counted(len(places), "account and region", "accounts and regions")
    say(f"{counted(sum(states.values()), 'hour')} of {of}: {listed or 'none'}")
    raise typer.Exit(_exit_code(states, absent, HourState))


def _exit_code(states: Counter[HourState], absent: list[Place], kinds: type[HourState]) -> int:
    if states[kinds.DAMAGED]:
        return DAMAGED
    proven = states[kinds.COMPLETE] + states[kinds.EMPTY] + states[kinds.PENDING]
    if absent or proven < sum(states.values()):
        return INCOMPLETE
    return DONE if states else NO_LOG_OBJECTS


def _day_rows(places: Mapping[Place, Mapping[datetime, HourState]]) -> Iterator[dict[str, Any]]:
    """Yield a row for each account, region and day: its hours as letters, and counts."""
    from detector.verify.coverage import LETTERS

    for (account, region), hours in sorted(places.items()):
        days: dict[str, dict[int, HourState]] = {}
        for start, state in hours.items():
            days.setdefault(f"{start:%Y-%m-%d}", {})[start.hour] = state
        for day, states in sorted(days.items()):
            strip = "".join(LETTERS[states[hour]] if hour in states else " " for hour in range(24))
            counts = Counter(map(str, states.values()))
            said = ", ".join(f"{count} {state}" for state, count in counts.most_common())
            yield {"account": account, "region": region, "day": day, "hours": strip, "states": said}


def _gap_rows(places: Mapping[Place, Mapping[datetime, HourState]], absent: list[Place]) -> Iterator[dict[str, Any]]:
    """Yield a row for each stretch of time that is not proven."""
    from detector.verify.coverage import HOUR, NEXT_STEP, stretches

    for one in stretches(places):
        yield {
            "account": one.account,
            "region": one.region,
            "start": rfc3339(one.start),
            "end": rfc3339(one.end),
            "hours": (one.end - one.start) // HOUR,
            "state": str(one.state),
            "next": NEXT_STEP[one.state],
        }
    for account, region in absent:
        step = "expected, and nothing of it is in the lake"
        yield {
            "account": account,
            "region": region,
            "start": None,
            "end": None,
            "hours": None,
            "state": "absent",
            "next": step,
        }


def _folded(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield rows for people: days one after the other that are the same all day long are one row."""
    for _, same in groupby(rows, key=lambda row: (row["account"], row["region"], row["hours"])):
        days = list(same)
        first, last = days[0], days[-1]
        if len(days) < _DAYS_TO_FOLD or len(set(first["hours"])) > 1:
            yield from days
            continue
        state = first["states"].partition(" ")[2]
        hours = len(days) * len(first["hours"])
        yield first | {"day": f"{first['day']} to {last['day']}", "states": f"{hours:,} {state}"}


def _table(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    headings = list(rows[0])
    return "".join(line + "\n" for line in table_lines(headings, [list(row.values()) for row in rows]))


def _jsonl(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def _csv(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow(["" if value is None else spreadsheet_cell(str(value)) for value in row.values()])
    return buffer.getvalue()


_FORMATS = {CoverageFormat.TABLE: _table, CoverageFormat.JSONL: _jsonl, CoverageFormat.CSV: _csv}
