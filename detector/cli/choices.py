"""What several options choose from: formats by name, and numbers of seconds."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import typer

Format = TypeVar("Format", bound=StrEnum)


class QueryFormat(StrEnum):
    """How the rows of a query are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class ListFormat(StrEnum):
    """How a list is written."""

    TABLE = "table"
    JSONL = "jsonl"


class PostureFormat(StrEnum):
    """How answers are written."""

    TABLE = "table"
    MATRIX = "matrix"
    JSONL = "jsonl"
    CSV = "csv"
    OCSF = "ocsf"
    ASFF = "asff"


class ReportFormat(StrEnum):
    """How a report is written."""

    HTML = "html"
    MARKDOWN = "markdown"


class TimelineFormat(StrEnum):
    """How stories and events are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"
    MARKDOWN = "markdown"
    TIMESKETCH = "timesketch"


class StatusBy(StrEnum):
    """What a row of `status` stands for."""

    PLACE = "place"
    DAY = "day"


class Require(StrEnum):
    """What an answer must be."""

    COMPLETE = "complete"


def format_option(formats: type[Format], help_: str, *, former: Mapping[str, str] | None = None, **more: Any) -> Any:  # noqa: ANN401 - typer's
    """Return the option `--format` of a command.

    Args:
        formats: what may be chosen.
        help_: the help text.
        former: names that meant a format in earlier versions → that format; help does not show them.
        more: as typer.Option takes it.
    """

    def parse(value: str) -> Format:
        name = (former or {}).get(value, value)
        try:
            return formats(name)
        except ValueError:
            listed = ", ".join(repr(member.value) for member in formats)
            raise typer.BadParameter(f"{value!r} is not one of {listed}.") from None

    return typer.Option("--format", help=help_, parser=parse, metavar="|".join(formats), **more)


def seconds_option(name: str, help_: str) -> Any:  # noqa: ANN401 - as `typer.Option` has it
    """Return an option that takes a time in seconds, which is neither over at once nor never."""
    return typer.Option(name, min=0.001, max=86_400, callback=_number, help=help_, metavar="SECONDS")


def _number(value: float) -> float:
    if value != value:
        raise typer.BadParameter("it is no number")
    return value
