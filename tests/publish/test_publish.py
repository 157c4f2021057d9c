"""The table equals what readers of the lake see, whatever has happened to the lake."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from detector.errors import LakeError, TableError, UsageError
from detector.lake.ledger.ledger import Ledger
from detector.lake.writer import open_to_write
from detector.lake_layout import LEDGER, SEVERAL_DAYS, PartKind
from tests.lake.samples import commit, log, parts_of_days, put, record, shown, staged
from tests.publish.tables import (
    COPIES,
    NAME,
    compact_all,
    fill,
    fill_copies,
    fill_first,
    open_table,
    publish_to,
    rows,
    snapshots,
)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    fill_first(tmp_path / "lake")
    return tmp_path / "lake"


def test_each_publication_is_one_snapshot_of_what_readers_of_the_lake_see(lake: Path, tmp_path: Path) -> None:
    first = publish_to(tmp_path, lake)
    assert (first.files, first.rows, first.added, first.removed) == (2, 3, 2, 0)
    assert rows(tmp_path) == shown(lake)

    again = publish_to(tmp_path, lake)
    assert (again.added, again.removed) == (0, 0)
    assert snapshots(tmp_path) == 1

    fill_copies(lake)
    with_copies = publish_to(tmp_path, lake)
    assert with_copies.rows == 4
    assert rows(tmp_path) == shown(lake) == [("s3://b/a", 0), ("s3://b/m", 0), ("s3://b/n", 0), ("s3://b/z", 1)]
    assert snapshots(tmp_path) == 2

    compact_all(lake)
    compacted = publish_to(tmp_path, lake)
    assert compacted.added
    assert compacted.removed == with_copies.files
    assert rows(tmp_path) == shown(lake)
    assert snapshots(tmp_path) == 3


def test_copies_that_nobody_has_looked_for_are_not_published(lake: Path, tmp_path: Path) -> None:
    with open_to_write(lake) as writer:
        commit(writer, staged(writer, COPIES))
    publish_to(tmp_path, lake)
    assert rows(tmp_path) == shown(lake) == [("s3://b/a", 0), ("s3://b/m", 0), ("s3://b/n", 0), ("s3://b/z", 1)]
    with open_to_write(lake) as writer:
        assert writer.find_copies(jobs=1) == 2
    assert publish_to(tmp_path, lake).added == 0


@pytest.mark.slow
def test_a_row_that_is_shown_again_comes_back_into_the_table(lake: Path, tmp_path: Path) -> None:
    fill_copies(lake)
    publish_to(tmp_path, lake)
    with open_to_write(lake) as writer:
        put(writer, {"s3://b/a": log(record(9))}, ["s3://b/a"])
    publish_to(tmp_path, lake)
    assert rows(tmp_path) == shown(lake)
    assert ("s3://b/m", 1) in rows(tmp_path)  # its copy in `a` had hidden it


def test_events_of_many_days_in_one_part_are_found_by_their_time(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    with parts_of_days(1):
        fill(lake, many=log(*(record(day, day=day) for day in (1, 2, 3, 4))), one=log(record(9, day=3)))
    ledger = Ledger.open(lake, writable=False)
    assert {part.event_date for part in ledger.parts(PartKind.EVENTS)} >= {SEVERAL_DAYS}
    ledger.close()
    publish_to(tmp_path, lake)
    assert rows(tmp_path) == shown(lake)
    on_the_third = "eventTime >= '2024-05-03T00:00:00' and eventTime < '2024-05-04T00:00:00'"
    assert rows(tmp_path, on_the_third) == [("s3://b/many", 2), ("s3://b/one", 0)]
    compact_all(lake)
    fill(lake, again=log(record(2, day=2)))  # a copy of an event that is in a part of several days
    publish_to(tmp_path, lake)
    assert rows(tmp_path) == shown(lake)


def test_a_table_that_others_have_written_to_is_left_alone_until_it_is_to_be_replaced(
    lake: Path, tmp_path: Path
) -> None:
    publish_to(tmp_path, lake)
    theirs = tmp_path / NAME / "data" / "theirs.parquet"
    theirs.parent.mkdir()
    shutil.copy(next((lake / "events").rglob("part-*")), theirs)
    with open_table(tmp_path) as table:
        table.add_files([f"file://{theirs}"])
    others = len(rows(tmp_path))
    with pytest.raises(TableError, match="holds what is not of the lake"):
        publish_to(tmp_path, lake)
    assert len(rows(tmp_path)) == others > 3
    publish_to(tmp_path, lake, replaces=True)
    assert rows(tmp_path) == shown(lake)


@pytest.mark.slow
def test_a_file_that_is_in_the_table_twice_is_not_taken_for_one(lake: Path, tmp_path: Path) -> None:
    publish_to(tmp_path, lake)
    part = next((lake / "events").rglob("part-*"))
    with open_table(tmp_path) as table:
        table.add_files([f"file://{part}"], check_duplicate_files=False)
    assert len(rows(tmp_path)) > 3
    with pytest.raises(TableError, match="holds what is not of the lake"):
        publish_to(tmp_path, lake)
    publish_to(tmp_path, lake, replaces=True)
    assert rows(tmp_path) == shown(lake)


@pytest.mark.slow
def test_a_table_of_another_lake_is_left_alone_until_it_is_to_be_replaced(lake: Path, tmp_path: Path) -> None:
    publish_to(tmp_path, lake)
    other = tmp_path / "other"
    fill(other, x=log(record(7)))
    with pytest.raises(TableError, match=r"not of the lake|another lake"):
        publish_to(tmp_path, other)
    assert rows(tmp_path) == shown(lake)
    publish_to(tmp_path, other, replaces=True)
    assert rows(tmp_path) == shown(other)


def test_a_missing_part_leaves_the_table_as_it_was(lake: Path, tmp_path: Path) -> None:
    publish_to(tmp_path, lake)
    fill(lake, x=log(record(7)), y=log(record(8, day=2)))
    newest = max((lake / "events").rglob("part-*"), key=lambda path: path.stat().st_mtime_ns)
    newest.unlink()
    with pytest.raises(LakeError, match="is missing"):
        publish_to(tmp_path, lake)
    assert len(rows(tmp_path)) == 3


@pytest.mark.slow
def test_an_older_ledger_takes_nothing_away(lake: Path, tmp_path: Path) -> None:
    older = (lake / LEDGER).read_bytes()
    fill(lake, x=log(record(7)))
    publish_to(tmp_path, lake)
    (lake / LEDGER).write_bytes(older)
    with pytest.raises(LakeError, match="does not know"):
        publish_to(tmp_path, lake)
    assert len(rows(tmp_path)) == 4


def test_a_folder_without_a_ledger_is_no_lake_to_publish(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match=f"has no {LEDGER}"):
        publish_to(tmp_path, tmp_path / "nothing")


@pytest.mark.slow
def test_files_outside_of_the_place_of_a_table_are_not_touched_whatever_it_says(lake: Path, tmp_path: Path) -> None:
    """Metadata that are out of date are removed by the next publication: a table names them."""
    publish_to(tmp_path, lake)
    elsewhere = tmp_path / "elsewhere"
    with open_table(tmp_path) as table, table.transaction() as transaction:
        transaction.set_properties({"write.metadata.path": f"file://{elsewhere}"})
    fill(lake, x=log(record(7)))
    before = sorted(elsewhere.rglob("*"))
    with pytest.raises(TableError, match=f"outside of file://{tmp_path}"):
        publish_to(tmp_path, lake)
    assert sorted(elsewhere.rglob("*")) == before


def test_a_table_that_names_a_class_to_import_is_refused(lake: Path, tmp_path: Path) -> None:
    publish_to(tmp_path, lake)
    with open_table(tmp_path) as table, table.transaction() as transaction:
        transaction.set_properties(
            {"write.py-location-provider.impl": "pyiceberg.table.locations.SimpleLocationProvider"}
        )
    with pytest.raises(TableError, match="was altered since"):
        publish_to(tmp_path, lake)


@pytest.mark.slow
def test_a_member_that_structs_have_gained_is_added_to_the_table(lake: Path, tmp_path: Path) -> None:
    publish_to(tmp_path, lake)
    with open_table(tmp_path) as table, table.update_schema() as update:
        update.delete_column(("userIdentity", "inScopeOf"))
    fill(lake, x=log(record(7)))
    publish_to(tmp_path, lake)
    with open_table(tmp_path) as table:
        assert "userIdentity.inScopeOf.sourceArn" in table.schema().column_names
    assert rows(tmp_path) == shown(lake)


def test_a_folder_whose_name_engines_read_differently_is_refused(tmp_path: Path) -> None:
    lake = tmp_path / "a lake"
    fill_first(lake)
    with pytest.raises(UsageError, match="read differently"):
        publish_to(tmp_path, lake)


@pytest.mark.slow
def test_a_database_that_is_none_is_told(lake: Path, tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_text("not a database, of a hundred bytes or so" * 4)
    with pytest.raises(TableError, match="not a database"):
        publish_to(tmp_path, lake)


@pytest.mark.slow
def test_statistics_tell_a_day_and_little_else(lake: Path, tmp_path: Path) -> None:
    """A list of files is read by every query: it must not hold values of seventy columns."""
    publish_to(tmp_path, lake)
    with open_table(tmp_path) as table:
        files = table.inspect.files().to_pylist()
        by_id = {field.field_id: field.name for field in table.schema().fields}
    known = {by_id[number] for file in files for number, _ in file["lower_bounds"] if number in by_id}
    assert {"eventTime", "eventName"} <= known
    assert "requestID" not in known
    assert {pq.read_metadata(file["file_path"].removeprefix("file://")).num_rows for file in files} == {1, 2}


@pytest.mark.slow
def test_the_lists_of_many_publications_are_put_together(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each publication adds a list of files, and a reader reads them all."""
    monkeypatch.setattr("detector.publish.iceberg_table._MOST_MANIFESTS", 3)
    for number in range(10, 16):
        fill(lake, **{f"f{number}": log(record(number))})
        publish_to(tmp_path, lake)
    with open_table(tmp_path) as table:
        snapshot = table.current_snapshot()
        assert snapshot
        assert len(snapshot.manifests(table.io)) <= 3
    assert rows(tmp_path) == shown(lake)
