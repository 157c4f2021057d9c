"""`detector outbox`: alerts that an output has not accepted."""

from __future__ import annotations

from typing import Annotated

import typer

from detector.cli.lake_option import Lake
from detector.cli.tables import write_table
from detector.text import url_without_path


def outbox_command(
    lake: Lake,
    retry: Annotated[
        str | None,
        typer.Option("--retry", help="Send the alerts that this output refused once more.", metavar="OUTPUT"),
    ] = None,
    drop: Annotated[
        str | None,
        typer.Option("--drop", help="Forget the alerts that this output has not accepted.", metavar="OUTPUT"),
    ] = None,
) -> None:
    """Show alerts that were not delivered.

    Lists alerts of `run` and `detect --new` that an output has not accepted. Those without a reason wait for the next
    run.

    Exit codes: 0 done, 2 no lake, or nothing was ever sent to that output.

    Example: detector outbox --lake lake/ --retry hec+https://splunk.example:8088/services/collector/event
    """
    from detector.errors import UsageError
    from detector.lake.remembered import read_outbox
    from detector.lake.writer import open_to_write

    counts, entries = read_outbox(lake)
    known = {count.sink for count in counts}
    # As `status` shows it, or as it was written after --output.
    retry, drop = (one if one is None or one in known else url_without_path(one) for one in (retry, drop))
    for output in filter(None, (retry, drop)):
        if output not in known:
            raise UsageError(f"nothing was ever sent to {output}", hint="`detector status` lists the outputs")
    if not retry and not drop:
        write_table(["output", "alert", "refused because"], entries)
        return
    with open_to_write(lake) as writer:
        if retry:
            writer.ledger.outbox.retry_refused(retry)
        if drop:
            writer.ledger.outbox.drop(drop)
