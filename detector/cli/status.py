"""`detector status`: what a lake holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detector.cli.choices import ListFormat, format_option
from detector.cli.exit_codes import DONE, INCOMPLETE
from detector.cli.options import Lake
from detector.cli.summary import say_gaps, say_unlisted
from detector.cli.tables import fitted_lines
from detector.cli.terminal import inform

_GAPS_BY_NAME = 20


def status_command(
    lake: Lake,
    format_: Annotated[
        ListFormat,
        format_option(ListFormat, "Format of the rows."),
    ] = ListFormat.TABLE,
    as_json: Annotated[bool, typer.Option("--json", hidden=True)] = False,  # the former name of --format jsonl
    lag: Annotated[
        bool, typer.Option("--lag", help="Show how long records took from event to delivery instead.")
    ] = False,
) -> None:
    """Show what a lake holds.

    Prints records and rejected records by account, region and day, and alerts by output.

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

    from detector.lake.status import lake_status

    as_json = as_json or format_ is ListFormat.JSONL
    if lag:
        return _show_lag(lake, as_json=as_json)
    status = lake_status(lake)
    say_unlisted(lake, status.unlisted)
    if as_json:
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


def _show_lag(lake: Path, *, as_json: bool) -> None:
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
