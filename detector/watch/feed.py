"""What `watch` asks of whatever tells it that log files have arrived: a queue, or sources that are listed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from detector.lake.ledger.ledger import Ledger
from detector.run_report import RunReport
from detector.scope import Scope
from detector.sources.log_source import LogSource


class Arrival(Protocol):
    """Log files that have arrived together."""

    @property
    def sources(self) -> Sequence[LogSource]:
        """Where they are read from."""
        ...

    @property
    def scope(self) -> Scope:
        """What of the sources is meant."""
        ...

    @property
    def notified_at(self) -> Mapping[str, datetime]:
        """When word of an object was sent, by URI; aware, UTC."""
        ...

    def ack(self, ledger: Ledger, report: RunReport) -> None:
        """What could be read is in the lake, and the alerts are written: that need not come again.

        Raises:
            SourceError: nobody could be told; it comes again.
            LakeError: there is no room to keep what is not understood.
        """
        ...

    def nack(self) -> None:
        """Nothing came of it: it is to come again.

        Raises:
            SourceError: nobody could be told; it comes again later.
        """
        ...


class Feed(Protocol):
    """Where deliveries come from."""

    def next(self, ledger: Ledger) -> Arrival | None:
        """Wait some seconds for a delivery, or less when the program is to stop; None when nothing came.

        Raises:
            SourceError: it cannot be known what has arrived.
            SourceUnavailable, CredentialsError: trying again may help.
        """
        ...

    def renew(self) -> None:
        """Forget connections and credentials: something about them failed."""
        ...
