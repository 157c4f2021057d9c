"""The integrity of a lake: what its digests say of the files that its events came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from detector.aws_regions import partition_of, sign_in_region
from detector.lake.evidence import judge_lake, open_ledger
from detector.lake.findings import finding_row
from detector.lake.ledger.ledger import Ledger
from detector.lake.place import LakePlace
from detector.lake_layout import LEDGER
from detector.scope import Scope
from detector.verify.coverage import PROVEN, HourState, hours_of, undated
from detector.verify.log_files import NOT_IN_LAKE
from detector.verify.place import Location, location_of
from detector.verify.verdicts import (
    Absence,
    Asked,
    GapKind,
    LocationVerdict,
    LogVerdict,
)

_HOUR: Final = timedelta(hours=1)
# An event of an hour is delivered within the next one; AWS speaks of five minutes on average.
DELIVERY: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Attested:
    """How much of a stretch of time AWS vouches for, in hours of delivery of each account and region."""

    hours: Mapping[HourState, int]
    outside: int = 0  # folders of log objects of which no digest can speak
    undated: int = 0  # log files that belong to no hour
    blind_accounts: tuple[str, ...] = ()  # of which there is nothing of the region that records root's sign-ins

    @property
    def total(self) -> int:
        """All hours, also those of which no digest is due."""
        return sum(self.hours.values())

    @property
    def proven(self) -> int:
        """Hours that are signed and complete."""
        return sum(count for state, count in self.hours.items() if state in PROVEN)

    @property
    def empty(self) -> int:
        """Hours of which AWS signed that nothing was delivered."""
        return self.hours.get(HourState.EMPTY, 0)

    @property
    def pending(self) -> int:
        """Hours of which no digest is due yet."""
        return self.hours.get(HourState.PENDING, 0)

    @property
    def unproven(self) -> int:
        """Hours that are not proven, though a digest is due."""
        return self.total - self.proven - self.pending

    @property
    def doubtful(self) -> list[tuple[HourState, int]]:
        """The states of hours that are not proven, the most frequent first."""
        return Counter({state: count for state, count in self.hours.items() if state not in PROVEN}).most_common()


@dataclass(slots=True)
class LocationIntegrity:
    """The verdicts on one location in which there are digests."""

    findings: list[Mapping[str, Any]]  # rows of `integrity_findings`
    exceptions: dict[str, str] = field(repr=False)  # URI → verdict of a log file that is not verified


@dataclass(slots=True)
class LakeIntegrity:
    """The verdicts on a lake, as alerts and rules need them."""

    locations: dict[Location, LocationIntegrity] = field(default_factory=dict)
    attested: Attested | None = None  # None: it was not asked for

    @property
    def findings(self) -> list[Mapping[str, Any]]:
        """The rows of `integrity_findings`."""
        return [finding for location in self.locations.values() for finding in location.findings]

    def verdict(self, uri: str) -> str:
        """Return the verdict on the file of an event; what no digest can list is unattested."""
        location = location_of(uri)
        if location is None or location not in self.locations:
            return str(LogVerdict.UNATTESTED)
        return self.locations[location].exceptions.get(uri, str(LogVerdict.VERIFIED))

    def note_arrived(self, uris: Iterable[str]) -> None:
        """Take note of log files that have come in since: until they are judged, they are pending."""
        for uri in uris:
            if (location := location_of(uri)) and location in self.locations:
                self.locations[location].exceptions[uri] = str(LogVerdict.PENDING)

    def judge_anew(self, ledger: Ledger, now: datetime, only: Collection[Location] | None = None) -> None:
        """Judge locations by what the ledger holds now; default: all."""
        for _ in self._judging(ledger, now, only):
            pass

    def attest(self, ledger: Ledger, asked: Asked) -> None:
        """Judge all locations, and count the hours of a stretch of time."""
        without_hour: list[int] = []

        def judging() -> Iterator[LocationVerdict]:
            for verdict in self._judging(ledger, asked.now):
                without_hour.append(undated(verdict, asked.now))
                yield verdict

        places = hours_of(judging(), asked)
        with_sign_ins = {account for account, region in places if region == sign_in_region(partition_of(region))}
        folders = ledger.digests.log_folders()
        self.attested = Attested(
            Counter(state for hours in places.values() for state in hours.values()),
            sum(location_of(f"{folder}name") is None for folder in folders),
            sum(without_hour),
            tuple(sorted({account for account, _ in places} - with_sign_ins)),
        )

    def _judging(
        self, ledger: Ledger, now: datetime, only: Collection[Location] | None = None
    ) -> Iterator[LocationVerdict]:
        absence = absence_in(ledger)
        keys, asked = ledger.digests.keys(), Asked(None, now, now)
        for verdict in judge_lake(ledger, Scope(), asked, keys, absence, only):
            if verdict.digests:
                exceptions = {one.uri: str(one.verdict) for one in verdict.logs if one.verdict != LogVerdict.VERIFIED}
                self.locations[verdict.location] = LocationIntegrity(_findings(verdict), exceptions)
            yield verdict


def lake_integrity(
    directory: Path, now: datetime, window: tuple[datetime | None, datetime | None] | None = None
) -> LakeIntegrity | None:
    """Return the integrity of a lake; None when nobody has asked for digests.

    Args:
        directory: of the lake.
        now: aware.
        window: of event time, whose hours are counted; default: they are not.

    Raises:
        LakeError: the ledger cannot be read.
    """
    if not (directory / LEDGER).exists():
        return None
    ledger = Ledger.open(directory, writable=False)
    try:
        if window is None or not ledger.digests.are_there:
            return integrity_of(ledger, now)
        since, until = window
        integrity = LakeIntegrity()
        integrity.attest(ledger, Asked(since, now if until is None else min(_delivered(until), now), now))
        return integrity
    finally:
        ledger.close()


def _delivered(moment: datetime) -> datetime:
    """Return when all events until a moment have been delivered."""
    return min(moment, datetime.max.replace(tzinfo=UTC) - DELIVERY) + DELIVERY


def lake_verdicts(lake: Path | LakePlace, asked: Asked) -> list[LocationVerdict]:
    """Return the verdicts on all locations of a lake, for a time of delivery.

    Raises:
        LakeError: there is no lake, or its ledger cannot be read.
    """
    with open_ledger(lake) as ledger:
        if not ledger.digests.is_made:
            return []
        absence = absence_in(ledger)
        return list(judge_lake(ledger, Scope(), asked, ledger.digests.keys(), absence))


def absence_in(ledger: Ledger) -> Absence:
    """Return what a lake can say of objects that it does not hold: those that listings have missed are absent."""
    return Absence(is_certain=ledger.digests.absent().__contains__, otherwise=NOT_IN_LAKE)


def integrity_of(ledger: Ledger, now: datetime) -> LakeIntegrity | None:
    """Return the same of an open ledger."""
    if not ledger.digests.are_there:
        return None
    integrity = LakeIntegrity()
    integrity.judge_anew(ledger, now)
    return integrity


def _findings(verdict: LocationVerdict) -> list[Mapping[str, Any]]:
    return [
        *(finding_row(one) for one in verdict.digests if one.is_damage),
        *(finding_row(one) for one in verdict.logs if one.is_damage),
        *(finding_row(gap) for gap in verdict.gaps if gap.kind is GapKind.RESTARTED),
    ]
