"""A lost ledger made anew from the parts, which carry what they stand for.

Nothing is believed of the ledger that is there but the checksums of parts, and no row is lost: where parts do not agree
about an object, or some of its rows are missing, it is entered as unknown, and the next ingest replaces its rows.
"""

from __future__ import annotations

import shutil
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.compute as pc

from detector.errors import LakeError
from detector.lake.disk import disk_errors, fsync_folder
from detector.lake.duplicates import (
    CopySearch,
    CopyTask,
    days_to_search,
    events_of_several_days,
    find_copies_of_day,
    search_across_days,
)
from detector.lake.evidence import open_ledger
from detector.lake.footer import Footer
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.objects import LedgerObject, ObjectStatus
from detector.lake.lock import writer_lock
from detector.lake.part import Part
from detector.lake.part_files import crc32_of, read_footer, read_part, require_intact
from detector.lake.place import LakePlace, lake_at
from detector.lake.unlisted import part_files
from detector.lake_layout import DAMAGED_PREFIX, LEDGER, REPLACED_LEDGER, STAGING, PartKind
from detector.records.coverage import coverage_of
from detector.times import utc_now

_ROWS_OF_EVENTS = (PartKind.EVENTS, PartKind.COPIES)
_SPAN_COLUMNS = ("logFile", "recipientAccountId", "userIdentity", "awsRegion", "eventTime")
_UNKNOWN = "known by its rows only, since the ledger was made anew: it is to be read again"


@dataclass(frozen=True, slots=True)
class Repaired:
    """The outcome of a repair."""

    parts: int
    rows: int  # of events
    objects: int
    unknown: int  # of the objects, those whose rows the next ingest replaces
    damaged: list[Path]  # parts that cannot be read, under the names that they have now
    old_ledger: Path | None  # where it is kept


@dataclass(frozen=True, slots=True)
class _Found:
    """A part as it lies there."""

    part: Part
    footer: Footer  # empty when it says nothing


def repair(lake: Path | LakePlace) -> Repaired:
    """Make the ledger of a lake anew; safe to kill and to repeat.

    Raises:
        LakeBusy: a writer is at work.
        LakeError: there are no parts, or the disk refuses.
    """
    place = lake_at(lake)
    with place.repairing() as directory:
        if not any(part_files(directory)):
            raise LakeError(f"{place} holds no parts", hint="make a lake with: detector ingest SOURCE --lake DIR")
        return _repair(directory)


def _repair(directory: Path) -> Repaired:
    with writer_lock(directory), _staging(directory) as staging:
        damaged = list(_set_damaged_aside(directory))
        found = [_look_at(directory, path) for path in part_files(directory)]
        standing, done_with = _settle(found)
        events = [_as_events(directory, one) for one in standing if one.part.kind in _ROWS_OF_EVENTS]
        counts, events = _look_through(directory, events)
        objects = list(_objects((one.footer for one in standing), counts))
        duplicates = _find_duplicates(directory, staging, events)
        rejected = [one.part for one in standing if one.part.kind is PartKind.REJECTED]
        parts = [*events, *duplicates, *rejected]
        ledger = Ledger.open(staging, writable=True)
        ledger.commit(objects, parts, done_with)
        ledger.close()
        old_ledger = _replace_ledger(directory, staging / LEDGER)
    return Repaired(
        parts=len(parts),
        rows=sum(part.rows for part in events),
        objects=len(objects),
        unknown=sum(one.reason == _UNKNOWN for one in objects),
        damaged=damaged,
        old_ledger=old_ledger,
    )


def _set_damaged_aside(directory: Path) -> Iterator[Path]:
    """Rename the parts that cannot be read to names that are no part's, and yield these."""
    checksums = _checksums(directory)
    for path in part_files(directory):
        if PartKind(path.parts[0]) is PartKind.REJECTED:
            continue
        try:
            require_intact(directory / path)
            is_intact = checksums.get(path) in (None, crc32_of(directory / path))
        except LakeError:
            is_intact = False
        if not is_intact:
            aside = path.with_name(f"{DAMAGED_PREFIX}{path.name}")
            with disk_errors(directory / aside):
                (directory / path).rename(directory / aside)
            yield directory / aside


def _checksums(directory: Path) -> dict[Path, int | None]:
    """Return what the ledger knows of the bytes of parts, each of which has a name of its own for ever."""
    try:
        with open_ledger(directory) as ledger:
            return {part.path: part.crc32 for part in ledger.parts()}
    except LakeError:
        return {}


def _look_at(directory: Path, path: Path) -> _Found:
    kind = PartKind(path.parts[0])
    date = path.parent.name.removeprefix("event_date=") if len(path.parts) > 2 else ""
    size = (directory / path).stat().st_size
    if kind is PartKind.REJECTED:
        with (directory / path).open("rb") as lines:
            found = _Found(Part(kind, date, path.name, sum(1 for _ in lines), size), Footer())
    else:
        rows, said = read_footer(directory / path)
        footer = said or Footer()
        found = _Found(Part(kind, date, path.name, rows, size, footer.classified_by, footer.has_candidates), footer)
    if found.part.path != path:
        raise LakeError(f"{directory / path} is not where a part lies", hint="move it out of the lake, then repair")
    return found


def _settle(found: Sequence[_Found]) -> tuple[list[_Found], list[Part]]:
    """Return the parts that count, and those in whose place others were written, or that never got whole."""
    names = {one.part.name for one in found}
    seals = {seal for one in found if one.footer.rewriting for seal in one.footer.rewriting.seals}
    done_with: set[str] = set()
    for one in found:
        rewriting = one.footer.rewriting
        if rewriting is None:
            continue
        # Without the seal the rewriting was cut short, and what it was to replace is still there.
        if rewriting.id in seals or not names.issuperset(rewriting.replaces):
            done_with.update(rewriting.replaces)
        else:
            done_with.add(one.part.name)
    # What is hidden follows from the rows.
    done = [one.part for one in found if one.part.name in done_with or one.part.kind is PartKind.DUPLICATES]
    return [one for one in found if one.part not in done], done


def _as_events(directory: Path, found: _Found) -> Part:
    """Put rows that were set apart as copies back among the others: one of them may now be the one to show."""
    if found.part.kind is PartKind.EVENTS:
        return found.part
    part = replace(found.part, kind=PartKind.EVENTS, classified_by=None, has_candidates=True)
    target = directory / part.path
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        (directory / found.part.path).rename(target)
        fsync_folder(target.parent)
    return part


def _look_through(directory: Path, events: Iterable[Part]) -> tuple[Counter[str], list[Part]]:
    """Return how many rows each object has, and the parts with their coverage."""
    counts: Counter[str] = Counter()
    parts = []
    for part in events:
        rows = read_part(directory / part.path, _SPAN_COLUMNS)
        for count in pc.value_counts(rows.column("logFile")).to_pylist():
            counts[count["values"]] += count["counts"]
        parts.append(replace(part, coverage=coverage_of(rows), crc32=crc32_of(directory / part.path)))
    return counts, parts


def _objects(footers: Iterable[Footer], counts: Counter[str]) -> Iterator[LedgerObject]:
    """Yield the objects of a lake: as the parts have them where all rows are there, else as unknown."""
    said: defaultdict[str, set[LedgerObject]] = defaultdict(set)
    for footer in footers:
        for one in footer.objects:
            said[one.uri].add(one)
    for uri in sorted(said.keys() | counts.keys()):
        whole = [one for one in said[uri] if one.rows == counts[uri]]
        if len(said[uri]) == 1 and whole:
            yield whole[0]
        elif counts[uri]:
            yield _unknown(uri, counts[uri])


def _unknown(uri: str, rows: int) -> LedgerObject:
    """Return an object that no listing agrees with, so that it is read again and its rows are replaced."""
    return LedgerObject(uri, "", 0, None, b"", rows, rows, ObjectStatus.PARTIAL, _UNKNOWN)


def _find_duplicates(directory: Path, staging: Path, events: Sequence[Part]) -> list[Part]:
    """Find the further copies of events anew; return the parts that say which they are."""
    duplicates: list[Part] = []
    for search in days_to_search(events, {part.path for part in events}):
        duplicates += _search(search, directory, staging)
    if events_of_several_days(events):
        duplicates += _search(search_across_days([*events, *duplicates]), directory, staging)
    return duplicates


def _search(search: CopySearch, directory: Path, staging: Path) -> tuple[Part, ...]:
    """List the copies of a day; return the parts that do, in their places."""
    found = find_copies_of_day(CopyTask(search, directory, staging, f"part-{uuid.uuid4().hex}"))
    for part in found.parts:
        target = directory / part.path
        with disk_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            (staging / part.name).rename(target)
            fsync_folder(target.parent)
            fsync_folder(target.parent.parent)
    return found.parts


def _replace_ledger(directory: Path, new: Path) -> Path | None:
    """Put the new ledger in the place of the old one; return where the old one is kept."""
    path = directory / LEDGER
    kept = directory / f"{REPLACED_LEDGER}{utc_now():%Y%m%dT%H%M%S.%fZ}"
    with disk_errors(path):
        # SQLite would read a log that lies beside the new ledger as its own.
        for suffix in ("-wal", "-shm", ""):
            old = directory / f"{LEDGER}{suffix}"
            if old.exists() and old.stat().st_size:
                old.rename(f"{kept}{suffix}")
        new.rename(path)
        fsync_folder(directory)
    return kept if kept.exists() else None


@contextmanager
def _staging(directory: Path) -> Iterator[Path]:
    folder = directory / STAGING / uuid.uuid4().hex
    with disk_errors(folder):
        folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
