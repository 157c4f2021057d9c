"""From a listing to batches of objects to read; everything that is not to be read is counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from detector.report import RunReport
from detector.sources.keys import parse_key
from detector.sources.log_source import LeftOut, Listed, LogObject, Skipped, Unreadable

_BATCH_BYTES = 8 << 20  # as stored; about ten times that in memory
_BATCH_OBJECTS = 500


def log_objects(listing: Iterable[Listed], report: RunReport) -> Iterator[LogObject]:
    """Yield the log objects of a listing; count the rest."""
    for entry in listing:
        match entry:
            case LogObject() if entry.size_bytes == 0 and parse_key(entry.uri).kind is None:
                report.listed += 1
                report.skip("empty file")  # under a trail's own name it would be a failure
            case LogObject():
                report.listed += 1
                yield entry
            case Skipped():
                report.listed += 1
                report.skip(entry.reason)
            case LeftOut():
                report.left_out.append(entry)
            case Unreadable():
                report.unreadable_prefixes.append(entry)


def in_batches(objects: Iterable[LogObject]) -> Iterator[tuple[LogObject, ...]]:
    """Yield the objects in batches of a bounded size, as soon as each is full."""
    batch: list[LogObject] = []
    size_bytes = 0
    for log_object in objects:
        batch.append(log_object)
        size_bytes += log_object.size_bytes
        if size_bytes >= _BATCH_BYTES or len(batch) >= _BATCH_OBJECTS:
            yield tuple(batch)
            batch, size_bytes = [], 0
    if batch:
        yield tuple(batch)
