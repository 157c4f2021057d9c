"""From a listing to batches of objects to read; everything that is not to be read is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import accumulate, takewhile
from typing import TypeVar

from detector.engines.engine import Engine
from detector.engines.local import LOCAL
from detector.errors import DetectorError
from detector.reasons import Reason
from detector.run_report import RunReport
from detector.sources.keys import parse_folder, parse_key
from detector.sources.log_source import LeftOut, Listed, LogObject, Skipped, Unreadable
from detector.sources.reading import Reading

Batch = TypeVar("Batch")
Result = TypeVar("Result", bound=Reading)
_BATCH_BYTES = 16 << 20  # as stored; about ten times that in memory
_BATCH_OBJECTS = 2_000
_WAITING = 4  # batches: from so many the next one is chosen, so that it is of few days
_FIRST_SHARE = 4  # the first batches are so many times smaller: no worker waits for a long listing
_LAST_PIECES = 2  # for each worker: into so many what is left is cut at the end, before each piece anew
_SMALL_BYTES, _SMALL_OBJECTS = 1 << 20, 500  # starting a worker takes longer than reading so little


def log_objects(listing: Iterable[Listed], report: RunReport) -> Iterator[LogObject]:
    """Yield the log objects of a listing; count the rest."""
    for entry in listing:
        match entry:
            case LogObject() if is_empty(entry.uri, entry.size_bytes):
                report.listed += 1
                report.skip(entry.uri, Reason.EMPTY_FILE.of())
            case LogObject():
                report.listed += 1
                yield entry
            case Skipped():
                report.listed += 1
                report.skip(entry.uri, entry.reason)
            case LeftOut():
                report.leave_out(entry)
            case Unreadable():
                report.unreadable_prefixes.append(entry)
    report.sources_listed += 1


def is_empty(uri: str, size_bytes: int | None) -> bool:
    """Tell whether there is nothing to read; under a trail's own name that would be a failure."""
    return size_bytes == 0 and parse_key(uri).kind is None


def in_batches(objects: Iterable[LogObject], *, jobs: int) -> Iterator[tuple[LogObject, ...]]:
    """Yield the objects in batches of a bounded size: small ones first, and smaller and smaller ones at the end.

    Large batches of few days make few parts; the last ones are small, so that all workers end at about the same time.
    """
    waiting: list[LogObject] = []
    size_bytes = given = 0
    try:
        for one in objects:
            waiting.append(one)
            size_bytes += one.size_bytes
            share = _share(given, jobs)
            if size_bytes >= _BATCH_BYTES * share or len(waiting) >= _BATCH_OBJECTS * share:
                waiting.sort(key=_day)
                batch = _first_of(waiting)
                waiting = waiting[len(batch) :]
                size_bytes -= sum(one.size_bytes for one in batch)
                given += 1
                yield batch
    except DetectorError:
        yield from _shared_out(waiting, jobs)  # that the listing broke off is no reason not to read what it gave
        raise
    yield from _shared_out(waiting, jobs)


def _share(given: int, jobs: int) -> float:
    """Return how many batches' worth must wait before the next one is given out."""
    if jobs == 1:
        return 1
    # What is held back is shared out should it be the last.
    return _WAITING if given >= jobs else 1 / _FIRST_SHARE


def _day(one: LogObject) -> date:
    """Return the day that an object was delivered on; regions are listed one after the other, each with all days."""
    return parse_folder(one.uri.rpartition("/")[0]).first_day or date.min


def _first_of(
    waiting: Sequence[LogObject], most_bytes: float = _BATCH_BYTES, most_objects: float = _BATCH_OBJECTS
) -> tuple[LogObject, ...]:
    """Return as many of the objects as make a batch; at least one."""
    sizes = accumulate(one.size_bytes for one in waiting)
    full = next((count for count, size in enumerate(sizes, 1) if size >= most_bytes or count >= most_objects), None)
    return tuple(waiting[:full])


def _shared_out(waiting: Sequence[LogObject], jobs: int) -> Iterator[tuple[LogObject, ...]]:
    """Yield the objects by day, in pieces that become smaller and smaller: all workers end at about the same time."""
    left = sorted(waiting, key=_day)
    left_bytes = sum(one.size_bytes for one in left)
    pieces = jobs * _LAST_PIECES if jobs > 1 else 1
    while left:
        most_bytes = min(max(left_bytes / pieces, _SMALL_BYTES), _BATCH_BYTES)
        most_objects = min(max(len(left) / pieces, _SMALL_OBJECTS), _BATCH_OBJECTS)
        piece = _first_of(left, most_bytes, most_objects)
        left = left[len(piece) :]
        left_bytes -= sum(one.size_bytes for one in piece)
        yield piece


def run_batches(
    work: Callable[[Batch], Result], batches: Iterable[Batch], *, jobs: int, engine: Engine = LOCAL
) -> Iterator[Result]:
    """Yield what comes of each batch, in any order.

    When the listing fails, or AWS has refused the credentials in the middle of a batch, no other batch is begun; what
    is under way is yielded, and then the first of these errors is raised.

    Args:
        work: a function of a module.
        batches: made while the work goes on.
        jobs: so many batches at a time.
        engine: where the work is done.

    Raises:
        DetectorError: as above, or what `work` raises.
    """
    errors: list[DetectorError] = []

    def until_error() -> Iterator[Batch]:
        try:
            yield from takewhile(lambda _: not errors, batches)
        except DetectorError as error:
            errors.append(error)

    for result in engine.run(work, until_error(), jobs=jobs):
        yield result
        if result.stopped_by is not None:
            errors.append(result.stopped_by)
    if errors:
        raise errors[0]
