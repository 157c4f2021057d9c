"""What verifying found, in words: one line a finding, and what it comes to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from detector.text import counted

if TYPE_CHECKING:
    from detector.verify.integrity import Context, Integrity
    from detector.verify.place import Location
    from detector.verify.verdicts import DigestGap, DigestVerdict, JudgedDigest, JudgedLog, LogVerdict

_GAPS = {
    "restarted": "validation restarted: it, or logging, was off",
    "missing digests": "digests are missing",
    "digests not verified": "its digests are not verified",
    "before the first digest": "before the first digest",
    "after the newest digest": "no digest since: deleted, or validation is off; for a copy, give --until",
    "no digests": "no digests: log file validation is off, or they were not copied",
    "pending": "no digest is due yet",
}
_ALONE = 3  # of one kind, so many are named each
_NAMED = 50  # of what is not proven; --format jsonl and --report name more


def finding_lines(integrity: Integrity) -> Iterator[str]:
    """Yield a line for each finding: what is damaged, then gaps, then what is not proven."""
    for one in integrity.damage:
        yield _damage_line(one) + _context(integrity.context(one))
    for gap in integrity.gaps:
        yield _gap_line(gap) + _context(integrity.context(gap))
    rest = list(_alike(integrity))
    rest += [f"unreadable  {one.uri}  {one.reason}" for one in integrity.unreadable]
    rest += [f"unplaced    {one.uri}  {one.reason}" for one in integrity.unplaced]
    rest += [f"absent      {one}  expected, and nothing is there" for one in integrity.absent]
    yield from rest[:_NAMED]
    if len(rest) > _NAMED:
        yield f"… and {len(rest) - _NAMED:,} more lines of what is not proven; --format jsonl names all of it"


def _alike(integrity: Integrity) -> Iterator[str]:
    """Yield lines for what is not proven: one for many of a place that are so for the same reason."""
    from detector.verify.place import named_minute
    from detector.verify.verdicts import DigestVerdict, LogVerdict

    digests: defaultdict[tuple[object, ...], list[JudgedDigest]] = defaultdict(list)
    for digest in integrity.digest_findings:
        if not digest.is_damage:
            digests[digest.verdict, digest.place.chain, digest.reason].append(digest)
    for alike_digests in digests.values():
        if len(alike_digests) <= _ALONE:
            yield from map(_digest_line, alike_digests)
            continue
        one, ends = alike_digests[0], [digest.place.end for digest in alike_digests]
        many = f"{len(ends):,} digests of {one.place.chain.trail},"
        yield _many_line(one.verdict, many, one.place.chain.location, (min(ends), max(ends)), one.reason)
    logs: defaultdict[tuple[object, ...], list[JudgedLog]] = defaultdict(list)
    for log in integrity.log_findings:
        if not log.is_damage:
            logs[log.verdict, log.location, log.reason].append(log)
    for alike_logs in logs.values():
        moments = [moment for log in alike_logs if (moment := log.delivered or named_minute(log.uri))]
        if len(alike_logs) <= _ALONE or len(moments) < len(alike_logs):
            yield from map(_log_line, alike_logs)
            continue
        first = alike_logs[0]
        many, span = f"{len(moments):,} log files of", (min(moments), max(moments))
        yield _many_line(first.verdict, many, first.location, span, first.reason)
    for count, named, what in (
        (
            sum(integrity.digests.values()) - integrity.digests[DigestVerdict.VERIFIED],
            integrity.digest_findings,
            "digests",
        ),
        (sum(integrity.logs.values()) - integrity.logs[LogVerdict.VERIFIED], integrity.log_findings, "log files"),
    ):
        if count > len(named):
            yield f"… and {count - len(named):,} more {what} that are not proven and not named"


def _many_line(verdict: str, many: str, location: Location, span: tuple[datetime, datetime], reason: str) -> str:
    start, end = (f"{moment:%Y-%m-%dT%H:%MZ}" for moment in span)
    where = f"{location.account} {location.region} below {location.root or '/'}"
    return f"{verdict:<10}  {many} {where}, {start} to {end}  {reason}".rstrip()


def integrity_lines(integrity: Integrity, most_damage: int = 10) -> Iterator[str]:
    """Yield the short form for a run report: counts, the first of what is damaged, and what it comes to."""
    lines = list(summary_lines(integrity))
    yield from lines[:2]
    damage = [_damage_line(one) for one in integrity.damage]
    yield from damage[:most_damage]
    if len(damage) > most_damage:
        yield f"… and {len(damage) - most_damage:,} more; --report FILE lists all"
    yield from lines[2:]


def summary_lines(integrity: Integrity) -> Iterator[str]:
    """Yield counts of digests, counts of log files, and what they come to."""
    yield from count_lines(integrity)
    yield from judgement_lines(integrity)


def count_lines(integrity: Integrity) -> Iterator[str]:
    """Yield counts of digests and of log files, the keys that could not be had, and where copies come from."""
    keys = f"{counted(len(integrity.keys.keys), 'key')} of {', '.join(integrity.keys.regions) or 'no region'}"
    yield (
        f"{counted(sum(integrity.digests.values()), 'digest')} of {counted(len(integrity.chains), 'chain')}"
        f"{_listed(integrity.digests)}; {keys}"
    )
    others = f"; {integrity.other_times:,} of other times, not asked about" if integrity.other_times else ""
    yield f"{counted(sum(integrity.logs.values()), 'log file')}{_listed(integrity.logs)}{others}"
    for region, reason in sorted(integrity.keys.refused.items()):
        yield f"no keys: {region}: {reason}"
    for place in sorted(integrity.copied_from):
        yield f"authentic as delivered to {place}, read from a copy"


def judgement_lines(integrity: Integrity) -> Iterator[str]:
    """Yield what it comes to; of what is signed and intact also what that does not prove."""
    yield _judgement(integrity)
    if integrity.judgement == "signed and intact":
        from detector.verify.integrity import NOT_PROVED

        yield f"this does not prove: {'; '.join(NOT_PROVED)}"


def _damage_line(one: JudgedDigest | JudgedLog) -> str:
    from detector.verify.verdicts import JudgedLog

    return _log_line(one) if isinstance(one, JudgedLog) else _digest_line(one)


def _context(context: Context) -> str:
    cause = f"; {context.cause}" if context.cause else ""
    if not context.events:
        return cause
    return f"{cause}; {counted(context.events, 'event')} and {counted(context.alerts or 0, 'alert')} rest on it"


def _judgement(integrity: Integrity) -> str:
    if integrity.is_damaged:
        differ = counted(len(integrity.damage), "object")
        return f"damaged: what AWS signed and what is there differ in {differ}"
    if integrity.is_unproven:
        gaps = [gap for gap in integrity.gaps if gap.is_unproven]
        hours = sum((gap.end - gap.start).total_seconds() for gap in gaps) / 3600
        uncovered = f"; no verified digest covers {hours:,.1f} hours in {counted(len(gaps), 'gap')}" if gaps else ""
        return f"not proven: that everything is there, and as AWS wrote it{uncovered}"
    if integrity.is_empty:
        return "nothing there: no digests and no log files in CloudTrail's own folders"
    accounts = len({location.account for location in integrity.locations})
    regions = len({location.region for location in integrity.locations})
    return (
        f"signed and intact: {counted(accounts, 'account')}, {counted(regions, 'region')}, until "
        f"{integrity.asked.until:%Y-%m-%dT%H:%M:%SZ}"
    )


def _listed(verdicts: Mapping[DigestVerdict, int] | Mapping[LogVerdict, int]) -> str:
    listed = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(verdicts.items(), key=lambda one: -one[1]))
    return f": {listed}" if listed else ""


def _digest_line(one: JudgedDigest) -> str:
    return f"{one.verdict:<10}  {one.uri}  {one.reason}".rstrip()


def _log_line(one: JudgedLog) -> str:
    reason = one.reason
    if one.verdict == "altered":
        found = one.found_sha256.hex()[:8] + "…" if one.found_sha256 else "nothing whole"
        reason = f"signed {(one.signed_sha256 or b'').hex()[:8]}…, found {found}" + (f" ({reason})" if reason else "")
    return f"{one.verdict:<10}  {one.uri}  {reason}".rstrip()


def _gap_line(gap: DigestGap) -> str:
    files = f"; {counted(gap.log_files, 'log file')} there" if gap.log_files else ""
    place = gap.location
    return (
        f"{'pending' if not gap.is_unproven else 'gap':<10}  {place.account} {place.region} "
        f"{gap.start:%Y-%m-%dT%H:%M:%SZ} to {gap.end:%Y-%m-%dT%H:%M:%SZ}  {_GAPS[gap.kind]}{files}"
    )
