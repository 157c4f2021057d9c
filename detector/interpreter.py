"""Settings of this program as a command: memory, and what is imported; a library leaves that to whoever imports it."""

from __future__ import annotations

import gc
import os
import sys
from types import ModuleType

# Containers made and not yet let go of. Python's own 700 is reached some thousand times while a million records
# are read, and each look goes through objects that are all in use: a seventh of ingest's time.
_NEW_CONTAINERS = 100_000
_ARRAY_LIBRARIES = ("numpy", "pandas")


def collect_garbage_rarely() -> None:
    """Let this process look for reference cycles rarely; memory that no cycle holds comes free at once as ever."""
    gc.set_threshold(_NEW_CONTAINERS, *gc.get_threshold()[1:])


def use_system_allocator() -> None:
    """Let Arrow, once it is imported, take memory where Python takes it; of workers too, unless somebody chose.

    Its own allocator keeps for itself what tables have let go of, 90 MB in each worker of ingest.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


class _KeptOut:
    """A finder of modules that finds no numpy and no pandas: importing them fails as where they are not installed."""

    def find_spec(self, name: str, path: object, target: ModuleType | None = None) -> None:  # noqa: ARG002
        """Raise for what is kept out, and leave all else to others."""
        if name in _ARRAY_LIBRARIES:
            raise ModuleNotFoundError(f"{name} is kept out", name=name)


_KEPT_OUT = _KeptOut()


def keep_out_array_libraries() -> None:
    """Let Arrow, from here on, take it that there is no pandas and no numpy.

    It imports them wherever they are installed, only to ask whether a list is one of theirs: half a second in each
    process. Once Arrow or one of them has been imported it is too late: Arrow would find the one without the other.
    """
    if _KEPT_OUT not in sys.meta_path and not any(name in sys.modules for name in ("pyarrow", *_ARRAY_LIBRARIES)):
        sys.meta_path.insert(0, _KEPT_OUT)


def let_in_array_libraries() -> None:
    """Take that back, for what needs them: Spark's client."""
    if _KEPT_OUT in sys.meta_path:
        sys.meta_path.remove(_KEPT_OUT)
