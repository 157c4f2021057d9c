"""`detector status`: what a lake holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.choices import ListFormat, StatusBy, format_option
from detector.cli.exit_codes import DONE, INCOMPLETE
from detector.cli.lake_option import Lake
from detector.cli.summary import say_gaps, say_unlisted
from detector.cli.tables import fitted_lines
from detector.cli.terminal import inform
from detector.times import now

if TYPE_CHECKING:
    from detector.lake.overview import PlaceRow
    from detector.lake.place import LakePlace

_GAPS_BY_NAME = 20


def status_command(
    lake: Lake,
    format_: Annotated[
        ListFormat,
        format_option(ListFormat, "Format of the rows."),
    ] = ListFormat.TABLE,
    as_json: Annotated[bool, typer.Option("--json", hidden=True)] = False,  # the former name of --format jsonl
    by: Annotated[
        StatusBy | None,
        typer.Option(
            "--by",
            help="A row for each account and region (place), or for each of their days (day).",
            show_default="place; with --format jsonl day",
        ),
    ] = None,
    lag: Annotated[
        bool, typer.Option("--lag", help="Show how long records took from event to delivery instead.")
    ] = False,
) -> None:
    """Show what a lake holds.

    Prints by account and region the first and last day, how many days between them have records, gaps, and, where
    digests were read, which part of the hours AWS vouches for. Of more than a page there is a row for each account,
    those that lack something first, and the others are counted. --by day lists records, duplicates and rejected records
    of each day. Alerts are counted by output.

    --lag measures, for each account and region, the seconds from eventTime to the delivery of each record: "stored" is
    the last-modified time that S3 reports, "named" the minute in the file's name, which CloudTrail rounds, sometimes
    to before the event. LookupEvents, standard input and files with other names have no time of delivery.

    A gap is an object or a prefix that could not be listed, read, or read whole. It stays until a later run has read
    it.

    Exit codes: 0 done, 2 no lake, 4 there are gaps.

    Example: detector status --lake lake/
    """
    import json
    from dataclasses import asdict

    from detector.lake.overview import place_rows
    from detector.lake.status import lake_status

    as_json = as_json or format_ is ListFormat.JSONL
    if lag:
        return _show_lag(lake, as_json=as_json)
    status = lake_status(lake)
    say_unlisted(lake, status.unlisted)
    by = by or (StatusBy.DAY if as_json else StatusBy.PLACE)
    if by is StatusBy.PLACE:
        lines = _place_lines(place_rows(status, lake, now()), as_json=as_json)
    elif as_json:
        lines = [json.dumps(asdict(row)) for row in status.rows]
    else:
        headings = ["account", "region", "day", "records", "duplicates", "rejected"]
        lines = list(fitted_lines(headings, [list(asdict(row).values()) for row in status.rows]))
    typer.echo("\n".join(lines))
    inform(status.summary)
    say_gaps(status.gaps, most=_GAPS_BY_NAME)
    for one in status.outputs:
        inform(f"alerts to {one.sink}: {one.delivered:,} delivered, {one.waiting:,} waiting, {one.refused:,} refused")
    raise typer.Exit(INCOMPLETE if status.gaps.count else DONE)


def _place_lines(rows: list[PlaceRow], *, as_json: bool) -> list[str]:
    """Return a row for each account and region; as a table, of so many as fit a page."""
    import json

    from detector.lake.overview import fit

    if as_json:
        return [json.dumps(row.to_json()) for row in rows]
    page = fit(rows)
    shown = [*page.rows, *([page.rest] if page.rest else [])]
    has_hours = any(row.hours_due for row in shown)
    headings = ["account", "regions" if page.is_by_account else "region", "first day", "last day", "days", "gaps"]
    cells = [
        [
            f"{page.rest_accounts:,} more" if row is page.rest else row.account,
            len({region for _, region in row.places if region}) if page.is_by_account else row.region,
            row.first_day,
            row.last_day,
            f"{row.days_with_records:,} of {row.days:,}",
            row.gaps,
            *([_signed(row)] if has_hours else []),
        ]
        for row in shown
    ]
    return list(fitted_lines([*headings, *(["signed"] if has_hours else [])], cells))


def _signed(row: PlaceRow) -> str:
    if row.covered is None:
        return "no digests"
    # Never rounded up to all of it.
    damaged = f", {row.hours_damaged:,} h damaged" if row.hours_damaged else ""
    return f"{int(1_000 * row.covered) / 10:g} % of {row.hours_due:,} h{damaged}"


def _show_lag(lake: LakePlace, *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from detector.lake.delivery_lag import lake_lag

    rows = lake_lag(lake)
    if not rows:
        inform("no object in this lake has a time of delivery")
    elif as_json:
        typer.echo("\n".join(json.dumps(asdict(row)) for row in rows))
    else:
        headings = ["account", "region", "delivery", "records", "p50 s", "p95 s", "max s"]
        typer.echo("\n".join(fitted_lines(headings, [list(asdict(row).values()) for row in rows])))
