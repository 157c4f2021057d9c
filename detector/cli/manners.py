"""The options that every command has, before it and after it: how much is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter, Signature, signature
from types import MappingProxyType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from detector.cli.help import help_text
from detector.cli.option_groups import with_groups
from detector.cli.terminal import manners

Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show tracebacks of errors.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")]


def add_commands(
    app: typer.Typer,
    commands: Mapping[str, Callable[..., None]],
    classes: Mapping[str, type[TyperCommand]] = MappingProxyType({}),
) -> None:
    """Make functions, whose docstrings are the help, commands with these options at their end.

    Args:
        app: what they become commands of.
        commands: by name.
        classes: of those that take their arguments apart in a way of their own.
    """
    for name, command in commands.items():
        app.command(name=name, help=help_text(command), cls=classes.get(name))(_with_manners(with_groups(command)))


def add_own_command(app: typer.Typer, command: Callable[..., None]) -> None:
    """Make a function what a group of commands does when none of them is named."""
    app.callback(invoke_without_command=True, help=help_text(command))(_with_manners(with_groups(command)))


def _with_manners(command: Callable[..., None]) -> Callable[..., None]:
    own = [*signature(command).parameters.values()]
    added = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
        for name, annotation in (("verbose", Verbose), ("quiet", Quiet))
    ]

    @wraps(command)
    def call(*, verbose: bool, quiet: bool, **values: Any) -> None:  # noqa: ANN401 - the command's
        manners.verbose |= verbose
        manners.quiet |= quiet
        command(**values)

    call.__signature__ = Signature([*own, *added])  # type: ignore[attr-defined]  # what typer reads
    del call.__wrapped__  # and not the signature of what is called
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *added)}
    return call
