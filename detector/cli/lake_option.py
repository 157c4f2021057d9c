"""`--lake`: a directory, or a prefix in S3."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.models import TyperPath

from detector.errors import UsageError
from detector.lake.place import S3, LakePlace, lake_at
from detector.text import is_scheme

_METAVAR: Final = "DIR"
_HELP: Final = "Lake: a directory, or s3://BUCKET/PREFIX."


def parse_lake(written: str) -> LakePlace:
    """Return the lake that was written after `--lake`; refuse what can be none.

    Raises:
        UsageError: it is neither a directory nor a prefix in S3.
    """
    if written.startswith(S3):
        return lake_at(written)
    if is_scheme(written):
        hint = f"write s3://BUCKET/PREFIX; for a directory, ./{written}"
        raise UsageError(f"--lake {written} is no directory", hint=hint)
    lake = Path(written)
    try:
        os.fspath(lake.absolute()).encode()
    except UnicodeEncodeError:
        raise UsageError("the path of --lake is not UTF-8", hint="DuckDB reads no other; name another folder") from None
    return lake_at(lake)


def on_disk(lake: LakePlace) -> Path:
    """Return the directory of a lake; refuse one in S3.

    Raises:
        UsageError: it is there.
    """
    if lake.is_elsewhere:
        raise UsageError(
            f"--lake {lake}: `watch` needs a lake on a disk: it commits with every message",
            hint="run `detector run` every few minutes, which writes to a lake in S3",
        )
    return lake.directory


class _LakeType(TyperPath):
    """A type of option that the shell completes as a path."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 - as of click
        """Return what is written as the place that it names."""
        if not isinstance(value, str | os.PathLike):
            return value
        written = os.fspath(value)
        return parse_lake(written if written.startswith(S3) else str(super().convert(value, param, ctx)))


Lake = Annotated[LakePlace, typer.Option("--lake", help=_HELP, metavar=_METAVAR, click_type=_LakeType())]
LakeIfAny = Annotated[LakePlace | None, typer.Option("--lake", help=_HELP, metavar=_METAVAR, click_type=_LakeType())]
LakeOfLogs = Annotated[
    LakePlace | None,
    typer.Option(
        "--lake",
        help="Judge what this lake has read, instead of reading log files.",
        metavar=_METAVAR,
        click_type=_LakeType(),
    ),
]
