"""Executors and a lake in S3: they fetch and put parts themselves, and only what the ledger lists is in the lake."""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import boto3
import pytest

from detector.engines.engine import Result, Task
from detector.engines.executor import packed_task
from detector.engines.wire import pack, unpack
from detector.errors import LakeBusy, LakeError
from detector.ingest.worker import Batch, StagedBatch, stage
from detector.lake.check import differences
from detector.lake.errands import Errand
from detector.lake.ledger.objects import ObjectStatus
from detector.lake.reader import read_lake
from detector.lake.repair import repair
from detector.lake.stored_lake import StoredLake
from detector.lake.writer import LakeWriter, open_to_write
from detector.lake_layout import LEDGER
from detector.sources.log_source import LogObject
from tests.engines.sail import Sail, sail
from tests.engines.test_sail import alerts_in
from tests.lake.samples import CANDIDATES, MemoryReader, commit, log, record, shown
from tests.running import Run

Machines = Callable[[], StoredLake]
TRAILS = Path(__file__).parents[2] / "fixtures/trails"
FIRST = {"s3://b/1": log(record(1), record(2)), "s3://b/2": log(record(2), record(3))}
SECOND = {"s3://b/3": log(record(3), record(4)), "s3://b/4": log(record(5, day=2))}


class Elsewhere:
    """An engine whose executors have nothing of the driver but the bytes of a task, and begin each one twice."""

    is_elsewhere = True

    def __init__(self) -> None:
        self.given: list[bytes] = []

    def run(self, work: Callable[[Task], Result], tasks: Iterable[Task], *, jobs: int) -> Iterator[Result]:  # noqa: ARG002
        for task in tasks:
            assert isinstance(task, Errand)
            answers = []
            for attempt in ("first", "second"):
                self.given.append(packed_task(work, replace(task, stem=f"{task.stem}-{attempt}")))
                answers.append(do(self.given[-1]))
            yield cast("Result", answers[0])


def do(packed: bytes) -> Any:  # noqa: ANN401 - what the work returns
    work, task = pickle.loads(packed)
    return work(task)


def put_by(writer: LakeWriter, engine: Elsewhere, files: dict[str, bytes]) -> None:
    """Let executors stage log files, one a task, and commit each."""
    batches = [
        Batch((LogObject(uri, len(content), uri, None),), MemoryReader(files), writer.staging, uuid.uuid4().hex)
        for uri, content in files.items()
    ]
    for staged in writer.engine(engine).run(stage, batches, jobs=2):
        commit(writer, staged)


@pytest.fixture
def all_searches_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.lake.writer._ROWS_WORTH_WORKERS", 0)


def parts(bucket: str) -> set[str]:
    listed = boto3.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    return {one["Key"] for one in listed if "/part-" in one["Key"]}


@pytest.mark.usefixtures("all_searches_elsewhere")
def test_executors_make_the_lake_that_the_driver_would(
    machine: Machines, lake_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, engine = machine(), Elsewhere()
    with open_to_write(place) as writer:
        for files in (FIRST, SECOND):
            put_by(writer, engine, files)
            found = writer.find_copies(jobs=1, engine=engine)
            assert found == 1
        days = [one.day.event_date for one in writer.compact(CANDIDATES, jobs=1, engine=engine)]
        assert days == ["2024-05-01", "2024-05-02"]
        assert not [path for path in place.directory.rglob("part-*") if path.is_file()]  # the driver has seen none
        listed = {part.path.as_posix() for part in writer.ledger.parts()} | {
            path.as_posix() for path in writer.ledger.dropped()
        }
    assert shown(machine(), "eventName") == [("Call1",), ("Call2",), ("Call3",), ("Call4",), ("Call5",)]
    assert list(differences(machine())) == []
    # What the second attempts have put there is explained, and goes a day later.
    kept = {f"trail/{path}" for path in listed}
    assert kept < parts(lake_bucket)
    orphans = len(parts(lake_bucket) - kept)
    monkeypatch.setattr("detector.lake.stored_lake._ORPHAN_AGE", timedelta(days=-1))
    with open_to_write(machine()) as writer:
        assert writer.place.remove_orphans(writer.ledger) == orphans
    assert parts(lake_bucket) == kept
    assert list(differences(machine())) == []
    assert len(shown(machine())) == 5


def test_a_ledger_that_is_lost_after_executors_have_written_is_missed(machine: Machines, lake_bucket: str) -> None:
    with open_to_write(machine()) as writer:
        put_by(writer, Elsewhere(), FIRST)
    boto3.client("s3").delete_object(Bucket=lake_bucket, Key=f"trail/{LEDGER}")
    with pytest.raises(LakeError, match="is lost or too old"):
        read_lake(machine())
    repair(machine())  # attempts that nobody listed are there, too
    assert sorted(set(shown(machine(), "eventName"))) == [("Call1",), ("Call2",), ("Call3",)]  # some of them twice
    with open_to_write(machine()) as writer:
        assert {one.status for one in writer.ledger.objects()} == {ObjectStatus.PARTIAL}  # and are read again


def test_a_driver_that_is_killed_leaves_orphans_alone(
    machine: Machines, lake_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Elsewhere()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StoredLake, "share", lambda *_: None)
        with open_to_write(machine()) as writer:
            put_by(writer, engine, FIRST)
    with open_to_write(machine()) as writer:
        put_by(writer, Elsewhere(), SECOND)
    do(engine.given[0].replace(b"-first", b"-third"))  # an executor goes on while nobody waits for it
    assert shown(machine(), "eventName") == [("Call3",), ("Call4",), ("Call5",)]
    assert list(differences(machine())) == []
    monkeypatch.setattr("detector.lake.stored_lake._ORPHAN_AGE", timedelta(days=-1))
    with open_to_write(machine()) as writer:
        writer.place.remove_orphans(writer.ledger)
    left = parts(lake_bucket)
    assert len(left) == 2
    with pytest.raises(LakeError, match="was cleared away"):
        unpack(stage, do(engine.given[0]))
    assert parts(lake_bucket) == left


@pytest.mark.slow
def test_of_two_drivers_the_second_to_end_is_told(machine: Machines) -> None:
    losing = ExitStack()
    put_by(losing.enter_context(open_to_write(machine())), Elsewhere(), FIRST)
    with open_to_write(machine()) as winner:
        put_by(winner, Elsewhere(), SECOND)
    with pytest.raises(LakeBusy):
        losing.close()
    assert shown(machine(), "eventName") == [("Call3",), ("Call4",), ("Call5",)]
    assert list(differences(machine())) == []


class Forger(Elsewhere):
    """Executors that answer with a part of another name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def run(self, work: Callable[[Task], Result], tasks: Iterable[Task], *, jobs: int) -> Iterator[Result]:
        for answer in super().run(work, tasks, jobs=jobs):
            yield cast("Result", pack(self.forge, unpack(stage, cast("bytes", answer))))

    def forge(self, made: StagedBatch) -> StagedBatch:
        made.parts = [replace(part, name=self.name) for part in made.parts]
        return made


@pytest.mark.parametrize("name", ["part-of-somebody-else.parquet", "../../ledger.sqlite"])
def test_a_part_that_is_none_of_the_run_is_not_believed(machine: Machines, name: str) -> None:
    with open_to_write(machine()) as writer, pytest.raises(LakeError, match="none of this run"):
        put_by(writer, Forger(name), FIRST)


@pytest.fixture
def server(lake_bucket: str) -> Iterator[Sail]:  # noqa: ARG001
    """Executors with the environment of now."""
    with sail() as server:
        yield server


@pytest.mark.long
@pytest.mark.slow
def test_a_lake_in_s3_is_that_of_one_machine(run: Run, server: Sail, tmp_path: Path, lake_bucket: str) -> None:
    there = ["--jobs", 2, "--engine", server.address]
    outcomes = []
    for lake, more in ((tmp_path / "here", ["--jobs", 1]), (f"s3://{lake_bucket}/trail", there)):
        came_in = run("ingest", TRAILS, "--lake", lake, *more)
        found = run("detect", "--lake", lake)
        compacted = run("compact", "--lake", lake, *more)
        again = run("detect", "--lake", lake)
        assert run("lake", "check", "--lake", lake).code == 0
        outcomes.append([came_in.code, came_in.err.replace(str(lake), ""), alerts_in(found), alerts_in(again)])
        assert len(found.alerts) > 50
        assert compacted.code == 0
    assert outcomes[0] == outcomes[1]
    with sail({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}) as poor:
        refused = run("ingest", TRAILS, "--lake", f"s3://{lake_bucket}/none", "--jobs", 1, "--engine", poor.address)
        assert refused.code == 2
        assert "credentials" in refused.errors[0]
    run_there = run("run", TRAILS, "--lake", f"s3://{lake_bucket}/run", *there)
    assert alerts_in(run_there) == alerts_in(run("run", TRAILS, "--lake", tmp_path / "run", "--jobs", 1))
    assert run("run", TRAILS, "--lake", f"s3://{lake_bucket}/run", *there).alerts == []
