"""`detector sql`: one SELECT over a lake."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from detector.cli.choices import QueryFormat, format_option
from detector.cli.exit_codes import INCOMPLETE
from detector.cli.interrupt import run_interruptibly
from detector.cli.lake_option import Lake
from detector.cli.summary import say_gaps_in, say_unlisted
from detector.cli.terminal import inform
from detector.errors import UsageError
from detector.text import counted
from detector.times import now

# `-- Who was it?`, `--who was it?`; not `--lake`, `--lake=DIR` or the `--` that ends options.
_COMMENT = re.compile(r"--(?![a-z][a-z-]*(?:=|$)).", re.DOTALL)


class SqlCommand(TyperCommand):
    """The command, whose SELECT may begin with a comment: that is no option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own click
        """Take such a comment for what it is."""
        return super().parse_args(ctx, [f"\n{arg}" if _COMMENT.match(arg) else arg for arg in args])


def sql_command(
    lake: Lake,
    query: Annotated[
        str | None, typer.Argument(metavar="[SELECT]", help="One SELECT over `events` and the rules' views.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="Read the SELECT from this file, or standard input (-).", metavar="FILE|-"),
    ] = None,
    format_: Annotated[
        QueryFormat,
        format_option(QueryFormat, "Format of the rows."),
    ] = QueryFormat.TABLE,
    output: Annotated[Path | None, typer.Option("--output", help="Write to this file.", metavar="FILE")] = None,
) -> None:
    """Ask a lake a question in SQL.

    `events` has CloudTrail's own columns; docs/reference/views.md describes the views of the rules. Queries that were
    written for Athena, CloudTrail Lake or Tailpipe run as they are.

    Exit codes: 0 done, 2 the query is refused or fails, 4 a part of the lake is missing or damaged: the rows are of the
    others.

    Example: detector sql "SELECT eventName, count(*) FROM events GROUP BY ALL" --lake lake/

    Example: detector sql -f question.sql --lake lake/ --format csv
    """
    from detector.cli.rows import write_rows
    from detector.lake.ledger.gaps import OpenGaps
    from detector.lake.reader import read_lake, read_lake_with_integrity
    from detector.records.integrity import TABLE
    from detector.rules.candidates import candidates
    from detector.rules.engine import QUERY_MEMORY, Engine

    text = _query(query, file)
    # To judge a year of digests takes seconds: only for a question about them.
    asks_integrity = TABLE in text.lower()
    digest = candidates().digest
    files = read_lake_with_integrity(lake, digest, now()) if asks_integrity else read_lake(lake, digest)
    say_unlisted(lake, files.unlisted)
    with Engine(files, memory_limit=QUERY_MEMORY) as engine:
        count = run_interruptibly(lambda: write_rows(engine.query(text), format_, output), engine.interrupt)
    if output is not None:
        inform(f"{counted(count, 'row')} to {output}")
    if files.damaged:
        say_gaps_in(lake, OpenGaps(len(files.damaged), files.damaged), allowable=False)
        raise typer.Exit(INCOMPLETE)


def _query(query: str | None, file: Path | None) -> str:
    if (query is None) == (file is None):
        raise UsageError("give either a SELECT or --file", hint='detector sql "SELECT count(*) FROM events" --lake DIR')
    if file is None:
        return query or ""
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}", hint="--file is a file with one SELECT") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8", hint="--file is a file with one SELECT") from error
