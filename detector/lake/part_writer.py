"""Rows of log files to Parquet parts: of a day each, and one for days of which there is hardly anything.

A part costs its writer, and everybody who reads the lake later, as much as some hundred rows, and whoever can write a
record can give it any day. So files that hold few events of many days make no more parts than CloudTrail's own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet  # which writing needs: once, by what worker processes are forked from

from detector.lake.footer import Footer
from detector.lake.ledger.objects import LedgerObject
from detector.lake.part import Part
from detector.lake.part_files import write_part, write_rejected
from detector.lake_layout import SEVERAL_DAYS, PartKind
from detector.records.core.columns import new_columns
from detector.records.log_file import WHOLE_BYTES, KeptRecord, Unpacked
from detector.records.schema import EVENTS
from detector.records.table import Rows, to_table

# Few decoded objects at a time: holding many costs more than decoding them (docs/performance.md).
_ROWS_A_TABLE = 1_000
_BYTES_A_TABLE = 16 << 20
_ROWS_OF_A_DAYS_TABLE = 32  # where no day has so many, one table is made of what there is of all
_BYTES_A_PART = 64 << 20
_ROWS_OF_A_DAYS_PART = 500  # a day with so many has a part of its own,
_THIN_DAYS = 32  # and so have, of the others, so many,
_THIN_DAYS_A_FILE = 3  # and so many for each log file: CloudTrail's hold events of a day or two
_KEPT_BYTES_A_PART = 16 << 20
_KEPT_RECORD_BYTES = 256  # beside those of the log


class PartWriter:
    """Collects rows of a day into tables, and tables into parts, so that neither grows with the input.

    Args:
        staging: the folder that parts are written to, fsynced.
        stem: of their names.
    """

    def __init__(self, staging: Path, stem: str) -> None:
        self._staging = staging
        self._stem = stem
        self._rows: defaultdict[str, _Day] = defaultdict(_Day)
        self._waiting = _Day()  # all of these together, without the rows
        self._columns = new_columns()  # None: there is no compiled core
        self._tables: defaultdict[str, list[pa.Table]] = defaultdict(list)
        self._mixed = _Mixed()
        self._files: set[str] = set()  # that the tables are of
        self._table_bytes = 0  # counting them anew for each file costs more than decoding it
        self._kept: list[tuple[str, KeptRecord]] = []
        self._kept_bytes = 0
        self._read: list[LedgerObject] = []  # and named in no part
        self._parts: list[Part] = []

    def add_usual(self, content: Unpacked, log_file: str) -> int | None:
        """Take a log file as CloudTrail writes it straight into columns; write parts when there are many.

        Returns:
            The number of rows; None when nothing was taken, since the file is not usual or there is no compiled core.
        """
        if self._columns is None or content.problem or len(content.data) > WHOLE_BYTES:
            return None
        rows = self._columns.add(content.data, log_file)
        if rows:
            self._files.add(log_file)
            self._write_when_full()
        return rows

    def add(self, rows: Rows) -> None:
        """Take rows of a log file; write parts when there are many."""
        self._files.add(rows.log_file)
        for day, of_day in rows.by_day():
            self._rows[day].add(of_day)
            self._waiting.count += len(of_day.records)
            self._waiting.size_bytes += of_day.size_bytes
        while self._waiting.count >= _ROWS_A_TABLE or self._waiting.size_bytes >= _BYTES_A_TABLE:
            self._make_table()
        self._write_when_full()

    def keep(self, uri: str, records: Iterable[KeptRecord]) -> None:
        """Take records whose bytes are to be kept."""
        for record in records:
            self._kept.append((uri, record))
            self._kept_bytes += len(record.raw) + _KEPT_RECORD_BYTES
        if self._kept_bytes >= _KEPT_BYTES_A_PART:
            self._write_kept()

    def carry(self, log_object: LedgerObject) -> None:
        """Take an object of which everything was added: a part will say that it was read."""
        self._read.append(log_object)

    def close(self) -> list[Part]:
        """Write what is left; return all parts."""
        while self._rows:
            self._make_table()
        self._write_events()
        self._write_kept()
        return self._parts

    def _make_table(self) -> None:
        # The fullest first: log files come in the order of days, with a few records of the day before or after.
        fullest = max(self._rows, key=lambda day: self._rows[day].size_bytes)
        if len(self._rows) == 1 or self._rows[fullest].count >= _ROWS_OF_A_DAYS_TABLE:
            taken = self._rows.pop(fullest)
            table = to_table(taken.rows)
            self._tables[fullest].append(table)
            self._waiting.count -= taken.count
            self._waiting.size_bytes -= taken.size_bytes
        else:
            table = self._mixed.add(self._rows)
            self._rows.clear()
            self._waiting = _Day()
        self._table_bytes += table.nbytes

    def _write_when_full(self) -> None:
        collected_bytes = self._columns.size_bytes if self._columns else 0
        if self._table_bytes + collected_bytes >= _BYTES_A_PART:
            self._write_events()

    def _write_events(self) -> None:
        for day, batch in self._columns.take() if self._columns else ():
            self._tables[day].append(pa.Table.from_batches([batch]))
        stem = self._next_stem()
        days = dict(self._by_part())
        fullest = max(days, key=lambda day: days[day].num_rows, default=None)
        for day, rows in days.items():
            footer = Footer(objects=tuple(self._read) if day == fullest else ())
            self._parts.append(write_part(rows, PartKind.EVENTS, day, self._staging, f"{stem}-{day}", footer))
        if days:
            self._read.clear()
        self._tables.clear()
        self._mixed = _Mixed()
        self._files.clear()
        self._table_bytes = 0

    def _by_part(self) -> Iterator[tuple[str, pa.Table]]:
        """Yield the rows of each day that gets a part, and those of all others under SEVERAL_DAYS."""
        counts = self._mixed.counts()
        for day, tables in self._tables.items():
            counts[day] += sum(table.num_rows for table in tables)
        thin = [day for day, count in counts.most_common() if count < _ROWS_OF_A_DAYS_PART]
        together = set(thin[_THIN_DAYS + _THIN_DAYS_A_FILE * len(self._files) :])
        for day in sorted(counts.keys() - together):
            yield day, _joined([*self._tables.get(day, ()), *self._mixed.rows({day})])
        if together:
            tables = [table for day in sorted(together) for table in self._tables.get(day, ())]
            yield SEVERAL_DAYS, _joined([*tables, *self._mixed.rows(together)])

    def _write_kept(self) -> None:
        if self._kept:
            self._parts.append(write_rejected(self._kept, self._staging, self._next_stem()))
            self._kept = []
            self._kept_bytes = 0

    def _next_stem(self) -> str:
        return f"part-{self._stem}-{len(self._parts)}"


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Return one table of all rows. Only where there is but one its texts may be in dictionaries."""
    return tables[0] if len(tables) == 1 else pa.concat_tables([table.cast(EVENTS) for table in tables])


@dataclass(slots=True)
class _Day:
    """Rows of one day that are no table yet."""

    rows: list[Rows] = field(default_factory=list)
    count: int = 0
    size_bytes: int = 0

    def add(self, rows: Rows) -> None:
        self.rows.append(rows)
        self.count += len(rows.records)
        self.size_bytes += rows.size_bytes


class _Mixed:
    """Tables with rows of many days."""

    def __init__(self) -> None:
        self._table: pa.Table | None = None
        self._places: defaultdict[str, list[int]] = defaultdict(list)  # of each day's rows, in all tables together
        self._count = 0

    def add(self, days: Mapping[str, _Day]) -> pa.Table:
        """Make one table of rows of several days, and return it."""
        for day, rows in days.items():
            self._places[day] += range(self._count, self._count + rows.count)
            self._count += rows.count
        table = to_table([rows for day in days.values() for rows in day.rows])
        self._table = table if self._table is None else pa.concat_tables([self._table, table])
        return table

    def counts(self) -> Counter[str]:
        """Return how many rows each day has."""
        return Counter({day: len(places) for day, places in self._places.items()})

    def rows(self, days: Collection[str]) -> list[pa.Table]:
        """Return the rows of some days in a table, or no table where there are none."""
        places = [place for day in sorted(days) for place in self._places.get(day, ())]
        if self._table is None or not places:
            return []
        self._table = self._table.combine_chunks()  # once; every `take` would do it
        return [self._table.take(pa.array(places))]
