"""The objects of a bag as facts, and the verdicts that follow, for whoever makes a bag and whoever checks it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from detector.bundle.entry import Entry, Held, Kind
from detector.reasons import Reason
from detector.sources.log_source import LeftOut
from detector.verify.digest import FoundDigest, StoredDigest, read_digest
from detector.verify.integrity import Integrity
from detector.verify.judge import judge_location
from detector.verify.keys import KeyRing
from detector.verify.log_files import FoundLog
from detector.verify.place import Location, location_of, parse_digest_uri
from detector.verify.verdicts import Absence, Asked, JudgedDigest, JudgedLog
from detector.verify.worker import content_hash

NOT_IN_BAG: Final = "not in the bag"


class Contents(StrEnum):
    """What a bag is meant to hold."""

    ALERTS = "alerts"  # the log files that alerts name, and the digests from there on
    ALL = "all"  # everything in scope


@dataclass(slots=True)
class Judged:
    """The verdicts on a bag."""

    integrity: Integrity
    digests: dict[str, JudgedDigest] = field(default_factory=dict)  # by URI
    logs: dict[str, JudgedLog] = field(default_factory=dict)


@dataclass(slots=True)
class Facts:
    """The objects of a bag, as they were found."""

    digests: defaultdict[Location, list[FoundDigest]] = field(default_factory=lambda: defaultdict(list))
    logs: defaultdict[Location, dict[str, FoundLog]] = field(default_factory=lambda: defaultdict(dict))
    absent: set[str] = field(default_factory=set)
    unplaced: list[LeftOut] = field(default_factory=list)

    @property
    def digest_uris(self) -> list[str]:
        """The digests, in no order."""
        return [one.uri for found in self.digests.values() for one in found]

    def add(self, entry: Entry, stored: bytes | None) -> str | None:
        """Add one object; return the hash of what it holds, in hex, None when that is not known.

        Args:
            entry: describes it.
            stored: its bytes; None: they are not there.
        """
        location = location_of(entry.uri)
        if entry.held is Held.ABSENT:
            self.absent.add(entry.uri)
            if location is not None:
                self.logs.setdefault(location, {})
            return None
        if location is None or (entry.kind is Kind.DIGEST and parse_digest_uri(entry.uri) is None):
            self.unplaced.append(LeftOut(entry.uri, Reason.UNPLACED.of()))
            return None if stored is None else _hex(content_hash(stored)[0])
        if entry.kind is Kind.DIGEST:
            digest = _digest(entry, stored)
            self.digests[location].append(digest)
            return digest.content.sha256.hex() if digest.content else None
        log = _log(entry, stored)
        self.logs[location][entry.uri] = log
        return _hex(log.sha256)

    def judge(self, contents: Contents, asked: Asked, keys: KeyRing) -> Judged:
        """Return the verdicts.

        Args:
            contents: in a bag of what alerts name, other log files and other times are not asked about.
            asked: the time of delivery.
            keys: AWS's.
        """
        is_all = contents is Contents.ALL
        judged = Judged(Integrity(asked, keys, counts_gaps=is_all))
        judged.integrity.add_survey((), sorted(self.unplaced, key=lambda one: one.uri))
        absence = Absence(is_certain=self.absent.__contains__, otherwise=NOT_IN_BAG)
        for location in sorted({*self.digests, *self.logs}):
            logs = self.logs[location]
            verdict = judge_location(location, self.digests[location], logs, keys, asked, absence, as_kept=True)
            if not is_all:
                named = tuple(one for one in verdict.logs if one.uri in logs or one.uri in self.absent)
                verdict = replace(verdict, logs=named)
            judged.integrity.add(verdict)
            judged.digests.update((one.uri, one) for one in verdict.digests)
            judged.logs.update((one.uri, one) for one in verdict.logs)
        return judged


def _digest(entry: Entry, stored: bytes | None) -> FoundDigest:
    if stored is None:
        is_unread = entry.held is Held.UNREAD
        reason = entry.reason or NOT_IN_BAG
        return FoundDigest(entry.uri, entry.bucket, problem=reason, is_unreadable=not is_unread, is_unread=is_unread)
    return read_digest(StoredDigest(entry.uri, entry.bucket, stored, entry.metadata))


def _log(entry: Entry, stored: bytes | None) -> FoundLog:
    # The time of a file on a disk is that of the copy.
    delivered = entry.last_modified if entry.uri.startswith("s3://") else None
    if stored is None:
        return FoundLog(entry.uri, delivered, unread=entry.reason or NOT_IN_BAG)
    return FoundLog(entry.uri, delivered, *content_hash(stored))


def _hex(sha256: bytes | None) -> str | None:
    return None if sha256 is None else sha256.hex()
