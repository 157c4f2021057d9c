"""`detector explain-message`: what `watch` would do with one message."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from detector.cli.exit_codes import INCOMPLETE
from detector.errors import UsageError
from detector.text import printable


def explain_message_command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The body of a message, or - for standard input.")],
) -> None:
    """Say what `watch` would do with a message.

    Says also why. Sends nothing to AWS.

    Exit codes: 0 all of it is understood, 2 it cannot be read, 4 something in it is not understood.

    Example: detector explain-message message.json
    """
    from detector.sources.notifications import MAX_BYTES, decide

    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if file == "-" else _head(Path(file), MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"cannot read {file}: {error.strerror}", hint="name a file with the body of one message"
        ) from error
    decision = decide(data.decode("utf-8", "surrogateescape"))
    for named in decision.objects:
        typer.echo(printable(f"ingest: {named.uri}" + (f" (ETag {named.etag})" if named.etag else "")))
    for record in decision.records:
        typer.echo(printable(f"ingest: the record in the message, as {record.uri}"))
    for ignored in decision.ignored:
        typer.echo(printable(f"ignore: {ignored.subject}: {ignored.reason}"))
    for problem in decision.problems:
        typer.echo(f"not understood: {problem.reason}")
    if decision.poison is not None:
        typer.echo("the message is kept in the lake, and not deleted (unless --on-poison quarantine)")
        raise typer.Exit(INCOMPLETE)
    after = "all of this is in the lake, and the alerts are written" if decision.objects or decision.records else "that"
    typer.echo(f"the message is deleted after {after}")


def _head(path: Path, size_bytes: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size_bytes)
