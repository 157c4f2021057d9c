"""How much of the same the slow tests do: what CI has time for or, with DETECTOR_LONG=1, what they are for."""

from __future__ import annotations

import os
from typing import Final

_IS_LONG: Final = os.environ.get("DETECTOR_LONG") == "1"


def many(in_ci: int, by_hand: int) -> int:
    """Return how many rounds, cases or alerts."""
    return by_hand if _IS_LONG else in_ci
