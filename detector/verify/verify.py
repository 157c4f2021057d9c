"""Verify: from sources to verdicts, location by location, so that memory follows the largest and not their sum."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from detector.engines.engine import Engine
from detector.engines.local import LOCAL
from detector.scope import Scope
from detector.sources.evidence import EvidenceSource
from detector.sources.log_source import LogObject, Unreadable
from detector.verify.asking import AskKeys
from detector.verify.digest import MAX_DIGEST_BYTES, FoundDigest, StoredDigest, read_digest
from detector.verify.integrity import Integrity
from detector.verify.judge import judge_location
from detector.verify.listed import ListedObjects
from detector.verify.log_files import NOT_IN_LAKE, FoundLog, LakeLogs
from detector.verify.place import Location
from detector.verify.survey import KeySpans, Survey, survey
from detector.verify.verdicts import Absence, Asked
from detector.verify.worker import HashBatch, Hashed, hash_logs

_AT_ONCE: Final = 500


_Hashes = Callable[[Iterable[HashBatch]], Iterator[Hashed]]


def verify(
    sources: Sequence[EvidenceSource],
    scope: Scope,
    asked: Asked,
    ask_keys: AskKeys,
    *,
    lake: LakeLogs | None = None,
    jobs: int = 1,
    engine: Engine = LOCAL,
) -> Integrity:
    """Return what is to be thought of the digests and log files of sources.

    Args:
        sources: each judged by itself.
        scope: accounts and regions; its time is not looked at.
        asked: the time of delivery.
        ask_keys: answers for regions and spans of time.
        lake: takes the place of reading log files.
        jobs: so many batches of log files are hashed at a time, where there is no lake.
        engine: hashes them.

    Raises:
        SourceError: a source as a whole cannot be listed, or AWS refuses the credentials.
    """
    spans = KeySpans(asked)
    surveys = [survey(source, scope, asked, spans) for source in sources]
    keys = ask_keys(spans.to_ask()).ring()
    integrity = Integrity(asked, keys)
    hashes = partial(engine.run, hash_logs, jobs=jobs)
    for found in surveys:
        integrity.add_survey(found.unreadable, found.unplaced)
        absence = Absence(tuple(one.uri for one in found.unreadable), partial(_is_below, found.source.root))
        for location in found.locations:
            logs = _logs(found, location, lake, hashes)
            digests = _digests(found.source, found.digests[location])
            integrity.add(judge_location(location, digests, logs, keys, asked, absence))
    return integrity


def _is_below(root: str, uri: str) -> bool:
    return uri.startswith(root)


def _digests(source: EvidenceSource, listed: ListedObjects) -> Iterator[FoundDigest]:
    """Yield the facts of digests."""
    for batch in listed.batches(_AT_ONCE):
        yield from _read(source, batch)


def _read(source: EvidenceSource, listed: Sequence[LogObject]) -> Iterator[FoundDigest]:
    small = [one for one in listed if one.size_bytes <= MAX_DIGEST_BYTES]
    for one in listed:
        if one.size_bytes > MAX_DIGEST_BYTES:
            yield FoundDigest(one.uri, None, problem=f"larger than the cap of {MAX_DIGEST_BYTES:,} bytes")
    if not small:
        return
    for one, stored in source.digest_reader().read_with_metadata(small):
        if isinstance(stored, Unreadable):
            yield FoundDigest(one.uri, None, problem=stored.reason, is_unreadable=True)
        else:
            yield read_digest(StoredDigest(one.uri, stored.bucket, stored.content, stored.metadata))


def _logs(found: Survey, location: Location, lake: LakeLogs | None, hashes: _Hashes) -> dict[str, FoundLog]:
    listed = found.logs[location]
    if lake is None:
        return _hashed(found.source, listed, hashes)
    known = dict(lake(location))
    for one in listed:
        delivered = found.source.delivered(one)
        in_lake = known.get(one.uri)
        known[one.uri] = (
            FoundLog(one.uri, delivered, unread=NOT_IN_LAKE)
            if in_lake is None
            else FoundLog(one.uri, delivered, in_lake.sha256, in_lake.problem)
        )
    return known


def _hashed(source: EvidenceSource, listed: ListedObjects, hashes: _Hashes) -> dict[str, FoundLog]:
    delivered: dict[str, datetime | None] = {one.uri: source.delivered(one) for one in listed}
    logs = {uri: FoundLog(uri, moment, unread="not read") for uri, moment in delivered.items()}
    batches = (HashBatch(batch, source.reader()) for batch in listed.batches(_AT_ONCE))
    for hashed in hashes(batches):
        if hashed.stopped_by:
            raise hashed.stopped_by
        for uri, sha256, problem in hashed.hashes:
            logs[uri] = FoundLog(uri, delivered[uri], sha256, problem)
        for failure in hashed.failures:
            logs[failure.uri] = FoundLog(failure.uri, delivered[failure.uri], unread=failure.reason)
    return logs
