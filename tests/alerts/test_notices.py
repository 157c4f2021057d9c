"""What people are told is what their program takes, and nothing in it mentions, links or breaks out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from detector.alerts.alert import Actor, Alert
from detector.alerts.digest import make_digest
from detector.alerts.formats.formatting import digest_line, line_of
from detector.alerts.formats.json_line import LINE_BYTES
from detector.alerts.formats.names import NoticeFormat
from detector.severity import Severity

from .notice_schemas import MAIL, PAGERDUTY, SLACK, TEAMS
from .test_formats import an_alert

SCHEMAS = {
    NoticeFormat.SLACK: Draft202012Validator(SLACK),
    NoticeFormat.TEAMS: Draft202012Validator(TEAMS),
    NoticeFormat.PAGERDUTY: Draft202012Validator(PAGERDUTY),
    NoticeFormat.MAIL: Draft202012Validator(MAIL),
}
TEAMS_BYTES = 28 * 1_024
PAGE = "https://wiki.example/rules#root_did_it"
HOSTILE = (
    "<!channel> <@U1> <https://evil.example|AWS> & *bold* `x` @here [a](https://evil.example) \x1b[2J\r\n<at>Bob</at>"
)


def hostile(text: str) -> Alert:
    return replace(
        an_alert(),
        title=text,
        summary=text,
        account_id=text,
        region=text,
        actor=Actor("IAMUser", text, text, text),
        rule_url=PAGE,
        source_ip=text,
        mfa=text,
        user_agent=text,
    )


def told(form: NoticeFormat, alert: Alert) -> dict[str, Any]:
    return read(form, line_of(form)(alert))


def told_together(form: NoticeFormat, alerts: list[Alert]) -> dict[str, Any]:
    return read(form, digest_line(form, make_digest(alerts)))


def read(form: NoticeFormat, line: bytes) -> dict[str, Any]:
    """Check a line, and return what it says."""
    assert len(line) <= (TEAMS_BYTES if form is NoticeFormat.TEAMS else LINE_BYTES)
    assert line.count(b"\n") == 1
    document: dict[str, Any] = json.loads(line)
    SCHEMAS[form].validate(document)
    return document


@pytest.mark.parametrize("rule_url", [None, PAGE])
@pytest.mark.parametrize("form", NoticeFormat)
def test_one_alert_and_many_are_what_the_receiver_takes(form: NoticeFormat, rule_url: str | None) -> None:
    for severity in Severity:
        one = json.dumps(told(form, replace(an_alert(), severity=severity, rule_url=rule_url)), ensure_ascii=False)
        assert "root did it" in one
        assert an_alert().alert_id in one
        assert (PAGE in one) == (rule_url is not None)
    many = json.dumps(told_together(form, [replace(an_alert(), rule_url=rule_url)] * 31), ensure_ascii=False)
    assert "31 alerts in 1 account" in many
    assert "31 high" in many
    assert "and 21 more" in many
    assert many.count("root did it") == 10


@pytest.mark.parametrize("form", NoticeFormat)
@pytest.mark.parametrize("text", [HOSTILE, "&" * 5_000, "ü" * 5_000, "\U0001f600" * 5_000, " ", "\x00" * 900])
def test_the_largest_and_the_oddest_text_fits(form: NoticeFormat, text: str) -> None:
    told(form, hostile(text))
    told_together(form, [hostile(text)] * 31)


@settings(max_examples=30)
@given(text=st.text(max_size=300))
def test_any_text_is_told_in_a_form_that_is_taken(text: str) -> None:
    for form in NoticeFormat:
        told(form, hostile(text))
        told_together(form, [hostile(text)] * 2)


def test_slack_sees_no_mention_and_no_link_in_what_others_wrote() -> None:
    message = told(NoticeFormat.SLACK, hostile(HOSTILE))
    assert (
        "&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|AWS&gt; &amp; *bold*"
        in message["blocks"][1]["text"]["text"]
    )
    assert "<" not in message["text"]


def test_a_rule_page_cannot_break_out_of_its_link() -> None:
    message = told(NoticeFormat.SLACK, replace(an_alert(), rule_url="https://wiki.example/a|b>c"))
    assert f"<https://wiki.example/a%7Cb&gt;c|{an_alert().rule_id}>" in json.dumps(message)


def test_a_mail_has_one_line_of_subject_and_no_control_character() -> None:
    mail = told(NoticeFormat.MAIL, hostile(HOSTILE))
    assert mail["subject"].isprintable()
    assert "\\x1b[2J" in mail["text"]
    assert all(line.isprintable() for line in mail["text"].splitlines())


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("critical", "critical"), ("high", "error"), ("medium", "warning"), ("low", "info"), ("info", "info")],
)
def test_pagerduty_knows_four_severities_and_an_alert_by_its_id(severity: str, expected: str) -> None:
    event = told(NoticeFormat.PAGERDUTY, replace(an_alert(), severity=Severity(severity)))
    assert event["payload"]["severity"] == expected
    assert event["dedup_key"] == an_alert().alert_id
    assert event["payload"]["source"] == "111122223333"
    assert event["payload"]["custom_details"]["from"] == "198.51.100.7"


def test_an_alert_of_which_little_is_known_is_told() -> None:
    bare = replace(an_alert(), account_id=None, region=None, actor=Actor(), source_ip=None, mfa=None)
    for form in NoticeFormat:
        told(form, bare)
        told_together(form, [bare])
    assert told(NoticeFormat.PAGERDUTY, bare)["payload"]["source"] == "an unknown account"
