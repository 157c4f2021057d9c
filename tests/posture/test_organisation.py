"""The accounts of an organisation, each asked by a role or as its root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from detector.errors import CredentialsError
from detector.posture.answer import Answer
from detector.posture.check import Status, load_checks
from detector.posture.organisation import AT_A_TIME, Caller, Ways, ask_about_organisation
from detector.posture.posture import Posture, add_live
from detector.sources.account_calls import AccountCalls
from detector.sources.account_operations import OPERATIONS
from tests.account_server import ACCOUNT, AccountServer, serve_account
from tests.running import Run, aws_environment

SIZE = 300
CLOSED, SUSPENDED, EXPIRED, OPEN = (f"{700_000_000_000 + number}" for number in (1, 2, 3, 4))
BY_ROLE = Ways(role_name="audit/Security")
PAGE = 20


def members(server: AccountServer, *accounts: str) -> list[str]:
    """List these beside the account of the credentials, in pages as AWS does."""
    ids = [ACCOUNT, *accounts]
    listed = [{"Id": one, "Status": "SUSPENDED" if one == SUSPENDED else "ACTIVE"} for one in ids]
    pages: list[dict[str, Any]] = [{"Accounts": listed[at : at + PAGE]} for at in range(0, len(ids), PAGE)]
    for number, one in enumerate(pages[:-1]):
        one["NextToken"] = f"page-{number}"
    server.answers["organizations:ListAccounts"] = pages
    return ids


def ask(calls: AccountCalls, ways: Ways = BY_ROLE, accounts: Collection[str] = ()) -> Posture:
    return add_live(Posture((), {}, {}), ask_about_organisation(Caller(calls, ACCOUNT, "aws"), ways, accounts))


def answers_of(posture: Posture) -> dict[str, dict[str, Answer]]:
    found: dict[str, dict[str, Answer]] = {}
    for one in posture.answers:
        found.setdefault(one.account_id, {})[one.check.id] = one
    return found


def test_every_account_is_answered_for_and_none_is_skipped(server: AccountServer, calls: AccountCalls) -> None:
    ids = members(server, CLOSED, SUSPENDED, EXPIRED, OPEN)
    server.closed_roles, server.expired = {CLOSED}, {EXPIRED}
    posture = ask(calls)
    answers = answers_of(posture)
    assert list(answers) == posture.accounts == sorted(ids)
    assert {len(of_account) for of_account in answers.values()} == {len(load_checks())}
    assert answers[OPEN]["root_mfa_on"].status == answers[ACCOUNT]["root_mfa_on"].status == "pass"
    closed = answers[CLOSED]["root_mfa_on"]
    role = f"arn:aws:iam::{CLOSED}:role/audit/Security"
    assert (closed.status, closed.detail) == ("unknown", f"sts:AssumeRole: {role}: access denied")
    assert closed.next == "allow sts:AssumeRole"
    suspended = answers[SUSPENDED]["root_mfa_on"]
    assert (suspended.status, suspended.detail) == ("not_applicable", "the account is SUSPENDED")
    assert "expired" in answers[EXPIRED]["root_mfa_on"].detail
    assert [str(one) for one in posture.not_answered if one.is_denied] == [f"sts:AssumeRole: {role}: access denied"]


def test_the_caller_is_asked_with_its_own_credentials_and_the_organisation_once(
    server: AccountServer, calls: AccountCalls
) -> None:
    members(server, SUSPENDED, OPEN)
    ask(calls)
    roles = [parameters["RoleArn"] for name, _, parameters in server.calls if name == "sts:AssumeRole"]
    assert roles == [f"arn:aws:iam::{OPEN}:role/audit/Security"]
    assert [name for name, _, _ in server.calls].count("organizations:DescribeOrganization") == 1
    assert "iam:GetAccountSummary" in server.callers[ACCOUNT]
    assert server.asked <= OPERATIONS


def test_accounts_can_be_chosen(server: AccountServer, calls: AccountCalls) -> None:
    members(server, CLOSED, OPEN)
    assert ask(calls, accounts=[OPEN, "222233334444"]).accounts == [OPEN]
    assert set(server.callers) == {ACCOUNT, OPEN}


def test_where_accounts_cannot_be_listed_the_own_one_is_asked(server: AccountServer, calls: AccountCalls) -> None:
    server.deny("organizations:ListAccounts")
    posture = ask(calls)
    assert posture.accounts == [ACCOUNT]
    assert [str(one) for one in posture.not_answered] == ["organizations:ListAccounts: access denied"]


def test_the_callers_own_credentials_expired_end_it(server: AccountServer, calls: AccountCalls) -> None:
    members(server, SUSPENDED)
    server.expired = {ACCOUNT}
    with pytest.raises(CredentialsError):
        ask(calls)


def test_where_no_role_is_named_members_are_asked_as_root_alone(server: AccountServer, calls: AccountCalls) -> None:
    members(server, CLOSED, OPEN)
    server.closed_roots = {CLOSED}
    posture = ask(calls, Ways(assume_root=True))
    answers = answers_of(posture)
    assert "sts:AssumeRole" not in server.asked
    assert answers[OPEN]["root_mfa_phishing_resistant"].status == "pass"
    assert answers[OPEN]["root_credentials_removed"].detail == "present: password, devices"
    assert answers[CLOSED]["root_mfa_on"].next == "allow sts:AssumeRoot"
    assert [str(one) for one in posture.not_answered] == [f"sts:AssumeRoot: root of {CLOSED}: access denied"]
    assert {account: one.request_id for account, one in posture.root_sessions.items()} == {OPEN: "r-1"}
    assert answers[ACCOUNT]["root_mfa_phishing_resistant"].status == "unknown"  # its own root cannot be asked so


def test_where_the_role_is_closed_root_may_still_be_asked(server: AccountServer, calls: AccountCalls) -> None:
    members(server, CLOSED)
    server.closed_roles = {CLOSED}
    answers = answers_of(ask(calls, Ways("Security", assume_root=True), [CLOSED]))[CLOSED]
    assert answers["root_mfa_on"].status == answers["root_mfa_phishing_resistant"].status == "pass"
    assert answers["root_credentials_removed"].status == "fail"
    assert answers["trail_logging"].status == Status.UNKNOWN
    assert answers["trail_logging"].next == "allow sts:AssumeRole"


def test_a_suspended_account_is_not_asked_as_root_either(server: AccountServer, calls: AccountCalls) -> None:
    members(server, SUSPENDED)
    answers = answers_of(ask(calls, Ways(assume_root=True), [SUSPENDED]))[SUSPENDED]
    assert answers["root_mfa_on"].status == "not_applicable"
    assert "sts:AssumeRoot" not in server.asked


# An organisation of a size -------------------------------------------------------------------------------------------

MEASURED = """
import resource, sys
from detector.__main__ import main
try:
    main()
except SystemExit as ended:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
    raise
"""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in aws_environment("", tmp_path).items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    return monkeypatch


@pytest.fixture
def organisation(environment: pytest.MonkeyPatch) -> Iterator[AccountServer]:
    with serve_account() as server:
        environment.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


def asked_of(server: AccountServer, size: int) -> tuple[str, int]:
    """Ask about so many accounts in a process of its own; return what it writes and its peak memory in KiB."""
    members(server, *(f"{700_000_000_000 + number}" for number in range(1, size)))
    asked = [sys.executable, "-c", MEASURED, "posture", "--live", "--role-name", "Security", "--format", "matrix"]
    ended = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, int(ended.stderr.splitlines()[-1])


@pytest.mark.slow
def test_three_hundred_accounts_are_asked_ten_at_a_time_and_take_no_more_memory_than_thirty(
    organisation: AccountServer,
) -> None:
    _, few = asked_of(organisation, SIZE // 10)
    out, many = asked_of(organisation, SIZE)
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(organisation.callers) == SIZE - 1  # one is suspended
    assert 1 < organisation.most_at_once <= AT_A_TIME
    assert many < few * 1.5


@pytest.mark.slow
def test_an_organisation_of_moto_is_answered(run: Run, environment: pytest.MonkeyPatch, s3_url: str) -> None:
    environment.setenv("AWS_ENDPOINT_URL", s3_url)
    client = boto3.client("organizations", region_name="us-east-1")
    client.create_organization(FeatureSet="ALL")
    made = client.create_account(AccountName="sandbox", Email="sandbox@example.com")["CreateAccountStatus"]["AccountId"]
    ended = run("posture", "--live", "--role-name", "Security", "--format", "jsonl")
    answers: dict[str, dict[str, Any]] = {}
    for one in map(json.loads, ended.out.splitlines()):
        answers.setdefault(one["account_id"], {})[one["check"]] = one
    assert made in answers
    assert len(answers) == 2
    assert answers[made]["root_mfa_on"]["value"] == "off"
    assert answers[made]["root_credentials_removed"]["status"] == "unknown"
    [own] = answers.keys() - {made}
    assert answers[own]["root_credentials_removed"]["status"] == "not_applicable"
