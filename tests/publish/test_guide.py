"""What docs/guide/share-the-lake.md shows works: its Python with pyiceberg, its SQL, in Spark's words, with Sail."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from detector import Lake
from tests.running import Run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/guide/share-the-lake.md").read_text(encoding="utf-8")
TABLE = "security.cloudtrail"
pytestmark = pytest.mark.slow


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("guide") / "lake"
    Lake(lake).ingest(*(ROOT / "fixtures/trails").glob("*/AWSLogs"))
    return lake


@pytest.fixture
def workplace(lake: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(lake.parent)
    assert run("publish", "--lake", "lake", "--table", f"sqlite:catalog.db/{TABLE}").code == 0
    return lake.parent


@pytest.fixture
def spark(workplace: Path) -> Iterator[Any]:
    """A session of Spark Connect with the table of the page."""
    server_of = pytest.importorskip("pysail.spark").SparkConnectServer
    session_of = pytest.importorskip("pyspark.sql").SparkSession
    server = server_of("127.0.0.1", 0)
    server.start(background=True)
    _, port = server.listening_address
    session = session_of.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
    table = session.read.format("iceberg").load(f"file://{workplace}/{TABLE}")
    session.sql("CREATE DATABASE security")
    table.createOrReplaceTempView("cloudtrail")
    yield session
    session.stop()
    server.stop()


def of_lake(lake: Path, query: str) -> list[dict[str, Any]]:
    return [dict(row) for row in Lake(lake).query(query).to_pylist()]


def test_the_python_of_the_page_reads_what_the_lake_holds(workplace: Path) -> None:
    [program] = blocks("python")
    names: dict[str, Any] = {}
    exec(program, names)
    condition = "eventName = 'ConsoleLogin' AND eventTime >= '2025-03-01'"
    expected = of_lake(workplace / "lake", f"SELECT eventTime, recipientAccountId FROM events WHERE {condition}")
    found = names["logins"].select(["eventTime", "recipientAccountId"]).to_pylist()
    assert found
    assert sorted(map(str, found)) == sorted(map(str, expected))


def test_the_queries_of_the_page_answer_as_the_lake_does(workplace: Path, spark: Any) -> None:  # noqa: ANN401
    answers = []
    for block in blocks("sql"):
        for statement in sqlglot.transpile(block, read="athena", write="spark"):
            if statement.startswith("CREATE DATABASE"):
                continue
            words = statement.replace("security.", "").replace("OR REPLACE VIEW", "OR REPLACE TEMPORARY VIEW")
            answers.append([row.asDict() for row in spark.sql(words).collect()])
    _, by_account, of_trails = answers
    root = """
        SELECT recipientAccountId AS recipientaccountid, count(*) AS events
        FROM events
        WHERE (userIdentity.type = 'Root' OR userIdentity.sessionContext.assumedRoot = 'true')
            AND eventTime >= '2025-03-01'
        GROUP BY ALL ORDER BY ALL
    """
    found = sorted(({k: row[k] for k in ("recipientaccountid", "events")} for row in by_account), key=str)
    assert found == sorted(of_lake(workplace / "lake", root), key=str)
    assert found
    stopped = """
        SELECT eventName FROM events
        WHERE eventSource = 'cloudtrail.amazonaws.com' AND eventTime >= '2025-03-01'
            AND eventName IN ('StopLogging', 'DeleteTrail', 'UpdateTrail', 'PutEventSelectors')
        ORDER BY eventTime
    """
    assert [row["eventname"] for row in of_trails] == [row["eventName"] for row in of_lake(workplace / "lake", stopped)]
    assert of_trails


def test_the_policy_of_the_page_is_one(workplace: Path) -> None:  # noqa: ARG001
    [policy] = map(json.loads, blocks("json"))
    assert {statement["Effect"] for statement in policy["Statement"]} == {"Allow"}
