"""The interface between `watch` and whatever announces log files: a queue, or sources listed again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from detector.lake.ledger.ledger import Ledger
from detector.run_report import RunReport
from detector.scope import Scope
from detector.sources.log_source import LogSource


class Arrival(Protocol):
    """Log files that a feed announces together."""

    @property
    def sources(self) -> Sequence[LogSource]:
        """The sources that hold them."""
        ...

    @property
    def scope(self) -> Scope:
        """Which part of the sources to read."""
        ...

    @property
    def notified_at(self) -> Mapping[str, datetime]:
        """The time each object was announced, by URI; aware, UTC."""
        ...

    def ack(self, ledger: Ledger, report: RunReport) -> None:
        """Acknowledge what is in the lake, its alerts written: the feed need not announce it again.

        Raises:
            SourceError: the feed could not be told, and announces everything again.
            LakeError: the lake cannot keep a message that is not understood.
        """
        ...

    def nack(self) -> None:
        """Hand the arrival back: the feed announces it again.

        Raises:
            SourceError: the feed could not be told, and announces it again later.
        """
        ...


class Feed(Protocol):
    """Announces log files as they arrive."""

    def next(self, ledger: Ledger) -> Arrival | None:
        """Wait some seconds for an arrival, or less when the program is to stop; None when nothing arrived.

        Raises:
            SourceError: the feed cannot tell what has arrived.
            SourceUnavailable, CredentialsError: trying again may help.
        """
        ...

    def renew(self) -> None:
        """Forget connections and credentials, after one of them failed."""
        ...
