"""A rate of requests that several processes keep together."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RateLimiter:
    """Slots in time, handed out one by one to every thread and process that has the same folder; picklable."""

    folder: Path
    interval_seconds: float
    # One clock for all processes of a machine; it starts anew only when the machine does.
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def wait(self, name: str, delay_seconds: float = 0.0) -> None:
        """Sleep until the next free slot of `name`, at least `delay_seconds` from now; later slots come after it.

        Args:
            name: what has a rate of its own; the name of a file.
            delay_seconds: the answer to a refusal for haste: everybody else waits as well.
        """
        with (self.folder / name).open("a+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            now = self.clock()
            slot = max(now + delay_seconds, float(file.read() or 0.0))
            file.seek(0)
            file.truncate()
            file.write(repr(slot + self.interval_seconds))
        self.sleep(slot - now)
