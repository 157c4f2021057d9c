"""The time that verified digests cover, and what it does not. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from detector.verify.place import Chain, Location, named_minute
from detector.verify.verdicts import SETTLE, Asked, DigestGap, DigestVerdict, GapKind, JudgedDigest, JudgedLog

# Digests that name each other meet at the second; so short a hole between them is none.
_SEAM: Final = timedelta(minutes=1)
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Windows:
    """The stretches of time that verified digests cover: of all chains together, and of each."""

    together: tuple[Span, ...]
    by_chain: tuple[tuple[Span, ...], ...]
    is_copy: bool = False  # the objects lie elsewhere than AWS put them

    @classmethod
    def of(cls, digests: Iterable[JudgedDigest]) -> Windows:
        """Return what the verified digests of one location cover; a backfill adds files, not time."""
        chains: defaultdict[Chain, list[Span]] = defaultdict(list)
        is_copy = False
        for digest in digests:
            if digest.is_genuine and digest.content is not None:
                is_copy = is_copy or lies_elsewhere(digest)
                if not digest.place.is_backfill:
                    chains[digest.place.chain].append((digest.content.start, digest.content.end))
        spans = [span for of_chain in chains.values() for span in of_chain]
        return cls(_merged(spans), tuple(_merged(of_chain) for of_chain in chains.values()), is_copy)

    @property
    def newest(self) -> datetime | None:
        """The end of the newest verified digest."""
        return self.together[-1][1] if self.together else None

    def covers(self, moment: datetime) -> bool:
        """Tell whether any chain covers a moment."""
        return any(start <= moment < end for start, end in self.together)

    def has_hole(self, moment: datetime) -> bool:
        """Tell whether a moment lies within a chain that does not cover it: its trail may have delivered then."""
        return any(
            spans[0][0] <= moment < spans[-1][1] and not any(start <= moment < end for start, end in spans)
            for spans in self.by_chain
        )


def lies_elsewhere(digest: JudgedDigest) -> bool:
    """Tell whether a digest lies in another place than AWS put it: replicated, copied, downloaded."""
    if digest.content is None:
        return False
    return digest.uri != f"s3://{digest.content.bucket}/{digest.content.key}" and digest.bucket != digest.content.bucket


def find_gaps(
    location: Location, digests: Sequence[JudgedDigest], windows: Windows, logs: Sequence[JudgedLog], asked: Asked
) -> Iterator[DigestGap]:
    """Yield the stretches of the time asked that no verified digest covers, oldest first.

    Without a beginning asked for, it is that of the first verified digest or log file. There is always an end: nothing
    points to the end of a chain, so that a chain cut short shows only against the time that was asked.
    """
    moments = [moment for log in logs if (moment := log.delivered or named_minute(log.uri))]
    firsts = [*moments, *(start for start, _ in windows.together), *(one.place.end for one in digests)]
    begin = asked.since or min(firsts, default=None)
    if begin is None:
        return
    reach = begin
    for start, end in [*windows.together, (asked.until, asked.until)]:
        start = min(start, asked.until)
        if start > reach:
            kind = _kind(reach, start, begin, digests, asked)
            yield DigestGap(location, reach, start, kind, sum(reach <= moment < start for moment in moments))
        reach = max(reach, end)


def _kind(start: datetime, end: datetime, begin: datetime, digests: Sequence[JudgedDigest], asked: Asked) -> GapKind:
    if not digests:
        return GapKind.NONE
    if end >= asked.until and asked.now - start <= SETTLE:
        return GapKind.PENDING
    inside = {one.verdict for one in digests if not one.is_genuine and start < one.place.end <= end}
    if inside:
        return GapKind.MISSING if inside == {DigestVerdict.MISSING} else GapKind.NOT_VERIFIED
    follows = [one.content for one in digests if one.is_genuine and one.content and one.content.start == end]
    if start == begin and follows:
        return GapKind.BEFORE
    if follows and all(content.previous is None for content in follows):
        return GapKind.RESTARTED
    return GapKind.MISSING if follows else GapKind.AFTER


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans in order, those that meet or overlap made one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start - merged[-1][1] <= _SEAM:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)
