"""A lake in S3 keeps what a lake in a folder keeps, whichever machine writes next."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from detector.errors import LakeBusy, LakeError, UsageError
from detector.lake.check import differences
from detector.lake.ledger.ledger import Ledger
from detector.lake.object_store import ObjectStore
from detector.lake.place import lake_at
from detector.lake.reader import read_lake
from detector.lake.repair import repair
from detector.lake.stored_lake import StoredLake
from detector.lake.writer import Staged, open_to_write
from detector.lake_layout import LEDGER, STAGING, PartKind
from tests.loopback import serve

from .samples import CANDIDATES, compact, log, put, record, shown, staged

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Machines = Callable[[], StoredLake]


@pytest.fixture
def client(lake_client: S3Client) -> S3Client:
    return lake_client


def keys(client: S3Client, lake_bucket: str) -> set[str]:
    return {one["Key"] for one in client.list_objects_v2(Bucket=lake_bucket).get("Contents", [])}


def intents(client: S3Client, lake_bucket: str) -> set[str]:
    return {key for key in keys(client, lake_bucket) if f"/{STAGING}/" in key}


def put_without_sharing(lake: StoredLake, number: int) -> None:
    """Do what a run does that is killed before its end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StoredLake, "share", lambda *_: None)
        with open_to_write(lake) as writer:
            put(writer, {f"s3://b/{number}": log(record(number))})


def test_of_two_writers_the_second_to_end_is_told_and_leaves_nothing(machine: Machines) -> None:
    first, second = machine(), machine()
    losing = ExitStack()
    put(losing.enter_context(open_to_write(second)), {"s3://b/2": log(record(2))})
    with open_to_write(first) as winner:
        put(winner, {"s3://b/1": log(record(1))})
    with pytest.raises(LakeBusy, match="written by another run"):
        losing.close()
    assert shown(machine(), "eventName") == [("Call1",)]
    with open_to_write(second) as again:
        put(again, {"s3://b/2": log(record(2))})
    assert shown(machine(), "eventName") == [("Call1",), ("Call2",)]
    assert list(differences(machine())) == []


def test_nothing_is_left_where_nothing_came_in(machine: Machines, client: S3Client, lake_bucket: str) -> None:
    with open_to_write(machine()):
        pass
    assert keys(client, lake_bucket) == set()
    with pytest.raises(LakeError, match="holds no lake"):
        read_lake(machine())


def test_what_a_killed_run_left_disturbs_nobody_and_is_removed_a_day_later(
    machine: Machines, client: S3Client, lake_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_without_sharing(machine(), 1)  # before there was a ledger
    with open_to_write(machine()) as writer:
        put(writer, {"s3://b/2": log(record(2))})
    put_without_sharing(machine(), 3)
    assert shown(machine(), "eventName") == [("Call2",)]
    assert read_lake(machine()).unlisted == ()
    with open_to_write(machine()) as writer:
        assert writer.place.remove_orphans(writer.ledger) == 0  # perhaps it is still at work
    monkeypatch.setattr("detector.lake.stored_lake._ORPHAN_AGE", timedelta(days=-1))
    with open_to_write(machine()) as writer:
        assert writer.place.remove_orphans(writer.ledger) == 2
    assert len([key for key in keys(client, lake_bucket) if "/part-" in key]) == 1
    assert intents(client, lake_bucket) == set()
    assert shown(machine(), "eventName") == [("Call2",)]


def test_a_run_whose_parts_were_removed_as_orphans_cannot_commit_them(
    machine: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_to_write(machine()) as writer:
        put(writer, {"s3://b/1": log(record(1))})
    monkeypatch.setattr("detector.lake.stored_lake._ORPHAN_AGE", timedelta(days=-1))
    sleeper = ExitStack()
    put(sleeper.enter_context(open_to_write(machine())), {"s3://b/2": log(record(2))})
    with open_to_write(machine()) as writer:
        assert writer.place.remove_orphans(writer.ledger) == 1
    with pytest.raises(LakeBusy):
        sleeper.close()
    assert shown(machine(), "eventName") == [("Call1",)]


def test_a_lost_ledger_is_said_and_made_anew(machine: Machines, client: S3Client, lake_bucket: str) -> None:
    with open_to_write(machine()) as writer:
        put(writer, {"s3://b/1": log(record(1), record(2), record(2))})
        compact(writer)  # copies are set apart: the repair puts them back
    client.delete_object(Bucket=lake_bucket, Key=f"trail/{LEDGER}")
    with pytest.raises(LakeError, match="is lost or too old") as refused:
        read_lake(machine())
    assert f"repair --lake s3://{lake_bucket}/trail" in refused.value.hint
    with pytest.raises(LakeError, match="is lost or too old"), open_to_write(machine()):
        pass
    assert repair(machine()).rows == 3
    assert shown(machine(), "eventName") == [("Call1",), ("Call2",)]
    assert list(differences(machine())) == []
    assert intents(client, lake_bucket) == set()
    with open_to_write(machine()) as writer:
        assert writer.ledger.object_count() == 1


def test_a_damaged_part_is_a_gap_and_set_aside_by_a_repair(
    machine: Machines, client: S3Client, lake_bucket: str
) -> None:
    with open_to_write(machine()) as writer:
        put(writer, {"s3://b/1": log(record(1))})
        put(writer, {"s3://b/2": log(record(2, day=2))})
    [key] = [key for key in keys(client, lake_bucket) if "2024-05-02" in key]
    body = client.get_object(Bucket=lake_bucket, Key=key)["Body"].read()
    client.put_object(Bucket=lake_bucket, Key=key, Body=body[:-9])
    [gap] = read_lake(machine()).damaged
    assert gap.uri == f"s3://{lake_bucket}/{key}"
    assert gap.reason == f"has {len(body) - 9:,} bytes, the ledger says {len(body):,}"
    assert [one.partition(" ")[2] for one in differences(machine())] == [gap.reason]
    assert len(repair(machine()).damaged) == 1
    assert shown(machine(), "eventName") == [("Call1",)]
    client.delete_object(Bucket=lake_bucket, Key=next(key for key in keys(client, lake_bucket) if "2024-05-01" in key))
    with pytest.raises(LakeError, match="is missing"):
        read_lake(machine())


def test_detection_fetches_candidates_and_later_the_days_that_it_is_told(machine: Machines) -> None:
    with open_to_write(machine()) as writer:
        put(writer, {"s3://b/1": log(*(record(number, day=number) for number in range(1, 6)))})
        compact(writer)
    lake = machine()
    events = read_lake(lake, CANDIDATES.digest, fetches_all=False)
    assert len(events.events) == len(events.candidates) == 2  # of Call1 and Call2
    assert len(list(lake.directory.rglob("part-*"))) == 2
    assert events.elsewhere is not None
    with duckdb.connect() as connection:
        events.attach(connection)
        names = "SELECT eventName FROM parts ORDER BY ALL"
        assert len(connection.sql(names).fetchall()) == 2
        events.elsewhere.fetch((date(2024, 5, 3), date(2024, 5, 4)))
        assert [name for (name,) in connection.sql(names).fetchall()] == ["Call1", "Call2", "Call3", "Call4"]
        events.elsewhere.fetch()
        assert len(connection.sql(names).fetchall()) == 5


def test_the_ledger_is_shared_on_the_way_too(machine: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.lake.stored_lake._SHARE_SECONDS", -1.0)
    with open_to_write(machine()) as writer:
        put(writer, {"s3://b/1": log(record(1))})
        assert shown(machine(), "eventName") == [("Call1",)]


def test_a_small_disk_is_enough(machine: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.lake.stored_lake._FETCHED_BYTES", 0)
    lake = machine()
    with open_to_write(lake) as writer:
        batch = staged(writer, {"s3://b/1": log(record(1), record(2))})
        writer.commit(Staged(tuple(batch.objects), tuple(batch.parts)))
        assert not list(lake.directory.rglob("part-*"))
        assert put(writer, {"s3://b/2": log(record(2))}) == 1
        compact(writer)
    assert shown(machine(), "eventName") == [("Call1",), ("Call2",)]


def test_a_ledger_cannot_make_a_reader_write_elsewhere(
    machine: Machines, client: S3Client, lake_bucket: str, tmp_path: Path
) -> None:
    with open_to_write(machine()) as writer:
        put(writer, {"s3://b/1": log(record(1))})
    file = tmp_path / "ledger"
    client.download_file(lake_bucket, f"trail/{LEDGER}", str(file))
    with sqlite3.connect(file) as ledger:
        ledger.execute("UPDATE parts SET path = 'events/event_date=2024-05-01/../../../outside'")
    client.upload_file(str(file), lake_bucket, f"trail/{LEDGER}")
    client.put_object(Bucket=lake_bucket, Key="trail/events/event_date=2024-05-01/../../../outside", Body=b"x")
    lake = machine()
    with pytest.raises(LakeError):
        read_lake(lake)
    assert not list(tmp_path.rglob("outside"))
    assert not (lake.directory.parent / "outside").exists()


def test_a_prefix_that_holds_something_else_is_refused(machine: Machines, client: S3Client, lake_bucket: str) -> None:
    client.put_object(Bucket=lake_bucket, Key="trail/AWSLogs/111122223333/x.json.gz", Body=b"x")
    with pytest.raises(LakeError, match="is not empty and holds no lake"), open_to_write(machine()):
        pass


def test_refusals_of_s3_are_said(machine: Machines, lake_bucket: str) -> None:  # noqa: ARG001
    with pytest.raises(LakeError, match="NoSuchBucket"):
        read_lake(StoredLake.named("s3://there-is-no-such-bucket/x"))


@pytest.mark.parametrize(
    "url", ["s3://", "s3://B/x", "s3:///x", "s3://bucket/a//b/c", "s3://bucket/../x/y", "s3://bucket/.."]
)
def test_what_names_no_place_in_s3_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="names no place"):
        lake_at(url)


def test_the_answer_to_an_own_write_may_be_lost(machine: Machines, lake_bucket: str, tmp_path: Path) -> None:  # noqa: ARG001
    store = ObjectStore(lake_bucket, "trail/")
    file = tmp_path / "file"
    file.write_bytes(b"first")
    etag = store.swap("one", file, None)
    assert etag is not None
    assert store.swap("one", file, None) == etag  # as though it were sent again
    file.write_bytes(b"second")
    assert store.swap("one", file, None) is None
    assert store.swap("one", file, '"other"') is None
    assert store.swap("one", file, etag) is not None
    assert store.swap("gone", file, etag) is None
    with pytest.raises(LakeError, match="is there already"):
        store.create("one", b"third")


class Careless(BaseHTTPRequestHandler):
    """A server that takes every PUT."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("ETag", '"same"')
        self.send_header("Content-Length", "0")
        self.end_headers()


def test_a_server_without_conditional_writes_is_refused(
    lake_bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"ledger")
    with serve(Careless) as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
        with pytest.raises(LakeError, match="ignores If-None-Match or If-Match"):
            ObjectStore(lake_bucket, "trail/").swap(LEDGER, file, None)


def test_writing_to_a_ledger_needs_no_s3_when_it_lies_in_a_folder(tmp_path: Path) -> None:
    with open_to_write(tmp_path / "lake") as writer:
        put(writer, {"s3://b/1": log(record(1))})
        writer.ledger.share()
        assert writer.place.remove_orphans(writer.ledger) == 0
    ledger = Ledger.open(tmp_path / "lake", writable=False)
    assert [part.kind for part in ledger.parts()] == [PartKind.EVENTS]
    ledger.close()
