"""The compiled core against Python: the same of a file, or nothing."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from detector.records.core.columns import Columns
from detector.records.core.glance import Glance, NamesOfRecord, Seen
from detector.records.coverage import Coverage, merge_coverage, place
from detector.records.log_file import DecodedLogFile, decode_log_file, each_raw_record
from detector.records.schema import EVENTS
from detector.records.table import Rows, to_table
from detector.scan.wanted_events import Names, is_wanted, names_of


def is_wanted_of(names: NamesOfRecord) -> bool:
    return is_wanted(Names(*names))


@dataclass
class Comparison:
    """Compares file by file; tables of many files at once, for they cost a millisecond each."""

    core: ctypes.CDLL
    files: dict[str, bytes] = field(default_factory=dict)  # by name, those whose rows were not compared
    rows: list[Rows] = field(default_factory=list)
    wanted_rows: list[Rows] = field(default_factory=list)  # of which columns were made without the rest of their files
    compared: int = 0
    taken: int = 0  # of the files compared, by columns
    looked_at: int = 0  # of the files compared, by the glance

    def __post_init__(self) -> None:
        self.columns = Columns(self.core)
        self.glance = Glance(self.core, is_wanted_of)
        self.wanted_columns = Columns(self.core, by_day=False)

    def add(self, data: bytes) -> None:
        """Compare what is made of a file; its rows are compared later.

        Raises:
            AssertionError: the core makes something else of it.
        """
        self.compared += 1
        log_file = f"{self.compared:08}"
        count = self.columns.add(data, log_file)
        seen = self.glance.look(data)
        if count is None and seen is None:
            return
        self.files[log_file] = data
        decoded = decode_log_file(data, log_file)
        if count is not None:
            self.taken += 1
            self.rows.append(decoded.rows)
            assert count == len(decoded.rows.records), data
            assert_usual(decoded, data)
        if seen is not None:
            self.looked_at += 1
            assert_same_look(seen, decoded, data)
            texts = {one.index: one.text for one in seen.wanted}
            if texts and self.wanted_columns.add_some(texts, log_file) is not None:
                self.wanted_rows.append(decoded.rows.select(list(texts)))
        if len(self.files) >= 100:
            self.compare_rows()

    def compare_rows(self) -> None:
        """Compare the rows of all files.

        Raises:
            AssertionError: some differ.
        """
        self._compare_rows(self.columns, self.rows)
        self._compare_rows(self.wanted_columns, self.wanted_rows)
        self.files.clear()

    def _compare_rows(self, columns: Columns, rows: list[Rows]) -> None:
        batches = [pa.Table.from_batches([batch]) for _, batch in columns.take()]
        for batch in batches:
            batch.validate(full=True)
        found = pa.concat_tables([EVENTS.empty_table(), *(batch.cast(EVENTS) for batch in batches)])
        order = [("logFile", "ascending"), ("logFileIndex", "ascending")]
        if not found.sort_by(order).equals(to_table(rows).sort_by(order)):
            raise AssertionError(self._first_difference(found, rows))
        rows.clear()

    def _first_difference(self, found: pa.Table, rows: list[Rows]) -> str:
        by_place = {(row["logFile"], row["logFileIndex"]): row for row in found.to_pylist()}
        for row in to_table(rows).to_pylist():
            other = by_place.get((row["logFile"], row["logFileIndex"]), {})
            differing = {name: (value, other.get(name)) for name, value in row.items() if other.get(name) != value}
            if differing:
                return f"{differing} in {self.files[row['logFile']]!r}"
        return "rows that Python has not"


def assert_usual(decoded: DecodedLogFile, data: bytes) -> None:
    """Python, too, finds nothing in the file but rows that tell their bytes."""
    assert (decoded.kept, decoded.unkept, decoded.skipped, decoded.problem) == ((), 0, None, None), data


def assert_same_look(seen: Seen, decoded: DecodedLogFile, data: bytes) -> None:
    """What was seen of a file is what it holds."""
    records = decoded.rows.records
    assert (decoded.rejected, decoded.skipped, decoded.problem) == (0, None, None), data
    assert seen.records == len(records), data
    assert seen.coverage == coverage_of_rows(decoded.rows), data
    wanted = [index for index, record in enumerate(records) if is_wanted(names_of(record))]
    assert [one.index for one in seen.wanted] == wanted, data
    if wanted:
        raws = list(each_raw_record(data))
        assert [one.text for one in seen.wanted] == [raws[index] for index in wanted], data
        assert [one.names for one in seen.wanted] == [names_of(records[index]) for index in wanted], data


def coverage_of_rows(rows: Rows) -> Coverage:
    """Return coverage, record by record."""
    coverage: Coverage = {}
    for row, record in enumerate(rows.records):
        moment = rows.odd_times.get(row) or datetime.fromisoformat(record.eventTime).astimezone(UTC)
        identity: Any = record.userIdentity
        where = place(record.recipientAccountId, identity and identity.accountId, record.awsRegion)
        merge_coverage(coverage, {where: (moment, moment)})
    return coverage
