"""The alert's id and what it shows of its events."""

from __future__ import annotations

import dataclasses
import json
import uuid
from datetime import timedelta
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


@pytest.mark.parametrize(
    ("subject", "shown"), [("id-2", "01234"), (None, "01236"), ("id-6", "01236"), ("id-5", "01235")]
)
def test_the_first_records_are_shown_and_that_of_the_subject(subject: str | None, shown: str) -> None:
    ids = tuple(f"id-{number}" for number in range(7))
    events = [event(key, {"eventName": key}) for key in ids]
    alert = make_alert(finding(event_ids=ids, subject_event_id=subject), events, NOW)
    assert [json.loads(bytes(record))["eventName"] for record in alert.records] == [f"id-{number}" for number in shown]
    assert alert.subject.record_index is not None
    of_subject = json.loads(bytes(alert.records[alert.subject.record_index]))
    assert of_subject["eventName"] == alert.subject.event_id == (subject or "id-6")
    assert alert.records_truncated
    assert not make_alert(finding(), [event("id-1"), event("id-2")], NOW).records_truncated


@pytest.mark.parametrize(("named", "about"), [(None, "id-2"), ("id-1", "id-1"), ("gone", "id-2")])
def test_one_of_several_events_speaks(named: str | None, about: str) -> None:
    events = [
        event(
            key,
            event_time=THEN + timedelta(minutes=minute),
            region=f"region-{key}",
            actor_arn=f"arn-{key}",
            source_ip=f"ip-{key}",
            user_agent=f"agent-{key}",
            mfa=f"mfa-{key}",
        )
        for minute, key in enumerate(["id-1", "id-2"])
    ]
    alert = make_alert(finding(subject_event_id=named), events, NOW)
    said = (alert.region, alert.actor.arn, alert.source_ip, alert.user_agent, alert.mfa)
    assert said == tuple(f"{what}-{about}" for what in ("region", "arn", "ip", "agent", "mfa"))
    assert alert.subject.event_time == THEN + timedelta(minutes=about == "id-2")
    assert alert.alert_id == make_alert(finding(), events, NOW).alert_id
    assert alert.event_time == THEN


def test_the_summary_of_several_events_says_when_the_one_was() -> None:
    events = [event("id-1"), event("id-2", event_time=THEN + timedelta(minutes=1))]

    def summary(**changes: Any) -> str:  # noqa: ANN401
        return make_alert(finding(**changes), events, NOW).summary

    assert summary() == "root did it (the last at 2024-05-06 07:09:09 UTC)"
    assert summary(subject_event_id="id-1") == "root did it (event of 2024-05-06 07:08:09 UTC)"
    assert summary(summary="root did it, 2024-05-06 07:09:09 UTC") == "root did it, 2024-05-06 07:09:09 UTC"
    assert summary(event_count=1) == "root did it"


def test_an_event_that_is_gone_leaves_an_alert_without_it() -> None:
    alert = make_alert(finding(), [], NOW)
    assert (alert.event_ids, alert.records, alert.records_truncated) == (("id-1", "id-2"), (), True)
    assert (alert.actor.type, alert.source_ip, alert.mfa, alert.region) == (None, None, None, None)


def test_numbers_that_json_cannot_write_become_text_and_long_ones_stay() -> None:
    raw = b'{"requestParameters":{"a":NaN,"b":-Infinity,"c":1e400,"d":9007199254740993,"e":%s,"f":0.0}}' % (
        b"7" * 9_000
    )
    (record,) = make_alert(finding(event_ids=("id-1",)), [event(record=raw)], NOW).records
    values = json.loads(bytes(record))["requestParameters"]
    assert values == {"a": "NaN", "b": "-Infinity", "c": "1e400", "d": 9007199254740993, "e": "7" * 9_000, "f": 0.0}


@pytest.mark.parametrize(("digits", "kind"), [(999, int), (1_000, str), (4_000, str)])
def test_an_integer_that_readers_of_alerts_refuse_stays_text(digits: int, kind: type) -> None:
    raw = b'{"requestParameters":{"a":%s}}' % (b"7" * digits)
    (record,) = make_alert(finding(event_ids=("id-1",)), [event(record=raw)], NOW).records
    assert isinstance(json.loads(bytes(record))["requestParameters"]["a"], kind)


@pytest.mark.parametrize("depth", [101, 400, 2_000, 100_000])
@pytest.mark.slow
def test_a_record_nested_too_deep_to_show_is_left_to_the_evidence(depth: int) -> None:
    raw = b'{"requestParameters":' + b"[" * depth + b"]" * depth + b"}"
    alert = make_alert(finding(event_ids=("id-1",)), [event(record=raw)], NOW)
    assert (alert.records, alert.records_truncated) == ((), True)
    assert alert.evidence
