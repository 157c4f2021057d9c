"""`detector sql`, `detector status`: ask a lake. `detector compact`: put it in order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detector.alerts.formats.names import QueryFormat
from detector.cli import options
from detector.cli.summary import say_unlisted
from detector.cli.terminal import say
from detector.text import counted, table_lines


def sql_command(
    query: Annotated[str, typer.Argument(metavar="SELECT", help="One SELECT over `events` and the rules' views.")],
    lake: options.Lake,
    form: Annotated[QueryFormat, typer.Option("--format", help="How rows are written.")] = QueryFormat.TABLE,
    output: Annotated[Path | None, typer.Option("--output", help="Write to this file.", metavar="FILE")] = None,
) -> None:
    """Ask the lake a question in SQL: the columns of `events` are CloudTrail's own.

    Exit codes: 0 done, 2 the query is refused or fails.

    Example: detector sql "SELECT eventName, count(*) FROM events GROUP BY ALL" --lake lake/
    """
    from detector.cli.rows import write_rows
    from detector.lake.reader import read_lake
    from detector.rules.candidates import candidates
    from detector.rules.engine import Engine

    files = read_lake(lake, candidates().digest)
    say_unlisted(lake, files.unlisted)
    with Engine(files, memory_limit="2GB") as engine:
        count = write_rows(engine.query(query), form, output)
    if output is not None:
        say(f"{counted(count, 'row')} to {output}")


def status_command(
    lake: options.Lake,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of a table.")] = False,
    lag: Annotated[
        bool, typer.Option("--lag", help="Instead, show how long records took from the event to their delivery.")
    ] = False,
) -> None:
    """Show what a lake holds: accounts, regions and days with records and rejected records, and alerts by output.

    --lag measures, for each account and region, the seconds from eventTime to the delivery of each record: "stored" is
    when S3 says that the object was last modified, "named" the minute in the file's name, which CloudTrail rounds, at
    times to before the event. LookupEvents, standard input and files with other names tell no delivery.

    Exit codes: 0 done, 2 no lake, 4 some objects in it could not be read whole.

    Example: detector status --lake lake/
    """
    import json
    from dataclasses import asdict

    from detector.lake.status import lake_status

    if lag:
        return _show_lag(lake, as_json=as_json)
    status = lake_status(lake)
    say_unlisted(lake, status.unlisted)
    if as_json:
        lines = [json.dumps(asdict(row)) for row in status.rows]
    else:
        headings = ["account", "region", "day", "records", "duplicates", "rejected"]
        lines = list(table_lines(headings, [list(asdict(row).values()) for row in status.rows]))
    typer.echo("\n".join(lines))
    say(status.summary)
    for uri, reason in status.incomplete:
        say(f"not whole: {uri}: {reason}")
    for one in status.outputs:
        say(f"alerts to {one.sink}: {one.delivered:,} delivered, {one.waiting:,} waiting, {one.refused:,} refused")
    raise typer.Exit(4 if status.incomplete else 0)


def compact_command(lake: options.Lake, jobs: options.Jobs = options.CORES) -> None:
    """Put the small parts of each day together, so that reading the lake is quick. `run` does it as it goes.

    No event is lost or changed. What the rules look at comes into parts of its own, and further copies of events
    into the folder `copies`, where programs that read `events` do not meet them.

    Exit codes: 0 done, 2 an error.

    Example: detector compact --lake lake/
    """
    from detector.lake.reader import read_lake
    from detector.lake.writer import open_to_write
    from detector.rules.candidates import candidates

    read_lake(lake)  # a lake that does not exist is an error, not a new lake
    with open_to_write(lake) as writer:
        done = list(writer.compact(candidates(), jobs=jobs))
    before, after = sum(len(one.day.parts) for one in done), sum(len(one.parts) for one in done)
    say(f"{counted(len(done), 'day')} compacted, {counted(before, 'part')} became {after:,}")


def _show_lag(lake: Path, *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from detector.lake.delivery_lag import lake_lag

    rows = lake_lag(lake)
    if not rows:
        say("nothing in this lake tells when it was delivered")
    elif as_json:
        typer.echo("\n".join(json.dumps(asdict(row)) for row in rows))
    else:
        headings = ["account", "region", "delivery", "records", "p50 s", "p95 s", "max s"]
        typer.echo("\n".join(table_lines(headings, [list(asdict(row).values()) for row in rows])))
