"""`detector ingest`: log files into a lake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from detector.cli.exit_codes import exit_code
from detector.cli.integrity_options import IntegrityOptions
from detector.cli.lake_option import Lake
from detector.cli.nothing_found import check_something_found
from detector.cli.options import ConnectionOptions, ReadOptions, Sources
from detector.cli.progress import progress_bar
from detector.cli.sources import open_sources
from detector.cli.summary import reported

if TYPE_CHECKING:
    from detector.engines.engine import Engine
    from detector.lake.writer import LakeWriter
    from detector.run_report import RunReport
    from detector.scope import Scope
    from detector.sources.aws_options import AwsOptions


def ingest_command(
    sources: Sources,
    lake: Lake,
    reading: ReadOptions,
    connection: ConnectionOptions,
    integrity: IntegrityOptions = IntegrityOptions(),  # noqa: B008 - frozen
) -> None:
    """Bring the log files of a source into a lake.

    Objects that the lake holds already are not read again.

    Exit codes: 0 everything in scope was read, 2 an error, 3 no log objects found, 4 some could not be read,
    or with --verify not proven, 5 with --verify: something is not as AWS signed it.

    Example: detector ingest s3://my-trail-bucket --lake lake/ --since 7d
    """
    from detector.engines.opening import open_engine

    engine = open_engine(reading.engine, jobs=reading.jobs, preload="detector.lake.part_writer", lake=lake)
    from detector.lake.writer import open_to_write

    scope, aws = reading.scope(), connection.aws(reading.engine)
    with engine as at, reported(sources, reading.report) as report, open_to_write(lake) as writer:
        ingest_sources(sources, aws, scope, writer, report, reading, integrity, at)
    code = exit_code(report)
    check_something_found(code, report, scope)
    raise typer.Exit(code)


def ingest_sources(
    sources: Sequence[str],
    aws: AwsOptions,
    scope: Scope,
    writer: LakeWriter,
    report: RunReport,
    reading: ReadOptions,
    integrity: IntegrityOptions,
    engine: Engine,
) -> None:
    """Ingest the named sources, with a progress bar."""
    from detector.ingest.ingest import ingest

    digests = integrity.intake_opener(aws)(writer.ledger) if integrity.is_asked else None
    with progress_bar() as progress:
        opened = open_sources(sources, aws, root_only=reading.root_only, lake=writer.directory)
        ingest(opened, writer, scope, report, jobs=reading.jobs, progress=progress, digests=digests, engine=engine)
