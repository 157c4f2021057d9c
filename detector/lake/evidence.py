"""What a lake knows of digests and of the log files that they list, and the verdicts that follow from it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from detector.errors import LakeError
from detector.lake.ledger.digests import DigestStatus, LedgerDigest
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.objects import LedgerObject, ObjectStatus
from detector.lake.place import LakePlace, lake_at
from detector.lake_layout import LEDGER, PartKind
from detector.scope import Scope
from detector.verify.digest import FoundDigest, StoredDigest, read_digest
from detector.verify.judge import judge_location
from detector.verify.keys import KeyRing
from detector.verify.log_files import FoundLog, LakeLogs
from detector.verify.place import Location, location_of
from detector.verify.verdicts import Absence, Asked, LocationVerdict


@contextmanager
def open_ledger(lake: Path | LakePlace) -> Iterator[Ledger]:
    """Open the ledger of a lake for reading.

    Raises:
        LakeError: there is none.
    """
    place = lake_at(lake)
    place.refresh()
    if not (place.directory / LEDGER).exists():
        has_parts = (place.directory / PartKind.EVENTS).is_dir()
        what = f"has no {LEDGER}" if has_parts else "holds no lake"
        raise LakeError(f"{place} {what}", hint="make one with: detector ingest SOURCE --lake DIR")
    ledger = Ledger.open(place.directory, writable=False)
    try:
        yield ledger
    finally:
        ledger.close()


@contextmanager
def open_lake_logs(lake: Path | LakePlace) -> Iterator[LakeLogs]:
    """Open the ledger of a lake, for as long as something is verified against what was read into it.

    Raises:
        LakeError: there is none.
    """
    with open_ledger(lake) as ledger:
        yield partial(logs_of, ledger)


def judge_lake(
    ledger: Ledger,
    scope: Scope,
    asked: Asked,
    keys: KeyRing,
    absence: Absence,
    only: Collection[Location] | None = None,
) -> Iterator[LocationVerdict]:
    """Yield the verdicts on what was read into a lake, location by location.

    Args:
        ledger: of the lake.
        scope: accounts and regions; its time is not looked at.
        asked: the time of delivery.
        keys: AWS's.
        absence: what can be said of objects that are not in the lake.
        only: these locations; default: all.
    """
    for location in locations(ledger) if only is None else sorted(only):
        in_accounts = not scope.accounts or location.account in scope.accounts
        if in_accounts and (not scope.regions or location.region in scope.regions):
            digests = map(found_digest, digests_of(ledger, location))
            yield judge_location(location, digests, logs_of(ledger, location), keys, asked, absence)


def locations(ledger: Ledger) -> list[Location]:
    """Return where digests or log files were read, in order."""
    found = {location for folder in ledger.digests.folders() if (location := location_of(f"{folder}name"))}
    return sorted(found)


def digests_of(ledger: Ledger, location: Location) -> Iterator[LedgerDigest]:
    """Yield the digests of one location that were listed, by URI."""
    return ledger.digests.below(_folder(location, "CloudTrail-Digest"))


def logs_of(ledger: Ledger, location: Location) -> Mapping[str, FoundLog]:
    """Return the log files of one location that were read, by URI."""
    return {one.uri: found_log(one) for one in ledger.objects(_folder(location, "CloudTrail"))}


def found_log(one: LedgerObject) -> FoundLog:
    """Return what a ledger knows of one log file."""
    # The time of a file on a disk is that of the copy.
    delivered = one.last_modified if one.uri.startswith("s3://") else None
    problem = one.reason if one.status is ObjectStatus.PARTIAL else None
    return FoundLog(one.uri, delivered, one.content_sha256, problem)


def found_digest(one: LedgerDigest) -> FoundDigest:
    """Return the facts of one digest."""
    if one.status is DigestStatus.READ:
        return read_digest(StoredDigest(one.uri, one.bucket, one.stored, one.metadata))
    is_unread = one.status is DigestStatus.UNREAD
    return FoundDigest(one.uri, one.bucket, problem=one.problem, is_unreadable=not is_unread, is_unread=is_unread)


def _folder(location: Location, kind: str) -> str:
    return f"{location.root}{location.account}/{kind}/{location.region}/"
