"""The program called in this process, and a log file for it."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOGIN: dict[str, Any] = {
    "eventVersion": "1.08",
    "userIdentity": {"type": "Root", "principalId": "111122223333", "arn": "arn:aws:iam::111122223333:root",
                     "accountId": "111122223333", "accessKeyId": ""},
    "eventTime": "2025-03-04T09:52:10Z", "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin",
    "awsRegion": "us-east-1", "sourceIPAddress": "203.0.113.9", "userAgent": "Mozilla/5.0",
    "requestParameters": None, "responseElements": {"ConsoleLogin": "Success"},
    "additionalEventData": {"MFAUsed": "No"}, "eventID": "7d1f7c1e-0001-4c6e-9a40-0d6f0d7b7a11",
    "readOnly": False, "eventType": "AwsConsoleSignIn", "recipientAccountId": "111122223333",
}  # fmt: skip

# What tests of the way from a log to an output run: alerts of several severities, at a tenth of what all rules cost.
FEW_RULES = (
    "root_api_call", "root_console_login", "root_console_login_without_mfa", "root_mfa_deactivated",
    "root_read_activity", "root_sensitive_read", "trail_stopped_or_deleted",
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def alerts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("error: ")]


Run = Callable[..., Result]


def write_log(path: Path, *records: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps({"Records": records}).encode(), mtime=0))
    return path


def aws_environment(s3_url: str, folder: Path) -> dict[str, str]:
    """The variables of a person whose S3 is the test server, without the machine's own AWS settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ACCESS_KEY_ID": "AKIATESTING",
        "AWS_SECRET_ACCESS_KEY": "the-secret-of-the-tests",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_S3": s3_url,
        "AWS_CONFIG_FILE": str(folder / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "aws-credentials"),
    }
