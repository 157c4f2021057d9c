"""Root of a member account, asked in a session of AssumeRoot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from detector.posture.answer import Answer
from detector.posture.check import Status, load_checks
from detector.posture.live import ORGANISATION, Live, ask_about_account
from detector.posture.live_checks import LIVE_CHECKS
from detector.posture.merge import NOT_ASKED, merge
from detector.posture.root_session import ask_as_root
from detector.sources.account_calls import AccountCalls, Answered
from detector.sources.account_operations import OF_ROOT
from tests.account_server import MANAGEMENT, AccountServer

MEMBER = "700000000001"
NOW = datetime(2026, 3, 8, 9, tzinfo=UTC)
CHECKS = {check.id: check for check in load_checks()}
TASK = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
OF_THE_ORGANISATION = Answered(ORGANISATION, {"Organization": {"MasterAccountId": MANAGEMENT}}, NOW, "r-0")


@pytest.fixture
def member(server: AccountServer) -> AccountServer:
    """An account of which nothing is known but what root's own session finds."""
    return server


def ask(calls: AccountCalls) -> Live:
    return ask_as_root(calls, Live(MEMBER, "aws", {ORGANISATION: OF_THE_ORGANISATION}, NOW))


def answer(live: Live, check: str) -> Answer:
    return merge(CHECKS[check], None, live)


def device(name: str) -> dict[str, str]:
    serial = f"arn:aws:iam::{MEMBER}:{name}" if "/" in name else name
    return {"UserName": "root", "SerialNumber": serial, "EnableDate": "2021-05-03T00:00:00Z"}


def devices(server: AccountServer, *names: str) -> None:
    server.answers["iam:ListMFADevices"]["MFADevices"] = [device(name) for name in names]


@pytest.mark.parametrize(
    ("names", "kind", "second", "says"),
    [
        (["u2f/root/a", "u2f/root/b"], "pass", "pass", "passkey or security key u2f/root/a"),
        (["u2f/root/a"], "pass", "fail", "passkey or security key u2f/root/a"),
        (["u2f/root/a", "mfa/phone"], "fail", "pass", "virtual device mfa/phone"),
        (["mfa/root-account-mfa-device"], "fail", "fail", "virtual device mfa/root-account-mfa-device"),
        (["u2f/root/a", "ABCD12345678"], "fail", "pass", "hardware token ABCD12345678"),
        (["u2f/root/a", "new/x"], "unknown", "pass", "device of an unknown kind new/x"),
    ],
)
def test_roots_devices_of_every_kind_are_listed(
    names: list[str], kind: str, second: str, says: str, member: AccountServer, calls: AccountCalls
) -> None:
    devices(member, *names)
    live = ask(calls)
    judged = answer(live, "root_mfa_phishing_resistant")
    assert (judged.status, answer(live, "root_mfa_two_devices").status) == (kind, second)
    assert says in judged.detail
    enrolled = answer(live, "root_mfa_enabled")
    assert enrolled.status == "pass"
    assert "since 2021-05-03T00:00:00Z" in enrolled.detail


def test_where_mfa_is_off_there_is_no_kind(member: AccountServer, calls: AccountCalls) -> None:
    devices(member)
    member.answers["iam:GetAccountSummary"]["SummaryMap"]["AccountMFAEnabled"] = 0
    live = ask(calls)
    assert answer(live, "root_mfa_on").status == "fail"
    kind = answer(live, "root_mfa_phishing_resistant")
    assert (kind.status, kind.detail) == ("not_applicable", "root has no MFA device")


@pytest.mark.parametrize(
    ("password", "key", "status", "says"),
    [
        (None, None, "pass", "never used"),
        ("2026-03-01T08:00:00Z", None, "fail", "password last used 2026-03-01T08:00:00Z"),
        ("2025-03-01T08:00:00Z", None, "pass", "password last used 2025"),
        ("2025-03-01T08:00:00Z", "2026-03-01T08:00:00Z", "fail", "access key 1 last used 2026-03-01T08:00:00Z"),
    ],
)
def test_the_newest_use_of_password_and_keys_counts(
    password: str | None, key: str | None, status: str, says: str, member: AccountServer, calls: AccountCalls
) -> None:
    if password:
        member.answers["iam:GetUser"]["User"]["PasswordLastUsed"] = password
    if key:
        keys = [{"AccessKeyId": "AKIAI44QH8DHBEXAMPLE", "UserName": "root", "Status": "Inactive"}]
        member.answers["iam:ListAccessKeys"]["AccessKeyMetadata"] = keys
    used = answer(ask(calls), "root_unused")
    assert (used.status, used.detail) == (status, used.detail)
    assert says in used.detail


def test_a_key_that_was_never_used_has_no_date(member: AccountServer, calls: AccountCalls) -> None:
    member.answers["iam:ListAccessKeys"]["AccessKeyMetadata"] = [{"AccessKeyId": "AKIAI44QH8DHBEXAMPLE"}]
    member.answers["iam:GetAccessKeyLastUsed"]["AccessKeyLastUsed"] = {"ServiceName": "N/A", "Region": "N/A"}
    assert answer(ask(calls), "root_unused").status == "pass"


def test_what_roots_own_session_lists_is_held_against_the_summary(member: AccountServer, calls: AccountCalls) -> None:
    devices(member)
    member.answers["iam:ListAccessKeys"]["AccessKeyMetadata"] = [{"AccessKeyId": "AKIAI44QH8DHBEXAMPLE"}]
    live = ask(calls)
    on = answer(live, "root_mfa_on")
    assert (on.status, on.detail) == ("unknown", "iam:ListMFADevices lists none; AccountMFAEnabled is 1")
    keys = answer(live, "root_no_access_keys")
    assert (keys.status, keys.detail) == ("unknown", "iam:ListAccessKeys lists 1; no access keys")
    for check in ("root_mfa_phishing_resistant", "root_mfa_two_devices"):
        kind = answer(live, check)
        assert (kind.status, kind.detail) == ("unknown", "iam:ListMFADevices lists none, and AccountMFAEnabled is 1")


def test_a_root_without_anything_has_been_put_away(member: AccountServer, calls: AccountCalls) -> None:
    summary = member.answers["iam:GetAccountSummary"]["SummaryMap"]
    summary["AccountMFAEnabled"] = 0
    del summary["AccountPasswordPresent"]  # as in answers of before
    assert answer(ask(calls), "root_credentials_removed").detail == "present: password"
    member.answers["iam:GetLoginProfile"] = "NoSuchEntity"
    member.answers["iam:ListMFADevices"]["MFADevices"] = []
    live = ask(calls)
    assert answer(live, "root_credentials_removed").status == "pass"
    assert answer(live, "root_mfa_on").detail == "root cannot sign in: no password, no keys, no devices"


def test_the_session_is_one_of_the_task_that_only_looks(member: AccountServer, calls: AccountCalls) -> None:
    live = ask(calls)
    asked = [(name, region, parameters) for name, region, parameters in member.calls if name.startswith("sts:")]
    assert [(name, region) for name, region, _ in asked] == [("sts:AssumeRoot", "us-east-1")]
    parameters = asked[0][2]
    assert (parameters["TargetPrincipal"], parameters["TaskPolicyArn.arn"]) == (MEMBER, TASK)
    assert parameters["DurationSeconds"] == "900"
    assert member.callers[MEMBER] <= OF_ROOT | {"iam:GetAccountSummary"}
    assert "UserName" not in {key for _, _, given in member.calls for key in given}
    session = live.answered("sts:AssumeRoot")
    assert session is not None
    assert (session.evidence, session.value) == ("sts:AssumeRoot/r-1", {"AccessKeyId": f"ASIA{MEMBER}"})


def test_what_a_session_may_not_ask_is_not_asked(member: AccountServer, calls: AccountCalls) -> None:
    live = ask(calls)
    rest = answer(live, "trail_logging")
    assert (rest.status, rest.detail) == (Status.UNKNOWN, NOT_ASKED)
    assert live.not_answered == []
    assert "cloudtrail:DescribeTrails" not in member.asked


@pytest.mark.parametrize("operation", sorted(OF_ROOT - {"iam:GetLoginProfile", "iam:ListAccessKeys"}))
def test_each_call_of_the_session_that_is_refused_leaves_its_checks_unknown(
    operation: str, member: AccountServer, calls: AccountCalls
) -> None:
    member.answers["iam:ListAccessKeys"]["AccessKeyMetadata"] = [{"AccessKeyId": "AKIAI44QH8DHBEXAMPLE"}]
    member.deny(operation)
    live = ask(calls)
    assert [(one.operation, one.is_denied) for one in live.not_answered] == [(operation, True)]
    needing = [check for check, known in LIVE_CHECKS.items() if operation in known.by_root]
    assert needing
    for check in needing:
        made = answer(live, check)
        assert (check, made.status, made.next) == (check, Status.UNKNOWN, f"allow {operation}")


@pytest.mark.parametrize("operation", ["iam:GetLoginProfile", "iam:ListAccessKeys"])
def test_a_call_that_completes_others_is_named_when_it_is_refused(
    operation: str, member: AccountServer, calls: AccountCalls
) -> None:
    member.deny(operation)
    live = ask(calls)
    assert [one.operation for one in live.not_answered] == [operation]
    assert answer(live, "root_unused").status == ("unknown" if operation == "iam:ListAccessKeys" else "pass")


def test_a_root_that_cannot_be_assumed_is_unknown_with_the_reason(member: AccountServer, calls: AccountCalls) -> None:
    member.closed_roots = {MEMBER}
    live = ask_as_root(calls, Live(MEMBER, "aws", {}, NOW))
    for check in ("root_mfa_on", "root_mfa_phishing_resistant", "root_unused", "root_no_access_keys"):
        made = answer(live, check)
        assert (made.status, made.next) == (Status.UNKNOWN, "allow sts:AssumeRoot")
        assert made.detail == f"sts:AssumeRoot: root of {MEMBER}: access denied"
    assert answer(live, "trail_logging").detail == NOT_ASKED


def test_a_session_that_expires_is_of_one_account_alone(member: AccountServer, calls: AccountCalls) -> None:
    member.expired = {MEMBER}
    [why] = ask(calls).not_answered
    assert (why.operation, why.is_denied) == ("sts:AssumeRoot", False)
    assert "expired" in why.reason


def test_with_a_role_a_refused_session_takes_nothing_away(member: AccountServer, calls: AccountCalls) -> None:
    member.closed_roots = {MEMBER}
    by_role = replace(ask_about_account(calls, "111122223333", "aws"), account_id=MEMBER)
    live = ask_as_root(calls, by_role)
    assert answer(live, "root_mfa_on").status == "pass"
    kind = answer(live, "root_mfa_phishing_resistant")
    assert (kind.status, kind.next) == (Status.UNKNOWN, "allow sts:AssumeRoot")


@pytest.mark.usefixtures("member")
def test_with_a_role_the_session_adds_what_it_alone_can_see(calls: AccountCalls) -> None:
    by_role = ask_about_account(calls, "111122223333", "aws")
    before: dict[str, Any] = {check: answer(by_role, check).status for check in CHECKS}
    live = ask_as_root(calls, by_role)
    after = {check: answer(live, check).status for check in CHECKS}
    changed = {check for check in CHECKS if before[check] is not after[check]}
    assert changed == {"root_mfa_enabled", "root_mfa_phishing_resistant", "root_mfa_two_devices"}
    assert {after[check] for check in changed} == {Status.PASS}
