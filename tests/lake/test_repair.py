"""A lost ledger is made anew from the parts."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from detector.errors import LakeBusy, LakeError
from detector.lake.check import differences
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.objects import LedgerObject, ObjectStatus
from detector.lake.place import LakePlace, lake_at
from detector.lake.reader import read_lake
from detector.lake.repair import repair
from detector.lake.writer import open_to_write
from detector.lake_layout import LEDGER
from tests.places import Place, slow_in_s3

from .samples import age_dropped, compact, files_of, listed, log, put, put_back_ledger, record, shown

FIRST = {
    "s3://b/1": log(record(1), record(2), record(3, day=2)),
    "s3://b/2": log(record(2), record(4, day=2), {"eventName": "no time"}),
}
CHANGED = {"s3://b/1": log(record(2), record(5))}
LATER = {"s3://b/3": log(record(6), record(4, day=2)), "s3://b/0": log(record(2))}


def fill(lake: LakePlace) -> None:
    """Two objects and a change, compacted after each, and more: with every file still there that was replaced."""
    with open_to_write(lake) as writer:
        put(writer, FIRST)
        compact(writer)
        put(writer, CHANGED, ["s3://b/1"])
        compact(writer)
        put(writer, LATER)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    fill(lake_at(tmp_path / "lake"))
    return tmp_path / "lake"


def objects_of(lake: Path | LakePlace) -> dict[str, LedgerObject]:
    place = lake_at(lake)
    place.refresh()
    ledger = Ledger.open(place.directory, writable=False)
    try:
        return {one.uri: one for one in ledger.objects()}
    finally:
        ledger.close()


@pytest.mark.slow
@pytest.mark.parametrize("compacted", [False, True])
def test_a_repaired_lake_is_what_it_was(place: Place, compacted: bool) -> None:
    fill(place())
    if compacted:
        with open_to_write(place()) as writer:
            compact(writer)
    rows, objects = shown(place()), objects_of(place())
    put_back_ledger(place(), None)
    for _ in range(2):
        repaired = repair(place())
        assert (shown(place()), objects_of(place())) == (rows, objects)
        assert (repaired.objects, repaired.unknown) == (len(objects), 0)
    assert list(differences(place())) == []
    with open_to_write(place()) as writer:
        compact(writer)
        assert shown(writer.place) == rows
        put(writer, {"s3://b/9": log(record(9))})


@slow_in_s3
def test_replaced_files_do_not_come_back_and_go_in_their_time(place: Place) -> None:
    fill(place())
    repair(place())
    age_dropped(place())
    assert files_of(place()) == listed(place())


def test_an_object_of_which_a_part_is_lost_is_read_again_and_has_no_row_twice(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer:
        put(writer, FIRST)
    rows = shown(tmp_path)
    next(tmp_path.glob("events/event_date=2024-05-02/*")).unlink()
    put_back_ledger(lake_at(tmp_path), None)
    assert repair(tmp_path).unknown == 2
    for one in objects_of(tmp_path).values():
        assert one.status is ObjectStatus.PARTIAL
    with open_to_write(tmp_path) as writer:
        put(writer, FIRST, list(FIRST))
    assert shown(tmp_path) == rows


def test_parts_that_say_nothing_of_themselves_are_taken_by_their_rows(lake: Path) -> None:
    with open_to_write(lake) as writer:
        writer.ledger._connection.execute("UPDATE dropped_parts SET dropped_at = dropped_at - 901")
        writer.ledger._connection.execute("DELETE FROM part_checksums")
    with open_to_write(lake):  # an older version kept nothing with which to tell replaced files apart
        pass
    rows = shown(lake)
    for path in lake.rglob("part-*.parquet"):
        table = pq.read_table(path, partitioning=None).replace_schema_metadata()
        pq.write_table(table, path)
    repaired = repair(lake)
    assert repaired.unknown == repaired.objects == 4
    assert shown(lake) == rows
    with open_to_write(lake) as writer:
        everything = FIRST | CHANGED | LATER
        put(writer, everything, list(everything))
    assert shown(lake) == rows


def test_a_repair_cut_short_at_any_rename_is_made_good_by_the_next(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_to_write(lake) as writer:
        compact(writer)
    rows, objects = shown(lake), objects_of(lake)
    rename, left = Path.rename, 0

    def stopping(path: Path, target: Path) -> Path:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return rename(path, target)

    cuts = 0
    while True:
        left = cuts
        try:
            with monkeypatch.context() as patched:
                patched.setattr(Path, "rename", stopping)
                repair(lake)
            break
        except KeyboardInterrupt:
            cuts += 1
    assert cuts >= 4
    assert (shown(lake), objects_of(lake)) == (rows, objects)


def test_the_old_ledger_is_kept(lake: Path) -> None:
    content = b"not a database"
    (lake / LEDGER).write_bytes(content)
    kept = repair(lake).old_ledger
    assert kept
    assert kept.name.startswith("ledger.sqlite.replaced-")
    assert kept.read_bytes() == content
    with open_to_write(lake):
        pass


def test_a_rewriting_that_never_got_whole_does_not_count(lake: Path) -> None:
    rows = shown(lake)
    with open_to_write(lake) as writer:
        before = files_of(lake)
        done = compact(writer)[0]
        seal = lake / done.parts[0].path
    put_back_ledger(lake_at(lake), None)
    seal.unlink()
    assert files_of(lake) - before
    repair(lake)
    assert shown(lake) == rows


def test_nothing_is_repaired_while_a_writer_works_or_where_there_is_no_lake(lake: Path, tmp_path: Path) -> None:
    with open_to_write(lake), pytest.raises(LakeBusy):
        repair(lake)
    with pytest.raises(LakeError, match="holds no parts"):
        repair(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_damaged_part_is_set_aside_and_the_others_are_listed(lake: Path) -> None:
    damaged = next(lake.glob("events/*/part-*"))
    others = len(list(lake.glob("events/*/part-*"))) - 1
    damaged.write_bytes(b"half")
    done = repair(lake)
    assert done.damaged == [damaged.with_name(f"damaged-{damaged.name}")]
    assert done.damaged[0].read_bytes() == b"half"
    assert 0 < len(read_lake(lake).events) <= others
