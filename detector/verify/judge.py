"""One location, from facts to verdicts: its chains, then its log files, then the time that is left. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Final

from detector.verify.chain import judge_chain
from detector.verify.digest import FoundDigest
from detector.verify.keys import KeyRing
from detector.verify.log_files import FoundLog, judge_logs
from detector.verify.place import Chain, DigestPlace, Location, parse_digest_uri, split_key
from detector.verify.verdicts import Absence, Asked, JudgedDigest, LocationVerdict
from detector.verify.windows import Windows, find_gaps, lies_elsewhere

_HOUR: Final = timedelta(hours=1)
EVERYTHING_WAS_LOOKED_FOR: Final = Absence()


def judge_location(
    location: Location,
    digests: Iterable[FoundDigest],
    logs: Mapping[str, FoundLog],
    keys: KeyRing,
    asked: Asked,
    absence: Absence = EVERYTHING_WAS_LOOKED_FOR,
    *,
    as_kept: bool = False,
) -> LocationVerdict:
    """Return what is to be thought of one account and region in one place.

    Args:
        location: of all digests and logs.
        digests: as they were found, also some before and after the time asked: they speak of their neighbours.
        logs: by URI, as they were found.
        keys: AWS's.
        asked: the time of delivery.
        absence: what can be said of objects that were not found.
        as_kept: the log files were chosen before, and no more digests will come: each is judged by these.
    """
    chains: defaultdict[Chain, list[tuple[FoundDigest, DigestPlace]]] = defaultdict(list)
    for digest in digests:
        if place := parse_digest_uri(digest.uri):
            chains[place.chain].append((digest, place))
    judged = [one for chain in sorted(chains) for one in judge_chain(chains[chain], keys, asked, absence)]
    windows = Windows.of(judged)
    judged_logs = judge_logs(location, judged, windows, logs, asked, absence, as_kept=as_kept)
    return LocationVerdict(
        location,
        tuple(one for one in judged if _is_in_scope(one, asked)),
        tuple(judged_logs),
        tuple(find_gaps(location, judged, windows, judged_logs, asked)),
        other_times=len(logs) - sum(one.uri in logs for one in judged_logs),
        covered=windows.together,
        copied_from=frozenset(_signed_places(judged)),
    )


def _signed_places(digests: Iterable[JudgedDigest]) -> Iterator[str]:
    """Yield where AWS put genuine digests that lie elsewhere now."""
    for digest in digests:
        if digest.is_genuine and digest.content is not None and lies_elsewhere(digest):
            yield f"s3://{digest.content.bucket}/{split_key(digest.content.key)[0]}"


def _is_in_scope(digest: JudgedDigest, asked: Asked) -> bool:
    end = digest.place.end
    start = digest.content.start if digest.is_genuine and digest.content else end - _HOUR
    return asked.overlaps(start, end)
