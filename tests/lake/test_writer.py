"""Commits are all or nothing, and one writer works at a time."""

from __future__ import annotations

import base64
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

import detector.lake.part_files as parts_module
from detector.errors import LakeBusy, LakeError
from detector.lake.check import differences
from detector.lake.disk import disk_error
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.objects import ObjectStatus
from detector.lake.part_files import DUPLICATES
from detector.lake.reader import read_lake
from detector.lake.repair import repair
from detector.lake.writer import open_to_write
from detector.lake_layout import LEDGER, PartKind
from detector.records.schema import EVENTS
from tests.lake.lives import AFTER, assert_all_or_none
from tests.places import Place

from .samples import (
    age_dropped,
    commit,
    event_id,
    files_of,
    listed,
    log,
    put,
    put_back_ledger,
    read_ledger,
    record,
    shown,
    staged,
)

HERE = Path(__file__).parent


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_a_writer_killed_at_any_step_leaves_all_of_a_commit_or_none(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    buckets = [request.getfixturevalue("lake_bucket")] if kind == "s3" else []
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])}
    environment["TMPDIR"] = str(tmp_path)  # what a killed process leaves on its own disk
    command = [sys.executable, str(HERE / "crash.py"), str(tmp_path), *buckets]
    ended = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    for life in assert_all_or_none(ended.stdout):
        assert life["before"] == life["after"]  # a reader does not wait for the next writer to be right
        assert (life["unlisted"], life["missing"], life["differences"]) == (0, [], [])
        if kind == "folder":
            assert (life["left"], life["intended"]) == ([], 0)
        else:  # there it is left for a day, in which the same can be done again
            assert life["again"] == AFTER[0]


def test_everything_is_on_the_disk_before_the_ledger_says_so(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[str, str]] = []
    fsync, rename, ledger_commit = os.fsync, Path.rename, Ledger.commit

    def recorded_fsync(descriptor: int) -> None:
        steps.append(("fsync", Path(f"/proc/self/fd/{descriptor}").readlink().name))
        fsync(descriptor)

    def recorded_rename(path: Path, target: Path) -> Path:
        steps.append(("rename", path.name))
        return rename(path, target)

    def recorded_commit(ledger: Ledger, objects: Any, added: Any, *others: Any, **named: Any) -> None:  # noqa: ANN401
        steps.extend(("commit", part.name) for part in added)
        ledger_commit(ledger, objects, added, *others, **named)

    with open_to_write(lake) as writer:
        monkeypatch.setattr(os, "fsync", recorded_fsync)
        monkeypatch.setattr(Path, "rename", recorded_rename)
        monkeypatch.setattr(Ledger, "commit", recorded_commit)
        put(writer, {"s3://b/1": log(record(1), record(1), record(2, day=2), {"x": 1})})
        monkeypatch.undo()
    paths = {Path(path) for path in listed(lake)}
    assert {path.parts[0] for path in paths} == {"events", "hidden", "rejected"}
    for path in paths:
        moved, committed = steps.index(("rename", path.name)), steps.index(("commit", path.name))
        assert steps.index(("fsync", path.name)) < moved
        # The folder that it was moved to, and the one that this folder is new in.
        for folder in path.parts[:-1]:
            synced = [at for at, step in enumerate(steps) if step == ("fsync", folder)]
            assert any(moved < at < committed for at in synced)


def test_a_second_writer_is_refused_with_the_first_ones_pid(lake: Path) -> None:
    with open_to_write(lake), pytest.raises(LakeBusy, match=rf"is being written by process {os.getpid()} on") as caught:
        open_to_write(lake).__enter__()
    assert caught.value.hint
    with open_to_write(lake):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a lake is on a local disk")
def test_the_lock_is_on_no_byte_that_sqlite_locks(lake: Path) -> None:
    # On a network file system locks of both kinds meet, and one on the whole file would lock SQLite out.
    with open_to_write(lake):
        inode = (lake / LEDGER).stat().st_ino
        locks = [line.split()[1:] for line in Path("/proc/locks").read_text().splitlines() if f":{inode} " in line]
        [(kind, _, access, _, _, first, last)] = [lock for lock in locks if lock[0] != "POSIX"]  # those are SQLite's
        assert (kind, access, first) == ("OFDLCK", "WRITE", last)
        assert int(first) > 2**32


def test_no_file_of_the_process_that_is_closed_lets_go_of_the_lock(lake: Path) -> None:
    with open_to_write(lake):
        (lake / LEDGER).open("ab").close()
        with pytest.raises(LakeBusy):
            open_to_write(lake).__enter__()


def test_the_lock_goes_with_its_process(lake: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from detector.lake.writer import open_to_write
with open_to_write(Path({str(lake)!r})) as writer:
    (writer.staging / "part-x.parquet").write_text("half")
    print(os.getpid(), flush=True)
    signal.pause()
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout
    with child, child.stdout:
        try:
            pid = child.stdout.readline().strip()
            with pytest.raises(LakeBusy, match=f"process {pid} "):
                open_to_write(lake).__enter__()
        finally:
            child.send_signal(signal.SIGKILL)
    with open_to_write(lake):
        assert files_of(lake) == set()


def test_no_file_that_can_be_removed_lets_a_second_writer_in(lake: Path) -> None:
    with open_to_write(lake) as writer:
        put(writer, {"s3://b/1": log(record(1))})
        kept = files_of(lake)
        for path in lake.iterdir():
            if path.is_file() and path.name != LEDGER and not path.name.startswith(f"{LEDGER}-"):
                path.unlink()
        command = [sys.executable, "-m", "detector", "compact", "--lake", str(lake)]
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        assert f"is being written by process {os.getpid()} " in second.stderr
        assert files_of(lake) == kept


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_writer_whose_ledger_is_gone_commits_nothing_and_removes_nothing(lake: Path, how: str) -> None:
    with open_to_write(lake) as writer:
        put(writer, {"s3://b/1": log(record(1))})
    with open_to_write(lake) as writer:
        kept = files_of(lake)
        content = (lake / LEDGER).read_bytes()
        (lake / LEDGER).unlink()
        if how == "replaced":
            (lake / LEDGER).write_bytes(content)
        with pytest.raises(LakeError, match="was removed or replaced"):
            put(writer, {"s3://b/2": log(record(2))})
    assert {name for name in files_of(lake) if "_tmp" not in name} == kept


def test_readers_work_while_a_writer_does(place: Place) -> None:
    with open_to_write(place()) as writer:
        put(writer, {"s3://b/1": log(record(1))})
    with open_to_write(place()) as writer:
        staged(writer, {"s3://b/2": log(record(2))})
        assert shown(place()) == shown(writer.place) == [("s3://b/1", 0)]


def test_the_body_s_own_errors_are_not_taken_for_the_lake_s(lake: Path) -> None:
    with pytest.raises(FileNotFoundError), open_to_write(lake):
        raise FileNotFoundError("something else")
    with open_to_write(lake):
        pass


def test_a_lake_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lake"
    path.write_text("precious")
    with pytest.raises(LakeError, match="is a file"):
        open_to_write(path).__enter__()
    assert path.read_text() == "precious"


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(LakeError, match="not empty and holds no lake"):
        open_to_write(tmp_path).__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("how", ["another engine", "a lost ledger"])
def test_a_lake_without_a_ledger_is_not_written_to(lake: Path, how: str) -> None:
    with open_to_write(lake) as writer:
        put(writer, {"s3://b/1": log(record(1))})
    for path in lake.iterdir():
        if path.is_file() or (how == "another engine" and path.name != "events"):
            path.unlink() if path.is_file() else shutil.rmtree(path)
    files = files_of(lake)
    assert files
    with pytest.raises(LakeError, match=r"holds parts but no ledger\.sqlite"):
        open_to_write(lake).__enter__()
    assert files_of(lake) == files


def test_an_empty_folder_and_an_unfinished_lake_are_taken(lake: Path) -> None:
    lake.mkdir()
    for kind in PartKind:  # as if killed between the folders and the ledger
        (lake / kind).mkdir()
    with open_to_write(lake) as writer:
        put(writer, {"s3://b/1": log(record(1))})
    assert len(shown(lake)) == 1


def test_a_ledger_that_was_taken_away_is_not_made_again(lake: Path) -> None:
    with open_to_write(lake):
        (lake / LEDGER).unlink()
    assert not (lake / LEDGER).exists()


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder, and an effective user that may not write everywhere."""
    base = Path(tempfile.mkdtemp())
    base.chmod(0o755)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    yield base
    os.seteuid(was)
    shutil.rmtree(base)


def test_a_folder_that_may_not_be_written_is_an_error_with_a_hint(as_nobody: Path) -> None:
    if os.geteuid() == as_nobody.stat().st_uid:
        as_nobody.chmod(0o555)
    with pytest.raises(LakeError, match="Permission denied") as caught:
        open_to_write(as_nobody / "lake").__enter__()
    assert "writable" in caught.value.hint


def test_a_lake_that_may_only_be_read_is_read_and_not_written(lake: Path, as_nobody: Path) -> None:
    user = os.geteuid()
    copy = as_nobody / "lake"
    try:
        os.seteuid(os.getuid())
        with open_to_write(lake) as writer:
            put(writer, {"s3://b/1": log(record(1))})
        shutil.copytree(lake, copy)
        for path in [copy, *copy.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        os.seteuid(user)
        assert shown(copy) == [("s3://b/1", 0)]
        with pytest.raises(LakeError, match="Permission denied"):
            open_to_write(copy).__enter__()
        os.seteuid(os.getuid())
        (copy / f"{LEDGER}-wal").write_bytes(b"commits")
        os.seteuid(user)
        with pytest.raises(LakeError, match=r"holds commits that cannot be read|cannot open"):
            read_lake(copy)
    finally:
        os.seteuid(os.getuid())
        for path in [copy, *copy.rglob("*")]:
            path.chmod(0o755)


def fill_the_disk(limit: int) -> Callable[[], None]:
    def set_limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return set_limit


@pytest.mark.slow
@pytest.mark.parametrize("limit", [10_000, 150_000])
def test_a_full_disk_is_an_error_with_a_hint_and_nothing_is_half_committed(lake: Path, limit: int) -> None:
    with open_to_write(lake) as writer:
        put(writer, {"s3://b/1": log(record(1))})
    before = files_of(lake)
    code = f"""
import sys, random
sys.path[:0] = [{str(HERE.parents[1])!r}, {str(HERE)!r}]
from pathlib import Path
from samples import log, put, record
from detector.errors import LakeError
from detector.lake.writer import open_to_write
many = log(*(record(n, x=random.Random(n).randbytes(40).hex(), day=1 + n % 2) for n in range(20_000)))
try:
    with open_to_write(Path({str(lake)!r})) as writer:
        put(writer, {{"s3://b/2": many}})
except LakeError as error:
    print(error, "|", error.hint)
"""
    child = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=fill_the_disk(limit),
    )
    message, _, hint = child.stdout.partition(" | ")
    assert message, child.stderr
    assert hint.strip()
    assert shown(lake) == [("s3://b/1", 0)]
    assert files_of(lake) == before  # what was staged does not stay on the full disk
    with open_to_write(lake) as writer:
        assert writer.ledger.known("s3://b/2", "x") is None


def test_a_part_that_cannot_be_moved_in_is_an_error_and_nothing_is_committed(lake: Path) -> None:
    with open_to_write(lake) as writer:
        (lake / "events/event_date=2024-05-01").write_text("in the way")
        with pytest.raises(LakeError, match="cannot write to"):
            put(writer, {"s3://b/1": log(record(1))})
        assert list(writer.ledger.objects()) == []


def test_the_hint_for_a_full_disk_says_so() -> None:
    error = disk_error("cannot write x", OSError(28, "No space left on device"))
    assert str(error) == "cannot write x: No space left on device"
    assert "make room" in error.hint


def test_a_commit_that_the_ledger_refuses_leaves_nothing(place: Place) -> None:
    with open_to_write(place()) as writer:
        put(writer, {"s3://b/1": log(record(1))})
        batch = staged(writer, {"s3://b/2": log(record(2))})
        blocker = writer.ledger._connection
        blocker.execute("CREATE TEMP TRIGGER no BEFORE INSERT ON objects BEGIN SELECT RAISE(ABORT, 'no room'); END")
        with pytest.raises(LakeError, match="no room"):
            commit(writer, batch)
        blocker.execute("DROP TRIGGER no")
        assert shown(writer.place) == [("s3://b/1", 0)]
        # The writer is still good for the next commit.
        put(writer, {"s3://b/3": log(record(3))})
    assert shown(place()) == [("s3://b/1", 0), ("s3://b/3", 0)]
    assert list(differences(place())) == []
    assert repair(place()).rows == 2  # which takes what is left for no part of the lake
    assert shown(place()) == [("s3://b/1", 0), ("s3://b/3", 0)]


def test_objects_are_known_by_their_etag(place: Place) -> None:
    with open_to_write(place()) as writer:
        batch = staged(writer, {"s3://b/a/1": log(record(1)), "s3://b/a/2": b"[]", "stdin:abc": log(record(2))[:-1]})
        etags = {one.uri: one.etag for one in batch.objects}
        commit(writer, batch)
    with open_to_write(place()) as writer:
        for uri, status in {
            "s3://b/a/1": ObjectStatus.INGESTED,
            "s3://b/a/2": ObjectStatus.SKIPPED,
            "stdin:abc": ObjectStatus.PARTIAL,
        }.items():
            known = writer.ledger.known(uri, etags[uri])
            assert known
            assert (known.etag_matches, known.status) == (True, status)
            assert (known.reason is None) == (status is ObjectStatus.INGESTED)
            changed = writer.ledger.known(uri, "other")
            assert changed
            assert not changed.etag_matches
        assert writer.ledger.known("s3://b/a/3", "x") is None
        assert writer.ledger.known("s3://c/a/1", "x") is None


def test_a_changed_object_replaces_its_rows_and_unhides_what_hid_behind_them(place: Place) -> None:
    with open_to_write(place()) as writer:
        put(writer, {"s3://b/1": log(record(1), record(2), record(3, day=2)), "s3://b/0": log(record(9))})
        assert put(writer, {"s3://b/2": log(record(1), record(3, day=2))}) == 2
        assert ("s3://b/2", 0) not in shown(writer.place)
    with open_to_write(place()) as writer:
        put(writer, {"s3://b/1": log(record(2))}, ["s3://b/1"])
    assert shown(place()) == [("s3://b/0", 0), ("s3://b/1", 0), ("s3://b/2", 0), ("s3://b/2", 1)]
    with open_to_write(place()) as writer:
        put(writer, {"s3://b/1": b'{"Records":[]}'}, ["s3://b/1"])
        assert [one.rows for one in writer.ledger.objects()] == [1, 0, 2]
    assert shown(place()) == [("s3://b/0", 0), ("s3://b/2", 0), ("s3://b/2", 1)]


def test_replacing_counts_only_the_copies_that_it_adds(lake: Path) -> None:
    with open_to_write(lake) as writer:
        put(writer, {"s3://b/1": log(record(1), record(2)), "s3://b/2": log(record(1), record(2))})
        assert put(writer, {"s3://b/2": log(record(1), record(2), record(2))}, ["s3://b/2"]) == 1
        assert put(writer, {"s3://b/2": log(record(7))}, ["s3://b/2"]) == 0


def test_a_reader_that_listed_parts_before_they_were_dropped_can_read_them(place: Place) -> None:
    with open_to_write(place()) as writer:
        put(writer, {"s3://b/1": log(record(1)), "s3://b/2": log(record(1), record(2))})
    reader = place()
    earlier = read_lake(reader)
    with open_to_write(place()) as writer:
        put(writer, {"s3://b/1": log(record(3))}, ["s3://b/1"])
    with open_to_write(place()), duckdb.connect() as connection:
        earlier.attach(connection)
        rows = connection.sql(
            "SELECT eventName FROM parts ANTI JOIN duplicates USING (logFile, logFileIndex) ORDER BY 1"
        )
        assert rows.fetchall() == [("Call1",), ("Call2",)]
    age_dropped(place())
    assert files_of(place()) == listed(place())  # a quarter of an hour later they are gone


def test_a_writer_removes_its_own_leavings_and_nothing_else(lake: Path) -> None:
    with open_to_write(lake) as writer:
        put(writer, {"s3://b/1": log(record(1), record(1), {"x": 1})})
    kept = files_of(lake)
    leavings = [Path("events/event_date=2024-05-01/part-o.parquet"), Path("rejected/part-o.jsonl")]
    ledger = Ledger.open(lake, writable=True)
    ledger.intend("killed", leavings)
    ledger.close()
    for leaving in [*leavings, Path("events/_tmp/killed/part-p.parquet")]:
        (lake / leaving).parent.mkdir(parents=True, exist_ok=True)
        (lake / leaving).write_text("half")
    (lake / "notes.txt").write_text("mine")
    with open_to_write(lake):
        assert files_of(lake) == kept
    assert (lake / "notes.txt").exists()


def test_parts_that_the_ledger_does_not_know_are_refused_and_left_alone(place: Place) -> None:
    with open_to_write(place()) as writer:
        put(writer, {"s3://b/1": log(record(1))})
    older = read_ledger(place())
    with open_to_write(place()) as writer:
        put(writer, {"s3://b/2": log(record(2, day=2)), "s3://b/3": log({"x": 1})})
    files = files_of(place())
    for content, count in ((older, 2), (b"", 3)):
        put_back_ledger(place(), content)
        for _ in range(2):
            with pytest.raises(LakeError, match=rf"holds {count} parts that ledger\.sqlite does not know") as caught:
                open_to_write(place()).__enter__()
            assert f"detector lake repair --lake {place()}" in caught.value.hint
            assert files_of(place()) == files
    put_back_ledger(place(), older)
    assert len(read_lake(place()).unlisted) == 2


def test_a_ledger_copied_in_the_middle_of_a_commit_does_not_remove_what_was_committed_later(lake: Path) -> None:
    with open_to_write(lake) as writer:
        batch = staged(writer, {"s3://b/1": log(record(1))})
        writer.ledger.intend(writer.staging.name, [part.path for part in batch.parts])
        writer.ledger._connection.execute("VACUUM INTO ?", (str(lake.parent / "older"),))
        commit(writer, batch)
    files = files_of(lake)
    (lake.parent / "older").replace(lake / LEDGER)
    with pytest.raises(LakeError, match="does not know"):
        open_to_write(lake).__enter__()
    assert files_of(lake) == files


@pytest.mark.slow
@pytest.mark.parametrize("name", ["it's", 'with "quotes"', "with space", "a[1]", "b*c?", "{x}", "ü%20", "-lake", "$x;"])
def test_the_path_of_a_lake_may_hold_any_character(tmp_path: Path, name: str) -> None:
    lake = tmp_path / name
    decoy = tmp_path / "a1"
    for path in (lake, decoy):
        with open_to_write(path) as writer:
            put(writer, {"s3://b/1": log(record(1)), "s3://b/2": log(record(1), record(2))})
    with open_to_write(lake) as writer:
        assert put(writer, {"s3://b/0": log(record(2))}) == 1
        put(writer, {"s3://b/1": log(record(3))}, ["s3://b/1"])
    assert shown(lake) == [("s3://b/0", 0), ("s3://b/1", 0), ("s3://b/2", 0)]


def test_parts_are_plain_parquet_in_hive_folders(lake: Path) -> None:
    odd = record(3, day=2, readOnly="True", unknown={"a": 1}, userIdentity={"type": "Root", "x": None})
    with open_to_write(lake) as writer:
        put(writer, {"s3://b/1": log(record(1), record(2, userIdentity={}), odd), "s3://b/2": log(record(1))})
        put(writer, {"s3://b/3": log(record(4, eventTime="2023-12-31T23:59:59.999Z"))})
    parts = read_lake(lake)
    assert {path.parent.name for path in parts.events} == {
        "event_date=2024-05-01",
        "event_date=2024-05-02",
        "event_date=2023-12-31",
    }
    for path in parts.events:
        assert pq.read_schema(path).remove_metadata() == EVENTS
        days = {str(time)[:10] for time in pq.read_table(path, partitioning=None).column("eventTime").to_pylist()}
        assert path.parent.name == f"event_date={days.pop()}"
        assert not days
    for path in parts.duplicates or ():
        assert pq.read_schema(path).remove_metadata() == DUPLICATES
    query = f"SELECT count(*), count(DISTINCT event_date) FROM '{lake}/events/*/*.parquet'"
    with duckdb.connect() as connection:
        assert connection.sql(query).fetchall() == [(5, 3)]
    assert pq.read_table(lake / "events").num_rows == 5


def test_the_bytes_of_rejected_records_can_be_had_back(place: Place) -> None:
    with open_to_write(place()) as writer:
        put(writer, {"s3://b/1": log(record(1), {"eventName": "\x1b[31m"}), "s3://b/2": b'{"Records":[\n1\n]}'})
    (name,) = (Path(name) for name in files_of(place()) if name.startswith("rejected/"))
    lake = place()
    lake.refresh()
    lake.fetch([name])
    path = lake.directory / name
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["log_file"], line["index"], line["rejected"]) for line in lines] == [
        ("s3://b/1", 1, True),
        ("s3://b/2", 0, True),
    ]
    assert base64.b64decode(lines[1]["bytes_base64"]) == b"1"
    assert json.loads(base64.b64decode(lines[0]["bytes_base64"])) == {"eventName": "\x1b[31m"}
    assert "\x1b" not in path.read_text()


def test_a_part_that_is_missing_or_damaged_is_named(lake: Path) -> None:
    with open_to_write(lake) as writer:
        put(writer, {"s3://b/1": log(record(1))})
        (path,) = read_lake(lake).events
        content = path.read_bytes()
    with open_to_write(lake) as writer:
        path.write_bytes(content[:-20])
        with pytest.raises(LakeError, match=path.name):
            put(writer, {"s3://b/1": log(record(2))}, ["s3://b/1"])
        with pytest.raises(LakeError, match=path.name):
            parts_module.read_part(path)
        path.unlink()
        with pytest.raises(LakeError, match=f"{path.name} is missing"):
            read_lake(lake)
        with pytest.raises(LakeError, match=path.name):
            put(writer, {"s3://b/2": log(record(2))})
        path.write_bytes(content)
    assert shown(lake) == [("s3://b/1", 0), ("s3://b/2", 0)]


def test_event_ids_are_what_the_samples_say(lake: Path) -> None:
    with open_to_write(lake) as writer:
        put(writer, {"s3://b/1": log(record(1))})
    assert shown(lake, "eventKey") == [(event_id(1),)]
    assert {kind.value for kind in PartKind} == {"events", "copies", "hidden", "rejected"}
