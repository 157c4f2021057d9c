"""Arrivals without a queue: sources listed again and again, where something new can lie.

The ledger knows what is in. A listing begins, in each account and region, two hours before now by the time in the
names of files, since they appear up to minutes after it; once a day it goes over everything.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from detector.lake.ledger.ledger import Ledger
from detector.run_report import RunReport
from detector.scope import Scope
from detector.sources.log_source import LogSource
from detector.times import utc_now

_REWIND = timedelta(hours=2)
_SWEEP_SECONDS = 86_400.0
_LONGEST_WAIT_SECONDS = 5.0  # so that other things are looked after in between


@dataclass(frozen=True, slots=True)
class Listing:
    """Sources, and the part of them to list."""

    sources: Sequence[LogSource]
    scope: Scope
    notified_at: Mapping[str, datetime] = field(default_factory=dict)

    def ack(self, ledger: Ledger, report: RunReport) -> None:
        """Do nothing: the next listing has again what failed."""

    def nack(self) -> None:
        """Do nothing: the next listing has everything again."""


class PollingFeed:
    """Lists sources every `interval_seconds`.

    Args:
        open_sources: called at first, and again when connections or credentials failed.
        interval_seconds: from the beginning of one listing to that of the next.
        once: list everything once.
        stop: ends the waiting.
    """

    def __init__(
        self,
        open_sources: Callable[[], Sequence[LogSource]],
        interval_seconds: float,
        stop: threading.Event,
        *,
        once: bool,
    ) -> None:
        self._open_sources = open_sources
        self._interval_seconds = interval_seconds
        self._once = once
        self._stop = stop
        self._sources: Sequence[LogSource] | None = None
        self._next_listing: float | None = 0.0
        self._next_sweep = 0.0

    def next(self, ledger: Ledger) -> Listing | None:  # noqa: ARG002 - ingest asks it about each object
        """Wait until the next listing is due."""
        if self._next_listing is None:
            return None
        wait_seconds = self._next_listing - time.monotonic()
        if wait_seconds > 0:
            self._stop.wait(min(wait_seconds, _LONGEST_WAIT_SECONDS))
            return None
        now = time.monotonic()
        self._next_listing = None if self._once else now + self._interval_seconds
        if self._sources is None:
            self._sources = self._open_sources()
        if now < self._next_sweep:
            return Listing(self._sources, Scope(delivered_since=utc_now() - _REWIND))
        self._next_sweep = now + _SWEEP_SECONDS
        return Listing(self._sources, Scope())

    def renew(self) -> None:
        """Open the sources anew, and list everything: the listing that failed may have been a full one."""
        self._sources = None
        self._next_sweep = 0.0
