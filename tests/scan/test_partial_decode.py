"""A large file is read in lists of its records; wherever they are cut, every record is the one that stands there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest

from detector.records.log_file import decode_log_file
from detector.records.table import to_table
from detector.scan.partial_decode import FIRST_LOOK, partial_records
from detector.scan.prefilter import Prefilter
from tests.records.core.switched import without_core


@pytest.fixture(autouse=True)
def only_python() -> Iterator[None]:
    """What the compiled core would take is to be read here."""
    with without_core():
        yield


def record(number: int, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """A call of an IAM user, padded to half a kilobyte."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333"},
        "eventTime": f"2026-01-{number % 20 + 1:02}T10:{number % 60:02}:00Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DescribeInstances",
        "awsRegion": "eu-west-1",
        "eventID": f"{number:08x}-0000-4000-8000-000000000000",
        "requestParameters": {"padding": "x" * 300},
        "recipientAccountId": "111122223333",
    } | fields


def a_hundred_kilobytes() -> list[dict[str, Any]]:
    """Records among which some are wanted, and some hold what looks like the border between two records."""
    random = Random(7)
    records = [record(number) for number in range(300)]
    for number in random.sample(range(300), 9):
        records[number] |= {"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"}
    for number in random.sample(range(300), 60):
        records[number]["userAgent"] = 'agent},{"eventVersion":"1.11"'
    records[random.randrange(300)]["userIdentity"]["type"] = "Root"
    return records


@pytest.mark.parametrize(
    ("before", "between", "after"),
    [('{"Records":[', ",", "]}"), ('\n{ "Records" :\t[ ', " ,\n", " ]\n}\n"), ('{"Records":[', ",", "]}\n")],
)
def test_what_is_wanted_of_a_large_file_is_what_stands_in_it(before: str, between: str, after: str) -> None:
    records = a_hundred_kilobytes()
    texts = [json.dumps(one, separators=(",", ":")) for one in records]
    data = f"{before}{between.join(texts)}{after}".encode()
    usual = partial_records(data, FIRST_LOOK)
    assert usual is not None
    assert len(usual.records) == 300
    assert [(index, text.decode()) for index, text in usual.texts(range(0, 300, 7))] == [
        (index, texts[index]) for index in range(0, 300, 7)
    ]
    (prefilter,) = Prefilter().prefilter(data, "a")
    whole = decode_log_file(data, "a").rows
    wanted = [n for n, one in enumerate(records) if one["eventName"] == "StopLogging" or "Root" in str(one)]
    assert prefilter.wanted.indexes == wanted
    assert to_table([prefilter.wanted]).equals(to_table([whole.select(wanted)]))


def test_records_inside_a_record_are_no_records() -> None:
    inner = [record(number, eventName="StopLogging") for number in range(300)]
    data = json.dumps({"Records": [record(0, requestParameters={"events": inner})]}, separators=(",", ":")).encode()
    with pytest.raises(msgspec.DecodeError):
        partial_records(data, FIRST_LOOK)
    (prefilter,) = Prefilter().prefilter(data, "a")
    assert (prefilter.records, prefilter.wanted.records) == (1, [])


@pytest.mark.parametrize(
    "text", ['[{"eventVersion":"1.11"}]', '{"Records":{}}', '{"records":[]}', '{"Records":[]', '{"Records":[ }', ""]
)
def test_other_forms_are_left_to_others(text: str) -> None:
    assert partial_records(text.encode(), FIRST_LOOK) is None


def test_a_second_list_in_the_file_is_not_taken_for_a_part_of_the_first() -> None:
    with pytest.raises(msgspec.DecodeError):
        partial_records(b'{"Records":[{"eventVersion":"1"}],"More":[{"eventVersion":"1"}]}', FIRST_LOOK)


def test_the_spans_of_several_places_are_told_apart() -> None:
    here = [record(5), record(3)]
    there = [record(9, awsRegion="us-east-1"), record(1, recipientAccountId="444455556666")]
    unnamed = record(2)
    del unnamed["recipientAccountId"]
    usual = partial_records(json.dumps({"Records": [*here, *there, unnamed]}).encode(), FIRST_LOOK)
    assert usual is not None
    assert {place: tuple(time.day for time in span) for place, span in usual.coverage().items()} == {
        ("111122223333", "eu-west-1"): (3, 6),
        ("111122223333", "us-east-1"): (10, 10),
        ("444455556666", "eu-west-1"): (2, 2),
    }
