"""How often Python looks for reference cycles: seldom, for records make many objects and no cycles."""

from __future__ import annotations

import gc

# Containers made and not yet let go of. Python's own 700 is reached some thousand times while a million records
# are read, and each look goes through objects that are all in use: a seventh of ingest's time.
_NEW_CONTAINERS = 100_000


def look_seldom() -> None:
    """Let this process look for cycles rarely; memory that no cycle holds comes free at once as ever."""
    gc.set_threshold(_NEW_CONTAINERS, *gc.get_threshold()[1:])
