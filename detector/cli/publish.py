"""`detector publish`: the lake as an Iceberg table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.lake_option import Lake
from detector.cli.options import ConnectionOptions
from detector.cli.terminal import inform
from detector.errors import UsageError
from detector.text import counted

if TYPE_CHECKING:
    from detector.publish.publish import Publication


def publish_command(
    lake: Lake,
    table: Annotated[
        str,
        typer.Option(
            "--table",
            help="glue:DATABASE.TABLE, rest:https://HOST/PATH/NAMESPACE.TABLE or sqlite:FILE/NAMESPACE.TABLE.",
            metavar="CATALOG:TABLE",
        ),
    ],
    connection: ConnectionOptions,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            help="Copy parts here, each once; without it the table points at the files of a lake on this machine.",
            metavar="s3://BUCKET/PREFIX",
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take out what others have put into the table, or another lake.")
    ] = False,
) -> None:
    """Make an Iceberg table equal to a lake.

    For Athena, Trino, Spark, Snowflake and DuckDB: the table holds each event that readers of the lake see, once. It is
    created when it is not there, and changed by one snapshot, so that nobody sees half of a publication. Publish again
    after each `run`: only what is new is copied.

    Exit codes: 0 the table is equal to the lake, 2 an error; the table is as it was.

    Example: detector publish --lake lake/ --table glue:security.cloudtrail --to s3://my-lake/cloudtrail
    """
    from detector.publish.address import parse_address

    address = parse_address(table)
    publish = _with_pyiceberg()

    done = publish(lake, address, to, connection.aws(), replaces=replace)
    change = f"{done.added:,} added, {done.removed:,} removed" if done.added or done.removed else "nothing has changed"
    inform(f"{address} holds {counted(done.rows, 'event')} in {counted(done.files, 'file')}: {change}")


def _with_pyiceberg() -> Callable[..., Publication]:
    """Return the act.

    Raises:
        UsageError: what it needs is not installed.
    """
    try:
        import pyiceberg  # noqa: F401
        import sqlalchemy  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"publishing needs {error.name}, which is not installed",
            hint="pip install 'cloudtrail-root-detector[iceberg]'",
        ) from error
    from detector.publish.publish import publish

    return publish
