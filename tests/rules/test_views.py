"""The normalised columns, one field trap at a time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pyarrow as pa
import pytest

from detector.records.log_file import decode_log_file
from detector.records.schema import RECORD, Kind
from detector.rules.engine import Engine
from detector.rules.events import TableEvents
from detector.rules.examples import merge_patch
from detector.rules.rule import load_rules, parse_rule, shipped_rules_directory

ACCOUNT = "111122223333"
LOGIN = json.loads((shipped_rules_directory() / "root_console_login_without_mfa.examples.json").read_text())["records"][
    "login"
]
CALL: dict[str, Any] = {
    "eventVersion": "1.11",
    "userIdentity": {
        "type": "Root",
        "arn": f"arn:aws:iam::{ACCOUNT}:root",
        "accountId": ACCOUNT,
        "accessKeyId": "ASIAX",
    },
    "eventTime": "2026-03-01T09:00:00Z",
    "eventSource": "iam.amazonaws.com",
    "eventName": "CreateUser",
    "awsRegion": "us-east-1",
    "sourceIPAddress": "198.51.100.7",
    "userAgent": "aws-cli/2",
    "requestParameters": None,
    "responseElements": None,
    "eventType": "AwsApiCall",
    "readOnly": False,
    "recipientAccountId": ACCOUNT,
}
USER = {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/staff/alice", "userName": "alice"}
ROLE = {
    "type": "AssumedRole",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Ops/session",
    "sessionContext": {"sessionIssuer": {"type": "Role", "arn": f"arn:aws:iam::{ACCOUNT}:role/Ops"}},
}
OFF = {"eventName": "DeactivateMFADevice"}
TRAIL = {"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"}
DELETE = {
    "eventSource": "s3.amazonaws.com",
    "eventName": "DeleteObject",
    "requestParameters": {"bucketName": "logs", "key": "AWSLogs/1/file"},
}
CREATED = {"sessionContext": {"attributes": {"creationDate": "2026-03-01T08:30:00Z"}}}
KEY = {"accessKeyId": "AKIAI44QH8DHBEXAMPLE"}
TRAIL_ARN = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/main"
SERVICE = "autoscaling.amazonaws.com"


def to_table(*records: dict[str, Any]) -> pa.Table:
    return decode_log_file(json.dumps({"Records": records}).encode(), "s3://trail/a.json.gz").table


def normalised(*records: dict[str, Any]) -> dict[str, Any]:
    """The last record's columns."""
    with Engine(TableEvents(to_table(*records)), threads=1) as engine:
        rows: list[dict[str, Any]] = engine.query("FROM all_events ORDER BY logFileIndex").read_all().to_pylist()
    return rows[-1]


def denied(resource: str) -> dict[str, Any]:
    message = (
        f"User: arn:aws:iam::1:user/x is not authorized to perform: iam:DeactivateMFADevice on resource: {resource}"
    )
    return {**OFF, "errorCode": "AccessDenied", "errorMessage": message}


CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    # The service, whatever the partition
    (
        {},
        {"service": "iam", "event_source": "iam.amazonaws.com", "event_name": "CreateUser", "region": "us-east-1"},
    ),
    ({"eventSource": "iam.amazonaws.com.cn"}, {"service": "iam"}),
    ({"eventSource": "iam.amazonaws.eu"}, {"service": "iam"}),
    ({"eventSource": "iam.example.com"}, {"service": None}),
    ({"eventSource": "x.iam.amazonaws.com"}, {"service": "x.iam"}),
    (
        {"eventSource": None, "eventName": None},
        {"service": None, "event_name": None, "is_write": True, "is_sign_in": False, "mfa": None},
    ),
    # Values that do not fit their column
    ({"userAgent": ["a", "b"]}, {"user_agent": '["a","b"]'}),
    ({"errorCode": 403}, {"error_code": "403", "succeeded": False}),
    ({"errorCode": "", "errorMessage": ""}, {"error_code": None, "error_message": None, "succeeded": True}),
    # T2: what came of it
    ({}, {"succeeded": True, "is_permission_error": False}),
    ({"errorCode": "AccessDenied"}, {"succeeded": False, "is_permission_error": True}),
    ({"errorCode": "Client.UnauthorizedOperation"}, {"succeeded": False, "is_permission_error": True}),
    ({"errorCode": "NotOrganizationMasterAccountException"}, {"is_permission_error": True}),
    ({"errorCode": "NoSuchEntityException"}, {"succeeded": False, "is_permission_error": False}),
    ({"errorMessage": "Failed authentication"}, {"succeeded": False}),
    ({"responseElements": {"CreateUser": "Failure"}}, {"succeeded": False}),
    ({"responseElements": {"CreateUser": "failure"}}, {"succeeded": False}),
    ({"responseElements": {"Other": "Failure"}}, {"succeeded": True}),
    # T3, T8, T29: root
    ({}, {"is_root": True, "direct_root": True, "actor_type": "Root"}),
    ({"userIdentity": {"type": "ROOT"}}, {"is_root": True}),
    ({"userIdentity": {"arn": None}}, {"is_root": True, "actor_arn": None}),
    ({"userIdentity": {"arn": ""}}, {"is_root": True, "actor_arn": None}),
    ({"userIdentity": {"arn": ""}, "eventSource": None}, {"is_root": True, "direct_root": True}),
    ({"userIdentity": {"arn": "arn:aws-us-gov:iam::1:root"}}, {"is_root": True}),
    ({"userIdentity": {"arn": "arn:aws-iso-b:iam::1:root"}}, {"is_root": True}),
    ({"userIdentity": {"arn": "arn:aws:iam::XXXXXXXXXXXX:root"}}, {"is_root": True, "direct_root": True}),
    ({"userIdentity": {"arn": f"arn:aws:iam::{ACCOUNT}:user/root"}}, {"is_root": False, "direct_root": False}),
    ({"userIdentity": {"type": "AWSAccount"}}, {"is_root": False}),
    ({"userIdentity": {"type": None}}, {"is_root": False}),
    ({"userIdentity": None}, {"is_root": False, "direct_root": False, "account_id": ACCOUNT}),
    # T15, T16, T20: where root's call comes from
    ({}, {"root_origin": "temporary_key", "from_console": False}),
    ({"userIdentity": {"accessKeyId": "AKIAX"}}, {"root_origin": "long_term_key"}),
    ({"userIdentity": {"accessKeyId": ""}}, {"root_origin": "unknown", "access_key_id": None}),
    ({"eventType": "AwsServiceEvent"}, {"root_origin": "service_event", "direct_root": False}),
    ({"userIdentity": {"sessionContext": {"assumedRoot": "true"}}}, {"root_origin": "assume_root"}),
    ({"userIdentity": {"sessionContext": {"assumedRoot": "false"}}}, {"root_origin": "temporary_key"}),
    ({"userIdentity": {**ROLE, "sessionContext": {"assumedRoot": "true"}}}, {"root_origin": "temporary_key"}),
    ({"userIdentity": {"invokedBy": SERVICE}, "sourceIPAddress": SERVICE}, {"root_origin": "service"}),
    ({"userIdentity": {"invokedBy": SERVICE}, "sourceIPAddress": "AWS Internal"}, {"root_origin": "service"}),
    ({"userIdentity": {"invokedBy": SERVICE}}, {"root_origin": "temporary_key", "direct_root": True}),
    ({"sourceIPAddress": SERVICE}, {"root_origin": "temporary_key"}),
    (
        {"userIdentity": {"invokedBy": "signin.amazonaws.com"}, "sourceIPAddress": "AWS Internal"},
        {"root_origin": "console", "from_console": True, "direct_root": True},
    ),
    ({"userIdentity": {"invokedBy": "signin.amazonaws.com.cn"}}, {"root_origin": "console"}),
    ({"sessionCredentialFromConsole": "true"}, {"root_origin": "console"}),
    ({"sessionCredentialFromConsole": True}, {"root_origin": "console"}),
    ({"sessionCredentialFromConsole": "false"}, {"root_origin": "temporary_key"}),
    (
        {"userIdentity": {"sessionContext": {"attributes": {"sessionCredentialFromConsole": "true"}}}},
        {"root_origin": "console"},
    ),
    ({"userAgent": "Coral/Netty4"}, {"root_origin": "console"}),
    ({"userAgent": "[console.amazonaws.com]"}, {"root_origin": "console"}),
    ({"userAgent": "AWS Internal"}, {"root_origin": "console"}),
    ({"userAgent": "console.amazonaws.com.example"}, {"root_origin": "temporary_key"}),
    ({"eventSource": "signin.amazonaws.com", "eventName": "ExitRole"}, {"root_origin": "signin", "mfa": "unknown"}),
    # T19: whether it changes something
    ({"readOnly": True}, {"is_write": False}),
    ({"readOnly": "True"}, {"is_write": False}),
    ({"readOnly": "false", "eventName": "GetUser"}, {"is_write": True}),
    ({"readOnly": None}, {"is_write": True}),
    ({"readOnly": None, "eventName": "BatchGetItem"}, {"is_write": False}),
    ({"readOnly": None, "eventName": "Getaway"}, {"is_write": True}),
    # T28, T30: who
    (
        {"userIdentity": {"accountId": "444455556666"}},
        {"account_id": "444455556666", "recipient_account_id": ACCOUNT},
    ),
    ({"userIdentity": {"accountId": ""}}, {"account_id": ACCOUNT}),
    ({"userIdentity": {"accountId": 12345678901}}, {"account_id": "012345678901"}),
    ({"userIdentity": {"accountId": None}, "recipientAccountId": None}, {"account_id": None}),
    (
        {"requestParameters": {"accountId": "444455556666"}},
        {"target_account": "444455556666", "account_id": ACCOUNT},
    ),
    ({}, {"target_account": ACCOUNT, "session_key": "ASIAX", "actor_key": f"arn:aws:iam::{ACCOUNT}:root"}),
    ({"userIdentity": {"accessKeyId": ""}}, {"session_key": "198.51.100.7"}),
    ({"userIdentity": ROLE}, {"actor_key": f"arn:aws:iam::{ACCOUNT}:role/Ops", "session_issuer_type": "Role"}),
    ({"userIdentity": {"sessionContext": {"sessionIssuer": {}}}}, {"actor_key": f"arn:aws:iam::{ACCOUNT}:root"}),
    ({"userIdentity": {**USER, "userName": None}}, {"actor_name": "alice"}),
    # T10, T14: whose MFA device
    ({}, {"mfa_target_kind": None, "mfa_target": None, "mfa_target_is_caller": False}),
    (
        {**OFF, "requestParameters": {"serialNumber": f"arn:aws:iam::{ACCOUNT}:u2f/root/key", "userName": "alice"}},
        {"mfa_target_kind": "user", "mfa_target": "alice"},
    ),
    (
        {**OFF, "requestParameters": {"serialNumber": f"arn:aws:iam::{ACCOUNT}:u2f/root/key"}, "userIdentity": USER},
        {"mfa_target_kind": "root"},
    ),
    (
        {
            **OFF,
            "requestParameters": {"serialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/root-account-mfa-device"},
            "userIdentity": USER,
        },
        {"mfa_target_kind": "user", "mfa_target": "alice", "mfa_target_is_caller": True},
    ),
    ({**OFF, "requestParameters": {"userName": "aws root user"}}, {"mfa_target_kind": "root"}),
    ({**OFF, "requestParameters": {"userName": "root"}}, {"mfa_target_kind": "user", "mfa_target": "root"}),
    ({**OFF, "requestParameters": {}}, {"mfa_target_kind": "root"}),
    ({**OFF, "requestParameters": {"omitted": True}}, {"mfa_target_kind": "unknown", "mfa_target": None}),
    ({**OFF, "requestParameters": []}, {"mfa_target_kind": "unknown"}),
    ({**OFF, "requestParameters": "null"}, {"mfa_target_kind": "unknown"}),
    ({**OFF}, {"mfa_target_kind": "unknown"}),
    ({**OFF, "requestParameters": {}, "userIdentity": ROLE}, {"mfa_target_kind": "unknown"}),
    ({**OFF, "requestParameters": {}, "userIdentity": {**ROLE, "userName": "alice"}}, {"mfa_target_kind": "unknown"}),
    ({"eventName": "ResyncMFADevice", "requestParameters": {}}, {"mfa_target_kind": "root"}),
    ({"eventName": "CreateVirtualMFADevice", "requestParameters": {}}, {"mfa_target_kind": None}),
    (
        {**OFF, "requestParameters": {}, "userIdentity": USER},
        {"mfa_target_kind": "user", "mfa_target": "alice", "mfa_target_is_caller": True},
    ),
    (
        {**OFF, "requestParameters": {"userName": "alice"}, "userIdentity": {**ROLE, "userName": "alice"}},
        {"mfa_target_kind": "user", "mfa_target_is_caller": False},
    ),
    (
        {**OFF, "requestParameters": {}, "userIdentity": {"type": "IAMUser", "arn": None}},
        {"mfa_target_kind": "unknown"},
    ),
    ({**OFF, "requestParameters": {}, "eventSource": "x.amazonaws.com"}, {"mfa_target_kind": None}),
    ({**OFF, "requestParameters": {}, "eventSource": None}, {"mfa_target_kind": None, "mfa_target": None}),
    (denied("user bob because no policy"), {"mfa_target_kind": "user", "mfa_target": "bob"}),
    (denied(f"arn:aws:iam::{ACCOUNT}:user/staff/bob, with"), {"mfa_target_kind": "user", "mfa_target": "bob"}),
    (denied(f"arn:aws:iam::{ACCOUNT}:user/bob."), {"mfa_target": "bob"}),
    (denied(f"arn:aws:iam::{ACCOUNT}:root with an explicit deny"), {"mfa_target_kind": "root"}),
    (denied(f"arn:aws:iam::{ACCOUNT}:mfa/root-account-mfa-device"), {"mfa_target_kind": "root"}),
    (denied(f"arn:aws:iam::{ACCOUNT}:u2f/root/key"), {"mfa_target_kind": "root"}),
    (denied(f"arn:aws:iam::{ACCOUNT}:mfa/phone"), {"mfa_target_kind": "unknown", "mfa_target": None}),
    ({**denied("user bob"), "requestParameters": {"x": 1}}, {"mfa_target_kind": "root"}),
    # One trail, one key
    ({**TRAIL, "requestParameters": {"name": "main"}}, {"trail_key": TRAIL_ARN}),
    ({**TRAIL, "requestParameters": {"name": TRAIL_ARN}}, {"trail_key": TRAIL_ARN}),
    ({**TRAIL, "requestParameters": {"trailName": "main"}}, {"trail_key": TRAIL_ARN}),
    (
        {**TRAIL, "requestParameters": {"name": "x"}, "responseElements": {"trailARN": TRAIL_ARN}},
        {"trail_key": TRAIL_ARN},
    ),
    ({**TRAIL, "requestParameters": {"eventDataStore": "arn:aws:x"}}, {"trail_key": "arn:aws:x"}),
    ({**TRAIL, "errorMessage": f"not authorized on resource: {TRAIL_ARN}."}, {"trail_key": TRAIL_ARN}),
    (
        {**TRAIL, "awsRegion": "cn-north-1", "requestParameters": {"name": "main"}},
        {"trail_key": f"arn:aws-cn:cloudtrail:cn-north-1:{ACCOUNT}:trail/main"},
    ),
    (
        {**TRAIL, "awsRegion": "us-gov-west-1", "requestParameters": {"name": "main"}},
        {"trail_key": f"arn:aws-us-gov:cloudtrail:us-gov-west-1:{ACCOUNT}:trail/main"},
    ),
    ({**TRAIL}, {"trail_key": None}),
    ({"requestParameters": {"name": "main"}}, {"trail_key": None}),
    # The session of root: by when its credentials were made, by root's key and the day
    ({"userIdentity": CREATED}, {"root_session": f'["session","{ACCOUNT}","2026-03-01T08:30:00Z"]'}),
    (
        {"userIdentity": {"sessionContext": {"attributes": {"creationDate": 1772353800}}}},
        {"root_session": f'["session","{ACCOUNT}","1772353800"]'},
    ),
    ({"userIdentity": KEY}, {"root_session": f'["key","{ACCOUNT}","AKIAI44QH8DHBEXAMPLE 2026-03-01"]'}),
    ({}, {"root_session": None}),
    ({"userIdentity": {**CREATED, "arn": USER["arn"], "type": "IAMUser"}}, {"root_session": None}),
    ({"userIdentity": {**CREATED, "invokedBy": SERVICE}, "sourceIPAddress": SERVICE}, {"root_session": None}),
    ({"userIdentity": CREATED, "eventType": "AwsServiceEvent"}, {"root_session": None}),
]


@pytest.fixture(scope="module")
def calls() -> list[dict[str, Any]]:
    """The columns of each case, all from one engine."""
    records = [{**merge_patch(CALL, patch), "eventID": str(index)} for index, (patch, _) in enumerate(CASES)]
    with Engine(TableEvents(to_table(*records)), threads=1) as engine:
        rows: list[dict[str, Any]] = engine.query("FROM all_events ORDER BY logFileIndex").read_all().to_pylist()
    return rows


@pytest.mark.parametrize("case", range(len(CASES)), ids=lambda case: str(CASES[case][0])[:60])
def test_a_call(calls: list[dict[str, Any]], case: int) -> None:
    columns, expected = calls[case], CASES[case][1]
    assert {name: columns[name] for name in expected} == expected
    assert columns["event_key"] == columns["event_id"] == columns["eventKey"]


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({}, {"mfa": "no", "root_origin": "signin", "direct_root": True, "is_sign_in": True}),
        ({"additionalEventData": {"MFAUsed": "YES"}}, {"mfa": "yes"}),
        ({"additionalEventData": {"MFAUsed": "Yes"}}, {"mfa": "yes"}),
        ({"additionalEventData": {"MFAUsed": "NO"}}, {"mfa": "no"}),
        ({"additionalEventData": {"MFAUsed": "x"}}, {"mfa": "unknown"}),
        ({"additionalEventData": {"MFAIdentifier": "GAHT00012345"}}, {"mfa": "yes"}),
        ({"additionalEventData": None}, {"mfa": "unknown"}),
        ({"additionalEventData": "prose"}, {"mfa": "unknown"}),
        ({"eventSource": "x.amazonaws.com", "eventType": "AwsApiCall"}, {"mfa": None, "is_sign_in": False}),
        ({"eventSource": "x.amazonaws.com"}, {"mfa": "no", "is_sign_in": True}),
        ({"userIdentity": {"arn": ""}}, {"is_root": False}),
        ({}, {"root_session": f'["session","{ACCOUNT}","2026-03-01T09:00:00Z"]'}),
        ({"responseElements": {"ConsoleLogin": "Failure"}}, {"root_session": None}),
        ({"eventName": "CheckMfa"}, {"root_session": None}),
    ],
)
def test_a_sign_in(patch: dict[str, Any], expected: dict[str, Any]) -> None:
    columns = normalised(merge_patch(LOGIN, patch))
    assert {name: columns[name] for name in expected} == expected


def test_a_key_that_assume_root_handed_out_makes_the_session_one() -> None:
    assume = merge_patch(CALL, {"eventSource": "sts.amazonaws.com", "eventName": "AssumeRoot", "userIdentity": ROLE})
    handed_out = {**assume, "responseElements": {"credentials": {"accessKeyId": "ASIAX"}}}
    for records, origin in (([handed_out], "assume_root"), ([assume], "temporary_key"), ([], "temporary_key")):
        columns = normalised(*records, CALL)
        assert columns["root_origin"] == origin
        assert columns["direct_root"] == (origin == "temporary_key")


@pytest.mark.parametrize("target", [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"])
def test_the_call_that_hands_out_a_key_belongs_to_the_session_that_uses_it(target: str) -> None:
    assume = merge_patch(
        CALL,
        {
            "eventSource": "sts.amazonaws.com",
            "eventName": "AssumeRoot",
            "userIdentity": {**ROLE, "accountId": "777788889999"},
            "requestParameters": {"targetPrincipal": target},
            "responseElements": {"credentials": {"accessKeyId": "ASIAX"}},
        },
    )
    with Engine(TableEvents(to_table(assume, merge_patch(CALL, {"userIdentity": CREATED}))), threads=1) as engine:
        sessions = engine.query("SELECT DISTINCT root_session FROM candidates").read_all().to_pylist()
    assert sessions == [{"root_session": f'["assume_root","{ACCOUNT}","ASIAX"]'}]


CANDIDATES = [
    LOGIN,
    CALL,
    *(
        merge_patch(CALL, {"userIdentity": USER, "eventSource": f"{service}.amazonaws.com", "eventName": name})
        for service, names in {
            "signin": "ConsoleLogin CheckMfa",
            "iam": "DeactivateMFADevice EnableMFADevice CreateVirtualMFADevice DeleteVirtualMFADevice ResyncMFADevice "
            "CreateLoginProfile UpdateLoginProfile DeleteLoginProfile DeleteUser "
            "EnableOrganizationsRootCredentialsManagement DisableOrganizationsRootCredentialsManagement "
            "EnableOrganizationsRootSessions DisableOrganizationsRootSessions",
            "sts": "AssumeRoot",
            "cloudtrail": "StopLogging DeleteTrail UpdateTrail CreateTrail StartLogging PutEventSelectors "
            "StopEventDataStoreIngestion DeleteEventDataStore UpdateEventDataStore",
            "organizations": "LeaveOrganization RemoveAccountFromOrganization CloseAccount "
            "RegisterDelegatedAdministrator",
            "account": "StartPrimaryEmailUpdate AcceptPrimaryEmailUpdate PutAlternateContact DeleteAlternateContact "
            "PutContactInformation CloseAccount",
            "s3": "DeleteBucket DeleteBucketPolicy DeleteBucketPublicAccessBlock DeletePublicAccessBlock "
            "PutBucketLifecycle PutBucketLifecycleConfiguration PutBucketPolicy PutBucketPublicAccessBlock "
            "PutBucketVersioning PutPublicAccessBlock",
            "kms": "ScheduleKeyDeletion DisableKey",
            "logs": "DeleteLogGroup",
            "any": "EmailUpdated PasswordRecoveryRequested PasswordRecoveryCompleted SetContactAddress "
            "SetAdditionalContacts SetSecurityQuestions",
        }.items()
        for name in names.split()
    ),
    merge_patch(
        CALL, {"userIdentity": {"type": "FederatedUser", "sessionContext": {"sessionIssuer": {"type": "Root"}}}}
    ),
    merge_patch(CALL, {"eventSource": "cloudtrail.amazonaws.com", "userIdentity": USER, "readOnly": None}),
    merge_patch(CALL, {**DELETE, "userIdentity": USER}),
    merge_patch(CALL, {**DELETE, "userIdentity": None}),
    merge_patch(CALL, {**DELETE, "eventName": "DeleteObjects", "requestParameters": {}, "userIdentity": USER}),
    # Each once, though they are candidates for two reasons.
    merge_patch(CALL, DELETE),
    merge_patch(
        CALL,
        {**DELETE, "userIdentity": {"type": "FederatedUser", "sessionContext": {"sessionIssuer": {"type": "Root"}}}},
    ),
]
NO_CANDIDATES = [
    merge_patch(CALL, {"userIdentity": USER, **patch})
    for patch in (
        {},
        {"eventName": "ListMFADevices"},
        {"eventName": "AssumeRoot"},
        {"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole"},
        {"eventSource": "cloudtrail.amazonaws.com", "eventName": "DescribeTrails", "readOnly": True},
        {"eventSource": "s3.amazonaws.com", "eventName": "GetObject"},
        {**DELETE, "eventName": "DeleteObjectTagging"},
        {**DELETE, "eventSource": "example.amazonaws.com"},
        {**DELETE, "requestParameters": {"bucketName": "logs", "key": "reports/1"}},
        {**DELETE, "requestParameters": {"bucketName": "logs"}},
        {"eventSource": "glacier.amazonaws.com", "eventName": "DeleteBucket"},
        {"eventSource": "cognito-idp.amazonaws.com", "eventName": "DeleteUser"},
        {"eventSource": "logs.amazonaws.com", "eventName": "DeleteLogStream"},
        {"eventSource": "example.amazonaws.com", "eventName": "DeleteLogGroup"},
        {"eventSource": "kms.amazonaws.com", "eventName": "Decrypt"},
        {"eventSource": "example.amazonaws.com", "eventName": "DisableKey"},
        {"eventSource": "example.amazonaws.com", "eventName": "LeaveOrganization"},
        {"eventSource": "organizations.amazonaws.com", "eventName": "ListAccounts"},
    )
]


def test_the_candidates_are_what_the_catalogue_needs_and_no_more() -> None:
    records = with_event_ids(CANDIDATES + NO_CANDIDATES)
    with Engine(TableEvents(to_table(*records)), threads=1) as engine:
        rows = engine.query("SELECT logFileIndex FROM candidates ORDER BY ALL").read_all()
        raw = engine.query("FROM parts LIMIT 0").read_all().schema.names
        columns = engine.query("FROM candidates LIMIT 0").read_all().schema.names
    assert rows["logFileIndex"].to_pylist() == list(range(len(CANDIDATES)))
    assert columns[: len(raw)] == raw


@pytest.mark.parametrize(
    ("macro", "members", "others"),
    [
        (
            "is_permission_error_code",
            "AccessDenied AccessDeniedException UnauthorizedOperation Client.UnauthorizedOperation UnauthorizedAccess "
            "NotAuthorized VpceAccessDenied NotOrganizationMasterAccountException",
            "accessdenied NoSuchEntity Throttling",
        ),
        (
            "is_console_user_agent",
            "console.amazonaws.com console.amazonaws.com.cn signin.amazonaws.com signin.amazonaws.com.cn Coral/Netty4 "
            "[console.amazonaws.com]",
            "console.ec2.amazonaws.com aws-cli Coral/Netty",
        ),
        (
            "is_sign_in_region",
            "us-east-1 cn-north-1 us-gov-west-1 us-iso-east-1 us-isob-east-1 eusc-de-east-1",
            "us-east-2 cn-northwest-1 us-gov-east-1",
        ),
        (
            "is_service_name",
            "ec2.amazonaws.com signin.amazonaws.com ec2.amazonaws.com.cn eu-1.ec2.amazonaws.eu",
            "amazonaws.com ec2.amazonaws.com.example ec2xamazonaws.com 198.51.100.7",
        ),
        (
            "is_signin_name",
            "signin.amazonaws.com signin.amazonaws.com.cn",
            "x.signin.amazonaws.com signinxamazonaws.com",
        ),
        (
            "is_root_arn",
            "arn:aws:iam::1:root arn:aws-cn:iam::1:root arn:aws-us-gov:iam::1:root arn:aws-iso-b:iam::1:root "
            "arn:aws:iam:::root arn:aws:iam::XXXXXXXXXXXX:root arn:aws:iam::<account-id>:root arn:aws:iam::****:root",
            "arn:aws:iam::1:user/root arn:aws:sts::1:root arn:aws:iam::user/x:root arn:aws:iam::1:user:root "
            "xarn:aws:iam::1:root arn:aws:iam::1:root/x arn:aws.y:iam::1:root",
        ),
        (
            "is_read_verb",
            "GetUser ListUsers DescribeRegions HeadBucket LookupEvents BatchGetItem BatchDescribeX SearchX QueryX "
            "Query ScanX SelectX SimulateX ViewX Get2 Decrypt",
            "Getaway CreateGet Put Listen DeleteView Decryption",
        ),
    ],
)
def test_the_members_of_a_word(macro: str, members: str, others: str) -> None:
    with Engine(TableEvents(to_table(LOGIN)), threads=1) as engine:
        for words, expected in ((members.split(), True), (others.split(), False)):
            sql = f"SELECT word FROM (SELECT unnest({words}) AS word) WHERE {macro}(word) IS DISTINCT FROM {expected}"
            assert engine.query(sql).read_all().to_pylist() == []
        assert engine.query(f"SELECT {macro}(NULL) AS known").read_all().to_pylist() == [{"known": False}]


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-east-1", "aws-us-gov"),
        ("us-iso-west-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_the_partition_of_a_region(region: str, partition: str) -> None:
    with Engine(TableEvents(to_table(LOGIN)), threads=1) as engine:
        assert engine.query(f"SELECT partition_of('{region}') AS p").read_all().to_pylist() == [{"p": partition}]


def test_hidden_copies_are_no_candidates() -> None:
    with Engine(TableEvents(to_table(LOGIN, LOGIN)), threads=1) as engine:
        assert engine.query("SELECT logFileIndex FROM candidates").read_all().to_pylist() == [{"logFileIndex": 0}]


def buckets(*files: tuple[str, *tuple[dict[str, Any], ...]]) -> list[str]:
    """The buckets that these log files, each with its records, count as read from."""
    tables = [decode_log_file(json.dumps({"Records": records}).encode(), name).table for name, *records in files]
    with Engine(TableEvents(pa.concat_tables(tables)), threads=1) as engine:
        rows: list[str] = engine.query("FROM log_file_buckets ORDER BY ALL").read_all()["bucket"].to_pylist()
    return rows


def test_a_log_file_lies_in_a_bucket_only_where_it_was_read_from_s3() -> None:
    assert buckets(("s3://trail/AWSLogs/1/a.json.gz", LOGIN)) == ["trail"]
    assert buckets(("file:///s3/trail/a.json.gz", LOGIN), ("s3", CALL), ("stdin:s3://", CALL)) == []


def test_a_bucket_of_which_only_copies_were_read_was_read_from() -> None:
    of_another = merge_patch(CALL, {"userIdentity": USER})  # no candidate, and so no reason to know its bucket
    shown = ("s3://organisation/a", LOGIN, of_another)
    assert buckets(shown, ("s3://trail/b", LOGIN), ("s3://other/c", of_another)) == ["organisation", "trail"]


def test_root_login_failures_are_the_other_attempts() -> None:
    failed = merge_patch(LOGIN, {"eventID": None, "responseElements": {"ConsoleLogin": "Failure"}})
    challenge = merge_patch(
        LOGIN, {"eventID": None, "eventName": "CheckMfa", "responseElements": {"CheckMfa": "Failure"}}
    )
    with Engine(TableEvents(to_table(LOGIN, failed, challenge)), threads=1) as engine:
        for view, index in (("root_logins", 0), ("root_login_failures", 1)):
            rows = engine.query(f"SELECT logFileIndex FROM {view}").read_all()
            assert rows.to_pylist() == [{"logFileIndex": index}]


@pytest.mark.parametrize(
    ("view", "name"), [("mfa_deactivations", "DeactivateMFADevice"), ("mfa_activations", "EnableMFADevice")]
)
def test_calls_of_other_services_by_the_same_name_are_no_calls_about_mfa(view: str, name: str) -> None:
    calls = [
        merge_patch(CALL, {"eventName": name, "eventSource": f"{one}.amazonaws.com"}) for one in ("iam", "example")
    ]
    with Engine(TableEvents(to_table(*with_event_ids(calls))), threads=1) as engine:
        rows = engine.query(f"SELECT logFileIndex FROM {view}").read_all().to_pylist()
    assert rows == [{"logFileIndex": 0}]


STOP = {**TRAIL, "userIdentity": USER, "requestParameters": {"name": "main"}}
START = {**STOP, "eventName": "StartLogging", "eventTime": "2026-03-01T10:00:00Z"}
NOBODY = {"userIdentity": {"type": "Root", "arn": None, "accessKeyId": None}, "sourceIPAddress": None}


@pytest.mark.parametrize(
    ("stop", "start", "count"),
    [
        ({}, {}, 1),
        ({}, {"userIdentity": ROLE}, 1),  # whoever starts it
        ({}, {"eventTime": "2026-03-01T09:00:00Z"}, 1),
        ({}, {"eventTime": "2026-03-01T08:59:59Z"}, 0),
        ({}, {"eventTime": "2026-03-03T09:00:00Z"}, 1),
        ({}, {"eventTime": "2026-03-03T09:00:01Z"}, 0),
        ({}, {"eventName": "CreateTrail"}, 0),
        ({}, {"eventSource": "iam.amazonaws.com", "userIdentity": {"type": "Root"}}, 0),
        ({}, {"errorCode": "AccessDenied"}, 0),
        ({}, {"requestParameters": {"name": "other"}}, 0),
        ({"eventName": "DeleteTrail"}, {}, 0),
        ({"errorCode": "AccessDenied"}, {}, 0),
        (NOBODY, {}, 0),
    ],
)
def test_a_trails_absence_is_from_a_stop_to_a_start(stop: dict[str, Any], start: dict[str, Any], count: int) -> None:
    records = with_event_ids([merge_patch(CALL, {**STOP, **stop}), merge_patch(CALL, {**START, **start})])
    with Engine(TableEvents(to_table(*records)), threads=1) as engine:
        rows = engine.query("FROM trail_gaps").read_all().to_pylist()
    assert len(rows) == count
    assert {row["caller"] for row in rows} <= {f"arn:aws:iam::{ACCOUNT}:user/staff/alice"}


def test_a_group_key_is_never_null_and_never_ambiguous() -> None:
    lists = ["['a', NULL]", "[NULL, 'a']", "['a\",\"b']", "['a', 'b']"]
    with Engine(TableEvents(to_table(LOGIN)), threads=1) as engine:
        sql = " UNION ALL ".join(f"SELECT group_key({values}) AS key FROM candidates" for values in lists)
        keys = engine.query(sql).read_all()["key"].to_pylist()
    assert len(set(keys)) == len(lists)
    assert None not in keys


# Log content is hostile


DEEP = "[" * 1000 + "]" * 1000
JSON_FIELDS = [field.name for field in RECORD.fields if field.kind is Kind.JSON]
HOSTILE = [
    r'"\ud800"',
    r'{"userName":"\ud800","ConsoleLogin":"\udfff"}',
    DEEP,
    f'{{"userName":{DEEP}}}',
    "[1,{}]",
    "1e999",
]
HOSTILE += [
    "12",
    '"prose"',
    '"{\\"userName\\": 1"',
    '{"a":1,"a":2}',
    "true",
    "null",
    '""',
    '{"":{"":null}}',
    "NaN",
    "{",
    "'",
]


def assert_nothing_fails(table: pa.Table) -> None:
    with Engine(TableEvents(table), threads=1) as engine:
        sql = "SELECT table_name FROM duckdb_tables() UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal"
        views = engine.query(sql).read_all()["table_name"].to_pylist()
        assert {"all_events", "root_logins", "reported_alone", "candidates"} <= set(views)
        assert engine.query("SELECT count(*) AS n FROM candidates").read_all().to_pylist() == [{"n": table.num_rows}]
        for view in views:
            engine.query(f'FROM "{view}"').read_all()
        for rule in load_rules(shipped_rules_directory()).rules:
            engine.run(rule)


def with_event_ids(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**record, "eventID": f"{index:08d}-0000-4000-8000-000000000000"} for index, record in enumerate(records)]


def test_no_value_of_a_json_column_fails_a_view_or_a_rule() -> None:
    names = {
        "signin.amazonaws.com": "ConsoleLogin",
        "iam.amazonaws.com": "DeactivateMFADevice",
        "sts.amazonaws.com": "AssumeRoot",
        "cloudtrail.amazonaws.com": "$.[",
        "account.amazonaws.com": "PasswordRecovery/~",
    }
    records = [merge_patch(CALL, {"eventSource": source, "eventName": name}) for source, name in names.items()]
    records += [merge_patch(record, {"userIdentity": USER}) for record in records]
    records += [merge_patch(CALL, {"eventName": name}) for name in ("CreateAccessKey", "UpdateAccessKey")]
    table = to_table(*with_event_ids(records * len(HOSTILE)))
    texts = pa.array([text for text in HOSTILE for _ in records], pa.string())
    for field in [*JSON_FIELDS, "extra"]:
        place = table.schema.get_field_index(field)
        table = table.set_column(place, table.schema.field(place), texts)
    assert_nothing_fails(table)


def test_no_value_of_a_text_column_fails_a_view_or_a_rule() -> None:
    fields = ["eventName", "eventSource", "userAgent", "sourceIPAddress", "errorMessage", "awsRegion"]
    values = ["", "\x00", "\x1b[2J", "'; DROP VIEW events; --", "🦆" * 1000, "$[", "on resource: "]
    records = [
        {**record, field: value}
        for record in (LOGIN, CALL, merge_patch(CALL, OFF))
        for field in fields
        for value in values
    ]
    assert_nothing_fails(to_table(*with_event_ids(records)))


def test_what_rules_report_alone_follows_from_their_metadata(tmp_path: Path) -> None:
    shutil.copytree(shipped_rules_directory(), tmp_path, dirs_exist_ok=True)
    created = tmp_path / "root_access_key_created.sql"
    rule = parse_rule(shipped_rules_directory() / "root_api_call.sql")
    call = merge_patch(CALL, {"eventName": "CreateAccessKey"})

    def reported() -> int:
        with Engine(TableEvents(to_table(call)), definitions=tmp_path, threads=1) as engine:
            return len(engine.run(rule))

    assert reported() == 0
    lines = created.read_text().splitlines(keepends=True)
    created.write_text("".join(line for line in lines if not line.startswith("-- reports_alone")))
    assert reported() == 1


def test_many_long_documents_do_not_use_up_the_memory_of_all_rules() -> None:
    """Whatever looks into a document of JSON keeps that of each row of a vector: here some 400 MB for 9 MB of logs."""
    call = CALL | {"eventSource": "ssm.amazonaws.com", "eventName": "PutParameter"}
    records = [
        call | {"eventID": str(uuid5(NAMESPACE_URL, str(n))), "requestParameters": {"value": f"{n}" * 30_000}}
        for n in range(100, 200)
    ]
    table = decode_log_file(json.dumps({"Records": [LOGIN, *records]}).encode(), "s3://trail/a.json.gz").table
    with Engine(TableEvents(table), memory_limit="150MB", threads=1) as engine:
        rows = engine.query("SELECT event_id, requestParameters ->> 'value' AS value FROM candidates").read_all()
        assert len(engine.run(parse_rule(shipped_rules_directory() / "root_console_login_without_mfa.sql"))) == 1
    values = dict(zip(*rows.to_pydict().values(), strict=True))
    assert {values[record["eventID"]] for record in records} == {
        record["requestParameters"]["value"] for record in records
    }
    assert len(values) == len(records) + 1
