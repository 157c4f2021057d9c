"""What people see: text made safe for a terminal, small tables, sizes, a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from detector.text import printable

if TYPE_CHECKING:
    from detector.errors import DetectorError
    from detector.run_report import RunReport

_UNITS = ("B", "kB", "MB", "GB", "TB")


def say(message: str) -> None:
    """Tell the person something, on stderr."""
    typer.echo(printable(message), err=True)


def say_error(error: DetectorError) -> None:
    """Tell the person what is wrong and what to try."""
    say(f"error: {error}")
    if error.hint:
        say(f"hint: {error.hint}")


def size_text(size_bytes: float) -> str:
    """Return a size in decimal units: `8.0 MB`."""
    for unit in _UNITS:
        if abs(size_bytes) < 1000 or unit == _UNITS[-1]:
            break
        size_bytes /= 1000
    return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"


def counted(count: int, noun: str) -> str:
    """Return `1 row`, `2,000 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def table_lines(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of a table; numbers to the right, text to the left, columns two spaces apart."""
    numeric = [bool(rows) and all(isinstance(row[column], int) for row in rows) for column in range(len(headings))]
    cells = [list(headings)] + [
        [f"{cell:,}" if isinstance(cell, int) else printable("" if cell is None else cell) for cell in row]
        for row in rows
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        aligned = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        yield "  ".join(aligned).rstrip()


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
