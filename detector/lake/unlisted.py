"""Parts that lie in a lake though its ledger says nothing of them: the ledger was lost, or is older than they are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from detector.errors import LakeError
from detector.lake.disk import disk_errors
from detector.lake.ledger.ledger import Ledger
from detector.lake_layout import LEDGER, STAGING, PartKind

if TYPE_CHECKING:
    from detector.lake.place import LakePlace


def part_files(directory: Path) -> Iterator[Path]:
    """Yield the path of each part that lies in a lake, relative to it, in order; not what is being staged."""
    for kind in PartKind:
        for name, folders, files in os.walk(directory / kind):
            folder = Path(name).relative_to(directory)
            folders[:] = sorted(one for one in folders if folder / one != STAGING)
            yield from (folder / file for file in sorted(files) if file.startswith("part-"))


def unlisted_parts(directory: Path, ledger: Ledger) -> list[Path]:
    """Return the parts of which the ledger says nothing, relative to the lake.

    A part that a run meant to put in place is explained only while the folder of that run is there: a run that ended
    well has taken its folder away, and a ledger that still speaks of its intents is an older one.
    """
    files = list(part_files(directory))
    # In the order in which a part that a writer is at work with passes from one to the next.
    explained = {*leavings(directory, ledger)}
    explained.update(part.path for part in ledger.parts())
    explained |= ledger.dropped()
    return [path for path in files if path not in explained and (directory / path).exists()]


def known_to(ledger: Ledger) -> set[Path]:
    """Return the parts that count, and those that did until lately."""
    return {part.path for part in ledger.parts()} | ledger.dropped()


def leavings(directory: Path, ledger: Ledger) -> list[Path]:
    """Return the parts that runs which are under way, or were killed, put in place and have not committed."""
    return [path for path, run in ledger.intents().items() if (directory / STAGING / run).is_dir()]


def remove_leavings(directory: Path, ledger: Ledger) -> None:
    """Remove what runs of a writer left: parts put in place and not committed, and then their staging folders."""
    with disk_errors(directory):
        for path in leavings(directory, ledger):
            if (directory / path).exists():
                (directory / path).unlink()
    intents = ledger.intents()
    if intents:
        ledger.forget_intents(intents)
    # The folders go last: they vouch for the intents.
    shutil.rmtree(directory / STAGING, ignore_errors=True)


def unlisted_error(directory: Path | LakePlace, unlisted: Sequence[Path]) -> LakeError:
    """Return the error for a lake whose ledger does not know all of its parts."""
    count = f"{len(unlisted):,} parts" if len(unlisted) != 1 else "a part"
    return LakeError(
        f"{directory} holds {count} that {LEDGER} does not know, such as {unlisted[0]}: it is lost or too old",
        hint=repair_hint(directory),
    )


def repair_hint(directory: Path | LakePlace) -> str:
    """Return what to do about a ledger that does not go with its parts."""
    return f"nothing was changed; make the ledger anew from the parts: detector lake repair --lake {directory}"
