"""Of copies one is shown, always the same one, whatever came when."""

from __future__ import annotations

import sqlite3
import uuid
from itertools import permutations
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.lake.copies import _canonical as canonical
from detector.lake.reader import read_lake
from detector.lake.writer import open_to_write
from detector.lake_layout import LEDGER
from tests.long import many
from tests.places import Place

from .samples import commit, compact, log, parts_of_days, put, record, shown, staged

Key = tuple[int, str | None]
keys = st.tuples(st.integers(1, 3), st.sampled_from([None, "111122223333", "444455556666", ""]))
contents = st.lists(keys, max_size=4)
files = st.dictionaries(
    st.sampled_from(["s3://b/a", "s3://b/b", "s3://b/c", "s3://b/A", "s3://b/é"]), contents, max_size=3
)
days = st.integers(0, 3)


def content(of: list[Key]) -> bytes:
    return log(*(record(number, account=account, day=number) for number, account in of))


def expected(lake: dict[str, list[Key]]) -> list[tuple[str, int]]:
    """The model: of each event the copy with the smallest (file, position)."""
    smallest: dict[Key, tuple[bytes, int]] = {}
    for uri, held in lake.items():
        for index, key in enumerate(held):
            place = (uri.encode(), index)
            smallest[key] = min(smallest.get(key, place), place)
    return sorted((uri.decode(), index) for uri, index in smallest.values())


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(("place", "examples"), [("folder", 20), ("s3", many(2, 20))], indirect=["place"])
def test_the_shown_copy_is_the_smallest_after_any_commits_replacements_and_compactions(
    place: Place, examples: int
) -> None:
    @given(st.lists(st.tuples(files, st.sampled_from(["", "searches", "compacts"]), days), min_size=1, max_size=4))
    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def is_shown(commits: list[tuple[dict[str, list[Key]], str, int]]) -> None:
        name = uuid.uuid4().hex
        model: dict[str, list[Key]] = {}
        with open_to_write(place(name)) as writer:
            put(writer, {"s3://b/first": content([])})
        for batch, then, thin_days in commits:
            with open_to_write(place(name)) as writer:
                replaced = [uri for uri in batch if uri in model]
                with parts_of_days(thin_days):
                    commit(writer, staged(writer, {uri: content(held) for uri, held in batch.items()}), replaced)
                model |= batch
                if then == "searches":
                    writer.find_copies(jobs=1)
                elif then == "compacts":
                    compact(writer)
            assert sorted(shown(place(name))) == expected(model)
        with open_to_write(place(name)) as writer:
            compact(writer)
        reader = place(name)
        seen = read_lake(reader)
        if all(thin_days == 3 for *_, thin_days in commits):
            # Whoever reads the events without the ledger meets no copies after a compaction.
            assert sum(pq.read_metadata(path).num_rows for path in seen.events) == len(expected(model))
        rows = sum(map(len, model.values()))
        assert sum(pq.read_metadata(path).num_rows for path in seen.with_copies().events) == rows
        duplicates = sum(pq.read_metadata(path).num_rows for path in seen.duplicates or ())
        assert duplicates == rows - len(expected(model))  # each hidden once

    is_shown()


def test_the_number_of_copies_is_reported_whatever_the_order(tmp_path: Path) -> None:
    first, second = {"s3://b/1": content([(1, None), (2, None)])}, {"s3://b/2": content([(1, None), (2, "1")])}
    for name, order in {"x": (first, second), "y": (second, first)}.items():
        with open_to_write(tmp_path / name) as writer:
            assert [put(writer, batch) for batch in order] == [0, 1]
    with open_to_write(tmp_path / "z") as writer:
        assert put(writer, first | second) == 1


def test_an_absent_account_is_an_account_of_its_own(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer:
        assert put(writer, {"s3://b/1": content([(1, None), (1, "1"), (1, None), (1, "1")])}) == 2


def test_ids_that_are_no_uuids_do_not_hide_other_events(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer:
        records = [record(1, eventID="1", eventName="A"), record(1, eventID="1", eventName="B")]
        assert put(writer, {"s3://b/1": log(*records, *records)}) == 2
    assert shown(tmp_path, "eventName") == [("A",), ("B",)]


def test_a_lake_of_another_engine_is_read_without_its_copies(tmp_path: Path) -> None:
    with open_to_write(tmp_path / "ours") as writer:
        put(writer, {"s3://b/1": content([(1, None), (2, None)]), "s3://b/2": content([(1, None)])})
    events = tmp_path / "theirs/events"
    for number, path in enumerate(read_lake(tmp_path / "ours").events):
        target = events / path.parent.name / f"part-{number:05}-c000.snappy.parquet"
        target.parent.mkdir(parents=True)
        pq.write_table(pq.read_table(path, partitioning=None), target, compression="snappy")
    (events / "_temporary/0").mkdir(parents=True)
    (events / "_temporary/0/part-9.parquet").write_text("half")
    (events / "event_date=2024-05-01/.part-1.parquet").write_text("checksum")
    (events / "_SUCCESS").touch()
    assert shown(tmp_path / "theirs") == shown(tmp_path / "ours")
    assert len(shown(tmp_path / "theirs")) == 2


ONE, OTHER = record(1, eventName="A"), record(1, eventName="B")


def test_a_record_that_repeats_an_id_hides_no_other_whatever_the_order(tmp_path: Path) -> None:
    batches = [{"s3://b/1": log(OTHER)}, {"s3://b/2": log(ONE)}, {"s3://b/3": log(ONE, OTHER)}]
    for number, order in enumerate(permutations(batches)):
        with open_to_write(tmp_path / str(number)) as writer:
            assert sum(put(writer, batch) for batch in order) == 2
            compact(writer)
        assert shown(tmp_path / str(number), "logFile, eventName") == [("s3://b/1", "B"), ("s3://b/2", "A")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"readOnly": True}, {"readOnly": False}),
        ({"readOnly": False}, {}),
        ({"userIdentity": {}}, {"userIdentity": {"sessionContext": {}}}),
        ({"userIdentity": {"sessionContext": {}}}, {"userIdentity": {"sessionContext": {"attributes": {}}}}),
        ({"errorCode": ""}, {}),
        ({"errorCode": "a", "errorMessage": "b"}, {"errorCode": "b", "errorMessage": "a"}),
        ({"errorCode": "a"}, {"errorMessage": "a"}),
        ({"userIdentity": {"userName": "a"}}, {"userIdentity": {"accountId": "a"}}),
        ({"requestParameters": None}, {"requestParameters": {}}),
        ({"unknown": 1}, {"unknown": 2}),
    ],
)
def test_whatever_differs_makes_another_event(tmp_path: Path, one: dict[str, object], other: dict[str, object]) -> None:
    with open_to_write(tmp_path) as writer:
        first, second = record(1) | one, record(1) | other
        assert put(writer, {"s3://b/1": log(first, second), "s3://b/2": log(second, first)}) == 2
    assert shown(tmp_path) == [("s3://b/1", 0), ("s3://b/1", 1)]


def test_many_rows_are_compared_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.lake.copies._ROWS_AT_ONCE", 5)
    other = [record(number, eventName="Other") for number in range(9)]
    with open_to_write(tmp_path) as writer:
        put(writer, {"s3://b/1": log(*map(record, range(20))), "s3://b/2": log(*other, *map(record, range(20)))})
    assert shown(tmp_path) == [*(("s3://b/1", index) for index in range(20)), *(("s3://b/2", n) for n in range(9))]


def test_however_many_rows_share_a_key_few_are_values_of_python_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.lake.copies._RECORDS_AT_ONCE", 2)
    batches: list[int] = []

    def noted(rows: pa.RecordBatch) -> pa.Table:
        batches.append(rows.num_rows)
        return canonical(rows)

    monkeypatch.setattr("detector.lake.copies._canonical", noted)
    with open_to_write(tmp_path) as writer:
        assert put(writer, {"s3://b/1": log(*(record(1, eventName=f"{n % 5}") for n in range(10)))}) == 5
    assert sorted(batches) == [1, 2, 2]
    assert shown(tmp_path) == [("s3://b/1", index) for index in range(5)]


def test_spacing_and_the_order_of_keys_make_no_other_event(tmp_path: Path) -> None:
    first = record(1, requestParameters={"a": 1, "b": {"c": 2, "d": 3}})
    second = record(1, requestParameters={"b": {"d": 3, "c": 2}, "a": 1})
    with open_to_write(tmp_path) as writer:
        put(writer, {"s3://b/1": log(first)})
        assert put(writer, {"s3://b/2": log(second, OTHER)}) == 1
    assert shown(tmp_path) == [("s3://b/1", 0), ("s3://b/2", 1)]


def test_a_key_that_comes_twice_makes_another_event(tmp_path: Path) -> None:
    once = log(record(1, requestParameters={"status": "Active"}))
    twice = once.replace(b'{"status"', b'{"status": "Inactive", "status"')
    with open_to_write(tmp_path) as writer:
        assert put(writer, {"s3://b/1": twice, "s3://b/2": once, "s3://b/3": twice}) == 1
    assert shown(tmp_path) == [("s3://b/1", 0), ("s3://b/2", 0)]


def test_what_an_older_version_hid_is_judged_anew(tmp_path: Path) -> None:
    with open_to_write(tmp_path) as writer:
        put(writer, {"s3://b/1": log(ONE), "s3://b/2": log(OTHER, ONE)})
        compact(writer)
    duplicates = read_lake(tmp_path).duplicates
    assert duplicates
    for path in duplicates:
        table = pq.read_table(path, partitioning=None).select([0, 1, 2, 3])
        rows = [row | {"logFileIndex": 0} for row in table.to_pylist()]  # hides OTHER
        pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    with sqlite3.connect(tmp_path / LEDGER) as connection:
        connection.executescript("DROP TABLE misjudged_dates; PRAGMA user_version = 4;")
    connection.close()
    both = [("s3://b/1", "A"), ("s3://b/2", "B")]
    assert shown(tmp_path, "logFile, eventName") == both
    with open_to_write(tmp_path) as writer:
        assert shown(tmp_path, "logFile, eventName") == both
        writer.find_copies(jobs=1)
    assert read_lake(tmp_path).duplicates
    assert shown(tmp_path, "logFile, eventName") == both
