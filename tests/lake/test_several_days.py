"""A few events of each of many days share a part, and are found like all others."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from detector.lake.check import differences
from detector.lake.ledger.ledger import Ledger
from detector.lake.part import Part
from detector.lake.place import LakePlace, lake_at
from detector.lake.repair import repair
from detector.lake.writer import open_to_write
from detector.lake_layout import SEVERAL_DAYS, PartKind, is_part_key
from tests.places import Place, slow_in_s3

from .samples import compact, log, parts_of_days, put, put_back_ledger, record, shown, staged

MOST_PARTS = 40


def on(day: int, number: int | None = None) -> dict[str, object]:
    return record(day if number is None else number, eventTime=f"{date(1969, 12, 1) + timedelta(day)}T07:08:09.5Z")


def parts_of(lake: Path | LakePlace, kind: PartKind = PartKind.EVENTS) -> list[Part]:
    place = lake_at(lake)
    place.refresh()
    ledger = Ledger.open(place.directory, writable=False)
    try:
        return ledger.parts(kind)
    finally:
        ledger.close()


@pytest.mark.parametrize("days", [100, 3000])
def test_many_days_of_few_events_become_few_parts(tmp_path: Path, days: int) -> None:
    with open_to_write(tmp_path) as writer:
        put(writer, {"s3://b/1": log(*map(on, range(days)))})
    assert len(parts_of(tmp_path)) < MOST_PARTS
    assert shown(tmp_path) == [("s3://b/1", index) for index in range(days)]


def test_a_day_with_many_events_has_a_part_of_its_own(tmp_path: Path) -> None:
    fullest = 150
    few = map(on, range(300))
    many = (on(fullest, 1_000 + number) for number in range(600))
    with open_to_write(tmp_path) as writer:
        put(writer, {"s3://b/1": log(*few), "s3://b/2": log(*many)})
    assert max((part.rows, part.event_date) for part in parts_of(tmp_path) if part.event_date != SEVERAL_DAYS) == (
        601,
        "1970-04-30",
    )


def test_log_files_of_a_day_each_have_a_part_for_each_day(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer:
        staged(writer, {f"s3://b/{day}": log(on(day), on(day + 1)) for day in range(40)})
        assert len(list(writer.staging.iterdir())) == 41


def test_a_part_holds_the_events_of_its_day_or_of_days_without_a_name(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer:
        put(writer, {"s3://b/1": log(*map(on, range(90)))})
    for part in parts_of(tmp_path):
        times = pq.read_table(tmp_path / part.path, partitioning=None).column("eventTime")
        days = {str(time)[:10] for time in times.to_pylist()}
        assert days == {part.event_date} if part.event_date != SEVERAL_DAYS else len(days) > 1
    query = f"SELECT count(*), count(event_date) FROM '{tmp_path}/events/*/*.parquet'"
    with duckdb.connect() as connection:
        assert connection.sql(query).fetchall() == [(90, 35)]
    dates = pq.read_table(tmp_path / "events").column("event_date")
    assert (len(dates), pc.sum(pc.is_null(dates)).as_py()) == (90, 55)


def test_copies_are_found_between_parts_of_a_day_and_of_several(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer:
        put(writer, {"s3://b/3": log(on(1), on(2))})
        with parts_of_days(0):
            assert put(writer, {"s3://b/2": log(on(1), on(2), on(3), on(3))}) == 3
        assert put(writer, {"s3://b/1": log(on(3), on(4))}) == 1
        assert shown(tmp_path) == [("s3://b/1", 0), ("s3://b/1", 1), ("s3://b/2", 0), ("s3://b/2", 1)]
        put(writer, {"s3://b/2": log(on(5))}, ["s3://b/2"])
    assert shown(tmp_path) == [("s3://b/1", 0), ("s3://b/1", 1), ("s3://b/2", 0), ("s3://b/3", 0), ("s3://b/3", 1)]


def test_copies_of_many_days_are_listed_in_one_part(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer, parts_of_days(3):
        assert put(writer, {"s3://b/1": log(*map(on, range(50)), *map(on, range(50)))}) == 50
    assert len(parts_of(tmp_path, PartKind.DUPLICATES)) == 4
    assert shown(tmp_path) == [("s3://b/1", index) for index in range(50)]


@slow_in_s3
def test_compaction_check_and_repair_know_parts_of_several_days(place: Place) -> None:
    with open_to_write(place()) as writer:
        with parts_of_days(1):
            put(writer, {"s3://b/1": log(*map(on, (1, 2, 3, 4)))})
            put(writer, {"s3://b/2": log(*map(on, (2, 3, 3, 4)))})
        compact(writer)
    rows = shown(place())
    assert rows == [("s3://b/1", index) for index in range(4)]
    assert {part.event_date for part in parts_of(place())} == {"1969-12-02", "1969-12-04", SEVERAL_DAYS}
    assert sum(part.rows for part in parts_of(place(), PartKind.COPIES)) == 3
    assert not list(differences(place()))
    put_back_ledger(place(), None)
    assert repair(place()).unknown == 0
    assert shown(place()) == rows


def test_a_part_of_several_days_is_known_as_a_part_by_its_key() -> None:
    assert is_part_key(f"lake/events/event_date={SEVERAL_DAYS}/part-1.parquet")
