"""Waits between attempts: longer each time, up to a limit, and anywhere in between.

Programs that failed together must not come back together, so each wait is drawn at random below its ceiling
("Exponential Backoff And Jitter", AWS Architecture Blog).
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """The wait after a number of failures in a row."""

    first_seconds: float
    longest_seconds: float
    least_share: float = 0.0  # of the ceiling; 1: exactly the ceiling

    def ceiling(self, failures: int) -> float:
        """Return the longest wait after the `failures`-th failure in a row, from 1."""
        return min(self.longest_seconds, self.first_seconds * 2.0 ** min(max(failures, 1) - 1, 32))

    def seconds(self, failures: int) -> float:
        """Return a wait after the `failures`-th failure in a row."""
        ceiling = self.ceiling(failures)
        return random.uniform(self.least_share * ceiling, ceiling)  # noqa: S311 - no secret
