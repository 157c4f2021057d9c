"""The versions of the ledger's tables: those of now, and what brings an older ledger up to date."""

from __future__ import annotations

from typing import Final

from detector.lake.ledger import digests, emitted, gaps, intents, outbox
from detector.lake.ledger import objects as object_table
from detector.lake.ledger import parts as part_table

VERSION: Final = 14
TABLES: Final = f"""
BEGIN;
{object_table.CREATE}
{part_table.CREATE}
{emitted.CREATE}
{outbox.CREATE}
{intents.CREATE}
{gaps.CREATE}
{digests.CREATE}
{object_table.COUNT}
PRAGMA user_version = {VERSION};
COMMIT;
"""
_UPGRADES = {  # from this version to the next
    1: emitted.UPGRADE,
    2: part_table.UPGRADE,
    3: outbox.CREATE,
    4: intents.CREATE,
    5: part_table.JUDGE_ANEW + object_table.READ_ANEW,
    6: object_table.READ_ANEW,  # more forms are read
    7: gaps.CREATE,
    8: digests.CREATE,
    9: object_table.COUNT,
    10: object_table.READ_ANEW + object_table.COUNT + part_table.CHECKSUMS,  # and there are parts of SEVERAL_DAYS
    11: outbox.HIDE_PATHS,
    12: object_table.REJECTED_IS_PARTIAL,
    13: part_table.SEARCH_AGAIN,
}


def upgrade(version: int) -> str:
    """Return the statements that bring a ledger of an older version up to date, all or none of them."""
    steps = " ".join(_UPGRADES[passed] for passed in range(version, VERSION))
    return f"BEGIN; {steps} PRAGMA user_version = {VERSION}; COMMIT;"
