"""The compiled core makes the same of a log file as Python, or refuses it as a whole."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Sequence
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.records.core.columns import Columns
from detector.records.core.glance import Glance
from detector.records.core.library import library
from detector.records.schema import EVENTS, RECORD, Kind
from tests.long import many
from tests.records import strategies
from tests.records.core.differential import Comparison, is_wanted_of
from tests.records.core.mutated import RECORDS, mutated_file

pytestmark = pytest.mark.skipif(library() is None, reason="the core is not built, or not wanted")

EVENT_ID = "0a0b0c0d-0000-4000-8000-00000000abCD"


@pytest.fixture
def core() -> ctypes.CDLL:
    loaded = library()
    assert loaded is not None
    return loaded


def record(**fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """A record of which nothing is unusual."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "Root", "accountId": "111122223333", "sessionContext": {"attributes": {}}},
        "eventTime": "2026-03-01T23:59:59Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateUser",
        "awsRegion": "us-east-1",
        "requestParameters": None,
        "responseElements": {"user": {"path": "/"}},
        "eventID": EVENT_ID,
    } | fields


def log(*records: dict[str, Any]) -> bytes:
    return json.dumps({"Records": records}).encode()


def assert_same(core: ctypes.CDLL, *files: bytes) -> None:
    """Of these files the core makes what Python makes of them, and refuses none."""
    comparison = Comparison(core)
    for data in files:
        comparison.add(data)
    assert comparison.taken == comparison.looked_at == len(files)
    comparison.compare_rows()


def test_records_of_all_kinds_give_the_same_rows_and_are_seen_alike(core: ctypes.CDLL) -> None:
    comparison = Comparison(core)
    for path in RECORDS.glob("*.json"):
        one = json.loads(path.read_bytes())
        comparison.add(log(one))
        comparison.add(log(record(), one | {"eventID": EVENT_ID}))
    comparison.compare_rows()
    assert comparison.taken > comparison.compared / 2
    assert comparison.looked_at > comparison.compared / 2


def test_mutated_files_give_the_same_rows_or_none(core: ctypes.CDLL) -> None:
    comparison, random = Comparison(core), Random(1)
    for _ in range(300):
        comparison.add(mutated_file(random))
    comparison.compare_rows()
    assert comparison.taken > 30
    assert comparison.looked_at > 60


@pytest.mark.slow
def test_many_mutated_files_give_the_same_rows_or_none(core: ctypes.CDLL) -> None:
    comparison, random = Comparison(core), Random()
    for _ in range(many(10_000, 30_000)):
        comparison.add(mutated_file(random))
    comparison.compare_rows()


def usual_members(draw: st.DrawFn) -> strategies.Pairs:
    """Some members of a record, each once, with values of the kinds that their columns have."""
    values = {Kind.TEXT: strategies.strings(), Kind.BOOLEAN: st.sampled_from(["true", "false"])}
    fields = [field for field in RECORD.fields if field.kind is not Kind.STRUCT]
    chosen = draw(st.lists(st.sampled_from(fields), max_size=8, unique=True))
    members = {field.name: draw(values.get(field.kind, strategies.json_texts)) for field in chosen}
    members |= {"eventTime": '"2026-03-01T00:00:00Z"', "eventID": f'"{EVENT_ID}"', "eventSource": '"a.b"'}
    return draw(st.permutations([(json.dumps(name), value) for name, value in members.items()]))


@st.composite
def usual_files(draw: st.DrawFn) -> bytes:
    texts = [strategies.write_object(usual_members(draw), draw) for _ in range(draw(st.integers(0, 3)))]
    return f'{{"Records":[{",".join(texts)}]}}'.encode("utf-8", "surrogatepass")


def compare(files: Sequence[bytes]) -> None:
    loaded = library()
    assert loaded is not None
    comparison = Comparison(loaded)
    for data in files:
        comparison.add(data)
    comparison.compare_rows()


@settings(max_examples=15, deadline=None)
@given(st.lists(usual_files(), min_size=1, max_size=3))
def test_any_text_and_any_json_is_kept_as_python_keeps_it(files: list[bytes]) -> None:
    compare(files)


@pytest.mark.slow
@settings(max_examples=many(200, 3_000), deadline=None)
@given(st.lists(usual_files(), min_size=1, max_size=3))
def test_any_text_and_any_json_is_kept_as_python_keeps_it_in_many_files(files: list[bytes]) -> None:
    compare(files)


@pytest.mark.slow
@settings(max_examples=many(200, 2_000), deadline=None)
@given(st.lists(strategies.records(), max_size=3))
def test_hostile_records_give_the_same_or_nothing(records: list[bytes]) -> None:
    compare([b'{"Records":[' + b",".join(records) + b"]}"])


UNUSUAL = {
    "an unknown field": log(record(colour="red")),
    "an unknown field of the caller": log(record(userIdentity={"colour": "red"})),
    "a key that comes twice": log(record()).replace(b'"awsRegion"', b'"eventName": "A", "awsRegion"'),
    "an escaped key": log(record()).replace(b'"eventName"', b'"event\\u004eame"'),
    "a lone surrogate": log(record(userAgent="\ud800")),
    "a high surrogate before a letter": log(record(userAgent="?")).replace(b"?", b"\\ud800\\u0041"),
    "two high surrogates": log(record(userAgent="?")).replace(b"?", b"\\ud83d\\ud83d\\ude00"),
    "a low surrogate first": log(record(userAgent="?")).replace(b"?", b"\\ude00\\ud83d"),
    "null for a text": log(record(awsRegion=None)),
    "a text for true": log(record(readOnly="true")),
    "no eventTime": log({key: value for key, value in record().items() if key != "eventTime"}),
    "no eventSource": log({key: value for key, value in record().items() if key != "eventSource"}),
    "a time with a fraction": log(record(eventTime="2026-03-01T00:00:00.5Z")),
    "a day that there is not": log(record(eventTime="2026-02-29T00:00:00Z")),
    "a key that is no UUID": log(record(eventID="1")),
    "an Insights event": log(record(), record(eventCategory="Insight")),
    "a notification of S3": log(record(eventSource="aws:s3")),
    "no UTF-8": log(record()).replace(b"CreateUser", b"Create\xff"),
    "deeper than is looked": log(record()).replace(b"null", b"[" * 300 + b"]" * 300),
    "a number with a zero before": log(record()).replace(b"null", b"01"),
    "text behind": log(record()) + b"{}",
    "zeros behind": log(record()) + b"\0",
    "the end is missing": log(record())[:-1],
    "another key": log(record()).replace(b"Records", b"records"),
    "a record that is none": b'{"Records":[[]]}',
    "nothing": b"",
    "events of nine days": log(*(record(eventTime=f"2026-03-{day:02}T00:00:00Z") for day in range(1, 10))),
}
SEEN_ALL_THE_SAME = {  # for the glance looks at a few fields only
    "an unknown field",
    "an unknown field of the caller",
    "a lone surrogate",
    "a high surrogate before a letter",
    "two high surrogates",
    "a low surrogate first",
    "a text for true",
    "a key that is no UUID",
    "events of nine days",
}


@pytest.mark.parametrize("what", UNUSUAL)
def test_a_file_with_anything_unusual_is_refused_as_a_whole(core: ctypes.CDLL, what: str) -> None:
    columns = Columns(core)
    assert columns.add(log(record()), "s3://b/usual") == 1
    before = columns.size_bytes
    assert columns.add(UNUSUAL[what], "s3://b/unusual") is None
    assert columns.size_bytes == before
    [(_, batch)] = columns.take()
    assert batch.column("logFile").to_pylist() == ["s3://b/usual"]
    seen = Glance(core, is_wanted_of).look(UNUSUAL[what])
    assert (seen is not None) == (what in SEEN_ALL_THE_SAME)


@pytest.mark.parametrize(
    ("time", "is_exact"),
    [
        ("0001-01-01T00:00:00Z", True),
        ("1900-02-28T23:59:59Z", True),
        ("1900-02-29T00:00:00Z", False),
        ("2000-02-29T00:00:00Z", True),
        ("2024-02-29T12:34:56Z", True),
        ("2024-02-30T00:00:00Z", False),
        ("2026-04-30T00:00:00Z", True),
        ("2026-04-31T00:00:00Z", False),
        ("9999-12-31T23:59:59Z", True),
        ("0000-01-01T00:00:00Z", False),
        ("2026-00-01T00:00:00Z", False),
        ("2026-13-01T00:00:00Z", False),
        ("2026-01-00T00:00:00Z", False),
        ("2026-01-01T24:00:00Z", False),
        ("2026-01-01T00:60:00Z", False),
        ("2026-01-01T00:00:60Z", False),
        ("2026-01-01t00:00:00Z", False),
        ("2026-01-01T00:00:00z", False),
        ("2026-01-01T00:00:0\u0660Z", False),
        ("+026-01-01T00:00:00Z", False),
    ],
)
def test_times_of_the_exact_form_are_read_and_others_refused(core: ctypes.CDLL, time: str, is_exact: bool) -> None:
    data = json.dumps({"Records": [record(eventTime=time)]}, ensure_ascii=False).encode()
    if is_exact:
        assert_same(core, data)
    else:
        assert Columns(core).add(data, "s3://b/k") is None
        assert Glance(core, is_wanted_of).look(data) is None


def test_a_uri_that_is_no_text_is_refused(core: ctypes.CDLL) -> None:
    assert Columns(core).add(log(record()), "file:///\udcff") is None


def test_each_day_is_a_batch_with_the_places_of_its_rows(core: ctypes.CDLL) -> None:
    columns = Columns(core)
    late, early = record(), record(eventTime="2026-03-02T00:00:00Z")
    assert columns.add(log(early, late, early), "s3://b/1") == 3
    assert columns.add(log(record(eventTime="1969-12-31T23:59:59Z")), "s3://b/2") == 1
    assert [
        (day, batch.column("logFile").to_pylist(), batch.column("logFileIndex").to_pylist())
        for day, batch in columns.take()
    ] == [
        ("1969-12-31", ["s3://b/2"], [0]),
        ("2026-03-01", ["s3://b/1"], [1]),
        ("2026-03-02", ["s3://b/1", "s3://b/1"], [0, 2]),
    ]
    assert list(columns.take()) == []


def test_what_was_taken_outlives_the_columns(core: ctypes.CDLL) -> None:
    columns = Columns(core)
    columns.add(log(record()), "s3://b/1")
    [(_, batch)] = columns.take()
    columns.add(log(record(eventName="Other")), "s3://b/2")
    del columns
    assert pa.Table.from_batches([batch]).cast(EVENTS).column("eventName").to_pylist() == ["CreateUser"]


def test_more_days_than_are_collected_at_a_time_are_refused_until_some_are_taken(core: ctypes.CDLL) -> None:
    columns = Columns(core)
    days = [f"{year}-{month:02}-{day:02}T00:00:00Z" for year in (2024, 2025) for month in (1, 2, 3, 5, 7, 8)
            for day in range(1, 28)]  # fmt: skip
    taken = [columns.add(log(record(eventTime=day)), "s3://b/1") for day in days]
    assert taken == [1] * 256 + [None] * (len(days) - 256)
    assert columns.add(log(record(eventTime=days[0])), "s3://b/1") == 1
    assert len(list(columns.take())) == 256
    assert columns.add(log(record(eventTime=days[-1])), "s3://b/1") == 1


def test_callers_are_told_apart_however_many_there_are(core: ctypes.CDLL) -> None:
    files = [
        log(*(record(userIdentity={"type": "IAMUser", "userName": f"{number}-{at}"}) for at in range(700)))
        for number in range(5)
    ]
    assert_same(core, *files, files[0])


def test_callers_who_begin_alike_are_told_apart(core: ctypes.CDLL) -> None:
    root = {"type": "Root", "principalId": "111122223333", "arn": "arn:aws:iam::111122223333:root"}
    alike = [root | {"accountId": account} for account in ("111122223333", "444455556666", "111122223333")]
    files = [log(*(record(userIdentity=caller) for caller in alike)) for _ in range(2)]
    assert_same(core, *files, log(record(userIdentity=alike[1] | {"userName": "root"}), record(userIdentity=root)))


def test_escapes_are_read_and_names_are_judged_by_what_they_say(core: ctypes.CDLL) -> None:
    escaped = log(record(userIdentity={"type": "IAMUser", "userName": "Zoë \U0001f600 /"}, eventName="StopLogging"))
    assert_same(core, escaped, escaped.replace(b"StopLogging", b"Stop\\u004cogging").replace(b"/", b"\\/"))


def test_names_are_judged_once_and_forgotten_when_there_are_too_many(
    core: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []

    def is_wanted(names: tuple[str | None, ...]) -> bool:
        asked.append(names[1])
        return names[1] == "CreateUser"

    glance = Glance(core, is_wanted)
    data = log(record(), record(eventName="ListUsers"), record())
    for _ in range(2):
        seen = glance.look(data)
        assert seen is not None
        assert [one.index for one in seen.wanted] == [0, 2]
    assert asked == ["CreateUser", "ListUsers"]
    monkeypatch.setattr("detector.records.core.glance._MOST_BYTES", 1)
    assert glance.look(data) == seen
    assert asked == ["CreateUser", "ListUsers"] * 2
