"""What lies below a lake's prefix in S3: parts, and what runs have said that they put there.

Names are a server's words: only those that this program gives become paths.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from detector.errors import LakeError
from detector.lake.object_store import ObjectStore, StoredObject
from detector.lake_layout import LEDGER, STAGING, is_entry, is_part_path

_INTENT: Final = re.compile(f"{STAGING.as_posix()}/[0-9a-f]{{32}}/[0-9a-f]{{32}}\\.csv")
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
    listing.intended.update(_read_intents(store, listing.intents, scratch))
    return listing


def _read_intents(store: ObjectStore, intents: dict[str, StoredObject], scratch: Path) -> Iterator[tuple[Path, str]]:
    store.fetch(dict.fromkeys(intents, _MOST_BYTES), scratch)
    for name in intents:
        file = scratch / name
        if file.exists():  # else it was removed meanwhile: a ledger lists the parts
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            yield from ((Path(line), name) for line in lines if is_part_path(line))
            file.unlink()


def key_of(path: Path) -> str:
    """Return the name of a part's object; a ledger is somebody's words, and may name any file of this machine.

    Raises:
        LakeError: it is no part's path.
    """
    name = path.as_posix()
    if not is_part_path(name):
        raise LakeError(f"{LEDGER} names a part {name!r}, which is none", hint="the ledger is not of this program")
    return name
