"""The same process with the compiled core, and without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from detector.records.core.library import PURE_VARIABLE, core


@contextmanager
def without_core() -> Iterator[None]:
    """Do everything in Python, as a process does that DETECTOR_PURE=1 was given."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PURE_VARIABLE, "1")
        core.cache_clear()
        try:
            yield
        finally:
            core.cache_clear()
