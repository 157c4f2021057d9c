"""Lines on stderr, made safe for a terminal, and a progress bar."""

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
    """Write a line for the user to stderr."""
    typer.echo(printable(message), err=True)


def say_error(error: DetectorError) -> None:
    """Write an error and its hint to stderr."""
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


@contextmanager
def count_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many of how many are done, on stderr while the block runs; nothing when stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
