"""`detector compact`: few large parts in place of many small ones."""

from __future__ import annotations

import typer

from detector.cli.engine_options import CORES, HERE, EngineName, Width
from detector.cli.exit_codes import DONE, INCOMPLETE
from detector.cli.lake_option import Lake
from detector.cli.summary import say_left
from detector.cli.terminal import inform
from detector.text import counted


def compact_command(lake: Lake, jobs: Width = CORES, engine: EngineName = HERE) -> None:
    """Merge the small parts of each day.

    Reads of the lake are faster afterwards; `run` compacts as it goes. No event is lost or changed. Events that rules
    look at move to parts of their own, and further copies of events to the folder `copies`, out of the way of programs
    that read `events`.

    Exit codes: 0 done, 2 an error, 4 a part is not as it was written: its day stays as it is.

    Example: detector compact --lake lake/
    """
    from detector.engines.opening import open_engine
    from detector.lake.reader import read_lake
    from detector.lake.writer import open_to_write
    from detector.rules.candidates import candidates

    runs_at = open_engine(engine, jobs=jobs, lake=lake)
    read_lake(lake, candidates().digest, fetches_all=False)  # a lake that does not exist is an error, not a new lake
    with runs_at as at, open_to_write(lake) as writer:
        done = list(writer.compact(candidates(), jobs=jobs, engine=at))
        orphans = writer.place.remove_orphans(writer.ledger)
    damaged = [one for one in done if one.damage is not None]
    merged = [one for one in done if one.damage is None]
    before, after = sum(len(one.day.parts) for one in merged), sum(len(one.parts) for one in merged)
    inform(f"{counted(len(merged), 'day')} compacted, {counted(before, 'part')} became {after:,}")
    if orphans:
        inform(f"{counted(orphans, 'part')} of runs that were killed removed")
    say_left(damaged)
    raise typer.Exit(INCOMPLETE if damaged else DONE)
