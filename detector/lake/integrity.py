"""The integrity of a lake: what its digests say of the files that its events came from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from detector.lake.evidence import judge_lake, open_ledger
from detector.lake.ledger.ledger import Ledger
from detector.lake_layout import LEDGER
from detector.scope import Scope
from detector.verify.place import Location, location_of, named_minute, parse_digest_uri
from detector.verify.verdicts import (
    Absence,
    Asked,
    Gap,
    GapKind,
    JudgedDigest,
    JudgedLog,
    LocationVerdict,
    LogVerdict,
)
from detector.verify.verify import NOT_IN_LAKE

_HOUR: Final = timedelta(hours=1)


@dataclass(slots=True)
class LocationIntegrity:
    """The verdicts on one location in which there are digests."""

    findings: list[Mapping[str, Any]]  # rows of `integrity_findings`
    exceptions: dict[str, str] = field(repr=False)  # URI → verdict of a log file that is not verified


@dataclass(slots=True)
class LakeIntegrity:
    """The verdicts on a lake, as alerts and rules need them."""

    locations: dict[Location, LocationIntegrity] = field(default_factory=dict)

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
        absence = absence_in(ledger)
        keys, asked = ledger.digests.keys(), Asked(None, now, now)
        for verdict in judge_lake(ledger, Scope(), asked, keys, absence, only):
            if verdict.digests:
                exceptions = {one.uri: str(one.verdict) for one in verdict.logs if one.verdict != LogVerdict.VERIFIED}
                self.locations[verdict.location] = LocationIntegrity(_findings(verdict), exceptions)


def lake_integrity(directory: Path, now: datetime) -> LakeIntegrity | None:
    """Return the integrity of a lake; None when nobody has asked for digests.

    Args:
        directory: of the lake.
        now: aware.

    Raises:
        LakeError: the ledger cannot be read.
    """
    if not (directory / LEDGER).exists():
        return None
    ledger = Ledger.open(directory, writable=False)
    try:
        return integrity_of(ledger, now)
    finally:
        ledger.close()


def lake_verdicts(directory: Path, asked: Asked) -> list[LocationVerdict]:
    """Return the verdicts on all locations of a lake, for a time of delivery.

    Raises:
        LakeError: there is no lake, or its ledger cannot be read.
    """
    with open_ledger(directory) as ledger:
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
        *(_of_digest(one) for one in verdict.digests if one.is_damage),
        *(_of_log(one) for one in verdict.logs if one.is_damage),
        *(_of_gap(gap) for gap in verdict.gaps if gap.kind is GapKind.RESTARTED),
    ]


def _of_digest(one: JudgedDigest) -> Mapping[str, Any]:
    location = one.place.chain.location
    return {
        "kind": "digest",
        "verdict": str(one.verdict),
        "uri": one.uri,
        "account_id": location.account,
        "region": location.region,
        "trail": one.place.chain.trail,
        "event_time": one.place.end - _HOUR,  # what it says itself counts for nothing
        "last_event_time": one.place.end,
        "reason": one.reason,
    }


def _of_log(one: JudgedLog) -> Mapping[str, Any]:
    digest = parse_digest_uri(one.digest) if one.digest else None
    delivered = one.delivered or named_minute(one.uri) or (digest and digest.end)
    return {
        "kind": "log_file",
        "verdict": str(one.verdict),
        "uri": one.uri,
        "account_id": one.location.account,
        "region": one.location.region,
        "event_time": delivered,
        "last_event_time": delivered,
        "digest": one.digest,
        "signed_sha256": one.signed_sha256 and one.signed_sha256.hex(),
        "found_sha256": one.found_sha256 and one.found_sha256.hex(),
        "reason": one.reason,
    }


def _of_gap(gap: Gap) -> Mapping[str, Any]:
    return {
        "kind": "gap",
        "verdict": str(gap.kind),
        "uri": f"{gap.location.root}{gap.location.account}/CloudTrail/{gap.location.region}/",
        "account_id": gap.location.account,
        "region": gap.location.region,
        "event_time": gap.start,
        "last_event_time": gap.end,
        "log_files": gap.log_files,
    }
