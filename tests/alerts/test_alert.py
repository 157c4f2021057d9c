"""The alert's id and what it shows of its events."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.alerts.alert import alert_id, make_alert
from detector.rules.evidence import Copy
from detector.rules.finding import make_finding

from .samples import NOW, THEN, a_rule, event, finding


def row(ids: list[str], **columns: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"account_id": "111122223333", "event_time": THEN, "event_ids": ids, "summary": "x"} | columns


@given(st.permutations(["c", "a", "b"]))
def test_the_id_does_not_depend_on_the_order_of_the_events(ids: list[str]) -> None:
    rule = a_rule()
    assert alert_id(make_finding(rule, row([*ids, ids[0]]))) == alert_id(make_finding(rule, row(["a", "b", "c"])))


def test_the_id_is_that_of_rule_account_and_key_and_of_nothing_else() -> None:
    first = finding(dedup_key="day")
    assert uuid.UUID(alert_id(first)).version == 5
    same = finding(
        dedup_key="day", event_ids=("other",), summary="other", event_count=9, severity="low", context={"a": 1}
    )
    assert alert_id(same) == alert_id(first)
    others = [
        finding(dedup_key="night"),
        finding(dedup_key="day", account_id="444455556666"),
        finding(dedup_key="day", account_id=None),
        finding(dedup_key="day", rule=dataclasses.replace(a_rule(), id="other")),
        finding(),
        finding(event_ids=("id-1",)),
        finding(dedup_key=""),
    ]
    assert len({alert_id(one) for one in [first, *others]}) == len(others) + 1


def test_the_id_is_the_one_that_was_given_out_before() -> None:
    rule = dataclasses.replace(a_rule(), id="root_console_login")
    known = finding(rule=rule, event_ids=("11112222-3333-4444-5555-666677778888",))
    assert alert_id(known) == "a8d4e809-cdc9-507a-8fc0-69cf639a8b17"


def test_the_id_depends_on_all_events_but_a_hundred_are_listed() -> None:
    ids = [f"id-{number:03}" for number in range(150)]
    many, fewer = (
        make_alert(finding(event_ids=tuple(some), event_count=len(some)), [], NOW) for some in (ids, ids[:149])
    )
    assert many.alert_id != fewer.alert_id
    assert many.event_ids == fewer.event_ids == tuple(ids[:100])
    assert many.event_count == 150


def test_events_are_listed_oldest_first_and_each_once() -> None:
    events = [event("id-2"), event("id-1"), event("id-1", account_id="444455556666")]
    alert = make_alert(finding(), events, NOW)
    assert alert.event_ids == ("id-2", "id-1")
    assert alert.region == "us-east-1"


def test_every_copy_of_an_event_is_named_as_evidence() -> None:
    copies = (Copy("s3://b/a", 3), Copy("s3://b/b", 0))
    alert = make_alert(finding(), [event("id-1", copies=copies), event("id-2")], NOW)
    assert [(one.log_file, one.index, one.event_id) for one in alert.evidence] == [
        ("s3://b/a", 3, "id-1"),
        ("s3://b/b", 0, "id-1"),
        ("s3://b/k", 0, "id-2"),
    ]


def test_the_first_five_records_are_shown() -> None:
    ids = tuple(f"id-{number}" for number in range(7))
    alert = make_alert(finding(event_ids=ids), [event(key, {"eventName": key}) for key in ids], NOW)
    assert [record["eventName"] for record in alert.records] == list(ids[:5])
    assert alert.records_truncated
    assert not make_alert(finding(), [event("id-1"), event("id-2")], NOW).records_truncated


def test_an_event_that_is_gone_leaves_an_alert_without_it() -> None:
    alert = make_alert(finding(), [], NOW)
    assert (alert.event_ids, alert.records, alert.records_truncated) == (("id-1", "id-2"), (), True)
    assert (alert.actor.type, alert.source_ip, alert.mfa, alert.region) == (None, None, None, None)


def test_numbers_that_json_cannot_write_become_text_and_long_ones_stay() -> None:
    raw = b'{"requestParameters":{"a":NaN,"b":-Infinity,"c":1e400,"d":9007199254740993,"e":%s,"f":0.0}}' % (
        b"7" * 9_000
    )
    (record,) = make_alert(finding(event_ids=("id-1",)), [event(record=raw)], NOW).records
    values = record["requestParameters"]
    assert values == {"a": "NaN", "b": "-Infinity", "c": "1e400", "d": 9007199254740993, "e": "7" * 9_000, "f": 0.0}


@pytest.mark.parametrize("depth", [101, 400, 2_000, 100_000])
def test_a_record_nested_too_deep_to_show_is_left_to_the_evidence(depth: int) -> None:
    raw = b'{"requestParameters":' + b"[" * depth + b"]" * depth + b"}"
    alert = make_alert(finding(event_ids=("id-1",)), [event(record=raw)], NOW)
    assert (alert.records, alert.records_truncated) == ((), True)
    assert alert.evidence
