"""How far a command is, on stderr while it works; nothing when stderr is no terminal, or after `--quiet`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from detector.cli.terminal import manners
from detector.text import counted, size_text

if TYPE_CHECKING:
    from detector.run_report import RunReport


@contextmanager
def progress_bar() -> Iterator[Callable[[RunReport], None]]:
    """Show a spinner with counts while objects are listed, and once all are, a bar: done of listed, rate, time left."""
    if not _is_shown():
        yield lambda _report: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    text = TextColumn("{task.description}")
    bar_columns = (BarColumn(bar_width=None), text, TimeRemainingColumn(), TextColumn("left"))
    spinner_columns = (SpinnerColumn(), text, TimeElapsedColumn())
    with Progress(*spinner_columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("listing and reading")

        def show(report: RunReport) -> None:
            rate = f"{size_text(report.bytes_read / (bar.tasks[task].elapsed or 1e-9))}/s"
            failed = f", {report.failed:,} failed" if report.failed else ""
            if report.is_listed:
                bar.columns, bar.expand = bar_columns, True
                description = f"{report.done:,} of {counted(report.listed, 'object')}{failed}, {rate}"
                bar.update(task, total=report.listed, completed=report.done, description=description)
            else:
                listed = counted(report.listed, "object")
                bar.update(task, description=f"{listed} listed, {report.done:,} done{failed}, {rate}")

        yield show


@contextmanager
def count_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many of how many are done."""
    if not _is_shown():
        yield lambda _done, _all: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _is_shown() -> bool:
    return sys.stderr.isatty() and not manners.quiet
