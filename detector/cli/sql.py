"""`detector sql`: one SELECT over a lake."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detector.cli.choices import QueryFormat, format_option
from detector.cli.interrupt import run_interruptibly
from detector.cli.options import Lake
from detector.cli.summary import say_unlisted
from detector.cli.terminal import inform
from detector.text import counted


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
    from detector.lake.reader import read_lake
    from detector.rules.candidates import candidates
    from detector.rules.engine import QUERY_MEMORY, Engine

    files = read_lake(lake, candidates().digest)
    say_unlisted(lake, files.unlisted)
    with Engine(files, memory_limit=QUERY_MEMORY) as engine:
        count = run_interruptibly(lambda: write_rows(engine.query(query), format_, output), engine.interrupt)
    if output is not None:
        inform(f"{counted(count, 'row')} to {output}")
