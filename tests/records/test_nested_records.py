"""Records inside other values: what pipelines, exports and scripts wrap them in is read, however deep."""

from __future__ import annotations

import codecs
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.records.log_file import decode_log_file
from detector.records.nested_records import records_within
from detector.records.rebuild import record_json
from tests.running import LOGIN

OTHER = LOGIN | {"eventName": "DescribeInstances", "eventSource": "ec2.amazonaws.com", "eventID": "other"}
TEXTS = [json.dumps(LOGIN), json.dumps(OTHER)]
FIREHOSE = (
    json.dumps({"messageType": "CONTROL_MESSAGE", "logEvents": [{"id": "", "message": "CWL CONTROL MESSAGE"}]})
    + json.dumps({"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "message": text} for text in TEXTS]})
)  # fmt: skip
FORMS: dict[str, bytes] = {
    "CloudWatch Logs through Firehose": FIREHOSE.encode(),
    "filter-log-events": json.dumps({"events": [{"message": text} for text in TEXTS]}, indent=2).encode(),
    "an export task": "".join(f"2025-03-04T09:52:10.000Z {text}\n" for text in TEXTS).encode(),
    "syslog": "".join(f"<134>1 2025-03-04T09:52:10Z host app - - - {text}\n" for text in TEXTS).encode(),
    "an array of files": json.dumps([{"Records": [LOGIN]}, {"Records": [OTHER]}]).encode(),
    "an array of pages": json.dumps([{"Events": [{"CloudTrailEvent": text}]} for text in TEXTS]).encode(),
    "an array of strings": json.dumps(TEXTS).encode(),
    "an array of arrays": json.dumps([[LOGIN], [OTHER]]).encode(),
    "Records in Records": json.dumps({"Records": [{"Records": [LOGIN, OTHER]}]}).encode(),
    "a SIEM's results": "\n".join(json.dumps({"result": {"_raw": text}}) for text in TEXTS).encode(),
    "an index": json.dumps({"hits": {"hits": [{"_source": {"event": {"original": text}}} for text in TEXTS]}}).encode(),
    "lines that end in a comma": "".join(f"{text},\n" for text in TEXTS).encode(),
    "UTF-16": codecs.BOM_UTF16_LE + json.dumps({"Records": [LOGIN, OTHER]}).encode("utf-16-le"),
    "UTF-16, big-endian": codecs.BOM_UTF16_BE + json.dumps({"Records": [LOGIN, OTHER]}).encode("utf-16-be"),
    "gzip in gzip": gzip.compress(gzip.compress(json.dumps({"Records": [LOGIN, OTHER]}).encode())),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_that_people_have_is_read(form: str) -> None:
    decoded = decode_log_file(FORMS[form], "s3://b/k")
    assert decoded.problem is None
    assert [record.eventName for record in decoded.rows.records] == ["ConsoleLogin", "DescribeInstances"]
    assert len(set(decoded.rows.indexes)) == 2
    assert decoded.records == 2 + decoded.rejected


Wrapper = Callable[[list[Any]], Any]
WRAPPERS: list[Wrapper] = [
    list,
    lambda values: [values],
    lambda values: {"Records": values},
    lambda values: {"data": {str(number): value for number, value in enumerate(values)}},
    lambda values: [json.dumps(value) for value in values],
    lambda values: {"message": json.dumps(values)},
    lambda values: {"message": "\n".join(map(json.dumps, values))},
    lambda values: [{"_raw": json.dumps(value), "other": 1} for value in values],
]


@given(st.lists(st.sampled_from(WRAPPERS), min_size=1, max_size=3), st.integers(1, 4))
def test_every_record_is_found_in_order_whatever_it_is_wrapped_in(wrappers: list[Wrapper], count: int) -> None:
    records = [LOGIN | {"eventID": str(number)} for number in range(count)]
    value: Any = records
    for wrap in wrappers:
        value = wrap(value if isinstance(value, list) else [value])
    found = records_within(json.dumps(value).encode())
    assert [json.loads(raw)["eventID"] for raw in found] == [record["eventID"] for record in records]


@pytest.mark.parametrize("value", [b"{}", b'{"eventSource": 1}', b'{"a": {"eventSource": "x", "eventTime": "y"}'])
def test_what_has_nothing_of_a_record_or_breaks_off_holds_none(value: bytes) -> None:
    assert records_within(value) == []


LOWER = {key.lower(): value for key, value in LOGIN.items()}
LACKING = {
    key: value for key, value in LOWER.items() if key != "useridentity"
}  # what wrappers may have of a record, too
TOO_DEEP = json.loads('{"a": ' * 20 + json.dumps(LOGIN) + "}" * 20)


@pytest.mark.parametrize("unread", [LACKING, TOO_DEEP, json.dumps(LACKING)], ids=["lower case", "too deep", "text"])
def test_what_is_not_read_beside_a_record_is_rejected_and_not_passed_over(unread: object) -> None:
    decoded = decode_log_file(json.dumps({"a": LOGIN, "b": unread}).encode(), "s3://b/k")
    assert (len(decoded.rows.records), decoded.rejected, decoded.records) == (1, 1, 2)
    [rejection] = decoded.rejections()
    assert rejection.index == 1


def in_lower_case(record: dict[str, Any]) -> dict[str, Any]:
    return {key.lower(): in_lower_case(value) if isinstance(value, dict) else value for key, value in record.items()}


@pytest.mark.parametrize("wrap", [list, *WRAPPERS], ids=["array", *map(str, range(len(WRAPPERS)))])
def test_names_in_lower_case_are_those_of_a_record(wrap: Wrapper) -> None:
    session = {"sessionIssuer": {"userName": "Ops"}, "attributes": {"mfaAuthenticated": "false"}, "another": 1}
    record = LOGIN | {"userIdentity": {"type": "AssumedRole", "sessionContext": session}, "requestID": "r"}
    free = {
        "additionalEventData": LOGIN["additionalEventData"],
        "requestParameters": {"eventtime": "x", "bucketName": "b"},
        "responseElements": '{"ConsoleLogin": "Success"}',
    }
    written = in_lower_case(record) | {name.lower(): value for name, value in free.items()} | {"unknownname": 1}
    decoded = decode_log_file(json.dumps(wrap([written])).encode(), "s3://b/k")
    [row] = decoded.table.to_pylist()
    assert json.loads(record_json(row)) == record | free | {"unknownname": 1}
    # The row does not tell how the names were written.
    [kept] = decoded.kept
    assert json.loads(kept.raw) == written
    assert not kept.rejected
    assert decoded.problem is None


@pytest.mark.parametrize("names", [dict, in_lower_case], ids=["as documented", "in lower case"])
def test_the_identity_may_be_text_in_a_string(names: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    identity = LOGIN["userIdentity"] | {"sessionContext": {"attributes": {"mfaAuthenticated": "false"}}}
    record = LOGIN | {"userIdentity": identity}
    written = names(record) | {next(iter(names({"userIdentity": 1}))): json.dumps(names(identity))}
    written["sessionCredentialFromConsole"] = "true"
    decoded = decode_log_file(json.dumps({"Records": [written]}).encode(), "s3://b/k")
    [row] = decoded.table.to_pylist()
    assert json.loads(record_json(row))["userIdentity"] == identity
    assert [json.loads(kept.raw) for kept in decoded.kept] == [written]
    assert [kept.rejected for kept in decoded.kept] == [False]


@pytest.mark.parametrize("text", ['{"type": "Root"', "Root", "", '"{}"', '{"type": "\ud800"}'])
def test_a_string_that_holds_no_object_is_kept_as_it_is(text: str) -> None:
    record = LOGIN | {"userIdentity": text}
    decoded = decode_log_file(json.dumps({"Records": [record]}).encode(), "s3://b/k")
    [row] = decoded.table.to_pylist()
    assert json.loads(record_json(row))["userIdentity"] == text


def test_a_value_in_a_record_in_lower_case_is_no_record_in_its_place() -> None:
    inside = LOWER | {"requestparameters": {"text": json.dumps(OTHER)}}
    for values in ([inside], {"a": inside}):
        [record] = decode_log_file(json.dumps(values).encode(), "s3://b/k").rows.records
        assert record.eventName == "ConsoleLogin"


def test_what_holds_records_in_an_unknown_form_is_failed_and_named() -> None:
    problem = decode_log_file(json.dumps([LACKING]).encode(), "s3://b/k").problem
    assert problem is not None
    assert problem.startswith("holds CloudTrail records in a form that is not read")


def test_a_server_access_log_is_skipped_by_its_first_bytes() -> None:
    line = f"{'79a5' * 16} my-bucket [06/Feb/2025:00:00:38 +0000] 192.0.2.3 - 3E57427F3EXAMPLE REST.GET.VERSIONING - -"
    assert decode_log_file(line.encode(), "s3://b/k").skipped == "S3 server access log"
