"""The integrity of a lake: what its digests say of the files that its events came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from detector.lake.evidence import judge_lake
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

_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LakeIntegrity:
    """The verdicts on a lake, as alerts and rules need them."""

    findings: tuple[Mapping[str, Any], ...]  # rows of `integrity_findings`
    attested: frozenset[Location]  # where there are digests
    exceptions: Mapping[str, str] = field(repr=False)  # there: URI → verdict of a log file that is not verified

    def verdict(self, uri: str) -> str:
        """Return the verdict on the file of an event; what no digest can list is unattested."""
        location = location_of(uri)
        if location is None or location not in self.attested:
            return str(LogVerdict.UNATTESTED)
        return self.exceptions.get(uri, str(LogVerdict.VERIFIED))


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


def integrity_of(ledger: Ledger, now: datetime) -> LakeIntegrity | None:
    """Return the same of an open ledger."""
    if not ledger.digests.are_there:
        return None
    absence = Absence(is_certain=ledger.digests.absent().__contains__)
    findings: list[Mapping[str, Any]] = []
    attested: set[Location] = set()
    exceptions: dict[str, str] = {}
    for verdict in judge_lake(ledger, Scope(), Asked(None, now, now), ledger.digests.keys(), absence):
        if verdict.digests:
            attested.add(verdict.location)
            exceptions |= {one.uri: str(one.verdict) for one in verdict.logs if one.verdict is not LogVerdict.VERIFIED}
            findings += _findings(verdict)
    return LakeIntegrity(tuple(findings), frozenset(attested), exceptions)


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
