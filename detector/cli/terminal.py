"""What people see: text made safe for a terminal, small tables, sizes, a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from detector.text import printable, size_text

if TYPE_CHECKING:
    from detector.errors import DetectorError
    from detector.run_report import RunReport


def say(message: str) -> None:
    """Tell the person something, on stderr."""
    typer.echo(printable(message), err=True)


def say_error(error: DetectorError) -> None:
    """Tell the person what is wrong and what to try."""
    say(f"error: {error}")
    if error.hint:
        say(f"hint: {error.hint}")


@contextmanager
def progress_bar() -> Iterator[Callable[[RunReport], None]]:
    """Show objects, bytes and rate on stderr while the block runs; nothing when stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _report: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("listing")

        def show(report: RunReport) -> None:
            seconds = bar.tasks[task].elapsed or 1e-9
            done = report.listed
            bar.update(
                task,
                description=(
                    f"{done:,} objects, {size_text(report.bytes_read)} read, {report.records:,} records, "
                    f"{size_text(report.bytes_read / seconds)}/s, {report.failed} failed"
                ),
            )

        yield show


def report_lines(report: RunReport) -> Iterator[str]:
    """Yield the short form of a run report."""
    taken = f"{report.ingested:,} ingested, {report.already_in:,} already in"
    rows = f"{report.rows:,} rows ({report.duplicates:,} further copies of an event)"
    if not report.into_lake:
        taken, rows = f"{report.ingested:,} read, {report.already_in:,} named twice", f"{report.rows:,} looked through"
    yield (
        f"{report.listed:,} objects listed: {taken}, {report.skipped:,} skipped, {report.failed:,} failed; "
        f"{size_text(report.bytes_read)} read"
    )
    yield f"{report.records:,} records: {rows}, {report.rejected:,} rejected"
    for reason, count in report.skipped_reasons.most_common():
        yield f"skipped {count:,}: {printable(reason)}"
    if report.left_out:
        yield (
            f"not read {len(report.left_out):,}: {printable(report.left_out[0].uri)} ({report.left_out[0].reason})"
            + (" …" if len(report.left_out) > 1 else "")
        )
    failures = [*report.unreadable_prefixes, *report.failures]
    for failure in failures[:10]:
        yield f"failed: {printable(failure.uri)}: {printable(failure.reason)}"
    if len(failures) > 10:
        yield f"failed: … and {len(failures) - 10:,} more; --report FILE lists all"
    for rejected in report.rejected_reasons[:3]:
        yield f"rejected: record {rejected['index']} of {printable(rejected['uri'])}: {printable(rejected['reason'])}"
    if report.unkept:
        yield f"rejected: {report.unkept:,} more were counted only: of each object the first 1,000 are kept in the lake"
    for warning in report.warnings:
        yield f"warning: {printable(warning)}"
