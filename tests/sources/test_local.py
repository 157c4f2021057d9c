from __future__ import annotations

import hashlib
import io
import os
import pickle
import socket
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from detector.errors import SourceError
from detector.lake.ledger.ledger import Ledger
from detector.scope import Scope
from detector.sources import local
from detector.sources.lake_folder import OTHER_LAKE
from detector.sources.local import LocalReader, LocalSource, open_local
from detector.sources.log_source import LeftOut, Listed, LogObject, Skipped, Unreadable
from detector.sources.stream import StreamSource

NAME = "111122223333_CloudTrail_us-east-1_20210729T2355Z_abcdefghijkl1234.json.gz"
DAY = "AWSLogs/111122223333/CloudTrail/us-east-1/2021/07/29"


def put(root: Path, *names: str, body: bytes = b"{}") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def found(path: Path, scope: Scope | None = None) -> list[Listed]:
    return list(open_local(path).list(scope or Scope()))


def names(path: Path, scope: Scope | None = None) -> list[str]:
    return [item.uri.rpartition("/")[2] for item in found(path, scope) if isinstance(item, LogObject)]


def others(path: Path, scope: Scope | None = None) -> dict[str, str]:
    """Map what is no log object, by its path below `path`, to its reason."""
    base = path.resolve().as_uri() + "/"
    items = [item for item in found(path, scope) if not isinstance(item, LogObject)]
    return {item.uri.removeprefix(base): f"{type(item).__name__}: {item.reason}" for item in items}


def test_a_log_object_carries_uri_size_and_times(tmp_path: Path) -> None:
    put(tmp_path, f"{DAY}/{NAME}", body=b"12345")
    path = (tmp_path / DAY / NAME).resolve()
    os.utime(path, ns=(0, 1_600_000_000_123_456_789))
    [item] = found(tmp_path)
    moment = datetime(2020, 9, 13, 12, 26, 40, 123456, tzinfo=UTC)
    assert item == LogObject(path.as_uri(), 5, "5-1600000000123456789", moment)


def test_a_directory_is_walked_in_the_order_of_the_names(tmp_path: Path) -> None:
    put(tmp_path, "b/2.json", "b/1.json", "a/z.json", "c.json", "B.json")
    assert names(tmp_path) == ["B.json", "z.json", "1.json", "2.json", "c.json"]


def test_the_bytes_come_back_as_stored(tmp_path: Path) -> None:
    put(tmp_path, "a.json", body=b"\x1f\x8b\x00raw")
    source = open_local(tmp_path)
    items = [item for item in source.list(Scope()) if isinstance(item, LogObject)]
    reader = pickle.loads(pickle.dumps(source.reader()))
    assert list(reader.read(items)) == [(items[0], b"\x1f\x8b\x00raw")]


def test_a_name_that_is_no_utf8_is_listed_and_read(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/log-\xff\xe9 %41.json"
    Path(os.fsdecode(path)).write_bytes(b"here")
    [item] = found(tmp_path)
    assert isinstance(item, LogObject)
    assert item.uri.isascii()
    assert [content for _, content in LocalReader().read([item])] == [b"here"]


def test_one_named_file_is_a_log_object_whatever_its_name(tmp_path: Path) -> None:
    put(tmp_path, "README.md")
    assert names(tmp_path / "README.md") == ["README.md"]
    assert names(tmp_path) == []


def test_other_files_are_skipped_with_their_reason(tmp_path: Path) -> None:
    put(tmp_path, "README.md", f"AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2021/07/29/{NAME}")
    assert list(others(tmp_path).values()) == [
        "Skipped: CloudTrail-Digest: a digest for log file validation",
        "Skipped: .md file",
    ]


def test_folders_of_other_services_and_hidden_ones_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, "AWSLogs/111122223333/Config/x.json", ".git/objects/ab", f"{DAY}/{NAME}")
    assert names(tmp_path) == [NAME]
    assert others(tmp_path) == {
        ".git/": "LeftOut: hidden directory",
        "AWSLogs/111122223333/Config/": "LeftOut: Config: logs of another service",
    }


def test_an_explicitly_named_folder_of_another_kind_is_read(tmp_path: Path) -> None:
    put(tmp_path, "AWSLogs/111122223333/export/us-east-1/a.json")
    assert names(tmp_path / "AWSLogs/111122223333/export") == ["a.json"]


def test_the_folders_above_the_named_one_still_say_what_lies_in_it(tmp_path: Path) -> None:
    put(tmp_path, f"{DAY}/renamed.json", "AWSLogs/111122223333/elasticloadbalancing/x.json")
    assert names(tmp_path / DAY, Scope(accounts=frozenset({"444455556666"}))) == []
    assert names(tmp_path / DAY, Scope(accounts=frozenset({"111122223333"}))) == ["renamed.json"]
    assert names(tmp_path / "AWSLogs/111122223333") == ["renamed.json"]


def test_the_scope_prunes_folders_and_filters_files(tmp_path: Path) -> None:
    late = NAME.replace("20210729", "20210915")
    put(tmp_path, f"{DAY}/{NAME}", f"flat/{NAME}", f"flat/{late}", "AWSLogs/444455556666/CloudTrail/us-east-1/x.json")
    scope = Scope(
        accounts=frozenset({"111122223333"}),
        since=datetime(2021, 7, 20, tzinfo=UTC),
        until=datetime(2021, 7, 29, tzinfo=UTC),
    )
    assert names(tmp_path, scope) == [NAME, NAME]
    assert others(tmp_path, scope) == {
        "AWSLogs/444455556666/": "LeftOut: account 444455556666 is not asked for",
        f"flat/{late}": "LeftOut: delivered after 2021-07-30",
    }


def put_lake(root: Path) -> None:
    """A lake as the program makes it, without anything in it."""
    put(root, "events/part.json")
    Ledger.open(root, writable=True).close()


def test_the_lake_that_is_written_to_is_not_read_as_logs(tmp_path: Path) -> None:
    put(tmp_path, "a.json", "events/b.json")
    put_lake(tmp_path / "lake")
    items = list(open_local(tmp_path, tmp_path / "events/../lake").list(Scope()))
    assert [item.uri.rpartition("/")[2] for item in items if isinstance(item, LogObject)] == ["a.json", "b.json"]
    assert [item.uri for item in items if isinstance(item, LeftOut)] == [tmp_path.as_uri() + "/lake/"]


def test_any_other_lake_among_the_logs_is_named_as_not_read(tmp_path: Path) -> None:
    put(tmp_path, "a.json")
    put_lake(tmp_path / "lake")
    before = sorted(tmp_path.rglob("*"))
    assert names(tmp_path) == ["a.json"]
    assert others(tmp_path) == {"lake": f"Unreadable: {OTHER_LAKE}"}
    assert sorted(tmp_path.rglob("*")) == before  # evidence is looked at, nothing is put beside it


_MANY_VIEWS = """
WITH RECURSIVE numbers AS (SELECT 1 AS number UNION ALL SELECT number + 1 FROM numbers LIMIT 20000)
INSERT INTO sqlite_master
SELECT 'view', 'v' || number, 'v' || number, 0, 'CREATE VIEW v' || number || ' AS SELECT 1' FROM numbers
"""


def sqlite_file(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"BEGIN; {'; '.join(statements)}; COMMIT;")


@pytest.mark.slow
def test_what_only_bears_the_names_of_a_lake_hides_nothing(tmp_path: Path) -> None:
    for name in ("empty", "words", "other", "huge"):
        put(tmp_path, f"{name}/events/{name}.json")
    put(tmp_path, "empty/ledger.sqlite", body=b"")
    put(tmp_path, "words/ledger.sqlite", body=b"no database")
    sqlite_file(tmp_path / "other/ledger.sqlite", "CREATE TABLE objects (x)")
    sqlite_file(tmp_path / "huge/ledger.sqlite", "PRAGMA writable_schema = ON", _MANY_VIEWS)
    put(tmp_path, "pipe/events/pipe.json")
    os.mkfifo(tmp_path / "pipe/ledger.sqlite")
    assert names(tmp_path) == ["empty.json", "huge.json", "other.json", "pipe.json", "words.json"]


@pytest.mark.parametrize("folder", [DAY, "AWSLogs/111122223333/CloudTrail", "111122223333/us-east-1/2021/07/29"])
def test_not_even_a_true_ledger_hides_anything_in_the_folders_of_cloudtrail(tmp_path: Path, folder: str) -> None:
    put(tmp_path, f"{folder}/{NAME}")
    put_lake(tmp_path / folder)
    assert names(tmp_path) == [NAME, "part.json"]
    assert not [item for item in found(tmp_path) if isinstance(item, LeftOut | Unreadable)]


def test_a_link_to_a_file_is_read_and_one_to_a_directory_is_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    put(root, "a.json")
    put(outside, "b.json")
    (root / "link.json").symlink_to(outside / "b.json")
    (root / "loop").symlink_to(root)
    assert names(root) == ["a.json", "link.json"]
    assert others(root) == {"loop/": "LeftOut: link to a directory, not followed"}


def test_a_broken_link_is_unreadable_unless_its_name_is_no_log_file(tmp_path: Path) -> None:
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "gone.md").symlink_to(tmp_path / "nowhere")
    assert others(tmp_path) == {"gone.json": "Unreadable: broken link", "gone.md": "Skipped: .md file"}


def test_special_files_are_skipped_and_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    monkeypatch.chdir(tmp_path)  # the name of a socket is limited to 107 bytes
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.json")
        assert others(tmp_path) == {"pipe.json": "Skipped: named pipe", "socket.json": "Skipped: socket"}


def refuse(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the system refuse to list one directory; the tests may run as root, whom no mode stops."""
    scandir = os.scandir

    def refusing(directory: Path) -> object:
        if directory.name == path:
            raise PermissionError(13, "Permission denied")
        return scandir(directory)

    monkeypatch.setattr(os, "scandir", refusing)


def test_an_unreadable_directory_is_named_and_its_neighbours_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a/1.json", "b/2.json", "c/3.json")
    refuse("b", monkeypatch)
    assert names(tmp_path) == ["1.json", "3.json"]
    assert others(tmp_path) == {"b": "Unreadable: directory: permission denied"}


def test_a_file_that_cannot_be_read_is_named_and_its_neighbours_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a.json", "b.json", "c.json", body=b"x")
    items = [item for item in found(tmp_path) if isinstance(item, LogObject)]
    (tmp_path / "a.json").unlink()
    open_file = os.open

    def refusing(name: str, flags: int) -> int:
        if name.endswith("b.json"):
            raise PermissionError(13, "Permission denied")
        return open_file(name, flags)

    monkeypatch.setattr(os, "open", refusing)
    assert [content for _, content in LocalReader().read(items)] == [
        Unreadable(items[0].uri, "listed, but gone since"),
        Unreadable(items[1].uri, "permission denied"),
        b"x",
    ]


def test_a_file_of_any_size_is_failed_before_it_is_read(tmp_path: Path) -> None:
    put(tmp_path, "a.json", "c.json", body=b"x")
    with (tmp_path / "b.log").open("wb") as sparse:
        sparse.truncate(1 << 41)
    items = [item for item in found(tmp_path) if isinstance(item, LogObject)]
    assert [content for _, content in LocalReader().read(items)] == [
        b"x",
        Unreadable(items[1].uri, "2,199,023,255,552 bytes, more than the cap of 1,073,741,824"),
        b"x",
    ]


@pytest.mark.slow
def test_a_tree_far_deeper_than_recursion_goes_is_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(1050):
        Path("d").mkdir()
        os.chdir("d")
    Path("a.json").touch()
    scope = Scope(accounts=frozenset({"111122223333"}))
    assert [type(item) for item in LocalSource(tmp_path).list(scope)] == [LogObject]
    Path("a.json").unlink()
    for _ in range(1050):  # shutil.rmtree recurses
        os.chdir("..")
        Path("d").rmdir()


def test_a_time_outside_the_calendar_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a.json")
    monkeypatch.setattr(local, "_EPOCH", datetime.max.replace(tzinfo=UTC))
    [item] = found(tmp_path)
    assert isinstance(item, LogObject)
    assert item.last_modified is None


@pytest.mark.parametrize("path", ["nowhere", "nul\0"])
def test_a_missing_path_is_a_source_error_that_recalls_s3(tmp_path: Path, path: str) -> None:
    with pytest.raises(SourceError, match="cannot read") as caught:
        open_local(tmp_path / path)
    assert "s3://" in caught.value.hint


def test_a_file_that_vanishes_before_the_listing_is_unreadable(tmp_path: Path) -> None:
    put(tmp_path, "a.json")
    source = open_local(tmp_path / "a.json")
    (tmp_path / "a.json").unlink()
    assert list(source.list(Scope())) == [Unreadable((tmp_path / "a.json").resolve().as_uri(), "gone since")]


def test_standard_input_is_one_object_named_by_its_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b'{"Records": []}'
    digest = hashlib.sha256(content).hexdigest()

    class Stdin:
        buffer = io.BytesIO(content)

    monkeypatch.setattr("sys.stdin", Stdin)
    source = StreamSource()
    [item] = source.list(Scope())
    assert item == LogObject(f"stdin:{digest}", len(content), digest, None)
    reader = pickle.loads(pickle.dumps(source.reader()))
    assert list(reader.read([item])) == [(item, content)]
    assert "Records" not in repr(reader)
    assert "Records" not in repr(source)


def test_a_stream_reader_knows_only_its_own_object() -> None:
    source = StreamSource(lambda: io.BytesIO(b"x"))
    stranger = LogObject("stdin:0", 0, "0", None)
    assert list(source.reader().read([stranger])) == [(stranger, Unreadable("stdin:0", "not this stream"))]


def test_too_much_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.sources.stream.MAX_OBJECT_BYTES", 10)
    assert [*StreamSource(lambda: io.BytesIO(b"x" * 10)).list(Scope())]
    with pytest.raises(SourceError, match="larger than 10 bytes"):
        list(StreamSource(lambda: io.BytesIO(b"x" * 11)).list(Scope()))


def test_standard_input_that_cannot_be_read_is_a_source_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot read standard input: is a directory"):
        list(StreamSource(lambda: tmp_path.open("rb")).list(Scope()))


def test_a_named_pipe_given_by_name_is_read_like_standard_input() -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"piped")
    os.close(write_end)
    source = open_local(Path(f"/dev/fd/{read_end}"))
    [item] = source.list(Scope())
    os.close(read_end)
    assert isinstance(item, LogObject)
    assert [content for _, content in source.reader().read([item])] == [b"piped"]


def test_a_link_given_by_name_is_resolved(tmp_path: Path) -> None:
    put(tmp_path, "real/a.json")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    source = open_local(tmp_path / "link")
    assert source == LocalSource((tmp_path / "real").resolve())
    assert [type(item) for item in source.list(Scope())] == [LogObject]
    assert not isinstance(next(iter(source.list(Scope()))), (Skipped, LeftOut))
