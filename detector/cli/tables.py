"""Rows on standard output: lines for other programs, and on a terminal a table that fits it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from textwrap import wrap
from typing import Literal

import typer

from detector.cli.terminal import screen
from detector.text import cell_text, table_lines

_LEAST_WIDTH, _GAP = 10, 2


def write_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a table to standard output."""
    for line in fitted_lines(headings, rows):
        typer.echo(line)


def folded(line: str, indent: int = 0) -> list[str]:
    """Return a line, folded at spaces where a terminal is narrower; an address stays whole, to be copied.

    Args:
        line: to be written to standard output.
        indent: of all lines but the first.
    """
    width = _terminal_width()
    if width is None or len(line) <= width:
        return [line]
    lead = " " * indent
    return wrap(line, width, subsequent_indent=lead, break_long_words=False, break_on_hyphens=False)


def fitted_lines(
    headings: Sequence[str], rows: Sequence[Sequence[object]], whole: Collection[str] = ()
) -> Iterator[str]:
    """Yield a table, wrapped at word ends where a terminal is narrower; row by row where not even that helps.

    Args:
        headings: of the columns.
        rows: below them.
        whole: headings of columns that are not wrapped, though there are spaces in them.
    """
    lines = list(table_lines(headings, rows))
    width = _terminal_width()
    if width is None or max(map(len, lines)) <= width:
        yield from lines
    elif len(headings) * (_LEAST_WIDTH + _GAP) - _GAP <= width:
        yield from _wrapped(headings, rows, width, whole)
    else:
        yield from _row_by_row(headings, rows, width)


def _terminal_width() -> int | None:
    shown_on = screen()
    return None if shown_on is None else shown_on.width


def _wrapped(
    headings: Sequence[str], rows: Sequence[Sequence[object]], width: int, whole: Collection[str]
) -> Iterator[str]:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, show_edge=False, header_style="")
    columns = [[row[position] for row in rows] for position in range(len(headings))]
    texts = [[cell_text(cell) for cell in column] for column in columns]
    # Names and numbers stay whole where there is room beside them for what has several words.
    wholes = [
        heading in whole or not any(" " in text for text in column)
        for heading, column in zip(headings, texts, strict=True)
    ]
    longest = [max(map(len, [heading, *column])) for heading, column in zip(headings, texts, strict=True)]
    needed = sum(length if is_whole else _LEAST_WIDTH for length, is_whole in zip(longest, wholes, strict=True))
    are_kept = needed + _GAP * (len(headings) - 1) <= width
    for heading, column, is_whole in zip(headings, columns, wholes, strict=True):
        is_number = all(isinstance(cell, int) for cell in column)
        justify: Literal["left", "right"] = "right" if is_number else "left"
        table.add_column(Text(heading), overflow="fold", justify=justify, no_wrap=is_whole and are_kept)
    for row in zip(*texts, strict=True):
        table.add_row(*map(Text, row))
    yield from _rendered(table, width)


def _row_by_row(headings: Sequence[str], rows: Sequence[Sequence[object]], width: int) -> Iterator[str]:
    from rich.table import Table
    from rich.text import Text

    longest = min(max(map(len, headings)), width // 2)
    for number, row in enumerate(rows, 1):
        yield f"row {number}"
        table = Table.grid(padding=(0, _GAP, 0, 0))
        table.add_column(width=longest, overflow="fold")
        table.add_column(overflow="fold")
        for heading, cell in zip(headings, row, strict=True):
            table.add_row(Text(heading), Text(cell_text(cell)))
        yield from (f"  {line}" for line in _rendered(table, width - 2))


def _rendered(table: object, width: int) -> Iterator[str]:
    import io

    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    yield from (line.rstrip() for line in capture.get().splitlines())
