"""Log files against the digests of their location: facts to verdicts. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from detector.verify.digest import DigestContent, ListedLogFile
from detector.verify.place import ROUNDED, Location, fits_its_folder, named_minute, split_key
from detector.verify.verdicts import SETTLE, Absence, Asked, JudgedDigest, JudgedLog, LogVerdict
from detector.verify.windows import Windows

_HOUR: Final = timedelta(hours=1)
NOT_IN_LAKE: Final = "not in the lake"


@dataclass(frozen=True, slots=True)
class FoundLog:
    """One log file as it lies in a source or was read into a lake: facts, not verdicts."""

    uri: str
    delivered: datetime | None  # when S3 took it; None: a local copy does not say
    sha256: bytes | None = None  # of the inflated bytes; None: not read whole
    problem: str | None = None  # what is wrong with it as a file
    unread: str | None = None  # why it was not read at all


LakeLogs = Callable[[Location], Mapping[str, FoundLog]]  # what a lake has read of one location, by URI


@dataclass(frozen=True, slots=True)
class _Listing:
    """One log file as a verified digest lists it."""

    entry: ListedLogFile
    digest: JudgedDigest
    is_elsewhere: bool  # AWS put it into another bucket or below another prefix than the digest


def judge_logs(
    location: Location,
    digests: Sequence[JudgedDigest],
    windows: Windows,
    logs: Mapping[str, FoundLog],
    asked: Asked,
    absence: Absence,
    *,
    as_kept: bool = False,
) -> list[JudgedLog]:
    """Return the verdict on each log file of one location that was asked about, there or listed, by URI.

    Left out are those that verified digests of another time list, and those that nothing dates into the time asked.

    Args:
        location: where they lie.
        digests: all of the location, judged.
        windows: that they cover.
        logs: by URI.
        asked: the time of delivery.
        absence: what can be said of those that were not found.
        as_kept: each that was found was asked about, and waits for no digest.
    """
    listed = _listed(location, digests)
    judged = [
        one
        for uri, listings in listed.items()
        if (one := _judge_listed(uri, location, listings, logs.get(uri), asked, absence, as_kept=as_kept)) is not None
    ]
    unverified = [digest for digest in digests if not digest.is_genuine]
    judged += (
        _judge_other(log, location, unverified, windows, None if as_kept else asked.now)
        for uri, log in logs.items()
        if uri not in listed and (as_kept or not _is_of_another_time(log, asked))
    )
    return sorted(judged, key=lambda one: one.uri)


def _listed(location: Location, digests: Iterable[JudgedDigest]) -> dict[str, list[_Listing]]:
    listed: defaultdict[str, list[_Listing]] = defaultdict(list)
    for digest in digests:
        if digest.is_genuine and digest.content is not None and digest.content.log_files:
            signed_root, _ = split_key(digest.content.key)
            for entry in digest.content.log_files:
                root, tail = split_key(entry.key)
                is_elsewhere = (entry.bucket, root) != (digest.content.bucket, signed_root)
                uri = f"s3://{entry.bucket}/{entry.key}" if is_elsewhere else location.root + tail
                listed[uri].append(_Listing(entry, digest, is_elsewhere))
    return listed


def _judge_listed(
    uri: str,
    location: Location,
    listings: Sequence[_Listing],
    log: FoundLog | None,
    asked: Asked,
    absence: Absence,
    *,
    as_kept: bool,
) -> JudgedLog | None:
    in_scope = [one for one in listings if one.digest.content and _is_in_scope(one.digest.content, asked)]
    if as_kept and log is not None:
        in_scope = in_scope or list(listings)
    if not in_scope:
        return None
    first = in_scope[0]

    def judged(verdict: LogVerdict, reason: str = "") -> JudgedLog:
        return JudgedLog(
            uri,
            location,
            verdict,
            reason,
            digest=first.digest.uri,
            signed_sha256=first.entry.sha256,
            found_sha256=log.sha256 if log else None,
            delivered=log.delivered if log else None,
        )

    if log is None:
        if first.is_elsewhere:
            return judged(LogVerdict.UNREADABLE, "delivered to another place, which is not among the sources")
        if uri.startswith(absence.denied):
            return judged(LogVerdict.UNREADABLE, "its folder cannot be listed")
        if first.digest.content and first.digest.content.end > asked.now:
            return judged(LogVerdict.PENDING, "delivered while the log files were listed")
        if not absence.is_certain(uri):
            return judged(LogVerdict.UNREADABLE, absence.otherwise)
        return judged(LogVerdict.MISSING, f"listed by the digest of {first.digest.place.end:%Y-%m-%dT%H:%M:%SZ}")
    if log.unread is not None:
        return judged(LogVerdict.UNREADABLE, log.unread)
    signed = {one.entry.sha256 for one in listings}
    if log.sha256 is not None and log.sha256 in signed:
        return judged(LogVerdict.VERIFIED, log.problem or "")
    if None in signed:
        return judged(LogVerdict.UNATTESTED, "its digest has a hash of a kind that is not known here")
    return judged(LogVerdict.ALTERED, log.problem or "")


def _judge_other(
    log: FoundLog, location: Location, unverified: Sequence[JudgedDigest], windows: Windows, now: datetime | None
) -> JudgedLog:
    """Judge a log file that no verified digest lists; without a moment, none is awaited."""

    def judged(verdict: LogVerdict, reason: str) -> JudgedLog:
        return JudgedLog(log.uri, location, verdict, reason, found_sha256=log.sha256, delivered=log.delivered)

    if now is not None and windows.newest is not None and _is_young(log, windows.newest, now):
        return judged(LogVerdict.PENDING, "no digest is due yet")
    if log.delivered is None:
        return judged(LogVerdict.UNATTESTED, "in no verified digest; a copy does not say when it was delivered")
    if not windows.covers(log.delivered):
        return judged(LogVerdict.UNATTESTED, "no verified digest covers its delivery")
    if windows.has_hole(log.delivered) or any(_could_list(one, log.delivered) for one in unverified):
        return judged(LogVerdict.UNATTESTED, "a digest that could list it is not verified")
    if windows.is_copy:
        return judged(LogVerdict.UNATTESTED, "in no verified digest; a copy does not say when it was delivered")
    return judged(LogVerdict.UNLISTED, "in no digest, though verified digests cover its delivery")


def _could_list(digest: JudgedDigest, delivered: datetime) -> bool:
    """Tell whether an unverified digest is of the hour of a delivery; what it says itself counts for nothing."""
    return digest.place.end - _HOUR <= delivered < digest.place.end


def _is_in_scope(content: DigestContent, asked: Asked) -> bool:
    return asked.overlaps(content.start, content.end)


def _is_of_another_time(log: FoundLog, asked: Asked) -> bool:
    """Tell whether the folder, the name and S3 agree that a log file was delivered at a time that was not asked about.

    Whoever puts a file there chooses its folder and its name, and in a copy the time of delivery too.
    """
    minute = named_minute(log.uri)
    if minute is None or not fits_its_folder(log.uri):
        return False
    return not asked.holds(minute) and (log.delivered is None or not asked.holds(log.delivered))


def _is_young(log: FoundLog, newest: datetime, now: datetime) -> bool:
    """Tell whether the name and S3 agree that a log file is younger than the newest digest, and none is due yet."""
    minute = named_minute(log.uri)
    if minute is None or minute < newest - ROUNDED or (log.delivered is not None and log.delivered < newest):
        return False
    # A copy may say what it likes: that the file comes from the future, too.
    return all(-ROUNDED <= now - moment < SETTLE for moment in (minute, log.delivered or minute))
