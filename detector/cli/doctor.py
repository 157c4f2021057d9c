"""`detector doctor`: whether a source can be read, and what that takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.choices import ListFormat, format_option
from detector.cli.exit_codes import DONE, INCOMPLETE
from detector.cli.options import ConnectionOptions, Since, Until, window
from detector.text import printable
from detector.times import now

if TYPE_CHECKING:
    from detector.doctor.findings import Check
    from detector.scope import Scope


@dataclass(frozen=True, slots=True)
class PartOptions:
    """Which part of a source is looked at."""

    since: Since = None
    until: Until = None
    account: Annotated[
        list[str] | None, typer.Option("--account", help="Look at this account only; repeat for more.", metavar="ID")
    ] = None
    region: Annotated[
        list[str] | None, typer.Option("--region", help="Look at this region only; repeat for more.", metavar="NAME")
    ] = None

    def scope(self) -> Scope:
        """Return it.

        Raises:
            UsageError: a time cannot be parsed, or --until is not after --since.
        """
        from detector.scope import Scope

        return Scope(frozenset(self.account or ()), frozenset(self.region or ()), *window(self.since, self.until))


def doctor_command(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="s3://BUCKET/PREFIX, inventory:s3://BUCKET/PREFIX, or a directory.")
    ],
    connection: ConnectionOptions,
    part: PartOptions,
    format_: Annotated[ListFormat, format_option(ListFormat, "Format of the findings.")] = ListFormat.TABLE,
) -> None:
    """Look at a source before reading it.

    Prints who reads, which layouts, accounts, regions and days there are, how many log files (of a large bucket an
    estimate from some days, with its error), digests, encryption, what came of reading a few log files of each account
    and region, what reading all would cost and take, and for each problem the next step. Nothing is written anywhere.

    Exit codes: 0 nothing stands in the way, 2 an error, 4 something cannot be read, or nothing is there.

    Example: detector doctor s3://my-trail-bucket --since 90d
    """
    from detector.doctor.examine import examine
    from detector.doctor.findings import Status
    from detector.sources.evidence import open_evidence

    scope = part.scope()
    is_copy = not source.startswith(("s3://", "inventory:"))
    today = None if is_copy or scope.until else now().date()
    has_problem = False
    for check in examine(open_evidence(source, connection.aws()), scope, today):
        has_problem |= check.status is Status.PROBLEM
        for line in [json.dumps(check.to_json())] if format_ is ListFormat.JSONL else check_lines(check):
            typer.echo(line)
    raise typer.Exit(INCOMPLETE if has_problem else DONE)


def check_lines(check: Check) -> list[str]:
    """Return the lines of a finding for people."""
    lines = [f"{check.status:<8} {check.name:<11} {printable(check.finding)}"]
    return lines + [f"{'':<20} next: {printable(check.next)}"] * (check.next is not None)
