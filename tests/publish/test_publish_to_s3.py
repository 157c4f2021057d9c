"""Parts are copied to a bucket, and the table is in Glue: what Athena reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from pyiceberg.catalog.glue import GlueCatalog

from detector.errors import LakeError, TableError
from detector.lake.ledger.ledger import Ledger
from detector.lake.place import LakePlace, lake_at
from detector.lake.stored_lake import StoredLake
from detector.lake.writer import open_to_write
from detector.lake_layout import PartKind
from detector.publish.address import parse_address
from detector.publish.publish import Publication, publish
from detector.sources.aws_options import AwsOptions
from tests.lake.samples import commit, log, record, shown, staged
from tests.publish.tables import COPIES, compact_all, fill, fill_copies, fill_first
from tests.running import Run

BUCKET, PREFIX, DATABASE = "published", "lakes/security", "security"


@pytest.fixture(autouse=True)
def aws(aws_variables: dict[str, str], s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in (aws_variables | {"AWS_ENDPOINT_URL_GLUE": s3_url}).items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    s3, glue = boto3.client("s3"), boto3.client("glue")
    s3.create_bucket(Bucket=BUCKET)
    glue.create_database(DatabaseInput={"Name": DATABASE})
    yield
    for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=one["Key"])
    s3.delete_bucket(Bucket=BUCKET)
    glue.delete_database(Name=DATABASE)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    fill_first(tmp_path / "lake")
    return tmp_path / "lake"


def publish_to(lake: Path | LakePlace, database: str = DATABASE) -> Publication:
    return publish(lake, parse_address(f"glue:{database}.cloudtrail"), f"s3://{BUCKET}/{PREFIX}", AwsOptions())


def rows(s3_url: str) -> list[tuple[str, int]]:
    properties = {"s3.endpoint": s3_url, "s3.access-key-id": "a", "s3.secret-access-key": "b", "s3.region": "us-east-1"}
    table = GlueCatalog("any", client=boto3.client("glue"), **properties).load_table(f"{DATABASE}.cloudtrail")
    found = table.scan().to_arrow()
    return sorted(zip(found["logFile"].to_pylist(), found["logFileIndex"].to_pylist(), strict=True))


def keys() -> dict[str, str]:
    """The objects below the prefix, but for what Iceberg writes, and their ETags."""
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/")["Contents"]
    found = {one["Key"].removeprefix(f"{PREFIX}/"): one["ETag"] for one in listed}
    return {key: etag for key, etag in found.items() if not key.startswith("metadata/")}


def parts_of(lake: Path | LakePlace) -> set[str]:
    place = lake_at(lake)
    place.refresh()
    ledger = Ledger.open(place.directory, writable=False)
    try:
        return {str(part.path) for part in ledger.parts(PartKind.EVENTS)}
    finally:
        ledger.close()


@pytest.mark.slow
def test_a_table_in_glue_follows_the_lake(lake: Path, s3_url: str) -> None:
    first = publish_to(lake)
    assert (first.rows, first.added) == (3, 2)
    assert rows(s3_url) == shown(lake)
    assert keys().keys() == parts_of(lake)
    table = boto3.client("glue").get_table(DatabaseName=DATABASE, Name="cloudtrail")["Table"]
    assert table["Parameters"]["table_type"] == "ICEBERG"
    assert {"eventTime", "userIdentity"} <= {column["Name"] for column in table["StorageDescriptor"]["Columns"]}

    fill_copies(lake)
    publish_to(lake)
    assert rows(s3_url) == shown(lake)
    assert any(key.startswith("shown/") for key in keys())

    compact_all(lake)
    compacted = publish_to(lake)
    assert compacted.removed
    assert rows(s3_url) == shown(lake)
    assert publish_to(lake).added == 0


def test_what_a_killed_publisher_has_copied_is_taken_as_it_is(lake: Path, s3_url: str) -> None:
    part = next(path for path in (lake / "events").rglob("part-*"))
    key = str(part.relative_to(lake))
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}", Body=part.read_bytes(), Metadata={"by": "me"})
    publish_to(lake)
    assert boto3.client("s3").head_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}")["Metadata"] == {"by": "me"}
    assert rows(s3_url) == shown(lake)


@pytest.mark.slow
def test_what_somebody_else_has_put_under_the_name_of_a_part_is_not_published(lake: Path) -> None:
    key = min(parts_of(lake))
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}", Body=b"PAR1 of others PAR1")
    with pytest.raises(TableError, match="is not what the lake has under this name"):
        publish_to(lake)


def test_what_is_missing_in_aws_is_told_with_the_remedy(run: Run, lake: Path) -> None:
    place = f"s3://{BUCKET}/{PREFIX}"
    result = run("publish", "--lake", lake, "--table", "glue:nowhere.cloudtrail", "--to", place)
    assert result.code == 2
    assert "there is no database nowhere" in result.err
    assert "aws glue create-database" in result.err
    result = run("publish", "--lake", lake, "--table", f"glue:{DATABASE}.cloudtrail", "--to", "s3://no-such-bucket/x")
    assert result.code == 2
    assert "there is no bucket no-such-bucket" in result.err


@pytest.mark.slow
def test_a_table_of_another_form_is_left_alone(run: Run, lake: Path) -> None:
    glue = boto3.client("glue")
    parameters = {"classification": "cloudtrail"}
    glue.create_table(DatabaseName=DATABASE, TableInput={"Name": "cloudtrail", "Parameters": parameters})
    result = run("publish", "--lake", lake, "--table", f"glue:{DATABASE}.cloudtrail", "--to", f"s3://{BUCKET}/{PREFIX}")
    assert result.code == 2
    assert len(result.errors) == 1
    [table] = glue.get_tables(DatabaseName=DATABASE)["TableList"]
    assert table["Parameters"] == parameters


@pytest.mark.slow
def test_the_place_of_a_table_is_not_changed_behind_its_back(lake: Path) -> None:
    publish_to(lake)
    fill(lake, x=log(record(7)))
    with pytest.raises(TableError, match="outside of s3://published/elsewhere"):
        publish(lake, parse_address(f"glue:{DATABASE}.cloudtrail"), f"s3://{BUCKET}/elsewhere", AwsOptions())


def test_the_parts_of_a_lake_in_s3_are_copied_there(machine: Callable[[], StoredLake], s3_url: str) -> None:
    fill_first(machine())
    publisher = machine()
    first = publish_to(publisher)
    assert (first.rows, first.added) == (3, 2)
    assert rows(s3_url) == shown(machine())
    assert keys().keys() == parts_of(machine())
    assert not list(publisher.directory.rglob("part-*"))  # none has passed through this machine


@pytest.mark.slow
def test_a_table_follows_a_lake_in_s3(machine: Callable[[], StoredLake], s3_url: str) -> None:
    fill_first(machine())
    with open_to_write(machine()) as writer:
        commit(writer, staged(writer, COPIES))  # nobody has looked for copies
    publish_to(machine())
    assert rows(s3_url) == shown(machine()) == [("s3://b/a", 0), ("s3://b/m", 0), ("s3://b/n", 0), ("s3://b/z", 1)]
    assert any(key.startswith("shown/") for key in keys())
    with open_to_write(machine()) as writer:
        writer.find_copies(jobs=1)
    assert publish_to(machine()).added == 0
    compact_all(machine())
    publisher = machine()
    compacted = publish_to(publisher)
    assert compacted.removed
    assert rows(s3_url) == shown(machine())
    assert not list(publisher.directory.rglob("part-*"))  # the ledger alone tells that no copies lie among the events


@pytest.mark.slow
def test_a_part_that_is_missing_in_s3_is_told(machine: Callable[[], StoredLake], lake_bucket: str, s3_url: str) -> None:
    fill_first(machine())
    publish_to(machine())
    before = rows(s3_url)
    fill(machine(), x=log(record(7)))
    part = (parts_of(machine()) - keys().keys()).pop()
    boto3.client("s3").delete_object(Bucket=lake_bucket, Key=f"trail/{part}")
    with pytest.raises(LakeError, match=f"{part} is missing"):
        publish_to(machine())
    assert rows(s3_url) == before


def test_a_lake_in_s3_and_its_table_lie_apart(run: Run, tmp_path: Path) -> None:
    publish = ["publish", "--lake", "s3://bucket/lakes/trail", "--table", f"sqlite:{tmp_path}/catalog.db/a.b"]
    alone = run(*publish)
    assert (alone.code, alone.errors) == (2, ["error: the table of s3://bucket/lakes/trail needs a place of its own"])
    for to in ("s3://bucket/lakes/trail/table", "s3://bucket/lakes/trail/", "s3://bucket/lakes", "s3://bucket"):
        result = run(*publish, "--to", to)
        assert result.code == 2
        assert "lie within each other" in result.errors[0]
    assert list(tmp_path.iterdir()) == []
