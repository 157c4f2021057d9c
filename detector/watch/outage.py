"""Waiting out what may pass: longer each time, and each state of things is told once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

from detector.errors import CredentialsError, DetectorError, LakeError, OutputClosed, SinkError, SourceUnavailable

_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 60.0


def may_pass(error: DetectorError) -> bool:
    """Tell whether trying again may help: no network, throttling, credentials that are renewed, a full disk."""
    return isinstance(error, SourceUnavailable | CredentialsError | LakeError | SinkError) and not isinstance(
        error, OutputClosed
    )


@dataclass
class Patience:
    """How often in a row something has failed."""

    stop: threading.Event
    tell: Callable[[str], None]
    failures: int = 0
    said: str | None = None

    def wait(self, error: DetectorError) -> None:
        """Say what failed, unless it is what failed before, and wait; a stop ends the wait."""
        ceiling = min(_FIRST_SECONDS * 2 ** min(self.failures, 10), _LONGEST_SECONDS)
        self.failures += 1
        if self.said != str(error):
            self.said = str(error)
            hint = f" ({error.hint})" if error.hint else ""
            self.tell(f"waiting: {error}{hint}; trying again, at least once a minute")
        # Several watchers that lost one queue together must not come back together.
        self.stop.wait(ceiling * random.uniform(0.5, 1.0))  # noqa: S311

    def end(self) -> None:
        """It works again."""
        if self.said is not None:
            self.tell(f"working again after {self.failures} failed attempts")
        self.failures, self.said = 0, None
