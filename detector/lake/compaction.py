"""Compaction: the many small parts of a day become few, with what detection looks at in parts of its own.

Nothing is lost by it. Rows that are further copies of an event go to COPIES parts: should the log object of the row
that is shown be replaced, one of them may have to be shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from detector.lake.duplicates import open_duckdb
from detector.lake.footer import Footer, rewritten_footers
from detector.lake.part import Part
from detector.lake.part_files import DUPLICATES, damage, read_footer, write_part
from detector.lake.relations import create_view
from detector.lake_layout import PartKind
from detector.records.schema import EVENTS

if TYPE_CHECKING:
    import duckdb

_SMALL_ROWS = 50_000  # larger parts are left alone
_PART_ROWS = 500_000  # and none is made larger than this
_READ_ROWS = 100_000
_ORDER = "ORDER BY recipientAccountId, awsRegion, eventTime, logFile, logFileIndex"
_REST = f"""
FROM parts ANTI JOIN duplicates USING (logFile, logFileIndex) ANTI JOIN wanted_rows USING (logFile, logFileIndex)
{_ORDER}
"""
_COPIES = f"FROM parts SEMI JOIN duplicates USING (logFile, logFileIndex) {_ORDER}"


@dataclass(frozen=True, slots=True)
class Candidates:
    """The definition of the events that detection looks at."""

    digest: str  # of the definition
    sql: str  # creates `wanted_rows` from the relations `parts` and `duplicates`


@dataclass(frozen=True, slots=True)
class Day:
    """Parts of one day to put together; picklable."""

    event_date: str
    events: tuple[Part, ...]
    duplicates: tuple[Part, ...]

    @property
    def parts(self) -> tuple[Part, ...]:
        """All of them."""
        return self.events + self.duplicates


@dataclass(frozen=True, slots=True)
class Compaction:
    """One day's work; picklable."""

    day: Day
    lake: Path
    staging: Path
    stem: str
    candidates: Candidates

    @property
    def reads(self) -> tuple[Part, ...]:
        """The parts that are put together."""
        return self.day.parts

    def at(self, lake: Path, staging: Path, stem: str) -> Self:
        """Return the same work, on a lake that lies elsewhere, under other names."""
        return replace(self, lake=lake, staging=staging, stem=f"part-{stem}")


@dataclass(frozen=True, slots=True)
class Compacted:
    """The outcome for the parts of one day."""

    day: Day
    parts: tuple[Part, ...]  # staged, the seal first
    damage: str | None = None  # of a part that is not as it was written: its day stays as it is


def days_to_compact(
    parts: Iterable[Part], digest: str, *, unclassified_parts: int, unclassified_rows: int
) -> Iterator[Day]:
    """Yield the days that are worth the work, each with the parts to put together.

    Args:
        parts: of the lake.
        digest: of the candidates' definition of now; parts sorted by another one count as unclassified.
        unclassified_parts: a day is worth it when it has so many,
        unclassified_rows: or so many rows in them.
    """
    dated = sorted((part for part in parts if part.kind is not PartKind.REJECTED), key=lambda part: part.event_date)
    for date, group in groupby(dated, key=lambda part: part.event_date):
        of_day = list(group)
        events = [part for part in of_day if part.kind is PartKind.EVENTS]
        duplicates = [part for part in of_day if part.kind is PartKind.DUPLICATES]
        unclassified = [part for part in events if part.classified_by != digest]
        if len(unclassified) >= unclassified_parts or (
            unclassified and sum(part.rows for part in unclassified) >= unclassified_rows
        ):
            # Where there are copies, any part may hold some of them.
            taken = (
                events if duplicates else [part for part in events if part in unclassified or part.rows < _SMALL_ROWS]
            )
            yield Day(date, tuple(taken), tuple(duplicates))


def compact_day(task: Compaction) -> Compacted:
    """Write the parts of a day anew, unless one is damaged: its bytes would be vouched for from then on.

    Raises:
        LakeError: a part cannot be read, or the disk refuses.
    """
    for part in task.day.parts:
        if why := damage(part, task.lake / part.path, part.crc32):
            return Compacted(task.day, (), f"{part.path} {why}")
    with open_duckdb(task.staging) as connection:
        create_view(connection, "parts", [task.lake / part.path for part in task.day.events], EVENTS)
        create_view(connection, "duplicates", [task.lake / part.path for part in task.day.duplicates], DUPLICATES)
        connection.execute(task.candidates.sql)
        replaced = {part.name: read_footer(task.lake / part.path)[1] for part in task.day.parts}
        footers = rewritten_footers(task.stem, replaced)
        parts = [
            *_write(task, connection.sql(f"FROM wanted_rows {_ORDER}"), PartKind.EVENTS, footers, has_candidates=True),
            *_write(task, connection.sql(_REST), PartKind.EVENTS, footers, has_candidates=False),
        ]
        if task.day.duplicates:
            parts += _write(task, connection.sql(_COPIES), PartKind.COPIES, footers)
            parts += _write(task, connection.sql("FROM duplicates ORDER BY ALL"), PartKind.DUPLICATES, footers)
    return Compacted(task.day, tuple(parts))


def _write(
    task: Compaction,
    rows: duckdb.DuckDBPyRelation,
    kind: PartKind,
    footers: Iterator[Footer],
    *,
    has_candidates: bool = True,
) -> Iterator[Part]:
    """Write the rows of a query to parts of a bounded size; to none when there are no rows."""
    schema = DUPLICATES if kind is PartKind.DUPLICATES else EVENTS
    classified_by = task.candidates.digest if kind is PartKind.EVENTS else None
    stem = f"{task.stem}-{kind}-{'candidates' if has_candidates else 'rest'}"
    for number, table in enumerate(_tables(rows.to_arrow_reader(_READ_ROWS))):
        yield write_part(
            table.select(schema.names).cast(schema),
            kind,
            task.day.event_date,
            task.staging,
            f"{stem}-{number}",
            replace(next(footers), classified_by=classified_by, has_candidates=has_candidates),
        )


def _tables(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    collected: list[pa.RecordBatch] = []
    for batch in batches:
        if batch.num_rows:
            collected.append(batch)
        if sum(one.num_rows for one in collected) >= _PART_ROWS:
            yield pa.Table.from_batches(collected)
            collected = []
    if collected:
        yield pa.Table.from_batches(collected)
