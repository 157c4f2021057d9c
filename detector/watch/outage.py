"""Waiting out errors that may pass: longer each time, with one line for each change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from detector.backoff import Backoff
from detector.errors import (
    CredentialsError,
    DetectorError,
    LakeError,
    OutputClosed,
    SinkError,
    SourceError,
    SourceUnavailable,
)

_BACKOFF = Backoff(first_seconds=1.0, longest_seconds=60.0, least_share=0.5)


def may_pass(error: DetectorError, has_worked: bool) -> bool:
    """Tell whether trying again may help: no network, throttling, credentials that are renewed, a full disk.

    A source that is denied or not there at the start is named wrongly; one that `has_worked` is in trouble.
    """
    passing = (SourceError,) if has_worked else (SourceUnavailable, CredentialsError)
    return isinstance(error, (*passing, LakeError, SinkError)) and not isinstance(error, OutputClosed)


@dataclass
class Outage:
    """A row of failures, of which only changes are reported."""

    stop: threading.Event
    tell: Callable[[str], None]
    failures: int = 0
    said: str | None = None

    def wait(self, error: DetectorError) -> None:
        """Report the error, unless it is the same as before, and wait; a stop ends the wait."""
        self.failures += 1
        if self.said != str(error):
            self.said = str(error)
            hint = f" ({error.hint})" if error.hint else ""
            self.tell(f"waiting: {error}{hint}; trying again, at least once a minute")
        self.stop.wait(_BACKOFF.seconds(self.failures))

    def end(self) -> None:
        """Report that work goes on, after a failure."""
        if self.said is not None:
            self.tell(f"working again after {self.failures} failed attempts")
        self.failures, self.said = 0, None
