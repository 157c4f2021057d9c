"""The verdicts on digests, log files and stretches of time, and what a command or a report says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from detector.verify.digest import DigestContent
from detector.verify.place import DigestPlace, Location

# A digest is written every hour, some minutes after its end: nothing can be asked of a younger hour.
SETTLE: Final = timedelta(hours=2)


class DigestVerdict(StrEnum):
    """The verdict on one digest."""

    VERIFIED = "verified"
    VERIFIED_BY_SUCCESSOR = "verified-by-successor"  # its metadata is lost; the next digest repeats its signature
    METADATA_ALTERED = "metadata-altered"  # genuine by the successor's word; the signature in its metadata is not its
    FORGED = "forged"  # no signature fits
    UNKNOWN_KEY = "unknown-key"  # AWS lists no such key in the region, or not for that time
    MISPLACED = "misplaced"  # it says that it lies elsewhere
    BROKEN_LINK = "broken-link"  # signed, but the next digest names another one in its place
    UNSIGNED = "unsigned"  # no metadata, and no next digest
    MISSING = "missing"  # named by the next digest, and not there
    MALFORMED = "malformed"
    UNREADABLE = "unreadable"
    UNCHECKED = "unchecked"  # there are no keys to check it with, or it is of a kind that is not known here
    UNREAD = "unread"  # of an hour without log files, where only what is there was to be verified


GENUINE: Final = frozenset(
    {DigestVerdict.VERIFIED, DigestVerdict.VERIFIED_BY_SUCCESSOR, DigestVerdict.METADATA_ALTERED}
)
_UNPROVEN_DIGESTS: Final = frozenset({DigestVerdict.UNSIGNED, DigestVerdict.UNREADABLE, DigestVerdict.UNCHECKED})
_NO_DAMAGE: Final = _UNPROVEN_DIGESTS | {
    DigestVerdict.VERIFIED,
    DigestVerdict.VERIFIED_BY_SUCCESSOR,
    DigestVerdict.UNREAD,
}


class LogVerdict(StrEnum):
    """The verdict on one log file."""

    VERIFIED = "verified"
    ALTERED = "altered"  # listed with another content
    MISSING = "missing"  # listed, and not there
    UNLISTED = "unlisted"  # there, in no digest, though verified digests cover its delivery
    UNATTESTED = "unattested"  # no verified digest covers its delivery
    PENDING = "pending"  # younger than the newest digest, and not for long
    UNREADABLE = "unreadable"


_DAMAGED_LOGS: Final = frozenset({LogVerdict.ALTERED, LogVerdict.MISSING, LogVerdict.UNLISTED})
_UNPROVEN_LOGS: Final = frozenset({LogVerdict.UNATTESTED, LogVerdict.UNREADABLE})


class GapKind(StrEnum):
    """The reason why no verified digest covers a stretch of time."""

    RESTARTED = "restarted"  # what follows is a starting digest: validation or logging was off
    MISSING = "missing digests"  # between two verified digests
    NOT_VERIFIED = "digests not verified"
    BEFORE = "before the first digest"
    AFTER = "after the newest digest"
    NONE = "no digests"
    PENDING = "pending"  # no digest is due yet


@dataclass(frozen=True, slots=True)
class JudgedDigest:
    """One digest, there or named, and what is to be thought of it."""

    uri: str
    place: DigestPlace
    verdict: DigestVerdict
    reason: str = ""
    content: DigestContent | None = None
    bucket: str | None = None  # in which it lies

    @property
    def is_genuine(self) -> bool:
        """True when what it says is AWS's word."""
        return self.verdict in GENUINE

    @property
    def is_damage(self) -> bool:
        """True when somebody changed what AWS wrote."""
        return self.verdict not in _NO_DAMAGE

    @property
    def is_unproven(self) -> bool:
        """True when nothing is known against it, and nothing for it."""
        return self.verdict in _UNPROVEN_DIGESTS


@dataclass(frozen=True, slots=True)
class JudgedLog:
    """One log file, there or listed, and what is to be thought of it."""

    uri: str
    location: Location
    verdict: LogVerdict
    reason: str = ""
    digest: str | None = None  # that lists it
    signed_sha256: bytes | None = None
    found_sha256: bytes | None = None
    delivered: datetime | None = None

    @property
    def is_damage(self) -> bool:
        """True when it is not what AWS delivered."""
        return self.verdict in _DAMAGED_LOGS

    @property
    def is_unproven(self) -> bool:
        """True when nothing is known against it, and nothing for it."""
        return self.verdict in _UNPROVEN_LOGS


@dataclass(frozen=True, slots=True)
class DigestGap:
    """A stretch of time that no verified digest covers."""

    location: Location
    start: datetime
    end: datetime
    kind: GapKind
    log_files: int = 0  # delivered in it

    @property
    def is_unproven(self) -> bool:
        """True when a digest could have covered it by now."""
        return self.kind is not GapKind.PENDING


@dataclass(frozen=True, slots=True)
class Asked:
    """The time that was asked for, and the moment of asking."""

    since: datetime | None
    until: datetime  # not after `now`
    now: datetime  # before anything was listed

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Tell whether a stretch of time reaches into what was asked."""
        return start < self.until and (self.since is None or end > self.since)

    def holds(self, moment: datetime) -> bool:
        """Tell whether a moment is in what was asked; who asks until now asks about what claims to be later too."""
        is_late = moment >= self.until and self.until < self.now
        return not is_late and (self.since is None or moment >= self.since)


@dataclass(frozen=True, slots=True)
class Absence:
    """What can be said of objects that were not found.

    Args:
        denied: URIs of folders and objects that cannot be listed.
        is_certain: tells of a URI whether it was looked for and was not there.
        otherwise: what is said of a log file when it was not.
    """

    denied: tuple[str, ...] = ()
    is_certain: Callable[[str], bool] = field(default=lambda _uri: True)
    otherwise: str = "it was not looked for: name a source that holds digests and log files"


@dataclass(frozen=True, slots=True)
class LocationVerdict:
    """All that was found of one account and region in one place, judged."""

    location: Location
    digests: tuple[JudgedDigest, ...]
    logs: tuple[JudgedLog, ...]
    gaps: tuple[DigestGap, ...]
    other_times: int = 0  # log files there that were not asked about
    covered: tuple[tuple[datetime, datetime], ...] = ()  # by verified digests, in order, apart from each other
    copied_from: frozenset[str] = field(default_factory=frozenset)  # where AWS put it, when it lies elsewhere now
