"""Parts of earlier versions, whose structs have fewer members, beside parts of today."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detector.lake.part_files import COLUMNS, read_part
from detector.lake.reader import read_lake
from detector.lake.writer import open_to_write
from detector.lake_layout import LEDGER
from detector.records.rebuild import record_json
from detector.records.schema import EVENTS
from detector.rules.engine import Engine
from detector.watch.candidate_cache import CandidateCache

from .samples import ACCOUNT, compact, log, put, record

CONTEXT = {"ec2RoleDelivery": "2.0", "ec2IssuedInVPC": "vpc-1"}
LATER_MEMBER = "ec2IssuedInVPC"


def call(number: int, context: dict[str, str] = CONTEXT) -> dict[str, object]:
    identity = {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root", "sessionContext": context}
    return record(number, userIdentity=identity)


def without_member(kind: pa.DataType) -> pa.DataType:
    if not pa.types.is_struct(kind):
        return kind
    members = [kind.field(index) for index in range(kind.num_fields)]
    return pa.struct([pa.field(one.name, without_member(one.type)) for one in members if one.name != LATER_MEMBER])


def as_earlier_version(path: Path) -> None:
    """Rewrite a part as versions wrote it that did not know the member."""
    metadata = pq.read_schema(path).metadata
    rows: list[dict[str, Any]] = read_part(path).to_pylist()
    for row in rows:
        value = row["userIdentity"]["sessionContext"].pop(LATER_MEMBER)
        if value is not None:
            rest = {"userIdentity": {"sessionContext": {LATER_MEMBER: value}}}
            row["extra"] = json.dumps(json.loads(row["extra"] or "{}") | rest)
    schema = pa.schema([pa.field(field.name, without_member(field.type), field.nullable) for field in EVENTS])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema.with_metadata(metadata)), path)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake with an older part of calls 1 and 2, and a newer one of calls 2 and 3."""
    lake = tmp_path / "lake"
    with open_to_write(lake) as writer:
        put(writer, {"s3://b/old": log(call(1), call(2))})
    [part] = (lake / "events").rglob("*.parquet")
    as_earlier_version(part)
    with sqlite3.connect(lake / LEDGER) as ledger:
        ledger.execute("UPDATE parts SET size_bytes = ?", (part.stat().st_size,))
    ledger.close()
    with open_to_write(lake) as writer:
        put(writer, {"s3://b/new": log(call(2), call(3))})
    return lake


MEMBERS = 'SELECT eventName, userIdentity.sessionContext."ec2IssuedInVPC" AS vpc FROM events ORDER BY eventName'


def asked(lake: Path, sql: str) -> list[dict[str, Any]]:
    with Engine(read_lake(lake), threads=1) as engine:
        return list(engine.query(sql).read_all().to_pylist())


def test_the_file_that_names_the_columns_names_those_of_today() -> None:
    assert pq.read_schema(COLUMNS).equals(EVENTS), "python -m fixtures.columns writes it"
    assert pq.read_table(COLUMNS).num_rows == 0
    assert duckdb.execute(f"FROM read_parquet('{COLUMNS}')").fetchall() == []


def test_a_lake_is_not_reckoned_to_be_empty_when_joins_are_planned() -> None:
    """Else DuckDB keeps all of it in memory, and goes through a handful of rows of another relation."""
    [(_, plan)] = duckdb.execute(f"EXPLAIN (FORMAT JSON) FROM read_parquet('{COLUMNS}')").fetchall()
    assert int(json.loads(plan)[0]["extra_info"]["Estimated Cardinality"]) > 1_000


def test_both_are_read_and_a_copy_in_the_other_form_is_a_copy(lake: Path) -> None:
    assert [row["eventName"] for row in asked(lake, MEMBERS)] == ["Call1", "Call2", "Call3"]
    assert asked(lake, MEMBERS)[2]["vpc"] == "vpc-1"
    assert asked(lake, "SELECT count(*) AS copies FROM duplicates") == [{"copies": 1}]


def test_so_they_are_without_a_ledger_and_when_only_older_ones_are_there(lake: Path) -> None:
    before = asked(lake, MEMBERS)
    (lake / "ledger.sqlite").unlink()
    assert asked(lake, MEMBERS) == before
    parts = sorted((lake / "events").rglob("*.parquet"), key=lambda path: path.stat().st_mtime)
    parts[-1].unlink()
    assert asked(lake, MEMBERS) == [{"eventName": "Call1", "vpc": None}, {"eventName": "Call2", "vpc": None}]


def test_compaction_puts_them_together_and_loses_nothing(lake: Path) -> None:
    with open_to_write(lake) as writer:
        compact(writer)
    rows = asked(lake, "FROM events ORDER BY eventName")
    contexts = [json.loads(record_json(row))["userIdentity"]["sessionContext"] for row in rows]
    assert contexts == [CONTEXT] * 3


def test_an_object_of_an_older_part_can_be_replaced(lake: Path) -> None:
    with open_to_write(lake) as writer:
        put(writer, {"s3://b/old": log(call(1))}, ["s3://b/old"])
    assert [row["vpc"] for row in asked(lake, MEMBERS)] == ["vpc-1"] * 3


def test_what_watch_keeps_of_them_is_one_table(lake: Path) -> None:
    cache = CandidateCache(lake)
    with open_to_write(lake) as writer:
        parts = writer.ledger.parts()
    assert cache.add(part for part in parts if part.kind == "events")
    with Engine(cache.events(), threads=1) as engine:
        assert engine.query(MEMBERS).read_all().num_rows == 3
    cache.close()
