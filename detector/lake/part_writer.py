"""Rows of log files to Parquet parts of a day each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from detector.lake.footer import Footer
from detector.lake.ledger.objects import LedgerObject
from detector.lake.part import Part
from detector.lake.part_files import write_part, write_rejected
from detector.lake_layout import PartKind
from detector.records.log_file import KeptRecord
from detector.records.table import Rows, to_table

# Few decoded objects at a time: holding many costs more than decoding them (docs/performance.md).
_ROWS_A_TABLE = 1_000
_BYTES_A_TABLE = 16 << 20
_BYTES_A_PART = 64 << 20
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
        self._tables: defaultdict[str, list[pa.Table]] = defaultdict(list)
        self._table_bytes = 0  # counting them anew for each file costs more than decoding it
        self._kept: list[tuple[str, KeptRecord]] = []
        self._kept_bytes = 0
        self._read: list[LedgerObject] = []  # and named in no part
        self._parts: list[Part] = []

    def add(self, rows: Rows) -> None:
        """Take rows of a log file; write parts when there are many."""
        for day, of_day in rows.by_day():
            self._rows[day].add(of_day)
        # The fullest first: log files come in the order of days, with a few records of the day before or after.
        while sum(day.count for day in self._rows.values()) >= _ROWS_A_TABLE or (
            sum(day.size_bytes for day in self._rows.values()) >= _BYTES_A_TABLE
        ):
            self._make_table(max(self._rows, key=lambda day: self._rows[day].size_bytes))
        if self._table_bytes >= _BYTES_A_PART:
            self._write_events()

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
        for day in list(self._rows):
            self._make_table(day)
        self._write_events()
        self._write_kept()
        return self._parts

    def _make_table(self, day: str) -> None:
        table = to_table(self._rows.pop(day).rows)
        self._tables[day].append(table)
        self._table_bytes += table.nbytes

    def _write_events(self) -> None:
        stem = self._next_stem()
        days = {day: pa.concat_tables(tables) for day, tables in sorted(self._tables.items())}
        fullest = max(days, key=lambda day: days[day].num_rows, default=None)
        for day, rows in days.items():
            footer = Footer(objects=tuple(self._read) if day == fullest else ())
            self._parts.append(write_part(rows, PartKind.EVENTS, day, self._staging, f"{stem}-{day}", footer))
        if days:
            self._read.clear()
        self._tables.clear()
        self._table_bytes = 0

    def _write_kept(self) -> None:
        if self._kept:
            self._parts.append(write_rejected(self._kept, self._staging, self._next_stem()))
            self._kept = []
            self._kept_bytes = 0

    def _next_stem(self) -> str:
        return f"part-{self._stem}-{len(self._parts)}"


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
