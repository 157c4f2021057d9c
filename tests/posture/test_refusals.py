"""Whatever AWS refuses to answer, no check passes for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.posture.check import Status, load_checks
from detector.posture.live import TRAILS, Live, ask_about_account
from detector.posture.merge import merge
from detector.posture.root_session import ask_as_root
from detector.sources.account_calls import AccountCalls, NotAnswered, Result
from detector.sources.account_operations import OPERATIONS, permission_of
from tests.account_server import ACCOUNT, MANAGEMENT, AccountServer, report

Answers = dict[str, Any]


def _as_it_should_be(_: Answers) -> None:
    pass


def _nothing_is_set_up(answers: Answers) -> None:
    summary = answers["iam:GetAccountSummary"]["SummaryMap"]
    summary.update(AccountMFAEnabled=0, AccountAccessKeysPresent=1, AccountSigningCertificatesPresent=1)
    answers["iam:ListMFADevices"]["MFADevices"] = []
    answers["iam:ListOrganizationsFeatures"] = {"EnabledFeatures": []}
    answers["iam:ListEntitiesForPolicy"] = {"PolicyUsers": []}
    answers["account:GetAlternateContact"] = "ResourceNotFoundException"
    answers["cloudtrail:DescribeTrails"] = {"trailList": []}
    answers["guardduty:ListDetectors"] = {"detectorIds": []}


def _a_weak_trail(answers: Answers) -> None:
    trail = answers["cloudtrail:DescribeTrails"]["trailList"][0]
    trail.update(IsMultiRegionTrail=False, LogFileValidationEnabled=False, KmsKeyId="")
    answers["cloudtrail:GetTrailStatus"] = {"IsLogging": False}
    answers["cloudtrail:GetEventSelectors"] = {"EventSelectors": []}
    answers["s3:GetPublicAccessBlock"] = "NoSuchPublicAccessBlockConfiguration"
    answers["s3:GetObjectLockConfiguration"] = "ObjectLockConfigurationNotFoundError"
    answers["s3:GetBucketPolicy"] = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*"}}'
    answers["s3:GetBucketLifecycleConfiguration"] = {"Rule": [{"Status": "Enabled", "Expiration": {"Days": 1}}]}
    answers["cloudwatch:DescribeAlarms"] = {"MetricAlarms": []}


def _the_organisations_trail(answers: Answers) -> None:
    answers["cloudtrail:DescribeTrails"]["trailList"][0]["TrailARN"] = f"arn:aws:cloudtrail:x:{MANAGEMENT}:trail/main"


def _no_root(answers: Answers) -> None:
    answers["iam:GetAccountSummary"]["SummaryMap"].update(AccountMFAEnabled=0, AccountPasswordPresent=0)
    answers["iam:ListMFADevices"]["MFADevices"] = []
    answers["iam:GetLoginProfile"] = "NoSuchEntity"
    answers["iam:GetCredentialReport"]["Content"] = report(has="nothing")


ACCOUNTS: list[Callable[[Answers], None]] = [
    _as_it_should_be, _nothing_is_set_up, _a_weak_trail, _the_organisations_trail, _no_root
]  # fmt: skip


@pytest.fixture(scope="module")
def lives(running: AccountServer, calls: AccountCalls) -> list[Live]:
    """Accounts of all sorts, each with and without a session of root's."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", running.url)
        for change in ACCOUNTS:
            running.reset()
            change(running.answers)
            live = ask_about_account(calls, ACCOUNT, "aws")
            found += [live, ask_as_root(calls, live)]
    return found


def statuses(live: Live) -> dict[str, Status]:
    return {check.id: merge(check, None, live).status for check in load_checks()}


def without(live: Live, refused: set[str]) -> Live:
    """What would be known if these calls had been refused."""

    def left(results: Mapping[str, Result]) -> dict[str, Result]:
        return {
            name: NotAnswered(name, "access denied", is_denied=True) if name in refused else one
            for name, one in results.items()
        }

    trails = () if TRAILS in refused else tuple(left(one) for one in live.trails)
    return replace(live, results=left(live.results), trails=trails)


def test_the_accounts_are_of_all_sorts(lives: list[Live]) -> None:
    found = {check: {statuses(live)[check] for live in lives} for check in ("root_mfa_on", "trail_bucket_private")}
    assert found["root_mfa_on"] == {"pass", "fail", "not_applicable"}
    assert found["trail_bucket_private"] == {"pass", "fail", "unknown"}
    assert not any(live.not_answered for live in lives)


@settings(deadline=None, max_examples=50)
@given(st.data(), st.sets(st.sampled_from(sorted(OPERATIONS))))
def test_no_refusal_makes_a_check_pass(lives: list[Live], data: st.DataObject, refused: set[str]) -> None:
    live = data.draw(st.sampled_from(lives))
    before, after = statuses(live), statuses(without(live, refused))
    assert [check for check in before if after[check] is Status.PASS and before[check] is not Status.PASS] == []


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_each_refusal_that_takes_an_answer_away_is_named_beside_what_it_takes(
    operation: str, lives: list[Live]
) -> None:
    for live in lives:
        less = without(live, {operation})
        before, after = statuses(live), statuses(less)
        for check in load_checks():
            if before[check.id] is not after[check.id]:
                assert (check.id, after[check.id]) == (check.id, Status.UNKNOWN)
                assert merge(check, None, less).next == f"allow {permission_of(operation)}"
