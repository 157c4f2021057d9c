"""Log files of a flood: one root session that makes very many calls, and hides one that matters among them.

DATA/flood-EVENTS/AWSLogs/ACCOUNT/CloudTrail/us-east-1/YYYY/MM/DD/….json.gz
DATA/flood-EVENTS.made                                                      it is there in whole
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

ACCOUNT: Final = "111122223333"
HIDDEN: Final = "StopLogging"  # the call that matters
_SIGNED_IN: Final = datetime(2026, 3, 1, 9, 0)  # noqa: DTZ001 - UTC, written without a zone
_LASTS: Final = timedelta(hours=12)  # as long as a session of the console does
_RECORDS_OF_A_FILE: Final = 4_000
_CALLS: Final = (
    ("ec2", "DescribeInstances", True),
    ("s3", "ListBuckets", True),
    ("iam", "ListUsers", True),
    ("tagging", "GetResources", True),
    ("ec2", "CreateTags", False),
    ("s3", "PutBucketTagging", False),
)
_ADDRESSES: Final = 50


def flood(data: Path, events: int) -> Path:
    """Return a folder with a flood of so many events below `data`; it is made when it is not there yet."""
    target, finished = data / f"flood-{events}", data / f"flood-{events}.made"
    if finished.exists():
        return target
    shutil.rmtree(target, ignore_errors=True)
    for first in range(0, events, _RECORDS_OF_A_FILE):
        records = list(_records(first, min(first + _RECORDS_OF_A_FILE, events), events))
        last = datetime.fromisoformat(records[-1]["eventTime"].removesuffix("Z"))
        path = target / f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/{last:%Y/%m/%d}"
        path.mkdir(parents=True, exist_ok=True)
        name = f"{ACCOUNT}_CloudTrail_us-east-1_{last + timedelta(minutes=5):%Y%m%dT%H%MZ}_{first:016X}.json.gz"
        (path / name).write_bytes(gzip.compress(json.dumps({"Records": records}).encode(), 6, mtime=0))
    finished.touch()
    return target


def _records(first: int, end: int, events: int) -> Iterator[dict[str, Any]]:
    for number in range(first, end):
        if number == 0:
            yield _record(number, events, "signin", "ConsoleLogin", is_read=False) | {
                "eventType": "AwsConsoleSignIn",
                "responseElements": {"ConsoleLogin": "Success"},
                "additionalEventData": {"MFAUsed": "No"},
            }
        elif number == events // 2:
            yield _record(number, events, "cloudtrail", HIDDEN, is_read=False) | {
                "requestParameters": {"name": f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/security"}
            }
        else:
            service, name, is_read = _CALLS[number % len(_CALLS)]
            yield _record(number, events, service, name, is_read=is_read)


def _record(number: int, events: int, service: str, name: str, *, is_read: bool) -> dict[str, Any]:
    time = _SIGNED_IN + _LASTS * number / events
    denied = {"errorCode": "AccessDenied", "errorMessage": "Access Denied"} if number % 97 == 96 else {}
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "Root",
            "principalId": ACCOUNT,
            "arn": f"arn:aws:iam::{ACCOUNT}:root",
            "accountId": ACCOUNT,
            "accessKeyId": "" if name == "ConsoleLogin" else f"ASIAFLOOD{number % 9:011}",
            **({} if name == "ConsoleLogin" else {"sessionContext": {"attributes": _SESSION}}),
        },
        "eventTime": f"{time:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": f"203.0.113.{number % _ADDRESSES}",
        "userAgent": "aws-cli/2.27.0 md/awscrt#0.26.1 ua/2.1 os/linux#6.8",
        "requestParameters": None,
        "responseElements": None,
        "eventID": str(UUID(int=number + 2**80)),
        "readOnly": is_read,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        **denied,
    }


_SESSION: Final = {"creationDate": f"{_SIGNED_IN:%Y-%m-%dT%H:%M:%SZ}", "mfaAuthenticated": "false"}
