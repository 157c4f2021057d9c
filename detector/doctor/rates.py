"""From a number of objects and bytes to hours of a core, by rates that were measured. Pure.

`docs/performance.md` has the measurement ("How large, how long, how much"), and its model is this one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

_HOUR: Final = 3_600


@dataclass(frozen=True, slots=True)
class Rates:
    """CPU seconds of one core, and sizes."""

    scan_event: float
    ingest_event: float
    compact_event: float
    scan_object: float  # a GET, and what is the same for each object
    ingest_object: float
    commit_event: float  # of ingest_event, in the one process that lists and commits
    commit_object: float
    list_object: float  # an inventory names it, in the one process that hands out the work
    stored_bytes: float  # of an event, in gzip
    lake_share: float  # bytes of the lake for each stored byte

    def of_machine(self, scan: float, ingest: float) -> Rates:
        """Return the rates of a machine that takes so many times as long for a scan, and for the rest."""
        return replace(
            self,
            scan_event=self.scan_event * scan,
            ingest_event=self.ingest_event * ingest,
            compact_event=self.compact_event * ingest,
            scan_object=self.scan_object * scan,
            ingest_object=self.ingest_object * ingest,
            commit_event=self.commit_event * ingest,
            commit_object=self.commit_object * ingest,
            list_object=self.list_object * ingest,
        )


# A test holds these to what docs/performance.md says.
DOCUMENTED: Final = Rates(
    scan_event=2.37e-6,
    ingest_event=4.92e-6,
    compact_event=8.71e-6,
    scan_object=186e-6,
    ingest_object=215e-6,
    commit_event=0.001e-6,
    commit_object=59.7e-6,
    list_object=9.57e-6,
    stored_bytes=188,
    lake_share=0.748,
)
MEASURED: Final = "2026-11-30 on one vCPU of an AMD EPYC"


@dataclass(frozen=True, slots=True)
class Work:
    """An amount of log files."""

    objects: float
    size_bytes: float

    def events(self, rates: Rates) -> float:
        """Return how many events are in it, as far as their mean size tells."""
        return self.size_bytes / rates.stored_bytes

    def scan_hours(self, rates: Rates) -> float:
        """Return the core-hours of `scan`."""
        return (self.events(rates) * rates.scan_event + self.objects * rates.scan_object) / _HOUR

    def ingest_hours(self, rates: Rates) -> float:
        """Return the core-hours of `ingest`, with the compaction of every day."""
        event = rates.ingest_event + rates.compact_event
        return (self.events(rates) * event + self.objects * rates.ingest_object) / _HOUR

    def listing_hours(self, rates: Rates) -> float:
        """Return the hours of the one process that reads an inventory: more cores do not make it less."""
        return self.objects * rates.list_object / _HOUR

    def alone_hours(self, rates: Rates) -> float:
        """Return the hours of the one process of `ingest` that lists and commits: more cores do not make it less."""
        return (self.events(rates) * rates.commit_event + self.objects * rates.commit_object) / _HOUR

    def lake_bytes(self, rates: Rates) -> float:
        """Return the size of the lake."""
        return self.size_bytes * rates.lake_share
