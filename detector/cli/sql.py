"""`detector sql`: one SELECT over a lake."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detector.cli.choices import QueryFormat, format_option
from detector.cli.options import Lake
from detector.cli.summary import say_unlisted
from detector.cli.terminal import say
from detector.text import counted
from detector.times import now


def sql_command(
    query: Annotated[str, typer.Argument(metavar="SELECT", help="One SELECT over `events` and the rules' views.")],
    lake: Lake,
    format_: Annotated[
        QueryFormat,
        format_option(QueryFormat, "Format of the rows."),
    ] = QueryFormat.TABLE,
    output: Annotated[Path | None, typer.Option("--output", help="Write to this file.", metavar="FILE")] = None,
) -> None:
    """Ask a lake a question in SQL.

    `events` has CloudTrail's own columns; docs/reference/views.md describes the views of the rules.

    Exit codes: 0 done, 2 the query is refused or fails.

    Example: detector sql "SELECT eventName, count(*) FROM events GROUP BY ALL" --lake lake/
    """
    from detector.cli.rows import write_rows
    from detector.lake.reader import read_lake, read_lake_with_integrity
    from detector.records.integrity import TABLE
    from detector.rules.candidates import candidates
    from detector.rules.engine import QUERY_MEMORY, Engine

    # To judge a year of digests takes seconds: only for a question about them.
    asks_integrity = TABLE in query.lower()
    digest = candidates().digest
    files = read_lake_with_integrity(lake, digest, now()) if asks_integrity else read_lake(lake, digest)
    say_unlisted(lake, files.unlisted)
    with Engine(files, memory_limit=QUERY_MEMORY) as engine:
        count = write_rows(engine.query(query), format_, output)
    if output is not None:
        say(f"{counted(count, 'row')} to {output}")
