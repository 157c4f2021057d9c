"""A catalogue of the REST kind, over HTTP on loopback; the files are in S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from tests.lake.samples import shown
from tests.publish.rest_server import TOKEN, RestServer, serve_catalog
from tests.publish.tables import compact_all, fill_copies, fill_first
from tests.running import Run

pytestmark = pytest.mark.slow
BUCKET, TABLE = "published-by-rest", "security.cloudtrail"


@pytest.fixture
def server(
    tmp_path: Path, aws_variables: dict[str, str], s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RestServer]:
    for name, value in aws_variables.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("DETECTOR_ICEBERG_TOKEN", TOKEN)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    files = {"s3.endpoint": s3_url, "s3.access-key-id": "a", "s3.secret-access-key": "b", "s3.region": "us-east-1"}
    catalog = SqlCatalog("theirs", uri=f"sqlite:///{tmp_path}/theirs.db", **files)
    catalog.create_namespace("security")
    with serve_catalog(catalog) as server:
        yield server
    catalog.close()


def publish(run: Run, server: RestServer, lake: Path) -> str:
    result = run("publish", "--lake", lake, "--table", f"rest:{server.url}/{TABLE}", "--to", f"s3://{BUCKET}/here")
    assert result.code == 0, result.err
    return result.err


def rows(server: RestServer) -> list[tuple[str, int]]:
    found = server.catalog.load_table(TABLE).scan().to_arrow()
    return sorted(zip(found["logFile"].to_pylist(), found["logFileIndex"].to_pylist(), strict=True))


def test_a_table_of_a_rest_catalogue_follows_the_lake(run: Run, server: RestServer, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    fill_first(lake)
    assert "3 events in 2 files: 2 added" in publish(run, server, lake)
    assert rows(server) == shown(lake)
    fill_copies(lake)
    publish(run, server, lake)
    compact_all(lake)
    publish(run, server, lake)
    assert rows(server) == shown(lake)
    assert "nothing has changed" in publish(run, server, lake)


def test_a_catalogue_lends_keys_but_chooses_no_server_for_files(run: Run, server: RestServer, tmp_path: Path) -> None:
    """Own keys would go to whichever server is named."""
    fill_first(tmp_path / "lake")
    server.lent = {"s3.endpoint": "http://127.0.0.1:9", "s3.access-key-id": "lent", "s3.secret-access-key": "lent"}
    server.lent["py-io-impl"] = "tests.publish.rest_server.RestServer"
    publish(run, server, tmp_path / "lake")
    assert rows(server) == shown(tmp_path / "lake")


def test_a_token_that_is_refused_is_told(
    run: Run, server: RestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_first(tmp_path / "lake")
    monkeypatch.setenv("DETECTOR_ICEBERG_TOKEN", "another")
    table = f"rest:{server.url}/{TABLE}"
    result = run("publish", "--lake", tmp_path / "lake", "--table", table, "--to", f"s3://{BUCKET}/here")
    assert result.code == 2
    assert len(result.errors) == 1
    assert "no such token" in result.err
    assert "another" not in result.err.replace("another one", "")
