"""What AWS answers about an account: each check, each refusal, and nothing but calls that read."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from detector.posture.answer import Answer, Horizon, Source, answer_from_logs
from detector.posture.check import Status, load_checks
from detector.posture.credential_report import read_credential_report
from detector.posture.fact import Fact, Says
from detector.posture.live import Live, ask_about_account
from detector.posture.live_checks import LIVE_CHECKS
from detector.posture.merge import merge
from detector.posture.root_session import ask_as_root
from detector.sources.account_calls import AccountCalls, Answered, NotAnswered, Result
from detector.sources.account_operations import BRINGS, OF_ROOT, OPERATIONS, permission_of, policy_allowing
from tests.account_server import ACCOUNT, MANAGEMENT, TRAIL, AccountServer, report
from tests.posture.conftest import account_calls

ROOT = Path(__file__).parents[2]
CHECKS = {check.id: check for check in load_checks()}
MFA = CHECKS["root_mfa_on"]
NOW = datetime(2026, 3, 8, 9, tzinfo=UTC)
Change = Callable[[dict[str, Any]], None]


def ask(calls: AccountCalls) -> Live:
    return ask_about_account(calls, ACCOUNT, "aws")


def answer(live: Live, check: str) -> Answer:
    return merge(CHECKS[check], None, live)


def device(arn: str, serial: str) -> dict[str, Any]:
    return {
        "SerialNumber": serial,
        "User": {"Arn": arn, "UserName": "x", "UserId": "x", "Path": "/"},
        "EnableDate": "2021-05-03T00:00:00Z",
    }


def _summary(**counts: int) -> Change:
    return lambda answers: answers["iam:GetAccountSummary"]["SummaryMap"].update(counts)


def _without(key: str) -> Change:
    return lambda answers: answers["iam:GetAccountSummary"]["SummaryMap"].pop(key)


def _virtual(*devices: dict[str, Any]) -> Change:
    return lambda answers: answers["iam:ListVirtualMFADevices"].update(VirtualMFADevices=list(devices))


def _answer(operation: str, value: object) -> Change:
    return lambda answers: answers.update({operation: value})


def _trail_status(**settings: object) -> Change:
    return lambda answers: answers["cloudtrail:GetTrailStatus"].update(settings)


def _trail(**settings: object) -> Change:
    return lambda answers: answers["cloudtrail:DescribeTrails"]["trailList"][0].update(settings)


def _two_trails(*are_logging: bool) -> Change:
    def change(answers: dict[str, Any]) -> None:
        [main] = answers["cloudtrail:DescribeTrails"]["trailList"]
        answers["cloudtrail:DescribeTrails"]["trailList"] = [main, {**main, "Name": "old", "TrailARN": f"{TRAIL}-old"}]
        status = answers["cloudtrail:GetTrailStatus"]
        answers["cloudtrail:GetTrailStatus"] = [{**status, "IsLogging": one} for one in are_logging]

    return change


def _report(**row: str) -> Change:
    return lambda answers: answers["iam:GetCredentialReport"].update(Content=report(**row))


def _report_of(made: str | None) -> Change:
    def change(answers: dict[str, Any]) -> None:
        answer = answers["iam:GetCredentialReport"]
        answers["iam:GetCredentialReport"] = {"Content": answer["Content"]} | ({"GeneratedTime": made} if made else {})

    return change


def _report_without(column: str) -> Change:
    return lambda answers: answers["iam:GetCredentialReport"].update(Content=report().replace(column, "x"))


def _selectors(*selectors: dict[str, Any], advanced: bool = False) -> Change:
    key = "AdvancedEventSelectors" if advanced else "EventSelectors"
    return _answer("cloudtrail:GetEventSelectors", {key: list(selectors)})


def _both(*changes: Change) -> Change:
    def change(answers: dict[str, Any]) -> None:
        for one in changes:
            one(answers)

    return change


def _nothing(_: dict[str, Any]) -> None:
    pass


ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"
PHONE = device(ROOT_ARN, f"arn:aws:iam::{ACCOUNT}:mfa/old-phone")
USERS_PHONE = device(f"arn:aws:iam::{ACCOUNT}:user/root", f"arn:aws:iam::{ACCOUNT}:mfa/root-account-mfa-device")
NO_ORGANISATION = _answer("organizations:DescribeOrganization", "AWSOrganizationsNotInUseException")
NO_TRAIL = _answer("cloudtrail:DescribeTrails", {"trailList": []})
MANAGEMENT_EVENTS = {"Field": "eventCategory", "Equals": ["Management"]}
EMPTY = _both(_summary(AccountMFAEnabled=0, AccountPasswordPresent=0), _report(has="nothing"))

BUCKET_CHECKS = [check for check in CHECKS if check.startswith("trail_bucket_")]

CASES: list[tuple[str, str, Change, str]] = [
    ("root_mfa_on", "pass", _nothing, ""),
    ("root_mfa_on", "fail", _summary(AccountMFAEnabled=0), "AccountMFAEnabled is 0"),
    ("root_mfa_on", "not_applicable", EMPTY, "root cannot sign in"),
    ("root_mfa_on", "fail", _both(EMPTY, _summary(AccountAccessKeysPresent=1)), ""),
    ("root_mfa_on", "fail", _both(_summary(AccountMFAEnabled=0), _without("AccountPasswordPresent")), ""),
    ("root_mfa_on", "unknown", _without("AccountMFAEnabled"), "does not tell"),
    (
        "root_mfa_on",
        "unknown",
        _report(has="nothing"),
        "AccountMFAEnabled is 1; the credential report of 2026-03-08T07:00:00Z says that mfa_active is false",
    ),
    ("root_mfa_on", "fail", _both(_summary(AccountMFAEnabled=0), _report(has="mfa_active")), ""),
    ("root_mfa_enabled", "pass", _virtual(PHONE), "mfa/old-phone since 2021-05-03"),
    ("root_mfa_enabled", "unknown", _virtual(USERS_PHONE), ""),
    ("root_mfa_phishing_resistant", "fail", _virtual(PHONE), "virtual device mfa/old-phone"),
    ("root_mfa_phishing_resistant", "unknown", _virtual(USERS_PHONE), "a passkey, security key or hardware token"),
    ("root_mfa_phishing_resistant", "not_applicable", _summary(AccountMFAEnabled=0), "MFA is off"),
    ("root_mfa_two_devices", "pass", _virtual(PHONE, device(ROOT_ARN, "arn:aws:iam::1:mfa/b")), ""),
    ("root_mfa_two_devices", "unknown", _virtual(PHONE), ""),
    ("root_mfa_two_devices", "unknown", _virtual(PHONE, USERS_PHONE), ""),
    ("root_mfa_two_devices", "fail", _both(_virtual(PHONE), _summary(MFADevicesInUse=1)), "one MFA device"),
    ("root_mfa_two_devices", "not_applicable", _summary(AccountMFAEnabled=0, MFADevicesInUse=1), ""),
    ("root_no_access_keys", "pass", _nothing, "no access keys"),
    ("root_no_access_keys", "fail", _summary(AccountAccessKeysPresent=1), ""),
    ("root_no_access_keys", "unknown", _report(has="access_key_1_active"), "says that access_key_1_active is true"),
    ("root_no_access_keys", "unknown", _without("AccountAccessKeysPresent"), ""),
    ("root_no_certificates", "pass", _nothing, ""),
    ("root_no_certificates", "unknown", _report(has="cert_2_active"), "no certificates; the credential report of"),
    ("root_no_certificates", "fail", _summary(AccountSigningCertificatesPresent=1), ""),
    ("root_unused", "pass", _nothing, "never used"),
    ("root_unused", "fail", _report(password="2026-03-01T08:00:00+00:00"), "password last used 2026-03-01T08:00:00Z"),
    (
        "root_unused",
        "fail",
        _report(password="2020-03-01T08:00:00+00:00", key_2="2026-03-01T08:00:00+00:00"),
        "access key 2",
    ),
    (
        "root_unused",
        "pass",
        _report(password="2025-03-01T08:00:00+00:00", key_1="no_information"),
        "password last used 2025",
    ),
    ("root_unused", "fail", _report(password="2025-03-01T08:00:00+00:00", key_1="2099-03-01T08:00:00+00:00"), "2099"),
    *(
        (
            "root_unused",
            "unknown",
            _report_of(made),
            f"the credential report is of {says}, and no newer one is to be had; password and keys never used",
        )
        for made, says in (
            ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
            ("2026-03-08T04:54:59Z", "2026-03-08T04:54:59Z"),
            ("2026-03-08T09:05:01Z", "2026-03-08T09:05:01Z"),
            (None, "2026-03-08T09:00:00Z"),
        )
    ),
    ("root_unused", "pass", _report_of("2026-03-08T04:55:01Z"), "never used"),
    (
        "root_unused",
        "fail",
        _both(_report(password="2026-03-01T08:00:00+00:00"), _report_of("2026-03-01T09:00:00Z")),
        "password last used 2026-03-01T08:00:00Z",
    ),
    ("root_unused", "unknown", _report_without("access_key_2_last_used_date"), "has no access_key_2_last_used_date"),
    ("root_unused", "unknown", _report(more="3 access keys"), "more credentials than the report lists"),
    ("root_unused", "unknown", _report(password="yesterday"), "cannot be read"),
    (
        "root_unused",
        "unknown",
        _answer("iam:GetCredentialReport", {"Content": "user\nroot", "GeneratedTime": "2026-03-08T07:00:00Z"}),
        "no row of root",
    ),
    ("root_credentials_removed", "fail", _nothing, "present: password, devices"),
    ("root_credentials_removed", "pass", EMPTY, "present: nothing"),
    ("root_credentials_removed", "unknown", _both(EMPTY, _without("AccountPasswordPresent")), "not all"),
    *(
        ("root_credentials_removed", "unknown", _both(EMPTY, _report(has=flag)), f"says that {flag} is true")
        for flag in ("mfa_active", "access_key_1_active", "cert_2_active")
    ),
    (
        "root_credentials_removed",
        "unknown",
        _both(EMPTY, _answer("organizations:DescribeOrganization", {"Organization": {"Id": "o-1"}})),
        "names no management account",
    ),
    ("root_credentials_removed", "not_applicable", NO_ORGANISATION, "no organisation"),
    (
        "root_credentials_removed",
        "not_applicable",
        _answer("organizations:DescribeOrganization", {"Organization": {"MasterAccountId": ACCOUNT}}),
        "management",
    ),
    ("centralised_root_on", "pass", _nothing, ""),
    (
        "centralised_root_on",
        "fail",
        _answer("iam:ListOrganizationsFeatures", {"EnabledFeatures": ["RootSessions"]}),
        "RootCredentialsManagement off",
    ),
    ("centralised_root_on", "fail", _answer("iam:ListOrganizationsFeatures", "ServiceAccessNotEnabledException"), ""),
    (
        "centralised_root_on",
        "unknown",
        _answer("iam:ListOrganizationsFeatures", "AccountNotManagementOrDelegatedAdministratorException"),
        "management",
    ),
    (
        "centralised_root_on",
        "not_applicable",
        _answer("iam:ListOrganizationsFeatures", "OrganizationNotFoundException"),
        "",
    ),
    ("other_admins_exist", "pass", _nothing, "AdministratorAccess of 1 user"),
    ("other_admins_exist", "fail", _answer("iam:ListEntitiesForPolicy", {"PolicyUsers": []}), ""),
    (
        "other_admins_exist",
        "unknown",
        _answer("iam:ListEntitiesForPolicy", {"PolicyUsers": [], "IsTruncated": True, "Marker": "m"}),
        "",
    ),
    (
        "other_admins_exist",
        "pass",
        _both(
            _answer("iam:ListEntitiesForPolicy", {"PolicyUsers": []}),
            _answer(
                "iam:ListRoles",
                [
                    {"Roles": [], "IsTruncated": True, "Marker": "m"},
                    {
                        "Roles": [
                            {
                                "RoleName": "AWSReservedSSO_x",
                                "Arn": "a",
                                "Path": "/",
                                "RoleId": "x",
                                "CreateDate": "2021-05-03T00:00:00Z",
                            }
                        ],
                        "IsTruncated": False,
                    },
                ],
            ),
        ),
        "1 role of Identity Center",
    ),
    ("contacts_set", "pass", _nothing, ""),
    (
        "contacts_set",
        "unknown",
        _answer("account:GetAlternateContact", {"AlternateContact": {"AlternateContactType": "SECURITY"}}),
        "tells no address",
    ),
    ("contacts_set", "fail", _answer("account:GetAlternateContact", "ResourceNotFoundException"), "none"),
    ("trail_logging", "pass", _nothing, "main in eu-west-1"),
    ("trail_logging", "fail", _answer("cloudtrail:GetTrailStatus", {"IsLogging": False}), ""),
    (
        "trail_logging",
        "fail",
        _answer("cloudtrail:GetTrailStatus", {"IsLogging": True, "LatestDeliveryError": "NoSuchBucket"}),
        "",
    ),
    *(
        ("trail_logging", status, _trail_status(LatestDeliveryTime=NOW.timestamp() + seconds), says)
        for status, seconds, says in (
            ("unknown", -86_401, "logging is on, but its last log file is of 2026-03-07T08:59:59Z"),
            ("pass", -86_400, "main in eu-west-1"),
            ("unknown", 301, "logging is on, but its last log file is of 2026-03-08T09:05:01Z"),
        )
    ),
    (
        "trail_logging",
        "unknown",
        _answer("cloudtrail:GetTrailStatus", {"IsLogging": True}),
        "main in eu-west-1: logging is on, but its last log file was not delivered yet",
    ),
    ("trail_logging", "fail", NO_TRAIL, "no trail of all regions"),
    ("trail_logging", "unknown", _two_trails(True, False), "old, which does not log, in eu-west-1; main in eu-west-1"),
    ("trail_logging", "pass", _two_trails(True, True), "main in eu-west-1"),
    ("trail_multi_region", "pass", _two_trails(True, False), "main in eu-west-1"),
    *(
        (check, "fail", _trail_status(IsLogging=False), "main, which does not log, in eu-west-1")
        for check in ("trail_encrypted", "trail_management_events", "trail_multi_region", "trail_validated")
    ),
    ("trail_multi_region", "pass", _nothing, ""),
    ("trail_multi_region", "fail", _trail(IsMultiRegionTrail=False), ""),
    ("trail_validated", "pass", _nothing, "main in eu-west-1"),
    ("trail_validated", "fail", _trail(LogFileValidationEnabled=False), ""),
    ("trail_validated", "fail", _trail_status(LatestDigestDeliveryError="AccessDenied"), ""),
    ("trail_validated", "fail", _trail_status(LatestDigestDeliveryTime=NOW.timestamp() - 7_201), ""),
    ("trail_validated", "unknown", _trail_status(LatestDigestDeliveryTime=NOW.timestamp() + 301), "last digest is of"),
    ("trail_validated", "pass", _trail_status(LatestDigestDeliveryTime=NOW.timestamp() - 7_200), ""),
    ("trail_validated", "unknown", _answer("cloudtrail:GetTrailStatus", {"IsLogging": True}), ""),
    ("trail_encrypted", "fail", _trail(KmsKeyId=""), ""),
    ("trail_management_events", "pass", _nothing, ""),
    (
        "trail_management_events",
        "fail",
        _selectors({"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}),
        "",
    ),
    (
        "trail_management_events",
        "fail",
        _selectors(
            {
                "ReadWriteType": "All",
                "IncludeManagementEvents": True,
                "ExcludeManagementEventSources": ["kms.amazonaws.com"],
            }
        ),
        "",
    ),
    ("trail_management_events", "pass", _selectors({"FieldSelectors": [MANAGEMENT_EVENTS]}, advanced=True), ""),
    (
        "trail_management_events",
        "fail",
        _selectors({"FieldSelectors": [MANAGEMENT_EVENTS, {"Field": "readOnly", "Equals": ["false"]}]}, advanced=True),
        "",
    ),
]

OTHERS = _trail(TrailARN=f"arn:aws:cloudtrail:eu-west-1:{MANAGEMENT}:trail/main")


def _policy(effect: str = "Allow", who: object = "*", action: object = "s3:*", **more: object) -> Change:
    statement = {"Effect": effect, "Principal": who, "Action": action, "Resource": "*", **more}
    return _answer("s3:GetBucketPolicy", json.dumps({"Statement": statement}))


def _expiry(prefix: str = "", status: str = "Enabled", **expiration: object) -> Change:
    rule = {"Status": status, "Expiration": expiration, "Filter": {"Prefix": prefix}}
    return _answer("s3:GetBucketLifecycleConfiguration", {"Rule": [rule]})


def _filter(pattern: str) -> Change:
    return lambda answers: answers["logs:DescribeMetricFilters"]["metricFilters"][0].update(filterPattern=pattern)


def _alarm(**settings: object) -> Change:
    return lambda answers: answers["cloudwatch:DescribeAlarms"]["MetricAlarms"][0].update(settings)


def _rule(kind: str, state: str = "ENABLED") -> Change:
    pattern = json.dumps({"detail": {"userIdentity": {"type": [kind]}}})
    return _answer("events:ListRules", {"Rules": [{"Name": "root", "State": state, "EventPattern": pattern}]})


NO_DETECTOR = _answer("guardduty:ListDetectors", {"detectorIds": []})
NO_ALARM = _answer("cloudwatch:DescribeAlarms", {"MetricAlarms": []})
UNTOLD = _both(NO_DETECTOR, NO_ALARM)
UNLOCKED = _answer("s3:GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError")
OTHER_ACCOUNT = {"AWS": "arn:aws:iam::222233334444:root"}
MONITOR_CASES: list[tuple[str, str, Change, str]] = [
    *((check, "pass", _nothing, "example-trail: ") for check in BUCKET_CHECKS),
    *((check, "unknown", OTHERS, f"the trail is of account {MANAGEMENT}") for check in BUCKET_CHECKS),
    *((check, "fail", NO_TRAIL, "no trail") for check in BUCKET_CHECKS),
    (
        "trail_bucket_private",
        "fail",
        _answer("s3:GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
        "without BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets",
    ),
    (
        "trail_bucket_private",
        "fail",
        lambda answers: answers["s3:GetPublicAccessBlock"].update(BlockPublicAcls=False),
        "without BlockPublicAcls",
    ),
    ("trail_bucket_locked", "fail", UNLOCKED, "neither Object Lock nor MFA delete"),
    (
        "trail_bucket_locked",
        "pass",
        _both(UNLOCKED, _answer("s3:GetBucketVersioning", {"Status": "Enabled", "MfaDelete": "Enabled"})),
        "MFA delete is on",
    ),
    (
        "trail_bucket_locked",
        "fail",
        _both(UNLOCKED, _answer("s3:GetBucketVersioning", {"Status": "Enabled", "MfaDelete": "Disabled"})),
        "",
    ),
    ("trail_bucket_locked", "fail", _answer("s3:GetObjectLockConfiguration", {"ObjectLockEnabled": "Enabled"}), ""),
    ("trail_bucket_kept", "fail", _expiry(Days=364), "deleted after 364 days"),
    ("trail_bucket_kept", "pass", _expiry(Days=365), ""),
    ("trail_bucket_kept", "pass", _expiry(status="Disabled", Days=1), ""),
    ("trail_bucket_kept", "pass", _expiry("tmp/", Days=1), ""),
    ("trail_bucket_kept", "fail", _expiry(f"AWSLogs/{ACCOUNT}/", Days=1), ""),
    ("trail_bucket_kept", "fail", _both(_trail(S3KeyPrefix="org"), _expiry("org/", Days=1)), ""),
    ("trail_bucket_kept", "pass", _both(_trail(S3KeyPrefix="org"), _expiry("AWSLogs/", Days=1)), ""),
    ("trail_bucket_kept", "fail", _expiry(Date="2026-08-01T00:00:00Z"), "log files are deleted"),
    ("trail_bucket_kept", "pass", _expiry(Date="2028-08-01T00:00:00Z"), ""),
    ("trail_bucket_undeletable", "pass", _answer("s3:GetBucketPolicy", "NoSuchBucketPolicy"), "no policy"),
    ("trail_bucket_undeletable", "fail", _policy(), "lets * delete"),
    ("trail_bucket_undeletable", "fail", _policy(who=OTHER_ACCOUNT, action=["s3:Get*", "s3:deleteO*"]), "222233334444"),
    ("trail_bucket_undeletable", "fail", _policy(who={"AWS": "222233334444"}, action="s3:PutLife*"), "222233334444"),
    ("trail_bucket_undeletable", "pass", _policy(who={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}), ""),
    ("trail_bucket_undeletable", "pass", _policy(who={"AWS": ACCOUNT}), ""),
    ("trail_bucket_undeletable", "pass", _policy(who=OTHER_ACCOUNT, action=["s3:Get*", "s3:List*"]), ""),
    ("trail_bucket_undeletable", "pass", _policy("Deny"), ""),
    ("trail_bucket_undeletable", "unknown", _policy(Condition={"StringEquals": {}}), "on a condition"),
    (
        "trail_bucket_undeletable",
        "fail",
        _answer(
            "s3:GetBucketPolicy",
            json.dumps({"Statement": {"Effect": "Allow", "NotPrincipal": {"AWS": ACCOUNT}, "NotAction": "s3:Get*"}}),
        ),
        "lets all but some delete",
    ),
    ("trail_bucket_undeletable", "pass", _answer(
        "s3:GetBucketPolicy", json.dumps({"Statement": {"Effect": "Allow", "Principal": "*", "NotAction": "s3:*"}})
    ), ""),
    *(
        ("trail_bucket_undeletable", "unknown", _answer("s3:GetBucketPolicy", text), "cannot be read")
        for text in ("{", "{}", '{"Statement": [1]}', '{"Statement": ' + "[" * 9_000, '{"x": "' + "x" * 100_000)
    ),
    ("trail_bucket_undeletable", "fail", _policy(who={"AWS": [{"x": "y"}]}), "lets {'x': 'y'} delete"),
    ("root_use_is_told", "unknown", _both(UNTOLD, _trail(CloudWatchLogsLogGroupArn="no ARN")), "DescribeMetricFilters"),
    ("root_use_is_told", "pass", _nothing, "GuardDuty on; alarm root-used"),
    ("root_use_is_told", "pass", NO_DETECTOR, "alarm root-used"),
    ("root_use_is_told", "fail", UNTOLD, "no alarm"),
    ("root_use_is_told", "fail", _both(UNTOLD, NO_TRAIL), "no alarm"),
    ("root_use_is_told", "fail", _both(UNTOLD, _trail(CloudWatchLogsLogGroupArn="")), ""),
    ("root_use_is_told", "unknown", _both(UNTOLD, OTHERS), f"alarms of account {MANAGEMENT}"),
    ("root_use_is_told", "pass", _both(NO_ALARM), "GuardDuty on"),
    (
        "root_use_is_told",
        "fail",
        _both(NO_ALARM, _answer("guardduty:GetDetector", {"status": "DISABLED", "serviceRole": "x"})),
        "no GuardDuty",
    ),
    ("root_use_is_told", "fail", _both(NO_DETECTOR, _filter('{ $.userIdentity.type != "Root" }')), ""),
    ("root_use_is_told", "fail", _both(NO_DETECTOR, _alarm(MetricName="other")), ""),
    ("root_use_is_told", "fail", _both(NO_DETECTOR, _alarm(AlarmActions=[])), ""),
    ("root_use_is_told", "fail", _both(NO_DETECTOR, _alarm(ActionsEnabled=False)), ""),
    ("root_use_is_told", "pass", _both(UNTOLD, _rule("Root")), "EventBridge rule root"),
    ("root_use_is_told", "fail", _both(UNTOLD, _rule("IAMUser")), "no EventBridge rule"),
    ("root_use_is_told", "fail", _both(UNTOLD, _rule("Root", "DISABLED")), ""),
    (
        "root_use_is_told",
        "fail",
        _both(UNTOLD, _answer("events:ListRules", {"Rules": [{"Name": "x", "EventPattern": "["}, {"Name": "y"}]})),
        "",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("check", "status", "change", "says"), [*CASES, *MONITOR_CASES])
def test_aws_answers_make_a_check(
    check: str, status: str, change: Change, says: str, server: AccountServer, calls: AccountCalls
) -> None:
    change(server.answers)
    made = answer(ask(calls), check)
    assert (made.status, made.detail) == (status, made.detail)
    assert says in made.detail
    assert made.source is Source.LIVE


@pytest.mark.usefixtures("server")
def test_an_answer_names_its_call_and_when_it_was_given(calls: AccountCalls) -> None:
    made = answer(ask(calls), "root_mfa_on")
    assert (made.evidence, made.as_of) == (("iam:GetAccountSummary/r-1",), NOW)


@pytest.mark.usefixtures("server")
def test_what_no_call_tells_only_logs_can(calls: AccountCalls) -> None:
    made = answer(ask(calls), "root_mfa_tested")
    assert (made.status, made.detail) == ("unknown", "only logs can tell")


OF_AN_ACCOUNT = OPERATIONS - OF_ROOT - {"organizations:ListAccounts", "sts:AssumeRole", "sts:AssumeRoot"}
# Where another call would answer in the place of the one that is refused.
NEVER_FOUND_OUT = {
    "iam:ListRoles": _answer("iam:ListEntitiesForPolicy", {"PolicyUsers": []}),
    "s3:GetBucketVersioning": UNLOCKED,
    **dict.fromkeys(("events:ListRules", "guardduty:ListDetectors", "guardduty:GetDetector"), NO_ALARM),
    **dict.fromkeys(("logs:DescribeMetricFilters", "cloudwatch:DescribeAlarms"), NO_DETECTOR),
}


@pytest.mark.parametrize("operation", sorted(OF_AN_ACCOUNT))
@pytest.mark.parametrize("is_denied", [True, False])
def test_each_call_that_is_refused_leaves_its_checks_unknown(
    operation: str, is_denied: bool, server: AccountServer, calls: AccountCalls
) -> None:
    NEVER_FOUND_OUT.get(operation, _nothing)(server.answers)
    if operation == "events:ListRules":
        NO_DETECTOR(server.answers)
    if operation == "iam:GenerateCredentialReport":
        server.answers["iam:GetCredentialReport"] = "ReportNotPresent"
    if is_denied:
        server.deny(operation)
    else:
        server.answers[operation] = "ValidationError"
    live = ask(calls)
    assert [(one.operation, one.is_denied) for one in live.not_answered] == [(operation, is_denied)]
    assert policy_allowing([operation])["Statement"] == [
        {"Effect": "Allow", "Action": [permission_of(operation)], "Resource": "*"}
    ]
    needing = [check for check, known in LIVE_CHECKS.items() if operation in known.needs]
    if operation == "cloudtrail:DescribeTrails":
        needing.remove("root_use_is_told")  # GuardDuty tells
    assert needing
    for check in needing:
        made = answer(live, check)
        assert (check, made.status) == (check, Status.UNKNOWN)
        assert operation in made.detail
        assert made.next == (f"allow {permission_of(operation)}" if is_denied else None)


EMPTY_BY_ITSELF = {"iam:GenerateCredentialReport", "s3:GetBucketVersioning"}
AS_XML_OF_S3 = {"s3:GetBucketPolicy": "{}"}


@pytest.mark.parametrize("operation", sorted(OF_AN_ACCOUNT - EMPTY_BY_ITSELF))
def test_an_empty_answer_is_none_and_leaves_its_checks_unknown(
    operation: str, server: AccountServer, calls: AccountCalls
) -> None:
    NEVER_FOUND_OUT.get(operation, _nothing)(server.answers)
    if operation == "events:ListRules":
        NO_DETECTOR(server.answers)
    server.answers[operation] = AS_XML_OF_S3.get(operation, {})
    live = ask(calls)
    if operation not in AS_XML_OF_S3:
        assert [str(one) for one in live.not_answered] == [f"{operation}: AWS's answer is empty"]
    for check in (check for check, known in LIVE_CHECKS.items() if operation in known.needs):
        if (operation, check) != ("cloudtrail:DescribeTrails", "root_use_is_told"):  # GuardDuty tells
            assert (check, answer(live, check).status) == (check, Status.UNKNOWN)


def test_what_an_answer_brings_is_known_of_every_call() -> None:
    assert OPERATIONS - BRINGS.keys() == EMPTY_BY_ITSELF
    assert BRINGS.keys() <= OPERATIONS


@pytest.mark.parametrize("operation", ["iam:ListVirtualMFADevices", "iam:ListRoles"])
def test_a_list_that_is_cut_off_without_a_next_page_is_no_answer(
    operation: str, server: AccountServer, calls: AccountCalls
) -> None:
    server.answers[operation]["IsTruncated"] = True
    live = ask(calls)
    assert [str(one) for one in live.not_answered] == [f"{operation}: AWS's answer is cut off, and names no next page"]
    assert answer(live, "root_mfa_on").status is Status.PASS


def test_every_refusal_at_once_passes_nothing(server: AccountServer, calls: AccountCalls) -> None:
    for operation in OPERATIONS:
        server.deny(operation)
    live = ask_as_root(calls, ask(calls))
    assert {answer(live, check).status for check in CHECKS} == {Status.UNKNOWN}


def test_no_call_is_made_that_is_not_in_the_list(server: AccountServer, calls: AccountCalls) -> None:
    ask(calls)
    assert server.asked == OF_AN_ACCOUNT - {"iam:GenerateCredentialReport"}
    with pytest.raises(ValueError, match="iam:DeleteUser is not in the list"):
        calls.ask("iam:DeleteUser")
    assert all(
        operation.partition(":")[2].startswith(("Get", "List", "Describe", "Generate", "AssumeRo"))
        for operation in OPERATIONS
    )


def test_only_one_module_makes_clients_for_the_posture() -> None:
    for path in (ROOT / "detector/posture").glob("*.py"):
        names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        assert "client" not in names, path.name


def test_a_trail_is_asked_about_where_it_is_at_home(server: AccountServer, calls: AccountCalls) -> None:
    ask(calls)
    regions = {operation: region for operation, region, _ in server.calls}
    assert regions["cloudtrail:GetTrailStatus"] == "eu-west-1"
    assert regions["cloudtrail:DescribeTrails"] == "us-east-1"


def test_a_region_that_is_not_enabled_is_no_missing_trail(server: AccountServer, calls: AccountCalls) -> None:
    server.answers["cloudtrail:GetTrailStatus"] = "UnrecognizedClientException"
    made = answer(ask(calls), "trail_logging")
    assert made.status is Status.UNKNOWN
    assert "eu-west-1 does not know the credentials" in made.detail


def test_a_call_that_is_throttled_is_made_again(server: AccountServer, calls: AccountCalls) -> None:
    server.throttled = {"iam:GetAccountSummary": 1}
    live = ask(calls)
    assert [name for name, _, _ in server.calls].count("iam:GetAccountSummary") == 2
    assert live.not_answered == []
    assert answer(live, "root_mfa_on").status is Status.PASS


def test_a_call_that_stays_throttled_is_no_refusal_and_leaves_its_checks_unknown(
    server: AccountServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    server.throttled = {"iam:GetAccountSummary": 99}
    result = account_calls().ask("iam:GetAccountSummary")
    assert isinstance(result, NotAnswered)
    assert not result.is_denied
    assert "Throttling" in result.reason
    assert [name for name, _, _ in server.calls] == ["iam:GetAccountSummary"] * 2
    made = answer(Live(ACCOUNT, "aws", {result.operation: result}, NOW), "root_mfa_on")
    assert (made.status, made.next) == (Status.UNKNOWN, None)


def test_the_policy_allows_exactly_the_calls() -> None:
    policy = json.loads((ROOT / "deploy/iam/posture.json").read_text())
    reads, roles, roots = policy["Statement"]
    sessions = {"sts:AssumeRole", "sts:AssumeRoot"}
    assert set(reads["Action"]) == {permission_of(one) for one in OPERATIONS - OF_ROOT - sessions}
    assert (reads["Effect"], reads["Resource"]) == ("Allow", "*")
    assert (roles["Action"], roles["Resource"]) == ("sts:AssumeRole", "arn:aws:iam::*:role/ROLE-NAME")
    assert (roots["Action"], roots["Resource"]) == ("sts:AssumeRoot", "arn:aws:iam::*:root")
    assert roots["Condition"]["StringEquals"]["sts:TaskPolicyArn"].endswith("/IAMAuditRootUserCredentials")


def test_every_live_check_is_a_check_and_needs_calls_that_are_made() -> None:
    assert LIVE_CHECKS.keys() <= CHECKS.keys()
    assert {need for known in LIVE_CHECKS.values() for need in known.needs} == OF_AN_ACCOUNT
    assert {check.ask for check in CHECKS.values()} - {None} <= {permission_of(one) for one in OPERATIONS}


# What others get wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["root-admin", "webroot", "root", "rootuser/root"])
def test_a_users_device_is_not_roots_whatever_the_user_is_called(
    user: str, server: AccountServer, calls: AccountCalls
) -> None:
    _virtual(device(f"arn:aws:iam::{ACCOUNT}:user/{user}", f"arn:aws:iam::{ACCOUNT}:mfa/root-account-mfa-device"))(
        server.answers
    )
    live = ask(calls)
    assert answer(live, "root_mfa_phishing_resistant").status is Status.UNKNOWN
    assert answer(live, "root_mfa_enabled").status is Status.UNKNOWN


def test_another_accounts_root_is_not_this_ones(server: AccountServer, calls: AccountCalls) -> None:
    _virtual(device(f"arn:aws:iam::{MANAGEMENT}:root", f"arn:aws:iam::{MANAGEMENT}:mfa/x"))(server.answers)
    assert answer(ask(calls), "root_mfa_phishing_resistant").status is Status.UNKNOWN


@pytest.mark.parametrize("name", ["my-phone", "root-account-mfa-device"])
def test_roots_virtual_device_may_have_any_name(name: str, server: AccountServer, calls: AccountCalls) -> None:
    _virtual(device(ROOT_ARN, f"arn:aws:iam::{ACCOUNT}:mfa/{name}"))(server.answers)
    assert answer(ask(calls), "root_mfa_phishing_resistant").status is Status.FAIL


@pytest.mark.parametrize("partition", ["aws-us-gov", "aws-cn"])
def test_roots_device_is_known_in_every_partition(partition: str, server: AccountServer, calls: AccountCalls) -> None:
    _virtual(device(f"arn:{partition}:iam::{ACCOUNT}:root", f"arn:{partition}:iam::{ACCOUNT}:mfa/x"))(server.answers)
    live = ask_about_account(calls, ACCOUNT, partition)
    assert answer(live, "root_mfa_phishing_resistant").status is Status.FAIL
    policies = {parameters.get("PolicyArn") for _, _, parameters in server.calls}
    assert f"arn:{partition}:iam::aws:policy/AdministratorAccess" in policies


@pytest.mark.usefixtures("server")
def test_mfa_that_is_not_virtual_is_not_taken_for_hardware(calls: AccountCalls) -> None:
    kind = answer(ask(calls), "root_mfa_phishing_resistant")
    assert (kind.status, kind.value) == (Status.UNKNOWN, "unknown")
    assert kind.detail == "not virtual: a passkey, security key or hardware token"


def test_an_account_without_root_credentials_is_answered_for_too(server: AccountServer, calls: AccountCalls) -> None:
    EMPTY(server.answers)
    live = ask(calls)
    assert [answer(live, check).status for check in ("root_mfa_on", "root_mfa_phishing_resistant")] == [
        Status.NOT_APPLICABLE, Status.NOT_APPLICABLE
    ]  # fmt: skip


def test_a_key_of_today_is_seen_beside_a_password_of_long_ago(server: AccountServer, calls: AccountCalls) -> None:
    _report(password="2019-01-01T00:00:00+00:00", key_1="2026-03-08T08:00:00+00:00")(server.answers)
    used = answer(ask(calls), "root_unused")
    assert used.status is Status.FAIL
    assert used.detail == "access key 1 last used 2026-03-08T08:00:00Z"


@pytest.mark.parametrize(("days", "status"), [(89, "fail"), (91, "pass")])
def test_old_uses_pass_and_new_ones_fail_and_not_the_other_way_round(
    days: int, status: str, server: AccountServer, calls: AccountCalls
) -> None:
    _report(key_2=(NOW - timedelta(days=days)).isoformat())(server.answers)
    assert answer(ask(calls), "root_unused").status == status


# The credential report -----------------------------------------------------------------------------------------------


class Scripted:
    """Gives the results of a list."""

    def __init__(self, *results: str) -> None:
        self.left = list(results)
        self.asked: list[str] = []
        self.made: list[datetime] = []  # when the reports were

    def ask(self, operation: str, *, answers: frozenset[str] = frozenset()) -> Result:
        self.asked.append(operation.partition(":")[2])
        code = self.left.pop(0) if operation == "iam:GetCredentialReport" else "made"
        assert code in answers | {"", "made"}
        content = {"Content": report().encode(), "GeneratedTime": self.made.pop(0) if self.made else NOW}
        return Answered(operation, content, NOW, "r-1", code or None)


def test_a_report_is_made_only_where_there_is_none_and_waited_for() -> None:
    waits: list[float] = []
    calls = Scripted("ReportNotPresent", "ReportInProgress", "ReportInProgress", "")
    made = read_credential_report(calls, waits.append)
    assert isinstance(made, Answered)
    assert calls.asked == ["GetCredentialReport", "GenerateCredentialReport", *["GetCredentialReport"] * 3]
    assert waits == [1, 2]
    there = Scripted("")
    read_credential_report(there, waits.append)
    assert there.asked == ["GetCredentialReport"]


def test_of_an_old_report_a_new_one_is_asked_for_once() -> None:
    calls = Scripted("", "ReportInProgress", "")
    calls.made = [NOW - timedelta(days=1), NOW, NOW]  # one for each answer, whatever it is
    made = read_credential_report(calls, lambda _: None)
    assert isinstance(made, Answered)
    assert (made.time, made.value["is_current"]) == (NOW, True)
    assert calls.asked == ["GetCredentialReport", "GenerateCredentialReport", *["GetCredentialReport"] * 2]
    stays = Scripted("", "")
    stays.made = [NOW - timedelta(days=1)] * 3
    made = read_credential_report(stays, lambda _: None)
    assert isinstance(made, Answered)
    assert (made.time, made.value["is_current"]) == (NOW - timedelta(days=1), False)


def test_a_report_that_is_never_ready_is_no_answer() -> None:
    made = read_credential_report(Scripted(*["ReportInProgress"] * 8), lambda _: None)
    assert isinstance(made, NotAnswered)
    assert str(made) == "iam:GetCredentialReport: the credential report was not ready in time"


# Logs and AWS together ----------------------------------------------------------------------------------------------


def from_logs(says: str | None) -> Answer:
    facts = [] if says is None else [Fact(ACCOUNT, NOW, "", Says(says), "login", "event-1")]
    return answer_from_logs(MFA, facts, Horizon(ACCOUNT, NOW, (NOW, NOW)), NOW)


@pytest.mark.parametrize(
    ("logs", "live", "status", "source"),
    [
        ("yes", 1, "pass", "both"),
        ("no", 0, "fail", "both"),
        ("yes", 0, "unknown", "disagree"),
        ("no", 1, "unknown", "disagree"),
        (None, 1, "pass", "live"),
        (None, 0, "fail", "live"),
        ("yes", None, "pass", "logs"),
        ("no", None, "fail", "logs"),
        (None, None, "unknown", "both"),
    ],
)
def test_logs_and_aws_make_one_answer(
    logs: str | None, live: int | None, status: str, source: str, server: AccountServer, calls: AccountCalls
) -> None:
    if live is None:
        server.deny("iam:GetAccountSummary")
    else:
        _summary(AccountMFAEnabled=live)(server.answers)
    made = merge(MFA, from_logs(logs), ask(calls))
    assert (made.status, made.source) == (status, source)
    if source in ("both", "disagree"):
        assert "live" in made.detail
        assert "logs" in made.detail
    if source == "disagree":
        assert set(made.evidence) == {"iam:GetAccountSummary/r-1", "event-1"}
    assert made.seen_until == NOW


@pytest.mark.parametrize(
    ("check", "change", "says"),
    [
        ("root_mfa_on", _report(has="nothing"), "mfa_active is false"),
        ("trail_logging", _trail_status(LatestDeliveryTime=1_577_836_800), "last log file is of 2020-01-01"),
        ("trail_logging", _two_trails(True, False), "old, which does not log"),
        ("trail_validated", _answer("cloudtrail:GetTrailStatus", {"IsLogging": True}), "was not delivered yet"),
    ],
)
def test_logs_do_not_make_up_for_an_answer_that_leaves_doubt(
    check: str, change: Change, says: str, server: AccountServer, calls: AccountCalls
) -> None:
    change(server.answers)
    facts = [Fact(ACCOUNT, NOW, "x", Says.YES, "was so", "event-1")]
    logs = answer_from_logs(CHECKS[check], facts, Horizon(ACCOUNT, NOW, (NOW, NOW)), NOW)
    assert logs.status is Status.PASS
    made = merge(CHECKS[check], logs, ask(calls))
    assert (made.status, made.source) == (Status.UNKNOWN, Source.DISAGREE)
    assert says in made.detail
    assert "was so" in made.detail
    assert "event-1" in made.evidence
    assert made.next == "find out which of the two is right, and what the other one misses"


@pytest.mark.usefixtures("server")
def test_of_a_check_that_aws_cannot_answer_the_logs_answer(calls: AccountCalls) -> None:
    tested = CHECKS["root_mfa_tested"]
    logs = answer_from_logs(tested, [], Horizon(ACCOUNT, NOW, (NOW, NOW)), NOW)
    assert merge(tested, logs, ask(calls)) == logs
