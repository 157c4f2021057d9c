"""The files and folders of a lake, by name."""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import Final


class PartKind(StrEnum):
    """The content of a part; also the name of its folder in the lake."""

    EVENTS = "events"
    COPIES = "copies"  # rows that are all DUPLICATES, out of the way of whoever reads EVENTS
    DUPLICATES = "hidden"  # which rows of EVENTS and COPIES are further copies of an event, not to be shown
    REJECTED = "rejected"  # the bytes of records that are no rows, or whose rows do not give them back


# In the place of a part's day, when it holds a few events of each of many: what readers of Hive folders take for NULL.
SEVERAL_DAYS: Final = "__HIVE_DEFAULT_PARTITION__"
LEDGER: Final = "ledger.sqlite"
REPLACED_LEDGER: Final = f"{LEDGER}.replaced-"  # and when, UTC: one that `lake repair` set aside
DAMAGED_PREFIX: Final = "damaged-"  # of the name of a part that `lake repair` set aside
STAGING: Final = Path(PartKind.EVENTS) / "_tmp"  # a folder for each run of a writer, gone when the run has ended well
_LOCK_OF_VERSION_4 = "writer.lock"
_ENTRIES = {LEDGER, f"{LEDGER}-wal", f"{LEDGER}-shm", _LOCK_OF_VERSION_4, *PartKind}
_PART: Final = re.compile(
    rf"(?:^|/)(?:(?:{PartKind.EVENTS}|{PartKind.DUPLICATES}|{PartKind.COPIES})/event_date=(?:[0-9-]+|{SEVERAL_DAYS})|"
    rf"{PartKind.REJECTED})/(?:part|message)-[^/]*$"
)
_PART_PATH: Final = re.compile(
    rf"(?:(?:{PartKind.EVENTS}|{PartKind.DUPLICATES}|{PartKind.COPIES})/event_date=(?:[0-9-]+|{SEVERAL_DAYS})|"
    rf"{PartKind.REJECTED})/part-[0-9A-Za-z_.-]+"
)


def is_lake(entries: Collection[str]) -> bool:
    """Tell by the names of its entries whether a directory may be a lake."""
    return LEDGER in entries and PartKind.EVENTS in entries


def is_entry(name: str) -> bool:
    """Tell whether a lake has a file or folder of this name at its top."""
    return name in _ENTRIES or name.startswith(REPLACED_LEDGER)


def is_part_key(key: str) -> bool:
    """Tell whether an object key, or a path, names a part of some lake."""
    return _PART.search(key) is not None


def is_part_path(path: str) -> bool:
    """Tell whether a path, relative to a lake, is one that this program gives a part: it leads nowhere else."""
    return _PART_PATH.fullmatch(path) is not None
