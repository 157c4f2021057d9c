from __future__ import annotations

import json

import duckdb
import pyarrow as pa
import pytest

from detector.records.log_file import decode_log_file
from detector.rules.events import TableEvents
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
