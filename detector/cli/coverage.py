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
from detector.cli.lake_option import Lake
from detector.cli.options import Since, Until, window
from detector.cli.tables import fitted_lines, folded
from detector.cli.terminal import say
from detector.text import counted, spreadsheet_cell
from detector.times import now, rfc3339

if TYPE_CHECKING:
    from detector.lake.place import LakePlace
    from detector.verify.coverage import Damage, HourState, Place, Stretch

_LETTERS = "damaged !, complete #, empty ., partial ~, unread x, unattested ?, pending :, dark _"
_DAYS_TO_FOLD = 3
_MOST_ROWS = 1_000  # of a table


class CoverageFormat(StrEnum):
    """How the rows are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"


class CoverageBy(StrEnum):
    """What a row is about."""

    DAY = "day"
    HOUR = "hour"


def coverage_command(
    lake: Lake,
    since: Since = None,
    until: Until = None,
    by: Annotated[
        CoverageBy,
        typer.Option("--by", help="A row for each day, or for hours in a row that are in one state (hour)."),
    ] = CoverageBy.DAY,
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
    (log files, no verified digest), dark (nothing is known), pending or unread. A table has 1,000 rows at most.

    Exit codes: 0 each hour is complete or empty, 2 no lake or an error, 3 nothing there, 4 some are not, 5 damaged.

    Example: detector coverage --lake lake/ --since 7d --gaps
    """
    from detector.lake.integrity import lake_verdicts
    from detector.verify.coverage import Damage, HourState, hours_of, undated
    from detector.verify.expected import Expected, load_expected
    from detector.verify.verdicts import Asked

    expected = Expected() if expect is None else load_expected(expect)
    moment = now()
    first, last = window(since, until)
    asked = Asked(first, min(last or moment, moment), moment)
    verdicts = lake_verdicts(lake, asked)
    places = hours_of(verdicts, asked)
    absent = [place for place in expected.places(places) if place not in places]
    without_hour = {
        (one.location.account, one.location.region): count for one in verdicts if (count := undated(one, moment))
    }
    is_by_day = not gaps and by is CoverageBy.DAY
    if gaps:
        rows = [*_gap_rows(lake, places, Damage(verdicts), absent), *_undated_rows(without_hour)]
    else:
        rows = list(_day_rows(places) if is_by_day else _hour_rows(places, Damage(verdicts)))
    left = 0
    if format_ is CoverageFormat.TABLE:
        rows = list(_folded(rows)) if is_by_day else rows
        left, rows = max(0, len(rows) - _MOST_ROWS), rows[:_MOST_ROWS]
    typer.echo(_FORMATS[format_](rows), nl=False)
    if is_by_day and format_ is CoverageFormat.TABLE and rows:
        typer.echo("\n".join(folded(_LETTERS)))
    if left:
        say(f"… and {counted(left, 'row')} more; --format jsonl and csv write all, --since and --until fewer")
    states = Counter(state for hours in places.values() for state in hours.values())
    for account, region in absent:
        say(f"absent: {account} {region}: expected, and nothing of it is in the lake")
    for (account, region), count in sorted(without_hour.items()):
        say(
            f"unattested: {account} {region}: {counted(count, 'log file')} that no hour can be told of; detector verify"
        )
    listed = ", ".join(f"{count:,} {state}" for state, count in states.most_common())
    of = counted(len(places), "account and region", "accounts and regions")
    say(f"{counted(sum(states.values()), 'hour')} of {of}: {listed or 'none'}")
    raise typer.Exit(_exit_code(states, [*absent, *without_hour], HourState))


def _exit_code(states: Counter[HourState], unproven: list[Place], kinds: type[HourState]) -> int:
    if states[kinds.DAMAGED]:
        return DAMAGED
    proven = states[kinds.COMPLETE] + states[kinds.EMPTY] + states[kinds.PENDING]
    if unproven or proven < sum(states.values()):
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


def _hour_rows(places: Mapping[Place, Mapping[datetime, HourState]], damage: Damage) -> Iterator[dict[str, Any]]:
    """Yield a row for hours in a row that are in one state."""
    from detector.verify.coverage import stretches

    for one in stretches(places):
        yield _stretch_row(one) | {"reason": _reason(one, damage, "")}


def _gap_rows(
    lake: LakePlace, places: Mapping[Place, Mapping[datetime, HourState]], damage: Damage, absent: list[Place]
) -> Iterator[dict[str, Any]]:
    """Yield a row for each stretch of time that is not proven."""
    from detector.detect.resting import explanations
    from detector.verify.coverage import NEXT_STEP, PROVEN, stretches

    found = [one for one in stretches(places) if one.state not in PROVEN]
    causes = explanations(lake, [_as_finding(one) for one in found])
    for one, cause in zip(found, causes, strict=True):
        yield _stretch_row(one) | {"reason": _reason(one, damage, cause), "next": NEXT_STEP[one.state]}
    for account, region in absent:
        yield {
            "account": account,
            "region": region,
            **dict.fromkeys(("start", "end", "hours")),
            "state": "absent",
            "reason": "expected, and nothing of it is in the lake",
            "next": "is its trail among the sources? detector doctor SOURCE says what lies there",
        }


def _undated_rows(without_hour: Mapping[Place, int]) -> Iterator[dict[str, Any]]:
    """Yield a row for each account and region with log files that belong to no hour."""
    for (account, region), count in sorted(without_hour.items()):
        yield {
            "account": account,
            "region": region,
            **dict.fromkeys(("start", "end", "hours")),
            "state": "unattested",
            "reason": f"{counted(count, 'log file')} that no hour can be told of, by name or folder",
            "next": "detector verify names them; who put them there?",
        }


def _stretch_row(one: Stretch) -> dict[str, Any]:
    from detector.verify.coverage import HOUR

    return {
        "account": one.account,
        "region": one.region,
        "start": rfc3339(one.start),
        "end": rfc3339(one.end),
        "hours": (one.end - one.start) // HOUR,
        "state": str(one.state),
    }


def _reason(one: Stretch, damage: Damage, cause: str) -> str:
    """Return why a stretch is in its state, and which call may explain it."""
    from detector.verify.coverage import REASON, HourState

    counts = damage.within(one).most_common() if one.state is HourState.DAMAGED else []
    files = ", ".join(f"{counted(count, 'log file')} {verdict}" for verdict, count in counts)
    return "; ".join(filter(None, (files or REASON[one.state], cause)))


def _as_finding(one: Stretch) -> dict[str, Any]:
    """Return a stretch as a row of `integrity_findings`."""
    return {
        "kind": "gap",
        "verdict": str(one.state),
        "uri": f"{one.account}/{one.region}",
        "account_id": one.account,
        "region": one.region,
        "event_time": one.start,
        "last_event_time": one.end,
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
    cells = [list(row.values()) for row in rows]
    return "".join(line + "\n" for line in fitted_lines(headings, cells, whole=("hours", "start", "end")))


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
