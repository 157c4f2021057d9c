"""Records whose every word was chosen by an attacker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from detector import Lake
from tests.running import LOGIN, write_log

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
LINK = "[click](javascript:alert(1)) | # @everyone `x` https://evil.example ![i](https://evil.example/i)"
TURNED = "\u202egnp.exe\u202c\x1b]0;title\x07\u200b"
WORDS = (SCRIPT, IMAGE, LINK, TURNED)
_SESSION = {"attributes": {"creationDate": "2025-03-04T09:52:10Z", "mfaAuthenticated": "false"}}


def hostile_records() -> list[dict[str, Any]]:
    """One session of root: every value that can be anything is."""
    alias = {
        "eventSource": "iam.amazonaws.com", "eventName": "CreateAccountAlias", "eventType": "AwsApiCall",
        "requestParameters": {"accountAlias": IMAGE}, "additionalEventData": None, "responseElements": None,
    }  # fmt: skip
    user = alias | {"eventName": "CreateUser", "requestParameters": {"userName": SCRIPT}}
    trail = alias | {
        "eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging",
        "requestParameters": {"name": f"{TURNED}{LINK}"},
    }  # fmt: skip
    denied = alias | {"eventName": f"Get{SCRIPT}", "errorCode": IMAGE, "errorMessage": LINK}
    elsewhere = alias | {"awsRegion": LINK, "eventSource": IMAGE, "eventName": LINK}
    records = [LOGIN | {"userAgent": SCRIPT, "sourceIPAddress": IMAGE}]
    for number, change in enumerate((alias, user, trail, denied, elsewhere)):
        identity = LOGIN["userIdentity"] | {"accessKeyId": "ASIAEXAMPLE", "sessionContext": _SESSION, "userName": IMAGE}
        records.append(
            LOGIN
            | {
                "userAgent": WORDS[number % 4] + "x" * 2_000,
                "sourceIPAddress": WORDS[number % 4],
                "userIdentity": identity,
            }
            | {"eventTime": f"2025-03-04T09:5{number + 3}:00Z", "eventID": f"{LINK}{IMAGE}{number}"}
            | change
        )
    records.append(
        LOGIN | {"recipientAccountId": SCRIPT, "userIdentity": LOGIN["userIdentity"] | {"accountId": SCRIPT}}
    )
    return records


def hostile_lake(folder: Path) -> Path:
    write_log(folder / "logs" / f"{LINK.replace('/', '')[:40]}.json.gz", *hostile_records())
    Lake(folder / "lake").ingest(folder / "logs")
    return folder / "lake"
