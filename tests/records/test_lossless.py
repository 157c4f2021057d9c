"""Every record is rebuilt exactly from its row, or rejected for one of two reasons."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector.records import decode
from detector.records.log_file import DecodedLogFile, decode_log_file
from detector.records.rebuild import record_json, record_sql
from detector.records.schema import EVENTS
from detector.records.table import Rows, to_table

from .strategies import THOROUGH, canonical, json_texts, loads, records

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "../shared/corpus"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside this checkout")
RECORD_FILES = sorted((ROOT / "fixtures/records").glob("*.json"))
TIME = '"eventTime":"2024-05-06T07:08:09Z"'
GOOD = b'{"eventVersion":"1.08",' + TIME.encode() + b',"eventName":"GetObject","requestParameters":null}'


def records_form(raws: list[bytes]) -> bytes:
    return b'{"Records":[' + b",".join(raws) + b"]}"


def indented_form(raws: list[bytes]) -> bytes:
    return b'\r\n{ "Records" :\n\t[ ' + b" ,\n".join(raws) + b"\n] }\n"


def array_form(raws: list[bytes]) -> bytes:
    return b"[" + b",\n".join(raws) + b"]\n"


def ndjson_form(raws: list[bytes]) -> bytes:
    return b"\n".join(raws) + b"\n"


def one_after_the_other(raws: list[bytes]) -> bytes:
    return b"".join(raws)


def two_files_in_one(raws: list[bytes]) -> bytes:
    return records_form(raws[:1]) + b"\n" + records_form(raws[1:])


Form = Callable[[Any], bytes]
FORMS: list[Form] = [records_form, indented_form, array_form, ndjson_form, one_after_the_other, two_files_in_one]


def plain(content: bytes) -> bytes:
    return content


def in_two_members(content: bytes) -> bytes:
    half = len(content) // 2
    return gzip.compress(content[:half]) + gzip.compress(content[half:]) + b"\0" * 7


STORED: list[Form] = [plain, gzip.compress, in_two_members]


def rows_by_index(decoded: DecodedLogFile) -> dict[int, dict[str, Any]]:
    table = decoded.table
    assert table.schema == EVENTS
    return {row["logFileIndex"]: row for row in table.to_pylist()}


def is_an_exact_time(text: object) -> bool:
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", text):
        return False
    try:
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007
    except ValueError:
        return False
    return True


def assert_lossless(decoded: DecodedLogFile, raws: list[bytes]) -> None:
    rows = rows_by_index(decoded)
    rejected = {kept.index: kept for kept in decoded.kept if kept.rejected}
    assert decoded.records == len(raws) == len(rows) + len(rejected)
    assert rows.keys() | rejected.keys() == set(range(len(raws)))
    kept = {one.index: one.raw for one in decoded.kept}
    for index, raw in enumerate(raws):
        if index in rows:
            assert canonical(loads(record_json(rows[index]))) == canonical(loads(raw))
            pairs: list[int] = []
            loads_pairs(raw, pairs)
            if pairs or not is_utf8(raw):
                assert kept[index] == raw
        else:
            assert rejected[index].raw == raw
            assert rejected[index].reason
            assert may_be_rejected(raw)


def loads_pairs(raw: bytes, repeated: list[int]) -> None:
    """Append to `repeated` for every object that holds a key twice, outside the columns that keep text as written."""
    value = json.loads(raw.decode("utf-8", "surrogateescape"), object_pairs_hook=_Pairs)
    _find_repeated(value, repeated, top=True)


class _Pairs(list[tuple[str, Any]]):
    pass


def _find_repeated(value: object, repeated: list[int], *, top: bool) -> None:
    if isinstance(value, _Pairs):
        names = [name for name, _ in value]
        if len(set(names)) < len(names):
            repeated.append(1)
        for name, member in value:
            if top and name == "userIdentity":
                _find_repeated(member, repeated, top=False)


def is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def may_be_rejected(raw: bytes) -> bool:
    try:
        value = loads(raw)
    except ValueError:
        return True
    return not isinstance(value, dict) or not is_an_exact_time(value.get("eventTime"))


@given(st.lists(records(), min_size=1, max_size=4), st.sampled_from(FORMS), st.sampled_from(STORED))
@THOROUGH
@pytest.mark.slow
def test_a_record_is_rebuilt_from_its_row_or_rejected_whatever_form_the_file_has(
    raws: list[bytes], form: Form, stored: Form
) -> None:
    readable = [raw for raw in raws if is_json(raw)]
    raws = [*readable, GOOD]
    decoded = decode_log_file(stored(form(raws)), "s3://bucket/key")
    assert decoded.skipped is None
    assert decoded.rejected or not decoded.problem
    assert_lossless(decoded, raws)


def is_json(raw: bytes) -> bool:
    try:
        loads(raw)
    except ValueError:
        return False
    return True


@given(st.lists(json_texts, min_size=1, max_size=4))
@THOROUGH
@pytest.mark.slow
def test_elements_of_records_that_are_no_objects_are_rejected_one_by_one(texts: list[str]) -> None:
    raws = [text.encode("utf-8", "surrogatepass") for text in texts] + [GOOD]
    decoded = decode_log_file(records_form(raws), "s3://bucket/key")
    assert_lossless(decoded, raws)
    assert bool(decoded.problem) == bool(decoded.rejected)


@given(records())
@THOROUGH
@example(GOOD)
@example(b'{"eventTime":"0001-01-01T00:00:00Z","userIdentity":{"sessionContext":{"webIdFederationData":{}}}}')
@example(b'{"eventTime":"9999-12-31T23:59:59Z","readOnly":true,"resources":[],"tlsDetails":{}}')
def test_the_quick_and_the_tolerant_decoder_give_the_same_row(raw: bytes) -> None:
    try:
        quick = decode.decode_record(raw)
    except decode.RecordRejected:
        return
    tolerant = decode._decode_tolerantly(raw)
    rows = []
    for one in (quick, tolerant):
        chunk = Rows("file:///log")
        chunk.add(0, one, len(raw))
        rows.append(to_table([chunk]).to_pylist())
    assert repr(rows[0]) == repr(rows[1])


@pytest.mark.parametrize(
    "raw",
    [
        "{%s}",
        '{%s,"requestParameters":null}',
        '{%s,"requestParameters":"null"}',
        '{%s,"responseElements":{}}',
        '{%s,"additionalEventData":null,"userIdentity":null,"readOnly":null,"eventName":null}',
        '{%s,"userIdentity":{}}',
        '{%s,"userIdentity":{"sessionContext":null,"arn":null,"x":{"y":null}}}',
        '{%s,"userIdentity":{"sessionContext":{"sessionIssuer":{},"webIdFederationData":{"attributes":null}}}}',
        '{%s,"userIdentity":{"sessionContext":{"webIdFederationData":{"attributes":{}}}}}',
        '{%s,"readOnly":"True","managementEvent":0,"userAgent":["a"],"eventVersion":1.10}',
        '{%s,"requestParameters":"absent"}',
    ],
)
def test_null_absent_and_empty_differ(raw: str) -> None:
    record = (raw % TIME).encode()
    for neighbours in ([], [b'{"eventTime":"2024-01-01T00:00:00Z","x":"\\ud800"}']):
        decoded = decode_log_file(records_form([record, *neighbours]), "s3://bucket/key")
        assert canonical(loads(record_json(rows_by_index(decoded)[0]))) == canonical(loads(record))


def test_null_in_a_column_says_what_the_schema_says() -> None:
    raws = [f'{{{TIME},"requestParameters":null,"additionalEventData":null}}'.encode(), f"{{{TIME}}}".encode()]
    rows = rows_by_index(decode_log_file(records_form(raws), "s3://bucket/key"))
    assert rows[0]["requestParameters"] is None
    assert json.loads(rows[0]["extra"]) == {"responseElements": "absent", "additionalEventData": None}
    assert json.loads(rows[1]["extra"]) == {"requestParameters": "absent", "responseElements": "absent"}


@pytest.mark.parametrize("depth", [250, 495, 500, 505, 1_000])
@pytest.mark.parametrize(
    "place", ['"requestParameters":%s', '"unknown":%s', '"userIdentity":{"x":%s}', '"eventName":%s']
)
def test_nesting_about_the_depth_that_parsers_give_up_at_is_kept(depth: int, place: str) -> None:
    assert_nesting_is_kept('{"a":[' * depth + "]}" * depth, place)


@pytest.mark.slow
@pytest.mark.parametrize("place", ['"requestParameters":%s', '"userIdentity":{"x":%s}'])
def test_nesting_of_any_depth_is_kept(place: str) -> None:
    assert_nesting_is_kept("[" * 100_000 + "]" * 100_000, place)


def assert_nesting_is_kept(deep: str, place: str) -> None:
    record = ("{" + TIME + "," + place % deep + "}").encode()
    decoded = decode_log_file(records_form([record, GOOD]), "s3://bucket/key")
    rows = rows_by_index(decoded)
    assert len(rows) == 2
    assert deep in record_json(rows[0])
    assert rows[0]["eventKey"].startswith("sha256:")


def test_an_integer_longer_than_python_reads_is_kept() -> None:
    number = "7" * 10_000
    raw = f'{{{TIME},"requestParameters":{{"n":{number}}},"m":{number}}}'.encode()
    row = rows_by_index(decode_log_file(raw, "s3://bucket/key"))[0]
    assert record_json(row).count(number) == 2


@pytest.mark.parametrize(
    "raw",
    [
        b'{"eventTime":"2024-05-06T07:08:09Z","eventName":"A","eventName":"B"}',
        b'{"eventTime":"2024-05-06T07:08:09Z","userIdentity":{"type":"Root","type":"IAMUser"}}',
        b'{"eventTime":"2024-05-06T07:08:09Z","eventName":"\xff\xfe"}',
        b'{"eventTime":"2024-05-06T07:08:09Z","requestParameters":{"a":"\xed\xa0\x80"}}',
        b'{"eventTime":"2024-05-06T07:08:09Z","\xff":1}',
    ],
)
def test_bytes_that_a_row_does_not_give_back_are_kept_beside_it(raw: bytes) -> None:
    decoded = decode_log_file(records_form([GOOD, raw]), "s3://bucket/key")
    assert [(kept.index, kept.raw, kept.rejected) for kept in decoded.kept] == [(1, raw, False)]
    assert (decoded.records, len(decoded.rows.records), decoded.rejected) == (2, 2, 0)
    assert canonical(loads(record_json(rows_by_index(decoded)[1]))) == canonical(loads(raw))


@pytest.mark.parametrize(
    ("time", "microseconds", "is_odd"),
    [
        ('"2024-05-06T07:08:09Z"', 0, False),
        ('"2024-05-06T07:08:09.5Z"', 500_000, True),
        ('"2024-05-06 07:08:09"', 0, True),
        ('"2024-05-06T09:08:09+02:00"', 0, True),
        ('" 2024-05-06T07:08: 09 UTC"', 0, True),
        ('"2024-05-06T07:08:09.1234567Z"', 123_456, True),
    ],
)
def test_an_event_time_of_another_form_is_read_and_kept_as_written(time: str, microseconds: int, is_odd: bool) -> None:
    row = rows_by_index(decode_log_file(f'{{"eventTime":{time}}}'.encode(), "s3://bucket/key"))[0]
    assert row["eventTime"] == datetime(2024, 5, 6, 7, 8, 9, microseconds)  # noqa: DTZ001
    assert ("eventTime" in json.loads(row["extra"])) is is_odd
    assert json.loads(record_json(row))["eventTime"] == json.loads(time)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"1", "not a JSON object"),
        (b'"x"', "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"{}", "no eventTime"),
        (b'{"eventTime":null}', "eventTime is not a string"),
        (b'{"eventTime":1714979289}', "eventTime is not a string"),
        (b'{"eventTime":"..."}', "eventTime '...' is not a time"),
        (b'{"eventTime":"2024-02-30T00:00:00Z"}', "is not a time"),
        (b'{"eventTime":"0001-01-01T00:00:00+05:00"}', "is not a time"),
    ],
)
def test_a_record_without_a_usable_time_is_rejected_with_the_reason(raw: bytes, reason: str) -> None:
    decoded = decode_log_file(records_form([raw, GOOD]), "s3://bucket/key")
    assert [(kept.index, kept.raw, kept.rejected) for kept in decoded.kept] == [(0, raw, True)]
    assert reason in decoded.kept[0].reason
    assert (decoded.records, len(decoded.rows.records), decoded.rejected) == (2, 1, 1)


def test_the_event_key_is_the_id_when_it_is_a_uuid_and_else_depends_on_the_content_alone() -> None:
    uuid = "11112222-3333-4444-5555-666677778888"
    raws = [
        f'{{{TIME},"eventID":"{uuid}"}}'.encode(),
        f'{{{TIME},"eventID":"1","x":{{"a":1,"b":2}}}}'.encode(),
        f'{{"x" : {{"b":2, "a":1}},"eventID":"1",{TIME}}}'.encode(),
        f'{{{TIME},"eventID":"1","x":{{"a":1,"b":2.0}}}}'.encode(),
        f'{{{TIME},"eventID":7}}'.encode(),
    ]
    keys = [row["eventKey"] for row in rows_by_index(decode_log_file(records_form(raws), "s3://b/k")).values()]
    assert keys[0] == uuid
    assert keys[1] == keys[2]
    assert len({*keys[1:]}) == 3
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", key) for key in keys[1:])


@pytest.mark.parametrize("path", RECORD_FILES, ids=lambda path: path.stem)
def test_the_fixture_records_are_rebuilt_exactly(path: Path) -> None:
    raw = path.read_bytes().strip()
    decoded = decode_log_file(records_form([raw, GOOD]), path.as_uri())
    assert_lossless(decoded, [raw, GOOD])
    assert decoded.rejected == (path.stem == "odd_no_event_time")


def assert_sql_says_the_same(table: pa.Table) -> None:
    """Of a row without `extra`, SQL makes the record that Python makes."""
    sql = record_sql('"{}"'.format)
    with duckdb.connect() as connection:
        connection.register("rows", table)
        made = connection.sql(f"SELECT logFileIndex, {sql} FROM rows WHERE extra IS NULL").fetchall()
    rows = {row["logFileIndex"]: row for row in table.to_pylist() if row["extra"] is None}
    assert [index for index, _ in made] == list(rows)
    for index, text in made:
        assert canonical(loads(text)) == canonical(loads(record_json(rows[index])))


@given(st.lists(records(), min_size=1, max_size=8))
@settings(deadline=None, max_examples=50)
@example([b'{"eventTime":"0999-01-02T03:04:05Z","userAgent":"\\u0000\\n\\"\\u007f\xc3\xa9"}'])
@example([b'{"eventTime":"2025-01-02T03:04:05Z","userIdentity":{"sessionContext":{}},"readOnly":false,"resources":[]}'])
def test_sql_rebuilds_a_record_as_python_does(raws: list[bytes]) -> None:
    assert_sql_says_the_same(decode_log_file(records_form(raws), "s3://b/k").table)


@pytest.mark.parametrize("trail", ["compromised_root", "organisation_trail"])
def test_sql_rebuilds_the_records_of_a_trail(trail: str) -> None:
    for path in sorted((ROOT / "fixtures/trails" / trail).rglob("*.json.gz"))[:20]:
        assert_sql_says_the_same(decode_log_file(path.read_bytes(), path.as_uri()).table)


def corpus_records() -> Iterator[bytes]:
    with gzip.open(CORPUS / "records.jsonl.gz", "rb") as lines:
        for line in lines:
            yield json.dumps(json.loads(line)["record"], ensure_ascii=False).encode("utf-8", "surrogatepass")


@pytest.mark.slow
@needs_corpus
def test_every_record_of_the_corpus_is_rebuilt_exactly_or_has_no_time() -> None:
    raws = list(corpus_records())
    random.shuffle(raws)  # so that odd records meet other neighbours in each run
    rejected = 0
    for start in range(0, len(raws), 200):
        some = raws[start : start + 200]
        decoded = decode_log_file(records_form(some), "s3://corpus/records")
        assert decoded.skipped is None
        assert bool(decoded.problem) == bool(decoded.rejected)
        rejected += decoded.rejected
        assert decoded.records == len(some)
        for row in decoded.table.to_pylist():
            original = some[row["logFileIndex"]]
            assert canonical(loads(record_json(row))) == canonical(loads(original))
        for kept in decoded.kept:
            assert not kept.rejected or may_be_rejected(some[kept.index])
    assert 0 < rejected < len(raws) // 100


def test_what_is_null_and_what_is_absent_is_noted_in_one_order_however_a_record_is_written() -> None:
    record = b'{"eventTime":"2026-03-01T00:00:00Z","resources":null,"eventVersion":"0"}'
    escaped = record.replace(b'"0"', b'"\\u0030"')
    notes = [
        decode_log_file(b'{"Records":[' + one + b"]}", "log.json").table["extra"].to_pylist()
        for one in (record, escaped)
    ]
    assert notes[0] == notes[1] == ['{"requestParameters":"absent","responseElements":"absent","resources":null}']
