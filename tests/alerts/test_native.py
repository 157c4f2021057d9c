"""One line, under 32 kB, valid against the schema, whatever is in it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from detector.alerts.alert import Alert, Suppression, make_alert
from detector.alerts.formats.json_line import cut, json_line
from detector.alerts.formats.native import json_schema, to_native
from detector.rules.evidence import Copy

from .samples import NOW, a_rule, event, finding

VALIDATOR = Draft202012Validator(json_schema())
KEYS = [
    *("schema", "alert_id", "rule_id", "title", "severity", "confidence", "attack", "account_id", "region"),
    *("event_time", "last_event_time", "event_count", "event_ids", "summary", "actor", "source_ip", "user_agent"),
    *("mfa", "context", "evidence", "records", "records_truncated", "suppressed_by", "detected_at"),
    *("subject_event_id", "response", "references", "rule_url"),
]


def line_of(alert: Alert) -> dict[str, Any]:
    """The alert as a program reads it, with everything checked that holds for every alert."""
    line = json_line(to_native(alert))
    assert len(line) <= 32_000
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert all(0x20 <= byte < 0x7F for byte in line[:-1])
    native: dict[str, Any] = json.loads(line, parse_constant=pytest.fail)
    line.decode().encode("utf-8")
    VALIDATOR.validate(native)
    assert list(native) == KEYS
    assert not any("\ud800" <= character <= "\udfff" for character in json.dumps(native, ensure_ascii=False))
    return native


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(json_schema())
    assert json_schema()["required"] == KEYS
    assert list(json_schema()["properties"]) == KEYS


def test_an_alert_says_what_the_rule_and_the_events_say() -> None:
    alert = make_alert(finding(context={"a": 1}), [event("id-1", {"eventName": "A"}), event("id-2")], NOW)
    native = line_of(dataclasses.replace(alert, suppressed_by=Suppression("S1", "known")))
    assert native["rule_id"] == a_rule().id
    assert native["attack"][0]["tactic"].startswith("TA")
    assert (native["event_time"], native["detected_at"]) == ("2024-05-06T07:08:09Z", "2026-03-01T12:00:00Z")
    assert native["actor"] == {
        "type": "Root",
        "arn": "arn:aws:iam::111122223333:root",
        "access_key_id": None,
        "session_issuer": None,
    }
    assert native["context"] == {"a": 1}
    assert native["records"][0] == {"eventTime": "2024-05-06T07:08:09Z", "eventName": "A"} | native["records"][0]
    assert native["suppressed_by"] == {"id": "S1", "reason": "known"}
    assert (native["response"], native["references"]) == (a_rule().response, list(a_rule().references))
    assert native["records_truncated"] is False


def test_an_alert_names_the_story_of_its_subject_even_where_a_rule_has_a_column_of_that_name() -> None:
    events = [event("id-1", story="0123456789abcdef"), event("id-2")]
    assert line_of(make_alert(finding(context={"story": "x", "a": 1}), events[:1], NOW))["context"] == {
        "story": "0123456789abcdef",
        "a": 1,
    }
    assert line_of(make_alert(finding(context={"a": 1}), events, NOW))["context"] == {"a": 1}


HUGE = 200_000
HOSTILE_TEXTS = [
    "x" * HUGE,
    "😀" * HUGE,
    "\x00" * HUGE,
    "\ud800" * HUGE,
    '"' * HUGE,
    "\u2028é" * HUGE,
]


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=["ascii", "emoji", "nul", "surrogate", "quote", "mixed"])
def test_no_text_makes_a_line_too_long(text: str) -> None:
    names = ["region", "actor_type", "actor_arn", "access_key_id", "session_issuer", "source_ip", "user_agent"]
    storable = text.replace("\ud800", "?")
    one = event("id-1", {"userAgent": storable[:1000]}, **dict.fromkeys(names, text))
    alert = make_alert(
        finding(
            summary=text,
            account_id=text,
            event_ids=tuple(f"{number}{text[:2000]}" for number in range(100)),
            context={"long": text, text[:1000]: text, "list": [text[:5000]] * 200, "dict": {text: {text: 1}}},
            rule=dataclasses.replace(a_rule(), title=text, attack=("TA0001:T1078.004",) * 1000),
        ),
        [one],
        NOW,
    )
    native = line_of(dataclasses.replace(alert, suppressed_by=Suppression(text, text)))
    assert native["user_agent"].endswith("…")
    assert native["summary"].startswith(text[:50].replace("\ud800", "\ufffd"))
    assert native["event_ids"]


def test_ten_thousand_events_fit_into_a_line() -> None:
    ids = tuple(f"sha256:{number:064x}" for number in range(10_000))
    copies = tuple(Copy(f"s3://bucket/{'k' * 1000}/{number}", number) for number in range(50))
    alert = make_alert(
        finding(event_ids=ids, event_count=10_000), [event(key, copies=copies) for key in ids[:300]], NOW
    )
    native = line_of(alert)
    assert native["event_ids"] == list(ids[:100])
    assert native["event_count"] == 10_000
    assert native["records_truncated"] is True
    assert 0 < len(native["evidence"]) < 50


def test_records_are_dropped_from_the_last_one() -> None:
    ids = ("id-1", "id-2", "id-3")
    events = [event(key, {"eventName": key, "requestParameters": {"x": "y" * 12_000}}) for key in ids]
    native = line_of(make_alert(finding(event_ids=ids), events, NOW))
    assert [record["eventName"] for record in native["records"]] == ["id-1", "id-2"]
    assert native["records_truncated"] is True
    assert [one["event_id"] for one in native["evidence"]] == list(ids)


def test_a_record_larger_than_a_line_is_left_to_the_evidence() -> None:
    native = line_of(make_alert(finding(event_ids=("id-1",)), [event(record={"userAgent": "x" * 1_000_000})], NOW))
    assert (native["records"], native["records_truncated"]) == ([], True)
    assert native["evidence"] == [{"log_file": "s3://b/k", "index": 0, "event_id": "id-1"}]


def test_an_ordinary_context_is_whole_and_a_huge_one_is_cut() -> None:
    context = {"user": "alice", "devices": ["a", "b"], "count": 3, "nested": {"a": None, "b": [True]}}
    assert line_of(make_alert(finding(context=context), [], NOW))["context"] == context
    huge = {f"{number:04}" + "k" * 1_000: "v" * 10_000 for number in range(100)}
    small = line_of(make_alert(finding(context={"user": "alice"} | huge), [], NOW))["context"]
    assert small["user"] == "alice"
    assert len(small) > 2
    wide = line_of(make_alert(finding(context={"wide": [["x" * 100] * 100] * 100, "user": "alice"}), [], NOW))[
        "context"
    ]
    assert wide == {"wide": "(too large)", "user": "alice"}


@pytest.mark.parametrize("limit", [20, 57, 600])
@pytest.mark.parametrize("unit", ["x", "é", "😀", "\x00", '"', "\ud800"])
def test_text_is_cut_at_its_size_in_json(unit: str, limit: int) -> None:
    short = cut(unit * 1000, limit)
    size = len(json_line(short)) - 1
    unit_size = len(json_line(unit)) - 3
    assert limit - unit_size < size <= limit
    assert short.rstrip("…") == unit * (len(short) - 1)
    fitting = unit * ((limit - 2) // unit_size)
    assert cut(fitting, limit) == fitting
    assert cut(None) is None


def test_nothing_in_a_line_reaches_a_terminal_or_breaks_a_parser() -> None:
    text = "\x1b[31m \x00 \x7f \x9b \u2028 \u202e \ud800 😀 é \\ud800"
    line = json_line({"a": text})
    assert line.isascii()
    assert json.loads(line) == {"a": text.replace("\ud800", "\ufffd")}
    assert b"\\ud83d\\ude00" in line
    assert json_line({"a": float("nan")}) == b'{"a":null}\n'


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
texts = st.none() | st.text()


@given(
    context=st.dictionaries(st.text(), json_values, max_size=4),
    ids=st.lists(st.text(min_size=1), min_size=1, max_size=8, unique=True),
    texts=st.tuples(texts, texts, texts),
    records=st.lists(st.dictionaries(st.text(max_size=3), json_values, max_size=3), max_size=6),
    repeat=st.sampled_from([1, 500]),
)
@settings(deadline=None, max_examples=50)
def test_any_alert_is_valid(
    context: dict[str, Any], ids: list[str], texts: tuple[str | None, ...], records: list[dict[str, Any]], repeat: int
) -> None:
    account, agent, arn = (text and text * repeat for text in texts)
    events = [
        event(key, {"requestParameters": record}, user_agent=agent, actor_arn=arn)
        for key, record in zip(ids, records, strict=False)
    ]
    alert = make_alert(finding(account_id=account, event_ids=tuple(sorted(ids)), context=context), events, NOW)
    native = line_of(alert)
    assert len(native["event_ids"]) <= 100
    assert len(native["records"]) <= 5
