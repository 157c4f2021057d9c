from __future__ import annotations

import json

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.records.log_file import decode_log_file
from detector.rules.events import TableEvents, each_once
from tests.running import LOGIN

ROWS = 131_072 + 1_000  # DuckDB and Parquet hand on as many as the first at a time


def many_logins() -> pa.Table:
    one = decode_log_file(json.dumps({"Records": [LOGIN]}).encode(), "s3://b/k").table
    return one.take(pa.array([0] * ROWS))


def seen_by_duckdb(table: pa.Table) -> tuple[int, int]:
    with duckdb.connect() as connection:
        TableEvents(table, hides_copies=False).attach(connection)
        query = "SELECT count(*), count(*) FILTER (userIdentity.type = 'Root') FROM parts"
        [counts] = connection.sql(query).fetchall()
    return counts


@pytest.mark.parametrize("step", [None, 131_072])
def test_more_events_than_a_batch_holds_are_all_seen(step: int | None) -> None:
    table = many_logins()
    assert seen_by_duckdb(pa.Table.from_batches(table.to_batches(max_chunksize=step))) == (ROWS, ROWS)


def test_events_that_are_a_slice_of_a_table_are_seen() -> None:
    assert seen_by_duckdb(many_logins().slice(10)) == (ROWS - 10, ROWS - 10)
    assert seen_by_duckdb(many_logins().slice(10, 5)) == (5, 5)


@given(st.lists(st.lists(st.tuples(st.sampled_from(["s3://b/x", "s3://b/y", ""]), st.integers(-1, 2))), min_size=1))
def test_a_row_that_was_read_again_is_there_once_where_it_came_first(batches: list[list[tuple[str, int]]]) -> None:
    rows = [(file, index, number) for number, batch in enumerate(batches) for file, index in batch]
    tables = [
        pa.table(
            {
                "logFile": pa.array([file for file, _ in batch], pa.string()),
                "logFileIndex": pa.array([index for _, index in batch], pa.int32()),
                "batch": pa.array([number] * len(batch), pa.int32()),
            }
        )
        for number, batch in enumerate(batches)
    ]
    first = {(file, index): (file, index, number) for file, index, number in reversed(rows)}
    kept = [tuple(row.values()) for row in each_once(pa.concat_tables(tables)).to_pylist()]
    assert kept == [row for row in dict.fromkeys(rows) if first[row[:2]] == row]
