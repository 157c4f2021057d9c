"""The terminal: lines on stderr, made safe for it, and how wide it is."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from detector.text import printable

if TYPE_CHECKING:
    from detector.alerts.formats.screen import Screen
    from detector.errors import DetectorError


@dataclass(slots=True)
class Manners:
    """How much is said; of the whole process, as `--verbose` and `--quiet` are."""

    verbose: bool = False  # show tracebacks
    quiet: bool = False  # say only what is wrong


manners = Manners()


def say(message: str) -> None:
    """Write a line to stderr that the user must not miss."""
    typer.echo(printable(message), err=True)


def inform(message: str) -> None:
    """Write a line to stderr that nobody misses who wants to know only what is wrong."""
    if not manners.quiet:
        say(message)


def screen() -> Screen | None:
    """Return the terminal behind standard output; None when there is none."""
    if not sys.stdout.isatty():
        return None
    from rich.console import Console

    from detector.alerts.formats.screen import Screen

    console = Console(file=sys.stdout)
    return Screen(console.width, has_colour=console.color_system is not None and not console.no_color)


def say_error(error: DetectorError) -> None:
    """Write an error and its hint to stderr."""
    say(f"error: {error}")
    if error.hint:
        say(f"hint: {error.hint}")
