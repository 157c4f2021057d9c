"""The time that verified digests cover, and what it does not. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Final

from detector.verify.digest import DigestContent
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
    moments = sorted(moment for log in logs if (moment := log.delivered or named_minute(log.uri)))
    firsts = [*moments[:1], *(start for start, _ in windows.together[:1]), *(one.place.end for one in digests)]
    begin = asked.since or min(firsts, default=None)
    if begin is None:
        return
    neighbours = _Neighbours(digests)
    reach = begin
    for start, end in [*windows.together, (asked.until, asked.until)]:
        start = min(start, asked.until)
        if start > reach:
            kind = neighbours.kind(reach, start, begin, asked)
            yield DigestGap(location, reach, start, kind, bisect_left(moments, start) - bisect_left(moments, reach))
        reach = max(reach, end)


class _Neighbours:
    """The digests of one location, found by time."""

    def __init__(self, digests: Sequence[JudgedDigest]) -> None:
        self._is_empty = not digests
        self._not_genuine = sorted((one.place.end, one.verdict) for one in digests if not one.is_genuine)
        self._starting: defaultdict[datetime, list[DigestContent]] = defaultdict(list)
        for one in digests:
            if one.is_genuine and one.content is not None:
                self._starting[one.content.start].append(one.content)

    def kind(self, start: datetime, end: datetime, begin: datetime, asked: Asked) -> GapKind:
        """Return why no digest covers a stretch of time.

        Args:
            start: of the stretch.
            end: of it.
            begin: of all the time.
            asked: the time that was asked for.
        """
        if self._is_empty:
            return GapKind.NONE
        if end >= asked.until and asked.now - start <= SETTLE:
            return GapKind.PENDING
        first, last = (bisect_right(self._not_genuine, moment, key=itemgetter(0)) for moment in (start, end))
        inside = {verdict for _, verdict in self._not_genuine[first:last]}
        if inside:
            return GapKind.MISSING if inside == {DigestVerdict.MISSING} else GapKind.NOT_VERIFIED
        follows = self._starting.get(end, ())
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
