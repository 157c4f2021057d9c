"""`detector plan`: what reading a source would cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.choices import ListFormat, format_option
from detector.cli.doctor import PartOptions, check_lines
from detector.cli.engine_options import CORES
from detector.cli.exit_codes import DONE, INCOMPLETE
from detector.cli.options import ConnectionOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.doctor.findings import Check
    from detector.scope import Scope
    from detector.sources.evidence import EvidenceSource


def plan_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="s3://BUCKET/PREFIX, inventory:s3://BUCKET/PREFIX of an S3 Inventory, or a directory.",
        ),
    ],
    connection: ConnectionOptions,
    part: PartOptions,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Read up to 64 log files as scan and ingest do, and reckon with the rates of this machine; otherwise "
            "with those of docs/performance.md.",
        ),
    ] = False,
    format_: Annotated[ListFormat, format_option(ListFormat, "Format of the findings.")] = ListFormat.TABLE,
) -> None:
    """Say what reading a source would cost.

    Prints how many log files there are, of which accounts, regions and storage classes, which of them are archived,
    the requests and their price, the hours of a core that scan and ingest take, and how large the lake becomes. An
    inventory tells it of any number of objects without listing them; of a large bucket it is an estimate. No log file
    is read but with --measure. Prices are list prices, written down with their day.

    Exit codes: 0 all of it can be planned, 2 an error, 4 something is archived or cannot be listed, or nothing is
    there.

    Example: detector plan inventory:s3://my-inventories/my-trail-bucket/all --since 2025-01-01
    """
    from detector.doctor.findings import Status
    from detector.sources.evidence import open_evidence

    has_problem = False
    for check in _planned(open_evidence(source, connection.aws()), part.scope(), measures=measure):
        has_problem |= check.status is Status.PROBLEM
        for line in [json.dumps(check.to_json())] if format_ is ListFormat.JSONL else check_lines(check):
            typer.echo(line)
    raise typer.Exit(INCOMPLETE if has_problem else DONE)


def _planned(source: EvidenceSource, scope: Scope, *, measures: bool) -> Iterator[Check]:
    from detector.doctor.planning import planned

    cores = sorted({CORES, 16, 64})
    return planned(source, scope, cores, measures=measures)
