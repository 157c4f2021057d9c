"""What becomes of whole files: good ones, broken ones, and those that are no logs."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.records.log_file import DecodedLogFile, decode_in_pieces, decode_log_file
from detector.records.raw_records import RawRecords
from detector.records.rebuild import record_json
from detector.records.table import to_table
from tests.running import LOGIN

CORPUS = Path(__file__).parents[2] / "../shared/corpus"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside this checkout")


def record(number: int, **fields: Any) -> bytes:  # noqa: ANN401 - any JSON
    base = {"eventVersion": "1.08", "eventTime": "2024-05-06T07:08:09Z", "eventName": f"Call{number}"}
    return json.dumps(base | fields).encode()


A, B, C = record(1), record(2), record(3)
LOG = b'{"Records":[' + A + b"," + B + b"," + C + b"]}"


def decode(content: bytes, **options: int) -> DecodedLogFile:
    decoded = decode_log_file(content, "s3://bucket/key", **options)
    assert decoded.records == len(decoded.rows.records) + decoded.rejected
    assert len(decoded.content_sha256) == 32
    return decoded


def names(decoded: DecodedLogFile) -> list[str]:
    return [row["eventName"] for row in decoded.table.to_pylist()]


def outcome(content: bytes) -> tuple[list[str], int, str | None, str | None]:
    decoded = decode(content)
    return names(decoded), decoded.rejected, decoded.skipped, decoded.problem


ALL = ["Call1", "Call2", "Call3"]


@pytest.mark.parametrize(
    "content",
    [
        LOG,
        b"\xef\xbb\xbf" + LOG,
        b" \r\n" + LOG + b"\n\n",
        LOG + b"\0" * 100,
        json.dumps(json.loads(LOG), indent=4).encode(),
        b'{"other":{"Records":1},"Records":[' + b",".join([A, B, C]) + b'],"more":[]}',
        b'{"Records":[' + A + b'],"Records":[' + B + b"," + C + b"]}",
        b'{ "Records":[' + A + b'], "Records":[' + B + b"," + C + b"]}",
        b"[" + b",".join([A, B, C]) + b"]",
        b"\n".join([A, B, C]),
        b"\r\n".join([A, B, C]) + b"\r\n",
        b"\n\n".join([A, B, C]) + b"\n \n",
        A + B + b" " + C,
        b"\n".join(json.dumps(json.loads(raw), indent=2).encode() for raw in (A, B, C)),
        b'{"Records":[' + A + b"]}\n" + b'{"Records":[' + B + b"," + C + b"]}\n",
        b'{"Records":[' + A + b"]}" + b'{"Records":[' + B + b"]}" + C,
        b"[" + A + b"]\n" + b"[" + B + b"," + C + b"]\n",
        gzip.compress(LOG),
        gzip.compress(LOG[:100]) + gzip.compress(LOG[100:]),
        gzip.compress(LOG) + gzip.compress(b"") + b"\0" * 512,
        gzip.compress(A + b"\n") + b"\0\0" + gzip.compress(B + b"\n") + gzip.compress(C),
    ],
)
def test_every_form_of_a_log_gives_the_same_events(content: bytes) -> None:
    assert outcome(content) == (ALL, 0, None, None)


def test_rows_know_their_file_and_position() -> None:
    rows = decode(b'{"Records":[' + A + b",1," + C + b"]}").table.to_pylist()
    assert [(row["logFile"], row["logFileIndex"]) for row in rows] == [("s3://bucket/key", 0), ("s3://bucket/key", 2)]


def eventbridge(raw: bytes) -> bytes:
    return b'{"version":"0","detail-type":"AWS API Call via CloudTrail","source":"aws.iam","detail":' + raw + b"}"


def looked_up(raw: bytes) -> bytes:
    return json.dumps({"EventId": "x", "EventTime": "2024", "CloudTrailEvent": raw.decode()}).encode()


@pytest.mark.parametrize("wrap", [eventbridge, looked_up])
def test_envelopes_are_opened_in_every_form(wrap: Callable[[bytes], bytes]) -> None:
    wrapped = [wrap(raw) for raw in (A, B, C)]
    for content in (
        b"\n".join(wrapped),
        b"[" + b",".join(wrapped) + b"]",
        b'{"Events": [' + b",".join(wrapped) + b'], "NextToken": "t"}',
        b'{"NextToken": "t", "Events": [' + b",".join(wrapped) + b"]}",
        b"\n".join([A, wrapped[1], C]),
    ):
        assert outcome(content) == (ALL, 0, None, None)
    assert outcome(wrap(B)) == (["Call2"], 0, None, None)


def test_a_lone_surrogate_inside_a_looked_up_event_stays_one() -> None:
    raw = record(1, userAgent="\ud800")
    row = decode(looked_up(raw)).table.to_pylist()[0]
    assert json.loads(record_json(row)) == json.loads(raw)
    outer = b'{"CloudTrailEvent":"{\\"eventTime\\":\\"2024-05-06T07:08:09Z\\",\\"userAgent\\":\\"\\ud800\\"}"}'
    assert json.loads(record_json(decode(outer).table.to_pylist()[0]))["userAgent"] == "\ud800"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[]", "an empty array"),
        (b"{}", "JSON, but no CloudTrail records"),
        (b"null", "JSON, but no CloudTrail records"),
        (b"[1, 2]", "JSON, but no CloudTrail records"),
        (b'[{"a":1}]', "JSON, but no CloudTrail records"),
        (b'{"a":1}\n{"b":2}\n', "JSON, but no CloudTrail records"),
        (b'{"Records":"x"}', "JSON, but no CloudTrail records"),
        (b'{"awsAccountId":"1","digestStartTime":"2024-01-01T00:00:00Z","logFiles":[]}', "CloudTrail digest"),
        (
            b'{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventTime":"2024-01-01T00:00:00.0Z"}]}',
            "S3 event notification",
        ),
        (b'{"Records":[{"EventSource":"aws:sns","Sns":{}}]}', "aws:sns event, not CloudTrail"),
        (b'{"Records":[{"messageId":"1","eventSource":"aws:sqs","body":"x"}]}', "aws:sqs event, not CloudTrail"),
        (b'{"Records":[' + record(1, eventCategory="Insight") + b"]}", "CloudTrail Insights"),
        (record(1, eventCategory="Insight") + b"\n" + record(2, eventCategory="Insight"), "CloudTrail Insights"),
        (b'{"detail-type":"Object Created","detail":{"bucket":{}}}', "JSON, but no CloudTrail records"),
        (b"PAR1rest", "Parquet file"),
        (b'{"schema": "detector.alert/1", "records": [' + record(1, eventSource="x") + b"]}", "detector alerts"),
    ],
)
def test_another_kind_of_file_is_skipped_with_the_reason(content: bytes, reason: str) -> None:
    for stored in (content, gzip.compress(content)):
        decoded = decode(stored)
        assert (decoded.records, decoded.kept, decoded.skipped, decoded.problem) == (0, (), reason, None)


@pytest.mark.parametrize("usual", [b"", b'{"eventTime":"2024-05-06T07:08:09Z","x":1},'])
def test_one_event_among_records_of_another_kind_makes_the_file_a_log(usual: bytes) -> None:
    odd = record(1, eventCategory="Insight")
    content = b'{"Records":[' + odd + b"," + usual + odd + b"," + C + b"]}"
    assert outcome(content)[1:] == (0, None, None)
    assert names(decode(content))[-1] == "Call3"


def test_a_log_file_without_events_is_a_log_file() -> None:
    for content in (b'{"Records":[]}', b'{\n  "Records": [\n  ]\n}\n', b'{"Records":[],"x":1}', b'{"Events":[]}'):
        assert outcome(content) == ([], 0, None, None)


def test_a_file_all_of_whose_records_are_rejected_is_a_failure() -> None:
    assert outcome(b'{"Records":[{"eventName":"A"},{}]}') == ([], 2, None, "no record can be read: no eventTime")
    assert outcome(b'{"eventName":"A"}') == ([], 1, None, "no record can be read: no eventTime")
    assert outcome(b'{"Records":[null]}')[:3] == ([], 1, None)
    assert outcome(b'{"Records":[null]}')[3] is not None


def test_a_record_that_is_rejected_leaves_its_file_not_whole() -> None:
    one = "1 of 2 records rejected, the first one: "
    for bad in (b'{"eventName":"A"}', b"{}", b'{"EventTime":"2024-05-06T07:08:09Z"}', b'{"\\u0065ventName":"A"}'):
        assert outcome(b'{"Records":[' + bad + b"," + A + b"]}")[1:] == (1, None, one + "no eventTime")
        in_lines = outcome(bad + b"\n" + A)[1:]
        assert in_lines == ((1, None, None) if bad == b"{}" else (1, None, one + "no eventTime"))


def test_what_stands_between_records_and_has_nothing_of_one_leaves_the_file_whole() -> None:
    for other in (b"{}", b'{"preview":false}', b'{"messageType":"CONTROL_MESSAGE","logEvents":[{"message":"CWL"}]}'):
        assert outcome(other + b"\n" + A + b"\n" + other)[1:] == (2, None, None)
        assert outcome(other + b"\n" + A + b'\n{"eventName":"A"}')[3] is not None


WHOLE = record(1, eventSource="signin.amazonaws.com")


def test_what_holds_records_in_a_form_that_is_not_read_is_a_failure() -> None:
    decoded = decode(WHOLE.lower())
    assert (len(decoded.rows.records), decoded.skipped) == (0, None)
    assert str(decoded.problem).startswith("holds CloudTrail records in a form that is not read: ")


@pytest.mark.parametrize("content", [b"PK\x03\x04rest", b"a".ljust(257, b"\0") + b"ustar\x0000"], ids=["zip", "tar"])
def test_an_archive_is_a_failure_that_says_what_to_do(content: bytes) -> None:
    for stored in (content, gzip.compress(content)):
        assert outcome(stored) == ([], 0, None, "an archive: unpack it first")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty object"),
        (b" \n\t", "nothing but white space"),
        (b"\0\0\0", "nothing but white space"),
        (b"hello", "not JSON: not a JSON value at byte 0"),
        (b"<html>", "not JSON: not a JSON value at byte 0"),
        (b"\xff\xfeh\x00", "not JSON: not a JSON value at byte 0"),
        (b'{"Records":', "ends before the first record: the text ends too early at byte 11"),
        (b'{"Records":[{"a', "ends before the first record: a string that does not end"),
        (b'{"Records":[}', "not JSON: not a JSON value at byte 12"),
    ],
)
def test_what_is_no_json_is_a_failure_that_says_where(content: bytes, problem: str) -> None:
    rows, rejected, skipped, found = outcome(content)
    assert (rows, rejected, skipped) == ([], 0, None)
    assert str(found).startswith(problem)


def test_an_empty_gzip_is_an_empty_object() -> None:
    assert outcome(gzip.compress(b""))[3] == "empty object"


@pytest.mark.parametrize("form", [LOG, b"[" + A + b"," + B + b"," + C + b"]", A + b"\n" + B + b"\n" + C])
def test_a_text_cut_off_anywhere_keeps_the_records_before_the_cut(form: bytes) -> None:
    ends = [form.index(raw) + len(raw) for raw in (A, B, C)]
    for cut in range(1, len(form) - 1):
        rows, rejected, skipped, problem = outcome(form[:cut])
        whole = sum(end <= cut for end in ends)
        assert rows == ALL[:whole]
        assert skipped is None
        at_line_end = form[0:1] == b"{" and form != LOG and (cut in ends or cut - 1 in ends)
        assert (rejected, problem is None) == (0, at_line_end), cut


@pytest.mark.slow
def test_a_gzip_cut_off_anywhere_keeps_the_records_before_the_cut() -> None:
    content = (
        b'{"Records":[' + b",".join(record(number, userAgent=f"{number * 7919:x}" * 9) for number in range(300)) + b"]}"
    )
    stored = gzip.compress(content)
    kept = []
    for cut in range(10, len(stored), 37):
        decoded = decode(stored[:cut])
        found = names(decoded)
        assert found == [f"Call{number}" for number in range(len(found))]
        expected = f"truncated gzip after {len(found)} records" if found else "truncated gzip"
        assert (decoded.problem, decoded.skipped, decoded.rejected) == (expected, None, 0)
        kept.append(len(found))
    assert kept == sorted(kept)
    assert kept[-1] > 290


def test_a_gzip_cut_off_in_its_second_member_keeps_the_first() -> None:
    stored = gzip.compress(A + b"\n") + gzip.compress(B + b"\n")
    assert outcome(stored[:-9]) == (["Call1", "Call2"], 0, None, "truncated gzip after 2 records")
    assert outcome(gzip.compress(LOG) + gzip.compress(b"")[:5])[::3] == (ALL, "truncated gzip after 3 records")


def test_a_wrong_checksum_is_reported_and_the_records_kept() -> None:
    stored = bytearray(gzip.compress(LOG))
    stored[-6] ^= 1
    rows, _, skipped, problem = outcome(bytes(stored))
    assert (rows, skipped) == (ALL, None)
    assert str(problem).startswith("broken gzip: ")


def test_a_fault_inside_the_compressed_data_costs_only_what_follows() -> None:
    content = b"\n".join(record(number, userAgent=f"{number * 7919:x}" * 9) for number in range(3_000))
    stored = bytearray(gzip.compress(content))
    # A block of a type that does not exist.
    half = len(gzip.compress(content[: len(content) // 2]))
    stored[half : half + 40] = b"\xff" * 40
    decoded = decode(bytes(stored))
    assert str(decoded.problem).startswith("broken gzip: ")
    assert names(decoded)[:1_000] == [f"Call{number}" for number in range(1_000)]


def test_what_follows_the_gzip_data_is_a_failure_that_keeps_the_records() -> None:
    assert outcome(gzip.compress(LOG) + b"garbage") == (ALL, 0, None, "7 bytes after the gzip data after 3 records")
    assert outcome(gzip.compress(LOG) + b"\0\0x")[::3] == (ALL, "1 byte after the gzip data after 3 records")


@pytest.mark.parametrize("rest", [b"garbage", b"]", b'{"Records":[', b"\ngarbage\n"])
def test_what_follows_the_json_is_a_failure_that_keeps_the_records(rest: bytes) -> None:
    rows, rejected, skipped, problem = outcome(LOG + rest)
    assert (rows, rejected, skipped) == (ALL, 0, None)
    assert "after 3 records" in str(problem)


@pytest.mark.parametrize("bad", [b"garbage", b'{"a":', A[:-5], b'"', b"\x01", b"}", b"{]", b'["', b"1 2"])
def test_a_bad_line_costs_only_itself(bad: bytes) -> None:
    for lines in ([A, bad, C], [bad, A, C], [A, C, bad]):
        rows, rejected, skipped, problem = outcome(b"\n".join(lines) + b"\n")
        assert (rows, skipped) == (["Call1", "Call3"], None)
        assert f"{rejected} of " in str(problem)
        assert rejected == (2 if bad == b"1 2" else 1)


def test_the_bytes_of_a_bad_line_are_kept() -> None:
    decoded = decode(A + b"\n  garbage \r\n" + C + b"\n")
    assert [(kept.index, kept.raw) for kept in decoded.kept] == [(1, b"garbage")]
    assert [row["logFileIndex"] for row in decoded.table.to_pylist()] == [0, 2]


def test_a_broken_file_among_whole_ones_is_named_and_the_others_are_read() -> None:
    other = b'{"Records":[' + A + b',{"eventT\n' + b'{"Records":[' + B + b"]}\n" + C + b"\n"
    rows, rejected, skipped, problem = outcome(other)
    assert (rows, rejected, skipped) == (ALL, 0, None)
    assert str(problem).startswith("bad JSON after 1 record:")


def test_a_bomb_is_stopped_at_the_cap() -> None:
    bomb = gzip.compress(b'{"Records":[' + b" " * 50_000_000)
    decoded = decode(bomb, max_bytes=1_000_000)
    assert decoded.problem == "decompresses to more than the cap of 1,000,000 bytes"
    in_members = gzip.compress(b" " * 600_000) * 5
    assert decode(in_members, max_bytes=1_000_000).problem == "decompresses to more than the cap of 1,000,000 bytes"
    assert decode(b" " * 100, max_bytes=99).problem == "larger than the cap of 99 bytes"
    assert decode(gzip.compress(LOG), max_bytes=len(LOG)).problem is None
    broken = bytearray(gzip.compress(b"{" + b" " * 50_000_000))
    broken[-5] ^= 1
    assert decode(bytes(broken), max_bytes=1_000_000).problem is not None


def peak_bytes(code: str) -> int:
    """The peak memory of a fresh process that runs `code`, over that of one that only imports."""
    begin = """
import gzip, resource
from detector.records.log_file import decode_in_pieces
from detector.records.table import to_table
from tests.running import LOGIN
"""
    end = "\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    # Not a child's ru_maxrss: that starts from its parent's.
    outputs = [subprocess.check_output([sys.executable, "-c", begin + part + end], text=True) for part in ("", code)]
    idle, busy = (int(output.split()[-1]) * 1024 for output in outputs)
    return busy - idle


def test_a_bomb_costs_no_more_memory_than_the_cap() -> None:
    code = """
for bomb in (gzip.compress(bytes(1 << 20)) * 200, gzip.compress(bytes(150 << 20), 1)):
    (piece,) = decode_in_pieces(bomb, "s3://b/k", max_bytes=20 << 20)
    assert piece.problem
"""
    made = 150 << 20  # the bomb before compression
    assert peak_bytes(code) < made + (50 << 20)


@pytest.mark.slow
@pytest.mark.parametrize(
    "form", [(b'{"Records":[', b",", b"]}"), (b"[", b",\n", b"]\n"), (b"", b"\n", b"\n")], ids=["log", "array", "lines"]
)
def test_a_large_file_is_decoded_in_pieces_in_bounded_memory(form: tuple[bytes, bytes, bytes]) -> None:
    code = f"""
start, between, end = {form!r}
record = b'{{"eventTime":"2024-05-06T07:08:09Z","requestParameters":{{"a":"' + b"x" * 2000 + b'"}},"eventName":"A"}}'
count = 45_000
data = start + between.join([record] * count) + end
assert len(data) > 80 << 20
stored = gzip.compress(data, 1)
del data
seen = 0
for piece in decode_in_pieces(stored, "s3://b/k"):
    assert len(piece.rows.records) <= 5_000
    seen += to_table([piece.rows]).num_rows
assert seen == count, seen
assert piece.problem is None
"""
    # The child builds the file first, which takes as much.
    assert peak_bytes(code) < 2.5 * (80 << 20)


@pytest.mark.slow
def test_tables_let_go_of_the_bytes_that_they_were_made_of() -> None:
    code = """
record = b'{"eventTime":"2024-05-06T07:08:09Z","requestParameters":{"a":"' + b"x" * 2000 + b'"},"eventName":"A"}'
log = b'{"Records":[' + b",".join([record] * 1_000) + b"]}"
for _ in range(100):
    for piece in decode_in_pieces(bytes(bytearray(log)), "s3://b/k"):
        assert to_table([piece.rows]).num_rows == 1_000
"""
    assert peak_bytes(code) < 60 << 20  # of 200 MB that went through


@pytest.mark.slow
@pytest.mark.parametrize(
    "content", ["b'{\"Records\":[' + b'{},' * 2_000_000 + b'{}]}'", "b'{}\\n' * 500_000"], ids=["list", "lines"]
)
@pytest.mark.parametrize("read", ["decode_in_pieces(content, 'k')", "Prefilter().prefilter(content, 'k')"])
def test_a_bomb_of_tiny_records_costs_little_memory(content: str, read: str) -> None:
    code = f"""
from detector.records import log_file
from detector.scan.prefilter import Prefilter
from detector.records.log_file import decode_in_pieces
log_file.MAX_RECORDS = 20_000
content = {content}
for piece in {read}:
    pass
assert "cap of 20,000 records" in piece.problem
"""
    assert peak_bytes(code) < 220 << 20  # as records they would take 600 MB


def test_a_file_is_not_called_another_kind_for_its_first_records_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.records.log_file.MAX_RECORDS", 50)
    content = b"{}\n" * 60 + A
    assert decode(content).skipped is None
    assert decode(content).problem == "reaches the cap of 50 records"


def test_an_array_of_very_many_commas_gives_the_same_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.records.raw_records._MOST_COMMAS", 1)
    odd = record(4, odd=1)
    assert outcome(b'{"Records":[' + b",".join([A, B, C, odd]) + b"]}") == ([*ALL, "Call4"], 0, None, None)


def test_pieces_of_a_large_file_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.records.log_file.WHOLE_BYTES", 0)
    monkeypatch.setattr("detector.records.log_file._PIECE_RECORDS", 7)
    raws = [record(number) for number in range(100)]
    raws[3], raws[50], raws[99] = b"{}", record(50, odd=1), record(99, eventTime="2024-05-06T07:08:09.5Z")
    content = b'{"Records":[' + b",".join(raws) + b"]}"
    pieces = list(decode_in_pieces(content, "s3://bucket/key"))
    assert [piece.records for piece in pieces[:3]] == [7, 7, 7]
    assert all(piece.content_sha256 == b"" for piece in pieces[:-1])
    whole = decode(content)
    assert whole.records == sum(piece.records for piece in pieces) == 100
    assert [kept.index for kept in whole.kept] == [3]
    rows = whole.table.to_pylist()
    assert rows == [row for piece in pieces for row in to_table([piece.rows]).to_pylist()]
    assert [row["logFileIndex"] for row in rows] == [index for index in range(100) if index != 3]
    assert [row["eventName"] for row in rows if row["extra"] and "odd" in row["extra"]] == ["Call50"]
    assert rows[-1]["eventTime"].microsecond == 500_000


EXPECTED_OF_CORPUS = {
    "cloudtrail/PutEventSelectors.json": "an empty array",
    "json/PutEventSelectors.json": "an empty array",
    "cloudtrail/CreateApiKey.json": "not JSON: expected a string at byte 10",
    "README.md": "text without CloudTrail records, and not named as a log",
    "SOURCE.txt": "text without CloudTrail records, and not named as a log",
    ".zip": "an archive: unpack it first",
}


@needs_corpus
def test_every_file_of_the_corpus_is_read_whole_or_told_why_not() -> None:
    read = 0
    for path in sorted(path for path in (CORPUS / "trails").rglob("*") if path.is_file()):
        decoded = decode_log_file(path.read_bytes(), path.as_uri())
        expected = next((why for name, why in EXPECTED_OF_CORPUS.items() if str(path).endswith(name)), None)
        assert (decoded.problem or decoded.skipped) == expected, path
        assert decoded.rejected == 0, path
        assert decoded.records == len(decoded.rows.records)
        read += decoded.records
        if "SANS-504" not in str(path):
            assert decoded.table.num_rows == decoded.records
    assert read > 30_477 + 3_000


@needs_corpus
@pytest.mark.parametrize("folder", ["digests", "envelopes", "lookup-events"])
def test_files_of_the_corpus_that_are_no_logs_are_skipped(folder: str) -> None:
    for path in sorted((CORPUS / folder).rglob("*.json")):
        decoded = decode_log_file(path.read_bytes(), path.as_uri())
        assert decoded.problem is None
        assert bool(decoded.skipped) == (folder != "lookup-events"), path


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b'{"Records":[%s]}', b"[%s]", b"%s", b'{"note":"}{","Records":[%s]}']),
            st.sampled_from([b"", b" ", b"\t \t", b"\n", b"\r\n", b" \n "]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_values_one_after_the_other_are_read_whatever_is_between_them(values: list[tuple[bytes, bytes]]) -> None:
    text = b""
    for number, (form, between) in enumerate(values):
        text += form % json.dumps({**LOGIN, "eventID": str(number), "userAgent": "a}{b] ["}).encode() + between
    read = decode_log_file(text, "file:///x")
    assert read.problem is None
    assert [row["eventID"] for row in to_table([read.rows]).to_pylist()] == [
        str(number) for number in range(len(values))
    ]


@pytest.mark.slow
@pytest.mark.parametrize("value", [b"[]", b"{} ", b"{}1", b"7 "])
def test_a_very_long_line_of_values_is_read_in_time(value: bytes) -> None:
    count = 60_000  # each looked for from its start to the end of the line would take minutes
    assert sum(1 for _ in RawRecords(value * count)) >= count * (value != b"[]")
