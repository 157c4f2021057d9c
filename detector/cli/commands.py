"""All commands by name, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand

from detector.cli.help import help_text
from detector.cli.manners import add_commands

_OUTPUT: Final = "output_command:OutputCommand"
# The function below detector.cli; and the class that takes its arguments apart, where that is one of its own.
_COMMANDS: Final[dict[str, tuple[str, str | None]]] = {
    "doctor": ("doctor:doctor_command", None),
    "plan": ("plan:plan_command", None),
    "scan": ("scan:scan_command", _OUTPUT),
    "ingest": ("ingest:ingest_command", None),
    "detect": ("detect:detect_command", _OUTPUT),
    "run": ("run:run_command", _OUTPUT),
    "watch": ("watch:watch_command", _OUTPUT),
    "verify": ("verify:verify_command", None),
    "coverage": ("coverage:coverage_command", None),
    "posture": ("posture:posture_command", None),
    "timeline": ("timeline:timeline_command", None),
    "report": ("report:report_command", None),
    "explain-message": ("explain_message:explain_message_command", None),
    "sql": ("sql:sql_command", "sql:SqlCommand"),
    "status": ("status:status_command", None),
    "compact": ("compact:compact_command", None),
    "publish": ("publish:publish_command", None),
    "outbox": ("outbox:outbox_command", None),
}
_GROUPS: Final = {"bundle": "bundle:bundle_app", "lake": "lake:lake_app", "rules": "rules:rules_app"}
NAMES: Final = (*_COMMANDS, *_GROUPS)  # in the order of --help


def add(program: typer.Typer, name: str) -> None:
    """Add the command, or the group of commands, of this name to a program."""
    if name in _GROUPS:
        program.add_typer(_imported(_GROUPS[name]), name=name)
        return
    place, own_class = _COMMANDS[name]
    command: Callable[..., None] = _imported(place)
    classes: dict[str, type[TyperCommand]] = {name: _imported(own_class)} if own_class else {}
    add_commands(program, {name: command}, classes)


def add_outline(program: typer.Typer, name: str) -> None:
    """Add the command of this name without its options, to be listed; a group of commands as it is."""
    if name in _GROUPS:
        add(program, name)
    else:
        program.command(name=name, help=help_text(_imported(_COMMANDS[name][0])))(_listed)


def _listed() -> None:
    """Stand for a command where none is run."""


def _imported(place: str) -> Any:  # noqa: ANN401 - whatever has that name
    module, _, name = place.partition(":")
    return getattr(import_module(f"detector.cli.{module}"), name)
