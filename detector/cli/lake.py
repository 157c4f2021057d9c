"""`detector lake`: a lake's parts and its ledger, compared and brought together."""

from __future__ import annotations

import typer

from detector.cli.exit_codes import DONE, INCOMPLETE
from detector.cli.lake_option import Lake
from detector.cli.manners import add_commands
from detector.cli.terminal import inform
from detector.text import counted, printable

lake_app = typer.Typer(
    help="Check and repair a lake.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def repair_command(lake: Lake) -> None:
    """Rebuild the ledger from the parts.

    For a ledger that was lost, emptied, or restored from an older copy, and for parts that are damaged: those are set
    aside. The parts carry what is needed, and the old ledger is kept beside the new one. The next ingest reads objects
    with missing rows again.

    Exit codes: 0 done, 2 an error.

    Example: detector lake repair --lake lake/
    """
    from detector.lake.repair import repair

    done = repair(lake)
    rows, objects = counted(done.rows, "row"), counted(done.objects, "object")
    inform(f"{counted(done.parts, 'part')} listed anew, with {rows} of {objects}")
    for path in done.damaged:
        inform(f"damaged, set aside: {lake}/{path.relative_to(lake.directory)}")
    if done.damaged:
        inform("ingest the source once more: what was in there is read again")
    if done.unknown:
        inform(f"{counted(done.unknown, 'object')} to be read again: ingest the source once more")
    inform(
        "not in the parts: alerts written (`--new` and `run` write them again), what waits for an output, and objects"
        " without rows (they are read again)"
    )
    if done.old_ledger:
        inform(f"the old ledger is kept as {lake}/{done.old_ledger.name}")


def check_command(lake: Lake) -> None:
    """Compare parts and ledger.

    Checks that every part is there and whole, and that the ledger knows every part.

    Exit codes: 0 nothing differs, 2 no lake, 4 something differs; a line for each.

    Example: detector lake check --lake lake/
    """
    from detector.lake.check import differences

    found = list(differences(lake))
    for one in found:
        typer.echo(printable(one))
    inform(f"{counted(len(found), 'difference')} between parts and ledger")
    raise typer.Exit(INCOMPLETE if found else DONE)


add_commands(lake_app, {"repair": repair_command, "check": check_command})
