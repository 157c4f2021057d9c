"""Days in which nobody has looked for copies yet: readers do it, a search that breaks off loses nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from detector.errors import LakeError
from detector.lake.ledger.ledger import Ledger
from detector.lake.part import Part
from detector.lake.place import LakePlace, lake_at
from detector.lake.repair import repair
from detector.lake.status import lake_status
from detector.lake.writer import LakeWriter, open_to_write
from detector.lake_layout import LEDGER, SEVERAL_DAYS, PartKind
from tests.places import Place, slow_in_s3

from .samples import commit, compact, files_of, log, parts_of_days, record, shown, staged

SEVERAL = {"s3://b/2": log(record(1), record(3, day=2), record(4, day=3), record(4, day=3))}
ORGANISATION = {"s3://b/1": log(record(1), record(2), record(3, day=2))}
ACCOUNT = {"s3://b/3": log(record(1), record(2), record(3, day=2), record(3, day=2))}
FIRST_OF_EACH = [("s3://b/1", 0), ("s3://b/1", 1), ("s3://b/1", 2), ("s3://b/2", 2)]


def commit_all(writer: LakeWriter) -> None:
    commit(writer, staged(writer, ACCOUNT))
    with parts_of_days(0):
        commit(writer, staged(writer, SEVERAL))
    commit(writer, staged(writer, ORGANISATION))


def lists(lake: Path | LakePlace) -> dict[str, int]:
    """How many copies are listed for each day."""
    place = lake_at(lake)
    place.refresh()
    ledger = Ledger.open(place.directory, writable=False)
    try:
        return {part.event_date: part.rows for part in ledger.parts(PartKind.DUPLICATES)}
    finally:
        ledger.close()


def test_a_lake_that_nobody_has_searched_shows_each_event_once(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer:
        commit_all(writer)
        assert lists(tmp_path) == {}
        assert shown(tmp_path) == FIRST_OF_EACH
        assert lake_status(tmp_path).summary.endswith("11 records of 4 events, 0 rejected")
        assert writer.find_copies(jobs=1) == 7
        assert writer.find_copies(jobs=1) == 0
        assert lists(tmp_path) == {"2024-05-01": 2, "2024-05-02": 2, SEVERAL_DAYS: 3}
    assert shown(tmp_path) == FIRST_OF_EACH
    assert lake_status(tmp_path).summary.endswith("11 records of 4 events, 0 rejected")


def break_off(writer: LakeWriter, day: str) -> None:
    """Search until the ledger refuses what was found of a day."""
    writer.ledger._connection.execute(
        "CREATE TEMP TRIGGER no BEFORE DELETE ON unsearched_parts"
        f" WHEN old.path LIKE 'events/event_date={day}/%' BEGIN SELECT RAISE(ABORT, 'no room'); END"
    )
    with pytest.raises(LakeError, match="no room"):
        writer.find_copies(jobs=1)


@slow_in_s3
@pytest.mark.parametrize("day", ["2024-05-01", "2024-05-02", SEVERAL_DAYS])
def test_a_search_that_breaks_off_is_gone_on_with(place: Place, day: str) -> None:
    with open_to_write(place()) as writer:
        commit_all(writer)
        break_off(writer, day)
        assert day not in lists(writer.place)
    assert day not in lists(place())
    assert shown(place()) == FIRST_OF_EACH
    with open_to_write(place()) as writer:
        writer.find_copies(jobs=1)
    assert sum(lists(place()).values()) == 7
    assert shown(place()) == FIRST_OF_EACH


def test_parts_of_several_days_are_searched_again_after_each_day(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer:
        with parts_of_days(0):
            commit(writer, staged(writer, SEVERAL))
        writer.find_copies(jobs=1)
        commit(writer, staged(writer, ORGANISATION))
        break_off(writer, SEVERAL_DAYS)
        assert "2024-05-01" not in {path.parent.name.partition("=")[2] for path in writer.ledger.unsearched()}
        assert shown(tmp_path) == FIRST_OF_EACH
    with open_to_write(tmp_path) as writer:
        writer.find_copies(jobs=1)
    assert shown(tmp_path) == FIRST_OF_EACH


def test_the_copies_of_new_rows_are_looked_for_in_what_was_searched_before(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer:
        commit(writer, staged(writer, ACCOUNT))
        writer.find_copies(jobs=1)
        before = files_of(tmp_path)
        commit(writer, staged(writer, ORGANISATION))
        assert shown(tmp_path) == FIRST_OF_EACH[:3]
        assert writer.find_copies(jobs=1) == 3
        assert files_of(tmp_path) > before
    assert shown(tmp_path) == FIRST_OF_EACH[:3]


def test_what_parts_of_several_days_tell_is_listed_again_only_when_it_changed(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer:
        commit_all(writer)
        writer.find_copies(jobs=1)
        before = files_of(tmp_path)
        commit(writer, staged(writer, {"s3://b/4": log(record(9, day=9))}))
        writer.find_copies(jobs=1)
        new = {name.partition("/part-")[0] for name in files_of(tmp_path) - before}
        assert new == {"events/event_date=2024-05-09"}
        commit(writer, staged(writer, {"s3://b/4": log(record(4, day=3))}), ["s3://b/4"])
        assert writer.find_copies(jobs=1) == 1
        assert lists(tmp_path)[SEVERAL_DAYS] == 4


def test_compaction_looks_for_copies_first(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer:
        commit_all(writer)
        compact(writer)
        assert sum(part.rows for part in writer.ledger.parts(PartKind.COPIES)) > 0
        assert writer.ledger.unsearched() == set()
        assert writer.find_copies(jobs=1) == 7  # found on the way
    assert shown(tmp_path) == FIRST_OF_EACH


def test_a_repair_searches_everything(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer:
        commit_all(writer)
    (tmp_path / LEDGER).unlink()
    repair(tmp_path)
    assert lists(tmp_path) == {"2024-05-01": 2, "2024-05-02": 2, SEVERAL_DAYS: 3}
    assert shown(tmp_path) == FIRST_OF_EACH


def test_copies_that_version_13_listed_for_several_days_alone_stay_hidden(tmp_path: Path) -> None:
    first, day_part, other = {"s3://b/1": log(record(1))}, {"s3://b/2": log(record(1))}, {"s3://b/3": log(record(1))}
    with open_to_write(tmp_path) as writer:
        with parts_of_days(0):
            commit(writer, staged(writer, {"s3://b/1": log(record(1), record(9, day=9))}))
        commit(writer, staged(writer, day_part | other))
        writer.find_copies(jobs=1)
        assert lists(tmp_path) == {"2024-05-01": 1, SEVERAL_DAYS: 1}
        of_day, of_several = writer.ledger.parts(PartKind.DUPLICATES)
    list_for_several_days_alone(tmp_path, of_day, of_several)
    assert shown(tmp_path) == [("s3://b/1", 0), ("s3://b/1", 1)]
    with open_to_write(tmp_path) as writer:
        commit(writer, staged(writer, {"s3://b/1": log(record(8))}), list(first))
        assert shown(tmp_path) == [("s3://b/1", 0), ("s3://b/2", 0)]
        writer.find_copies(jobs=1)
    assert shown(tmp_path) == [("s3://b/1", 0), ("s3://b/2", 0)]


def list_for_several_days_alone(lake: Path, of_day: Part, of_several: Part) -> None:
    """Leave a lake as version 13 did where the copy of a day came when that of several days had been there."""
    target = lake / of_several.path
    rows = [pq.read_table(path, partitioning=None) for path in (target, lake / of_day.path)]
    with pq.ParquetWriter(target, rows[0].schema) as writer:
        for table in rows:
            writer.write_table(table)
    with sqlite3.connect(lake / LEDGER) as connection:
        connection.execute("DELETE FROM parts WHERE path = ?", (str(of_day.path),))
        connection.execute("INSERT INTO dropped_parts VALUES (?, unixepoch())", (str(of_day.path),))
        connection.execute(
            "UPDATE parts SET rows = 2, size_bytes = ? WHERE path = ?", (target.stat().st_size, str(of_several.path))
        )
        connection.execute("DELETE FROM part_checksums WHERE path = ?", (str(of_several.path),))
        connection.execute("DROP TABLE unsearched_parts")
        connection.execute("PRAGMA user_version = 13")
    connection.close()
