"""The ledger is opened by what it is, and remembers alerts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from detector.errors import LakeError
from detector.lake.ledger import digests
from detector.lake.ledger import parts as part_table
from detector.lake.ledger.emitted import EmittedAlert
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.objects import Known, LedgerObject, ObjectStatus
from detector.lake.ledger.outbox import Document, OutboxCount
from detector.lake.reader import read_lake
from detector.lake_layout import LEDGER
from detector.text import url_without_path

VERSION_1 = """
CREATE TABLE folders (id INTEGER PRIMARY KEY, uri TEXT NOT NULL UNIQUE);
CREATE TABLE objects (
    folder_id INTEGER NOT NULL REFERENCES folders (id), name TEXT NOT NULL, etag BLOB NOT NULL,
    size_bytes INTEGER NOT NULL, last_modified INTEGER, content_sha256 BLOB, records INTEGER NOT NULL,
    rows INTEGER NOT NULL, status TEXT NOT NULL, reason TEXT, PRIMARY KEY (folder_id, name)
) WITHOUT ROWID;
CREATE TABLE parts (
    path TEXT PRIMARY KEY, kind TEXT NOT NULL, event_date TEXT NOT NULL, rows INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE dropped_parts (path TEXT PRIMARY KEY, dropped_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE emitted_alerts (
    alert_id TEXT PRIMARY KEY, rule_id TEXT NOT NULL, severity TEXT NOT NULL, emitted_at INTEGER NOT NULL
) WITHOUT ROWID;
PRAGMA user_version = 1;
"""


def an_object(uri: str, etag: str, **changes: object) -> LedgerObject:
    values: dict[str, object] = {
        "uri": uri,
        "etag": etag,
        "size_bytes": 10,
        "last_modified": datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
        "content_sha256": b"\1" * 32,
        "records": 3,
        "rows": 2,
        "status": ObjectStatus.INGESTED,
        "reason": None,
    }
    return LedgerObject(**(values | changes))  # type: ignore[arg-type]


# What version 2 knew more of.
VERSION_2 = """
ALTER TABLE emitted_alerts ADD COLUMN account_id TEXT;
ALTER TABLE emitted_alerts ADD COLUMN event_time TEXT;
ALTER TABLE emitted_alerts ADD COLUMN last_event_time TEXT;
ALTER TABLE emitted_alerts ADD COLUMN summary TEXT;
ALTER TABLE emitted_alerts ADD COLUMN suppressed INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 2;
"""
VERSION_3 = f"{part_table.UPGRADE} PRAGMA user_version = 3;"


@pytest.mark.parametrize("writable", [True, False])
def test_the_ledger_of_a_later_version_is_left_alone(tmp_path: Path, writable: bool) -> None:
    with sqlite3.connect(tmp_path / LEDGER) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    content = (tmp_path / LEDGER).read_bytes()
    with pytest.raises(LakeError, match="has version 99, this program knows 14") as caught:
        Ledger.open(tmp_path, writable=writable)
    assert "update" in caught.value.hint
    assert (tmp_path / LEDGER).read_bytes() == content


@pytest.mark.parametrize("writable", [True, False])
def test_a_file_that_is_no_ledger_is_an_error_that_names_it(tmp_path: Path, writable: bool) -> None:
    (tmp_path / LEDGER).write_bytes(b"not a database, but long enough to be one " * 100)
    with pytest.raises(LakeError, match=rf"cannot open .*{LEDGER}"):
        Ledger.open(tmp_path, writable=writable)


def test_a_damaged_ledger_is_an_error_also_later(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, writable=True)
    ledger.commit([an_object(f"s3://b/{number}/{number}", "e") for number in range(3_000)], [], [])
    ledger.close()
    path = tmp_path / LEDGER
    content = bytearray(path.read_bytes())
    middle = len(content) // 2  # behind the schema, which is read first
    content[middle:] = b"\xaa" * (len(content) - middle)
    path.write_bytes(content)
    ledger = Ledger.open(tmp_path, writable=False)
    with pytest.raises(LakeError, match=rf"cannot read .*{LEDGER}"):
        list(ledger.objects())
    ledger.close()


def test_an_empty_ledger_is_no_lake_to_read(tmp_path: Path) -> None:
    (tmp_path / LEDGER).touch()
    with pytest.raises(LakeError, match="is empty"):
        read_lake(tmp_path)
    Ledger.open(tmp_path, writable=True).close()
    assert read_lake(tmp_path).events == ()


@pytest.mark.parametrize("older", [5, 6, 10])
def test_what_an_older_version_skipped_or_got_no_row_out_of_is_read_anew(tmp_path: Path, older: int) -> None:
    ledger = Ledger.open(tmp_path, writable=True)
    ledger.commit(
        [
            an_object("s3://b/read", "e"),
            an_object("s3://b/without records", "e", records=0, rows=0),
            an_object("s3://b/skipped", "e", status=ObjectStatus.SKIPPED, records=0, rows=0, reason="JSON"),
            an_object("s3://b/rejected", "e", records=2, rows=0),
            an_object("s3://b/utf-16", "e", status=ObjectStatus.PARTIAL, records=0, rows=0, reason="not JSON"),
        ],
        [],
        [],
    )
    ledger.close()
    connection = sqlite3.connect(tmp_path / LEDGER)
    if older == 5:
        connection.execute("DROP TABLE misjudged_dates")
    connection.execute(f"PRAGMA user_version = {older}")
    connection.close()
    ledger = Ledger.open(tmp_path, writable=True)
    assert [one.uri for one in ledger.objects()] == ["s3://b/read", "s3://b/without records"]
    assert ledger.object_count() == 2
    ledger.close()


def test_an_object_of_which_an_older_version_rejected_records_is_a_gap_and_read_anew(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, writable=True)
    objects = [an_object("s3://b/read", "e", rows=3), an_object("s3://b/rejected", "e", records=1_000, rows=998)]
    ledger.commit([*objects, an_object("s3://b/other", "e", status=ObjectStatus.SKIPPED, records=1, rows=0)], [], [])
    ledger.close()
    connection = sqlite3.connect(tmp_path / LEDGER)
    connection.execute("PRAGMA user_version = 10")
    connection.close()
    ledger = Ledger.open(tmp_path, writable=True)
    assert [(gap.uri, gap.reason) for gap in ledger.gaps.open(9).first] == [
        ("s3://b/rejected", "2 of 1000 records rejected")
    ]
    assert ledger.known("s3://b/rejected", "e") == Known(False, ObjectStatus.PARTIAL, "2 of 1000 records rejected")
    ledger.close()


@pytest.mark.parametrize(
    "etag",
    ["d41d8cd98f00b204e9800998ecf8427e", "ab" * 32, "d41d8cd98f00b204e9800998ecf8427e-12", "12-34567", "D" * 32, ""],
)
def test_objects_come_back_as_they_were_put(tmp_path: Path, etag: str) -> None:
    objects = [
        an_object("s3://bucket/AWSLogs/1/a.json.gz", etag),
        an_object(
            "s3://bucket/AWSLogs/1/b.json.gz", etag, last_modified=None, status=ObjectStatus.PARTIAL, reason="cut"
        ),
        an_object("stdin:abc", etag),
    ]
    ledger = Ledger.open(tmp_path, writable=True)
    ledger.commit(objects, [], [])
    assert list(ledger.objects()) == objects
    for one in objects:
        known = ledger.known(one.uri, etag)
        assert known
        assert known.etag_matches
        assert (known.status, known.reason) == (one.status, one.reason)
    ledger.close()


def test_an_object_put_again_takes_the_place_of_the_old_entry(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, writable=True)
    ledger.commit([an_object("s3://b/k", "a" * 32)], [], [])
    ledger.commit([an_object("s3://b/k", "b" * 32, rows=7)], [], [])
    assert [(one.etag, one.rows) for one in ledger.objects()] == [("b" * 32, 7)]
    ledger.close()


def emitted(alert_id: str, severity: str) -> EmittedAlert:
    return EmittedAlert(
        alert_id, "rule", severity, "111122223333", "2024-05-06T07:08:09Z", None, "what", suppressed=False
    )


def test_alerts_written_are_remembered_as_they_were_last_written(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, writable=True)
    ledger.record_emitted([emitted("id-1", "low"), emitted("id-2", "high")])
    ledger.record_emitted([emitted("id-1", "critical")])
    ledger.close()
    ledger = Ledger.open(tmp_path, writable=False)
    found = ledger.emitted()
    assert [replace(alert, emitted_at=0) for alert in found] == [emitted("id-1", "critical"), emitted("id-2", "high")]
    assert all(alert.emitted_at for alert in found)
    with pytest.raises(LakeError, match="cannot write"):
        ledger.record_emitted([emitted("id-3", "low")])
    ledger.close()


@pytest.mark.parametrize("older", [7, 8, 9])
def test_a_ledger_from_before_digests_gets_their_tables_and_a_count_of_its_objects(tmp_path: Path, older: int) -> None:
    Ledger.open(tmp_path, writable=True).close()
    with sqlite3.connect(tmp_path / LEDGER) as connection:
        for table in ("digests", "public_keys", "absent_objects", "object_count"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("INSERT INTO folders (id, uri) VALUES (1, 's3://b/')")
        connection.execute("INSERT INTO objects VALUES (1, 'a', '', 1, NULL, NULL, 1, 1, 'ingested', NULL)")
        if older == 9:
            connection.executescript(digests.CREATE)
        connection.execute(f"PRAGMA user_version = {older}")
    connection.close()
    for writable in (False, True):
        ledger = Ledger.open(tmp_path, writable=writable)
        assert ledger.object_count() == 1
        assert ledger.digests.is_made == (writable or older == 9)
        ledger.close()


def test_an_older_ledger_forgets_the_paths_of_urls_and_keeps_what_waits(tmp_path: Path) -> None:
    Ledger.open(tmp_path, writable=True).close()
    hook, queried = "https://hook.example/T0/s3cr3t", "https://hook.example/T0/s3cr3t?abcd1234"
    others = ["/alerts.jsonl", "hec+https://splunk.example/services/collector/event", "https://siem.example/"]
    with sqlite3.connect(tmp_path / LEDGER) as connection:
        for number, name in enumerate([hook, queried, *others]):
            connection.execute("INSERT INTO sinks VALUES (?, ?)", (number, name))
            connection.execute("INSERT INTO outbox (sink_id, alert_id, line) VALUES (?, ?, '{}')", (number, name))
        connection.execute("UPDATE outbox SET alert_id = 'id'")
        connection.execute("PRAGMA user_version = 10")
    connection.close()
    Ledger.open(tmp_path, writable=True).close()
    ledger = Ledger.open(tmp_path, writable=False)
    expected = [url_without_path(hook), url_without_path(queried, hides_query=True), *others]
    assert ledger.outbox.waiting_by_sink() == dict.fromkeys(expected, 1)
    ledger.close()
    assert b"s3cr3t" not in (tmp_path / LEDGER).read_bytes()


@pytest.mark.parametrize("later", ["", VERSION_2, VERSION_2 + VERSION_3])
def test_a_ledger_of_an_older_version_is_read_and_brought_up_to_date(tmp_path: Path, later: str) -> None:
    with sqlite3.connect(tmp_path / LEDGER) as connection:
        connection.executescript(VERSION_1)
        connection.executescript(later)
        connection.execute(
            "INSERT INTO emitted_alerts (alert_id, rule_id, severity, emitted_at) VALUES ('id-1', 'rule', 'low', 7)"
        )
    connection.close()
    known = [EmittedAlert("id-1", "rule", "low", None, None, None, None, suppressed=False, emitted_at=7)]
    for writable in (False, True, False):
        ledger = Ledger.open(tmp_path, writable=writable)
        assert ledger.emitted() == known
        assert (ledger.outbox.counts(), list(ledger.outbox.entries())) == ([], [])
        ledger.close()
    ledger = Ledger.open(tmp_path, writable=True)
    ledger.record_emitted([emitted("id-2", "high")], {"sink": [Document("id-2", b"line")]})
    assert [alert.summary for alert in ledger.emitted()] == [None, "what"]
    assert ledger.outbox.counts() == [OutboxCount("sink", 0, 1, 0)]
    ledger.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path, writable=True)
    yield opened
    opened.close()


def test_what_a_sink_has_not_settled_waits_in_order(ledger: Ledger) -> None:
    documents = [Document(f"id-{number}", b"%d" % number) for number in range(1_000)]
    for start in (0, 700):
        ledger.record_emitted([], {"one": documents[start : start + 700], "two": documents[start : start + 700]})
    taken: list[str] = []
    for document in ledger.outbox.waiting("one"):  # settled while it is read
        taken.append(document.alert_id)
        if len(taken) % 3:
            ledger.outbox.settle("one", [document])
    assert taken == [document.alert_id for document in documents]
    left = list(ledger.outbox.waiting("one"))
    assert [(one.alert_id, one.line) for one in left] == [(one.alert_id, one.line) for one in documents[2::3]]
    assert ledger.outbox.counts() == [OutboxCount("one", 667, 333, 0), OutboxCount("two", 0, 1_000, 0)]


def test_what_a_sink_refuses_is_set_aside_with_its_reason_until_it_is_asked_again(ledger: Ledger) -> None:
    ledger.record_emitted([], {"one": [Document("a", b"a"), Document("b", b"b"), Document("c", b"c")]})
    a, b, _ = ledger.outbox.waiting("one")
    ledger.outbox.settle("one", [a], [(b, "too blue")])
    assert [document.alert_id for document in ledger.outbox.waiting("one")] == ["c"]
    assert list(ledger.outbox.entries()) == [("one", "b", "too blue"), ("one", "c", None)]
    assert ledger.outbox.counts() == [OutboxCount("one", 1, 1, 1)]
    ledger.outbox.retry_refused("other")
    assert ledger.outbox.counts() == [OutboxCount("one", 1, 1, 1)]
    ledger.outbox.retry_refused("one")
    assert [document.alert_id for document in ledger.outbox.waiting("one")] == ["b", "c"]
    ledger.outbox.drop("other")
    assert ledger.outbox.counts() == [OutboxCount("one", 1, 2, 0)]
    ledger.outbox.drop("one")
    assert ledger.outbox.counts() == [OutboxCount("one", 1, 0, 0)]
