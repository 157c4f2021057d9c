"""`--version`, and with `--verbose` what this installation is made of."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from detector import __version__

_IS_VERBOSE = f"{__name__}.is_verbose"


class Program(TyperGroup):
    """The program as a command: it knows whether --verbose is among its options before --version ends it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own click
        """Note --verbose, on whichever side of --version, and go on as any group of commands."""
        options, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        ctx.meta[_IS_VERBOSE] = bool(options.get("verbose"))
        return super().parse_args(ctx, args)


def show_version(context: typer.Context, value: bool) -> None:
    """Show the version and exit, before anything is read that could be wrong."""
    if not value:
        return
    typer.echo(f"detector {__version__}")
    if context.meta[_IS_VERBOSE]:
        from detector.records.core.library import core

        typer.echo(f"compiled core: {core().state}")
    raise typer.Exit
