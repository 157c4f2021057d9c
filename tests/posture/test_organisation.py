"""The accounts of an organisation, each asked by a role."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from detector.posture.organisation import AT_A_TIME
from detector.sources.account_operations import OPERATIONS
from tests.account_server import ACCOUNT, AccountServer, serve_account
from tests.running import Run, aws_environment

SIZE = 300
CLOSED, SUSPENDED, EXPIRED = "700000000001", "700000000002", "700000000003"


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


def members(server: AccountServer, count: int, page: int = 20) -> list[str]:
    """Make so many accounts, listed in pages; the first is that of the credentials."""
    ids = [ACCOUNT, *(f"{700_000_000_000 + number}" for number in range(1, count))]
    accounts = [{"Id": one, "Status": "SUSPENDED" if one == SUSPENDED else "ACTIVE"} for one in ids]
    pages: list[dict[str, Any]] = [{"Accounts": accounts[at : at + page]} for at in range(0, count, page)]
    for number, one in enumerate(pages[:-1]):
        one["NextToken"] = f"page-{number}"
    server.answers["organizations:ListAccounts"] = pages
    return ids


def answers_of(out: str) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for one in map(json.loads, out.splitlines()):
        found.setdefault(one["account_id"], {})[one["check"]] = one
    return found


def test_every_account_is_answered_for_and_none_is_skipped(run: Run, organisation: AccountServer) -> None:
    ids = members(organisation, 6)
    organisation.closed_roles = {CLOSED}
    organisation.expired = {EXPIRED}
    ended = run("posture", "--live", "--role-name", "audit/Security", "--format", "jsonl")
    answers = answers_of(ended.out)
    assert (ended.code, list(answers)) == (4, sorted(ids))
    assert {len(of_account) for of_account in answers.values()} == {19}
    assert {answers[one]["root_mfa_on"]["status"] for one in ids if one not in (CLOSED, SUSPENDED, EXPIRED)} == {"pass"}
    closed = answers[CLOSED]["root_mfa_on"]
    role = f"arn:aws:iam::{CLOSED}:role/audit/Security"
    assert (closed["status"], closed["detail"]) == ("unknown", f"sts:AssumeRole: {role}: access denied")
    assert closed["next"] == "allow sts:AssumeRole"
    suspended = answers[SUSPENDED]["root_mfa_on"]
    assert (suspended["status"], suspended["detail"]) == ("not_applicable", "the account is SUSPENDED")
    assert "expired" in answers[EXPIRED]["root_mfa_on"]["detail"]
    assert f"error: sts:AssumeRole: {role}: access denied" in ended.err


def test_the_caller_is_asked_with_its_own_credentials_and_the_organisation_once(
    run: Run, organisation: AccountServer
) -> None:
    members(organisation, 4)
    run("posture", "--live", "--role-name", "Security")
    roles = [parameters["RoleArn"] for name, _, parameters in organisation.calls if name == "sts:AssumeRole"]
    assert sorted(roles) == [f"arn:aws:iam::{one}:role/Security" for one in (CLOSED, EXPIRED)]
    assert [name for name, _, _ in organisation.calls].count("organizations:DescribeOrganization") == 1
    assert "iam:GetAccountSummary" in organisation.callers[ACCOUNT]
    assert organisation.asked <= OPERATIONS | {"sts:GetCallerIdentity"}


def test_accounts_can_be_chosen(run: Run, organisation: AccountServer) -> None:
    members(organisation, 6)
    ended = run("posture", "--live", "--role-name", "Security", "--account", CLOSED, "--account", "222233334444")
    assert ended.out.startswith(f"{CLOSED}  asked ")
    assert set(organisation.callers) == {ACCOUNT, CLOSED}
    assert ended.code == 4
    assert "nothing of account 222233334444" in ended.err


def test_where_accounts_cannot_be_listed_the_own_one_is_asked(run: Run, organisation: AccountServer) -> None:
    organisation.deny("organizations:ListAccounts")
    ended = run("posture", "--live", "--role-name", "Security")
    assert ended.code == 4
    assert ended.out.startswith(f"{ACCOUNT}  asked ")
    assert "error: organizations:ListAccounts: access denied" in ended.err
    assert '"Action": ["organizations:ListAccounts"]' in ended.err


def test_the_callers_own_credentials_expired_end_it(run: Run, organisation: AccountServer) -> None:
    members(organisation, 3)
    organisation.expired = {ACCOUNT}
    assert run("posture", "--live", "--role-name", "Security").code == 2


def test_a_role_is_for_asking(run: Run, tmp_path: Path) -> None:
    ended = run("posture", "--lake", tmp_path, "--role-name", "Security")
    assert ended.code == 2
    assert "--role-name needs --live" in ended.err


@pytest.mark.slow
def test_three_hundred_accounts_are_asked_ten_at_a_time(run: Run, organisation: AccountServer) -> None:
    ids = members(organisation, SIZE)
    ended = run("posture", "--live", "--role-name", "Security")
    lines = ended.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line[:12] for line in lines[1 : SIZE + 1]] == sorted(ids)
    assert 1 < organisation.most_at_once <= AT_A_TIME
    assert ended.code == 0


def test_an_organisation_of_moto_is_answered(run: Run, environment: pytest.MonkeyPatch, s3_url: str) -> None:
    environment.setenv("AWS_ENDPOINT_URL", s3_url)
    client = boto3.client("organizations", region_name="us-east-1")
    client.create_organization(FeatureSet="ALL")
    made = client.create_account(AccountName="sandbox", Email="sandbox@example.com")["CreateAccountStatus"]["AccountId"]
    ended = run("posture", "--live", "--role-name", "Security", "--format", "jsonl")
    answers = answers_of(ended.out)
    assert made in answers
    assert len(answers) == 2
    assert answers[made]["root_mfa_on"]["value"] == "off"
    assert answers[made]["root_credentials_removed"]["status"] == "unknown"
    [own] = answers.keys() - {made}
    assert answers[own]["root_credentials_removed"]["status"] == "not_applicable"
