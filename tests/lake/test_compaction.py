"""Small parts become few, and no reader sees another answer."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from detector.lake.compaction import days_to_compact
from detector.lake.ledger.ledger import Ledger
from detector.lake.part import Part
from detector.lake.reader import Snapshot, read_lake
from detector.lake.writer import open_to_write
from detector.lake_layout import PartKind
from detector.records.schema import EVENTS
from detector.rules.candidates import candidates
from tests.places import Place, slow_in_s3

from .samples import CANDIDATES, compact, log, put, record, shown


def part(name: str, day: int = 1, rows: int = 10, kind: PartKind = PartKind.EVENTS, by: str | None = None) -> Part:
    return Part(kind, f"2024-05-{day:02d}", name, rows, 1, classified_by=by)


def rows_of(files: Snapshot, relation: str) -> pa.Table:
    with duckdb.connect() as connection:
        files.attach(connection)
        return connection.sql(f"FROM {relation} ORDER BY logFile, logFileIndex").to_arrow_table()


@slow_in_s3
def test_many_parts_of_a_day_become_one_of_candidates_and_one_of_the_rest(place: Place) -> None:
    with open_to_write(place()) as writer:
        for number in range(1, 6):
            put(writer, {f"s3://b/{number}": log(record(number), record(number, day=2))})
        before = rows_of(read_lake(writer.place), "parts")
        done = compact(writer)
        assert [(one.day.event_date, len(one.day.parts), len(one.parts)) for one in done] == [
            ("2024-05-01", 5, 2),
            ("2024-05-02", 5, 2),
        ]
        assert compact(writer) == []  # nothing is left to do
    reader = place()
    files = read_lake(reader, CANDIDATES.digest)
    assert rows_of(files, "parts").cast(EVENTS) == before.cast(EVENTS)
    assert set(rows_of(files, "classified_parts").column("eventName").to_pylist()) == {"Call1", "Call2"}
    assert len(files.candidates) == 2
    assert rows_of(files, "unclassified_parts").num_rows == 0


@slow_in_s3
def test_what_another_definition_sorted_is_looked_at_whole(place: Place) -> None:
    with open_to_write(place()) as writer:
        put(writer, {"s3://b/1": log(record(1), record(5))})
        compact(writer)
    for digest in ("other", None):
        files = read_lake(place(), digest)
        assert (files.unclassified, files.candidates) == (files.events, ())
    with open_to_write(place()) as writer:
        assert len(list(writer.compact(candidates(), jobs=1))) == 1


def test_parts_that_come_later_are_looked_at_and_join_the_others(place: Place) -> None:
    with open_to_write(place()) as writer:
        put(writer, {"s3://b/1": log(record(1), record(5))})
        compact(writer)
        put(writer, {"s3://b/2": log(record(2), record(6))})
    reader = place()
    files = read_lake(reader, CANDIDATES.digest)
    assert rows_of(files, "classified_parts").column("eventName").to_pylist() == ["Call1"]
    assert rows_of(files, "unclassified_parts").column("eventName").to_pylist() == ["Call2", "Call6"]
    with open_to_write(place()) as writer:
        compact(writer)
    assert len(read_lake(place()).events) == 2
    assert shown(place(), "eventName") == [("Call1",), ("Call2",), ("Call5",), ("Call6",)]


@slow_in_s3
def test_a_copy_set_apart_is_shown_when_the_first_one_has_gone(place: Place) -> None:
    with open_to_write(place()) as writer:
        put(writer, {"s3://b/1": log(record(1)), "s3://b/2": log(record(1))})
        compact(writer)
    assert shown(place()) == [("s3://b/1", 0)]
    with open_to_write(place()) as writer:
        put(writer, {"s3://b/1": log(record(3))}, ["s3://b/1"])
    assert shown(place()) == [("s3://b/1", 0), ("s3://b/2", 0)]
    with open_to_write(place()) as writer:
        compact(writer)
    assert shown(place(), "eventName") == [("Call1",), ("Call3",)]


@slow_in_s3
def test_a_copy_set_apart_goes_with_its_log_object(place: Place) -> None:
    with open_to_write(place()) as writer:
        put(writer, {"s3://b/1": log(record(1)), "s3://b/2": log(record(1), record(2))})
        compact(writer)
    with open_to_write(place()) as writer:
        put(writer, {"s3://b/2": log(record(4))}, ["s3://b/2"])
    assert shown(place(), "eventName") == [("Call1",), ("Call4",)]
    reader = place()
    assert len(rows_of(read_lake(reader).with_copies(), "parts")) == 2


def test_from_when_to_when_there_are_events_is_known_without_reading_them(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer:
        put(
            writer,
            {
                "s3://b/1": log(
                    record(1, awsRegion="us-east-1"),
                    record(7, awsRegion="us-east-1", day=3),
                    record(2, account=None, userIdentity={"accountId": "444455556666"}),
                    record(3, account="", userIdentity={"accountId": ""}, awsRegion=""),
                )
            },
        )

        def coverage() -> list[dict[str, object]]:
            files = read_lake(tmp_path)
            assert files.coverage is not None
            with duckdb.connect() as connection:
                files.attach(connection)
                return list(connection.sql("FROM coverage ORDER BY ALL").to_arrow_table().to_pylist())

        before = coverage()
        assert [(row["account_id"], row["region"], str(row["last_event_time"])) for row in before] == [
            ("111122223333", "us-east-1", "2024-05-03 07:08:07"),
            ("444455556666", None, "2024-05-01 07:08:02"),
            (None, "", "2024-05-01 07:08:03"),
        ]
        compact(writer)
        assert coverage() == before
        writer.ledger.commit((), [part("part-of-an-older-program.parquet")], ())
        assert writer.ledger.coverage() is None  # then the events themselves have to tell


def test_only_days_with_enough_new_parts_or_rows_are_worth_it() -> None:
    parts = [
        *(part(f"few-{number}", day=1) for number in range(3)),
        *(part(f"many-{number}", day=2) for number in range(4)),
        part("rows", day=3, rows=1000),
        *(part(f"sorted-{number}", day=4, by="digest") for number in range(9)),
        part("kept", day=5, kind=PartKind.REJECTED),
    ]
    days = days_to_compact(parts, "digest", unclassified_parts=4, unclassified_rows=1000)
    assert [day.event_date for day in days] == ["2024-05-02", "2024-05-03"]


@pytest.mark.parametrize("has_copies", [False, True])
def test_large_sorted_parts_are_left_alone_unless_there_are_copies(has_copies: bool) -> None:
    duplicates = [part("hidden", kind=PartKind.DUPLICATES)] if has_copies else []
    parts = [part("large", rows=100_000, by="digest"), part("small", by="digest"), part("new"), *duplicates]
    (day,) = days_to_compact(parts, "digest", unclassified_parts=1, unclassified_rows=1)
    assert {one.name for one in day.events} == ({"large"} if has_copies else set()) | {"small", "new"}
    assert day.duplicates == tuple(duplicates)


def test_a_ledger_of_an_older_program_that_cannot_be_written_is_read(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer:
        put(writer, {"s3://b/1": log(record(1))})
        connection = writer.ledger._connection
        for column in ("sorted_by", "has_candidates", "has_spans"):
            connection.execute(f"ALTER TABLE parts DROP COLUMN {column}")
        connection.execute("PRAGMA user_version = 2")
    assert shown(tmp_path) == [("s3://b/1", 0)]
    ledger = Ledger.open(tmp_path, writable=False)
    assert ledger.coverage() is None
    ledger.close()
    with open_to_write(tmp_path) as writer:
        compact(writer)
    assert read_lake(tmp_path, CANDIDATES.digest).coverage is not None


def test_whoever_writes_for_long_leaves_no_parts_behind(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer:
        for number in range(3):
            put(writer, {f"s3://b/{number}": log(record(1 + number))})
            compact(writer)
        assert len(list((tmp_path / "events").rglob("part-*"))) > 2  # a reader may have them open
        writer.ledger._connection.execute("UPDATE dropped_parts SET dropped_at = dropped_at - 901")
        put(writer, {"s3://b/9": log(record(9))})
        compact(writer)
        held = set((tmp_path / "events").rglob("part-*"))
        assert len(held - set(read_lake(tmp_path).events)) <= 3  # of the last compaction alone
