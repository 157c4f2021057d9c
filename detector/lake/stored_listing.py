"""What lies below a lake's prefix in S3: parts, and what runs have said that they put there.

Names are a server's words: only those that this program gives become paths.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from detector.errors import LakeError
from detector.lake.ledger.ledger import Ledger
from detector.lake.object_store import ObjectStore, StoredObject
from detector.lake.unlisted import known_to
from detector.lake_layout import LEDGER, STAGING, is_entry, is_part_path

_INTENT: Final = re.compile(f"{STAGING.as_posix()}/[0-9a-f]{{32}}/[0-9a-f]{{32}}\\.csv")
LISTED: Final = "- "  # before the path of a part that executors put there, and a ledger has listed
_BEGINNING: Final = re.compile("part-[0-9a-f]{32}-")
_MOST_BYTES: Final = 64 << 20  # of an object that says which parts a run puts there


@dataclass(frozen=True, slots=True)
class Listing:
    """One listing, kept up to date by whoever writes."""

    parts: dict[Path, StoredObject] = field(default_factory=dict)  # by path, relative to the lake
    intents: dict[str, StoredObject] = field(default_factory=dict)  # by name
    intended: dict[Path, str] = field(default_factory=dict)  # which of the intents speaks of a part


def list_lake(store: ObjectStore, scratch: Path) -> Listing:
    """List a lake: parts first, then what speaks of them, the order in which a part passes from one to the other.

    Args:
        store: its prefix.
        scratch: a folder for files that are gone afterwards.

    Raises:
        LakeError: S3 refuses, or what lies there is no lake.
    """
    listing = Listing()
    foreign = False
    objects = store.list_all()
    for name, stored in objects.items():
        if _INTENT.fullmatch(name):
            listing.intents[name] = stored
        elif is_part_path(name):
            listing.parts[Path(name)] = stored
        else:
            foreign |= not is_entry(name.partition("/")[0])
    if foreign and not listing.parts and LEDGER not in objects:
        raise LakeError(
            f"{store} is not empty and holds no lake", hint="give --lake a new prefix, or the prefix of a lake"
        )
    said = list(_read_intents(store, listing, scratch))
    listed = {path for path, name in said if name is None}
    listing.intended.update({path: name for path, name in said if name is not None and path not in listed})
    return listing


def _read_intents(store: ObjectStore, listing: Listing, scratch: Path) -> Iterator[tuple[Path, str | None]]:
    """Yield which part which intent speaks of; none: a ledger has listed it."""
    store.fetch(dict.fromkeys(listing.intents, _MOST_BYTES), scratch)
    for name in listing.intents:
        file = scratch / name
        if file.exists():  # else it was removed meanwhile: a ledger lists the parts
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            yield from ((Path(line), name) for line in lines if is_part_path(line))
            beginnings = tuple(line for line in lines if _BEGINNING.fullmatch(line))
            yield from ((path, name) for path in listing.parts if path.name.startswith(beginnings))
            yield from ((Path(line.removeprefix(LISTED)), None) for line in lines if line.startswith(LISTED))
            file.unlink()


def intent_name(run: str, name: str) -> str:
    """Return the name of an object in which a run says something of its parts; its ending is one that no log has."""
    return f"{STAGING.as_posix()}/{run}/{name}.csv"


def beginning_of(run: str) -> str:
    """Return how the names of the parts begin that executors put there for a run; an intent says it once for all."""
    return f"part-{run}-"


def orphans_in(listing: Listing, directory: Path) -> set[Path]:
    """Return what killed runs left, as far as there is a ledger to tell; without one, all parts may count."""
    with suppress(LakeError):
        ledger = Ledger.open(directory, writable=False)
        try:
            return listing.intended.keys() - known_to(ledger)
        finally:
            ledger.close()
    return set()


def key_of(path: Path) -> str:
    """Return the name of a part's object; a ledger is somebody's words, and may name any file of this machine.

    Raises:
        LakeError: it is no part's path.
    """
    name = path.as_posix()
    if not is_part_path(name):
        raise LakeError(f"{LEDGER} names a part {name!r}, which is none", hint="the ledger is not of this program")
    return name
