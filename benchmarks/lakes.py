"""Lakes larger than anyone wants to ingest for a benchmark: copies of an ingested one, with new ids and days."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.generate import DAYS
from detector.lake.footer import Footer
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.objects import LedgerObject, ObjectStatus
from detector.lake.part import Part
from detector.lake.part_files import read_part, write_part
from detector.lake.writer import Staged, open_to_write
from detector.lake_layout import LEDGER, PartKind
from detector.scope import Scope
from detector.sources.local import open_local
from detector.sources.log_source import LogObject

_DATES: Final = re.compile(r"/(\d{4})/(\d\d)/(\d\d)/([^/]*_)(\d{8})T")


@dataclass(frozen=True, slots=True)
class _Copy:
    part: Part
    source: Path
    number: int
    staging: Path


def multiply(base: Path, target: Path, first: int, last: int, processes: int = 2) -> None:
    """Put the copies `first` to `last` (inclusive) of the lake `base` into the lake `target`, by the writer's rules.

    Copy 0 is `base` itself; copy n lies n fortnights later. Parts keep their rows, their order and their sizes.
    """
    ledger = Ledger.open(base, writable=False)
    try:
        parts = ledger.parts(PartKind.EVENTS)
        objects = list(ledger.objects())
    finally:
        ledger.close()
    with open_to_write(target) as writer, ExitStack() as stack:
        tasks = [
            _Copy(part, base / part.path, number, writer.staging) for number in range(first, last + 1) for part in parts
        ]
        made_parts: Iterator[Part] = map(_copy_part, tasks)
        if processes > 1:
            pool = stack.enter_context(ProcessPoolExecutor(processes, get_context("spawn")))
            made_parts = pool.map(_copy_part, tasks)
        copies = zip(tasks, made_parts, strict=True)
        for number, made in groupby(copies, lambda pair: pair[0].number):
            moved = tuple(replace(one, uri=_shift_name(one.uri, number)) for one in objects)
            writer.commit(Staged(moved, tuple(part for _, part in made)))


def clone(base: Path, target: Path) -> None:
    """Make a second lake of the same parts, without copying them: nobody changes a part in place."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(base, target, copy_function=_link_part, ignore=shutil.ignore_patterns("_tmp"))


def know_all(lake: Path, logs: Path) -> int:
    """Make the ledger know every log file below `logs`, as if ingested; return how many there are."""
    known = [_as_ledger_object(entry) for entry in open_local(logs).list(Scope()) if isinstance(entry, LogObject)]
    with open_to_write(lake) as writer:
        writer.ledger.commit(known, (), ())
    return len(known)


def _link_part(source: str, target: str) -> None:
    if Path(source).name.startswith(LEDGER):  # SQLite does write in place
        shutil.copy2(source, target)
    else:
        Path(target).hardlink_to(source)


def _as_ledger_object(entry: LogObject) -> LedgerObject:
    return LedgerObject(
        uri=entry.uri,
        etag=entry.etag,
        size_bytes=entry.size_bytes,
        last_modified=entry.last_modified,
        content_sha256=bytes(32),
        records=0,
        rows=0,
        status=ObjectStatus.INGESTED,
        reason=None,
    )


def _copy_part(copy: _Copy) -> Part:
    rows = read_part(copy.source)
    if copy.number:
        rows = _shift(rows, copy.number)
    day = date.fromisoformat(copy.part.event_date) + timedelta(days=DAYS * copy.number)
    stem = f"{copy.part.name.removesuffix('.parquet')}-{copy.number}"
    return write_part(rows, PartKind.EVENTS, day.isoformat(), copy.staging, stem, Footer())


def _shift(rows: pa.Table, number: int) -> pa.Table:
    """Return the rows some fortnights later, with ids that no other copy has."""

    def put(name: str, values: pa.ChunkedArray) -> None:
        nonlocal rows
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(place), values)

    for name in ("eventID", "eventKey"):
        put(name, pc.binary_replace_slice(rows.column(name), start=0, stop=2, replacement=f"{number:02x}"))
    put("eventTime", pc.add(rows.column("eventTime"), pa.scalar(timedelta(days=DAYS * number), pa.duration("us"))))
    files = rows.column("logFile").combine_chunks().dictionary_encode()
    names = pa.array([_shift_name(name, number) for name in files.dictionary.to_pylist()], pa.string())
    put("logFile", names.take(files.indices))
    return rows


def _shift_name(uri: str, number: int) -> str:
    def later(found: re.Match[str]) -> str:
        day = datetime(int(found[1]), int(found[2]), int(found[3])) + timedelta(days=DAYS * number)  # noqa: DTZ001
        return f"/{day:%Y/%m/%d}/{found[4]}{day:%Y%m%d}T"

    return _DATES.sub(later, uri)


def parts_of(lake: Path) -> Iterator[Path]:
    """Yield the files of events that a lake counts."""
    ledger = Ledger.open(lake, writable=False)
    try:
        yield from (lake / part.path for part in ledger.parts(PartKind.EVENTS))
    finally:
        ledger.close()
