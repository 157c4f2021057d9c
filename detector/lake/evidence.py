"""What a lake knows of log files that digests may list: the hash of each, from when its rows were read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from detector.errors import LakeError
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.objects import LedgerObject, ObjectStatus
from detector.lake_layout import LEDGER
from detector.verify.log_files import FoundLog
from detector.verify.place import Location
from detector.verify.verify import LakeFacts


@contextmanager
def open_lake_facts(directory: Path) -> Iterator[LakeFacts]:
    """Open the ledger of a lake, for as long as something is verified against it.

    Raises:
        LakeError: there is none.
    """
    if not (directory / LEDGER).exists():
        raise LakeError(f"{directory} has no {LEDGER}", hint="make a lake with: detector ingest SOURCE --lake DIR")
    ledger = Ledger.open(directory, writable=False)
    try:
        yield LakeFacts(lambda location: logs_of(ledger, location))
    finally:
        ledger.close()


def logs_of(ledger: Ledger, location: Location) -> Mapping[str, FoundLog]:
    """Return the log files of one location that were read, by URI."""
    folder = f"{location.root}{location.account}/CloudTrail/{location.region}/"
    return {one.uri: found_log(one) for one in ledger.objects(folder)}


def found_log(one: LedgerObject) -> FoundLog:
    """Return what a ledger knows of one log file."""
    # The time of a file on a disk is that of the copy.
    delivered = one.last_modified if one.uri.startswith("s3://") else None
    problem = one.reason if one.status is ObjectStatus.PARTIAL else None
    return FoundLog(one.uri, delivered, one.content_sha256, problem)
