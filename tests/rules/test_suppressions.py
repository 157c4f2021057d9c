"""Suppressions: what they cover, and above all what they do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.errors import RuleError
from detector.rules.evidence import Copy, Evidence
from detector.rules.finding import Finding
from detector.rules.rule import load_rules, shipped_rules_directory
from detector.rules.suppressions import (
    SuppressionEntry,
    glob_pattern,
    load_suppressions,
    read_suppressions,
    suppressing_entry,
    suppression_warnings,
)
from detector.severity import Severity

RULES = {rule.id: rule for rule in load_rules(shipped_rules_directory()).rules}
ACCOUNT = "111122223333"
ARN = f"arn:aws:iam::{ACCOUNT}:root"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENTRY = """
[[suppression]]
id = "drill"
rule = "root_console_login"
reason = "The drill of each month."
owner = "security@example.com"
expires = 2026-03-01
"""


def event(**changes: str | None) -> Evidence:
    values = {"source_ip": "198.51.100.7", "user_agent": "aws-cli/2 [x]", "actor_arn": ARN, **changes}
    return Evidence(
        event_key="e",
        account_id=ACCOUNT,
        recipient_account_id=ACCOUNT,
        event_time=NOW,
        region="us-east-1",
        actor_type="Root",
        access_key_id=None,
        session_issuer=None,
        mfa="yes",
        copies=(Copy("a.json.gz", 0),),
        record="{}",
        **values,
    )


def finding(rule_id: str = "root_console_login", *, severity: Severity | None = None, event_count: int = 1) -> Finding:
    rule = RULES[rule_id]
    return Finding(
        rule, ACCOUNT, NOW, ("e",), "root signed in", severity or rule.severity, None, NOW, event_count, context={}
    )


def entries(tmp_path: Path, more: str = "", text: str = ENTRY) -> tuple[SuppressionEntry, ...]:
    path = tmp_path / "suppressions.toml"
    path.write_text(text + more, encoding="utf-8")
    return load_suppressions(path)


@pytest.mark.parametrize(
    ("criteria", "events", "covered"),
    [
        ("", [event()], True),
        (f'account = "{ACCOUNT}"', [event()], True),
        ('account = "444455556666"', [event()], False),
        ('actor_arn = "arn:aws:iam::*:root"', [event()], True),
        ('actor_arn = "arn:aws:iam::?:root"', [event()], False),
        (f'actor_arn = "{ARN[:-1]}?"', [event()], True),
        ('actor_arn = "*"', [event(actor_arn=None)], False),
        ('source_cidr = "198.51.100.0/24"', [event()], True),
        ('source_cidr = "198.51.100.7"', [event()], True),
        ('source_cidr = "198.51.100.8"', [event()], False),
        ('source_cidr = "2001:db8::/32"', [event(source_ip="2001:db8::17")], True),
        ('source_cidr = "2001:db8::/32"', [event()], False),
        ('source_cidr = "0.0.0.0/0"', [event(source_ip="autoscaling.amazonaws.com")], False),
        ('source_cidr = "0.0.0.0/0"', [event(source_ip=None)], False),
        ('user_agent = "aws-cli/* [x]"', [event()], True),
        ('user_agent = "aws-cli/* x"', [event()], False),
        ('user_agent = "AWS-CLI*"', [event()], False),
        ('user_agent = "aws*"\nsource_cidr = "203.0.113.0/24"', [event()], False),
        # A stranger's call does not hide behind a colleague's in the same alert.
        ('source_cidr = "198.51.100.0/24"', [event(), event(source_ip="203.0.113.9")], False),
        ('source_cidr = "198.51.100.0/24"', [event(), event(source_ip="198.51.100.9")], True),
        ('source_cidr = "198.51.100.0/24"', [], False),
        ("", [], True),
    ],
)
def test_all_criteria_must_fit_all_events(tmp_path: Path, criteria: str, events: list[Evidence], covered: bool) -> None:
    found = suppressing_entry(entries(tmp_path, criteria), finding(), events, NOW)
    assert (found is not None) == covered


def test_an_event_that_is_counted_but_not_known_may_be_a_strangers(tmp_path: Path) -> None:
    made = entries(tmp_path, 'source_cidr = "198.51.100.0/24"')
    assert suppressing_entry(made, finding(event_count=2), [event()], NOW) is None
    assert suppressing_entry(entries(tmp_path), finding(event_count=2), [event()], NOW) is not None


def test_another_rule_is_not_suppressed(tmp_path: Path) -> None:
    assert suppressing_entry(entries(tmp_path), finding("root_api_call"), [event()], NOW) is None


@pytest.mark.parametrize(
    ("rule_id", "severity", "is_critical"),
    [
        ("root_console_login", None, False),
        ("root_console_login", Severity.CRITICAL, True),  # the alert is
        ("root_console_login_without_mfa", None, True),
        ("root_console_login_without_mfa", Severity.LOW, True),  # the rule is
    ],
)
def test_critical_needs_allow_critical(
    tmp_path: Path, rule_id: str, severity: Severity | None, is_critical: bool
) -> None:
    text = ENTRY.replace("root_console_login", rule_id)
    found = finding(rule_id, severity=severity)
    assert (suppressing_entry(entries(tmp_path, text=text), found, [event()], NOW) is None) == is_critical
    assert suppressing_entry(entries(tmp_path, "allow_critical = true", text), found, [event()], NOW) is not None


@pytest.mark.parametrize(
    ("expires", "last"),
    [
        ("2026-03-01", datetime(2026, 3, 2, tzinfo=UTC)),  # the whole of the day
        ("2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00+02:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
    ],
)
def test_an_expired_entry_warns_and_does_not_suppress(tmp_path: Path, expires: str, last: datetime) -> None:
    made = entries(tmp_path, text=ENTRY.replace("2026-03-01", expires))
    before = last - timedelta(seconds=1)
    assert suppressing_entry(made, finding(), [event()], before) is not None
    assert list(suppression_warnings(made, RULES, before)) == []
    assert suppressing_entry(made, finding(), [event()], last) is None
    [warning] = suppression_warnings(made, RULES, last)
    assert warning == (
        "suppression drill of root_console_login has expired and suppresses nothing; owner: security@example.com"
    )


def test_the_first_entry_that_has_not_expired_is_named(tmp_path: Path) -> None:
    made = entries(tmp_path, ENTRY.replace("drill", "second"))
    assert suppressing_entry(made, finding(), [event()], NOW) is made[0]
    expired = replace(made[0], expires=NOW)
    assert suppressing_entry([expired, made[1]], finding(), [event()], NOW) is made[1]


def test_an_entry_for_no_rule_is_warned_about(tmp_path: Path) -> None:
    made = entries(tmp_path, text=ENTRY.replace("root_console_login", "root_console_logins"))
    [warning] = suppression_warnings(made, RULES, NOW)
    assert "there is no rule root_console_logins" in warning


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[suppression]", "line 1"),
        ("suppression = 1", "entries begin with"),
        ("suppression = [1]", "entries begin with"),
        ("colour = 1", "unknown key 'colour'"),
        (ENTRY + "colour = 1", "suppression drill: unknown key 'colour'"),
        (ENTRY.replace("id =", "name ="), "suppression 1: unknown key 'name'"),
        *((ENTRY.replace(f"{key} =", "# "), f"missing key '{key}'") for key in ("rule", "reason", "owner", "expires")),
        (ENTRY.replace('"drill"', '" "'), "'id' is not text"),
        (ENTRY.replace('"drill"', "7"), "suppression 7: 'id' is not text"),
        (ENTRY.replace("2026-03-01", '"2026-03-01"'), "'expires' is a date"),
        (ENTRY.replace("2026-03-01", "9999-12-31"), "'expires' is a date"),
        (ENTRY + 'account = "1234"', "account '1234' is not twelve digits"),
        (ENTRY + "account = 111122223333", "'account' is not text"),
        (ENTRY + 'source_cidr = "198.51.100.7/24"', "has host bits set"),
        (ENTRY + 'source_cidr = "office"', "does not appear to be"),
        (ENTRY + 'allow_critical = "yes"', "'allow_critical' is true or false"),
        (ENTRY + ENTRY, "two suppressions have the id 'drill'"),
    ],
)
def test_a_malformed_file_is_an_error_that_names_file_and_entry(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        entries(tmp_path, text=text)
    assert message in str(caught.value)
    assert str(tmp_path / "suppressions.toml") in str(caught.value)
    assert "rules check --suppressions" in caught.value.hint


def test_what_is_wrong_is_listed_whole_and_good_entries_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "suppressions.toml"
    path.write_text(ENTRY + ENTRY.replace("drill", "b") + "x = 1" + ENTRY.replace("drill", "c") + "y = 1")
    made, problems = read_suppressions(path)
    assert [entry.id for entry in made] == ["drill"]
    assert len(problems) == 2
    assert read_suppressions(tmp_path / "none.toml")[1] == (
        f"{tmp_path / 'none.toml'}: cannot be read: No such file or directory",
    )


@pytest.mark.parametrize(
    ("glob", "text", "is_covered"),
    [
        ("aws-cli/*", "aws-cli/2.27.0", True),
        ("aws-cli/*", "x aws-cli/2.27.0", False),
        ("*a*b*a", "xaxbxa", True),
        ("*ab*ab", "ab", False),
        ("a*", "a", True),
        ("*", "", True),
        ("a?c*[x]", "abc\n[x]", True),
        ("a?c", "abcd", False),
    ],
)
def test_a_glob_fits_the_whole_text(glob: str, text: str, is_covered: bool) -> None:
    pattern = glob_pattern(glob)
    assert pattern is not None
    assert (pattern.fullmatch(text) is not None) == is_covered


@given(st.text("ab*?", max_size=8), st.text("ab\n", max_size=8))
def test_a_glob_is_what_fnmatch_says(glob: str, text: str) -> None:
    pattern = glob_pattern(glob)
    assert pattern is not None
    assert (pattern.fullmatch(text) is not None) == fnmatchcase(text, glob)


def test_many_stars_against_a_long_text_end_at_once() -> None:
    pattern = glob_pattern("*a" * 30 + "*b")
    assert pattern is not None
    assert pattern.fullmatch("a" * 20_000) is None
