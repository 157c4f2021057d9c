"""The calls of `posture --live` over HTTP: one account whose settings a test chooses, and refusals on demand."""

from __future__ import annotations

import base64
import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from tests.loopback import serve

ACCOUNT = "111122223333"
MANAGEMENT = "444455556666"
DATE = "Sun, 08 Mar 2026 09:00:00 GMT"  # NOW
NOW = datetime(2026, 3, 8, 9, tzinfo=UTC)
BUCKET = "example-trail"
TRAIL = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/main"
REPORT_HEAD = (
    "user,arn,user_creation_time,password_enabled,password_last_used,mfa_active,access_key_1_last_used_date,"
    "access_key_2_last_used_date,additional_credentials_info,access_key_1_active,cert_2_active"
)

S3_CALLS = {
    "lifecycle": "GetBucketLifecycleConfiguration",
    "object-lock": "GetObjectLockConfiguration",
    "policy": "GetBucketPolicy",
    "publicAccessBlock": "GetPublicAccessBlock",
    "versioning": "GetBucketVersioning",
}


def report(
    password: str = "N/A", key_1: str = "N/A", key_2: str = "N/A", more: str = "N/A", has: str = "mfa_active"
) -> str:
    """A credential report: root, which has one thing, and a user whose name begins like root's row."""
    mfa, key, certificate = (str(one == has).upper() for one in ("mfa_active", "access_key_1_active", "cert_2_active"))
    root = f"<root_account>,arn:aws:iam::{ACCOUNT}:root,,not_supported,{password},{mfa},{key_1},{key_2},{more}"
    root += f",{key},{certificate}"
    user = f"root_account,arn:aws:iam::{ACCOUNT}:user/root_account,,,2026-03-08T08:00:00+00:00,,,,,,"
    return f"{REPORT_HEAD}\n{root}\n{user}\n"


def good_account() -> dict[str, Any]:
    """A member account in which everything is as it should be: operation → answer, or the code of an error."""
    return {
        "sts:GetCallerIdentity": {"Account": ACCOUNT, "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Audit/x"},
        "iam:GetAccountSummary": {
            "SummaryMap": {
                "AccountMFAEnabled": 1, "AccountPasswordPresent": 1, "AccountAccessKeysPresent": 0,
                "AccountSigningCertificatesPresent": 0, "MFADevicesInUse": 2,
            }
        },
        "iam:ListVirtualMFADevices": {"VirtualMFADevices": [], "IsTruncated": False},
        "iam:GetCredentialReport": {"Content": report(), "GeneratedTime": "2026-03-08T07:00:00Z"},
        "iam:GenerateCredentialReport": {"State": "STARTED"},
        "iam:ListOrganizationsFeatures": {"EnabledFeatures": ["RootCredentialsManagement", "RootSessions"]},
        "iam:ListEntitiesForPolicy": {
            "PolicyUsers": [{"UserName": "erin", "UserId": "AIDA"}], "PolicyGroups": [], "PolicyRoles": [],
        },
        "iam:ListRoles": {"Roles": [], "IsTruncated": False},
        "account:GetAlternateContact": {
            "AlternateContact": {"AlternateContactType": "SECURITY", "EmailAddress": "security@example.com"},
        },
        "organizations:DescribeOrganization": {"Organization": {"Id": "o-1", "MasterAccountId": MANAGEMENT}},
        "cloudtrail:DescribeTrails": {
            "trailList": [
                {
                    "Name": "main", "TrailARN": TRAIL, "HomeRegion": "eu-west-1", "IsMultiRegionTrail": True,
                    "LogFileValidationEnabled": True, "KmsKeyId": "arn:aws:kms:eu-west-1:1:key/x",
                    "S3BucketName": BUCKET,
                    "CloudWatchLogsLogGroupArn": f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:trail:*",
                }
            ]
        },
        "cloudtrail:GetTrailStatus": {
            "IsLogging": True,
            "LatestDeliveryTime": NOW.timestamp() - 300, "LatestDigestDeliveryTime": NOW.timestamp() - 3_600,
        },
        "cloudtrail:GetEventSelectors": {
            "TrailARN": TRAIL, "EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True}],
        },
        "logs:DescribeMetricFilters": {
            "metricFilters": [
                {
                    "filterPattern": '{ $.userIdentity.type = "Root" && $.eventType != "AwsServiceEvent" }',
                    "metricTransformations": [
                        {"metricName": "root", "metricNamespace": "security", "metricValue": "1"}
                    ],
                }
            ]
        },
        "cloudwatch:DescribeAlarms": {
            "MetricAlarms": [
                {
                    "AlarmName": "root-used", "MetricName": "root", "Namespace": "security", "ActionsEnabled": True,
                    "AlarmActions": ["arn:aws:sns:eu-west-1:1:alarms"],
                }
            ]
        },
        "events:ListRules": {"Rules": []},
        "guardduty:ListDetectors": {"detectorIds": ["d-1"]},
        "guardduty:GetDetector": {"status": "ENABLED", "serviceRole": "x"},
        "s3:GetBucketVersioning": {"Status": "Enabled"},
        "s3:GetObjectLockConfiguration": {
            "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 400}},
        },
        "s3:GetPublicAccessBlock": dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        ),
        "s3:GetBucketPolicy": json.dumps(
            {
                "Statement": [
                    {
                        "Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
                        "Action": "s3:PutObject", "Resource": "*",
                    }
                ]
            }
        ),
        "s3:GetBucketLifecycleConfiguration": "NoSuchLifecycleConfiguration",
        **root_alone(),
    }  # fmt: skip


def root_alone() -> dict[str, Any]:
    """What a session of AssumeRoot finds: root with two passkeys, a password and no keys."""
    root = f"arn:aws:iam::{ACCOUNT}"
    devices = [
        {"UserName": "root", "SerialNumber": f"{root}:u2f/root/vault-{number}", "EnableDate": "2025-11-02T00:00:00Z"}
        for number in (1, 2)
    ]
    return {
        "iam:ListMFADevices": {"MFADevices": devices, "IsTruncated": False},
        "iam:GetLoginProfile": {"LoginProfile": {"UserName": "root", "CreateDate": "2021-05-03T00:00:00Z"}},
        "iam:GetUser": {
            "User": {
                "Path": "/", "UserName": "root", "UserId": ACCOUNT, "Arn": f"{root}:root",
                "CreateDate": "2021-05-03T00:00:00Z",
            }
        },
        "iam:ListAccessKeys": {"AccessKeyMetadata": [], "IsTruncated": False},
        "iam:GetAccessKeyLastUsed": {
            "UserName": "root",
            "AccessKeyLastUsed": {
                "LastUsedDate": "2026-03-01T08:00:00Z", "ServiceName": "s3", "Region": "us-east-1",
            },
        },
    }  # fmt: skip


@dataclass
class AccountServer:
    """The settings of one account, and the calls that were made."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=good_account)
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)  # operation, region, parameters
    callers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # account → operations
    closed_roles: set[str] = field(default_factory=set)  # accounts in which the role cannot be assumed
    closed_roots: set[str] = field(default_factory=set)  # accounts whose root cannot be assumed
    expired: set[str] = field(default_factory=set)  # accounts whose sessions are refused
    at_once: int = 0  # requests that are being answered
    most_at_once: int = 0
    throttled: dict[str, int] = field(default_factory=dict)  # operation → how many times yet it is refused
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def variables(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.url}

    @property
    def asked(self) -> set[str]:
        return {operation for operation, _, _ in self.calls}

    def reset(self) -> None:
        """Make everything as it should be, and forget the calls."""
        self.answers = good_account()
        self.calls.clear()
        for each in (self.callers, self.closed_roles, self.closed_roots, self.expired, self.throttled):
            each.clear()

    def deny(self, operation: str) -> None:
        """Refuse a call, as its service does."""
        xml = operation.partition(":")[0] in ("iam", "s3", "sts")
        self.answers[operation] = "AccessDenied" if xml else "AccessDeniedException"

    def answer(self, account: str, operation: str, region: str, parameters: dict[str, Any]) -> object:
        self.calls.append((operation, region, parameters))
        self.callers[account].add(operation)
        if account in self.expired:
            return "ExpiredToken"
        if self.throttled.get(operation):
            self.throttled[operation] -= 1
            return "Throttling"
        if operation in ("sts:AssumeRole", "sts:AssumeRoot"):
            return self._assume(operation, parameters)
        answer = self.answers[operation]
        return (answer.pop(0) if len(answer) > 1 else answer[0]) if isinstance(answer, list) else answer

    def _assume(self, operation: str, parameters: dict[str, Any]) -> object:
        is_root = operation == "sts:AssumeRoot"
        account = parameters["TargetPrincipal"] if is_root else parameters["RoleArn"].split(":")[4]
        if account in (self.closed_roots if is_root else self.closed_roles) or operation in self.answers:
            return "AccessDenied"
        token = "root" if is_root else "role"
        key = {"AccessKeyId": f"ASIA{account}", "SecretAccessKey": "x", "SessionToken": token}
        return {"Credentials": {**key, "Expiration": "2036-03-08T10:00:00Z"}}

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Count the requests that are answered side by side."""
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            yield
        finally:
            with self._lock:
                self.at_once -= 1


class Handler(BaseHTTPRequestHandler):
    wbufsize = -1  # headers and body in one segment: the client would wait for the second
    server_state: AccountServer

    def do_POST(self) -> None:
        with self.server_state.answering():
            self._answer()

    do_GET = do_POST  # noqa: N815 - http.server's name

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        key, _, region, service, *_ = self.headers["Authorization"].partition("Credential=")[2].split("/")
        service = "cloudwatch" if service == "monitoring" else service
        path, _, query = self.path.partition("?")
        if service in ("iam", "sts"):
            parameters: dict[str, Any] = dict(parse_qsl(body.decode()))
            name = parameters["Action"]
        elif service == "s3":
            parameters, name = {"Bucket": path.strip("/")}, S3_CALLS[query]
        elif service == "guardduty":
            parameters, name = {}, "GetDetector" if path.count("/") > 1 else "ListDetectors"
        else:
            parameters = json.loads(body or b"{}")
            name = (self.headers["X-Amz-Target"] or "").rpartition(".")[2] or path.strip("/")[:1].upper() + path[2:]
        account = key.removeprefix("ASIA") if key.startswith("ASIA") else ACCOUNT
        answer = self.server_state.answer(account, f"{service}:{name}", region, parameters)
        if service in ("iam", "sts"):
            return self._reply_xml(name, answer)
        if service == "s3":
            return self._reply_s3(name, answer)
        status = 400 if isinstance(answer, str) else 200
        found: Any = {"__type": answer, "message": "no"} if isinstance(answer, str) else answer
        return self._reply(status, json.dumps(found).encode(), "application/json", str(found.get("__type", "")))

    def _reply_s3(self, name: str, answer: object) -> None:
        if isinstance(answer, str) and not answer.startswith("{"):
            error = f"<Error><Code>{answer}</Code><Message>no</Message></Error>"
            return self._reply(403 if answer == "AccessDenied" else 404, error.encode(), "application/xml")
        text = answer if isinstance(answer, str) else f"<{name}>{_flat_xml(answer)}</{name}>"
        return self._reply(200, text.encode(), "application/xml")

    def _reply_xml(self, name: str, answer: object) -> None:
        if isinstance(answer, str):
            error = f"<Error><Code>{answer}</Code><Message>no</Message></Error><RequestId>r-1</RequestId>"
            text = f"<ErrorResponse>{error}</ErrorResponse>"
            return self._reply(503 if answer in ("ServiceFailure", "Throttling") else 400, text.encode(), "text/xml")
        meta = "<ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata>"
        text = f"<{name}Response><{name}Result>{_xml(answer)}</{name}Result>{meta}</{name}Response>"
        return self._reply(200, text.encode(), "text/xml")

    def _reply(self, status: int, body: bytes, kind: str, error: str = "") -> None:
        self.send_response_only(status)
        self.send_header("Date", DATE)
        self.send_header("Content-Type", kind)
        self.send_header("x-amzn-RequestId", "r-1")
        self.send_header("x-amz-request-id", "r-1")
        if error:
            self.send_header("x-amzn-ErrorType", error)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _flat_xml(value: object) -> str:
    """Return a value as S3 has it, whose lists have no element of their own."""
    if not isinstance(value, dict):
        return _xml(value)
    items = ((key, each) for key, one in value.items() for each in (one if isinstance(one, list) else [one]))
    return "".join(f"<{key}>{_flat_xml(one)}</{key}>" for key, one in items)


def _xml(value: object) -> str:
    match value:
        case dict():
            return "".join(f"<{key}>{_member(key, one)}</{key}>" for key, one in value.items())
        case list():
            return "".join(f"<member>{_xml(one)}</member>" for one in value)
        case bool():
            return str(value).lower()
        case _:
            return escape(str(value))


def _member(key: str, value: object) -> str:
    if key == "SummaryMap" and isinstance(value, dict):
        return "".join(f"<entry><key>{name}</key><value>{count}</value></entry>" for name, count in value.items())
    if key == "Content":
        return base64.b64encode(str(value).encode()).decode()
    return _xml(value)


@contextmanager
def serve_account() -> Iterator[AccountServer]:
    """Serve an account that is as it should be, on a free port of loopback."""
    state = AccountServer()
    with serve(Handler, server_state=state) as port:
        state.url = f"http://127.0.0.1:{port}"
        yield state
