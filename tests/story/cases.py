"""Records of root at work, a scene for each thing that a story must get right, an account each."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from detector.alerts.alert import Alert, Subject, make_alert
from detector.records.log_file import decode_log_file
from detector.severity import Severity
from detector.story.story import Story
from fixtures.callers import (
    Caller,
    Json,
    example_id,
    iam_user,
    iam_user_console,
    iam_user_login,
    role,
    root,
    root_by_service,
    root_console,
    root_key,
)
from fixtures.calls import credentials
from fixtures.story import Story as Script
from fixtures.story import login_details
from tests.alerts.samples import NOW, finding

FIXTURES = Path(__file__).parents[2] / "fixtures"
TRAILS, RECORDS = FIXTURES / "trails", FIXTURES / "records"
HOME, AWAY = "198.51.100.10", "203.0.113.200"
LOGIN = "2026-03-02T09:00:00Z"

KEYS, NEAR, AFTERWARDS, LATER_DAY, TOKEN, OLD_USER, NEW_ROLE, OPENED, SERVICE, FLOOD, LOST, SERVICE_NAME = (
    f"1000000000{number:02}" for number in range(12)
)
ROOT_KEY = "AKIAI44QH8DHBEXAMPLE"


def at(clock: str) -> str:
    """`09:05` of the day of the sign-in, or a whole time."""
    return clock if "T" in clock else f"2026-03-02T{clock}:00Z"


def sign_in(script: Script, account: str, clock: str = "09:00", ip: str = HOME, outcome: str = "Success") -> None:
    script.sign_in(at(clock), root(account, ip), outcome=outcome, details=login_details("No"))


def session_of(account: str, key: str | None = None, ip: str = HOME) -> Caller:
    """Root in the session that began at LOGIN, by one of its access keys."""
    caller = root_console(account, ip, LOGIN, mfa=False)
    return caller if key is None else Caller(**{**vars(caller), "identity": {**caller.identity, "accessKeyId": key}})


def without_session(account: str, ip: str = HOME) -> Caller:
    """Root as pages of the billing console call: no session, no key."""
    return root(account, ip)


@cache
def records() -> tuple[Json, ...]:
    script = Script("stories")
    for number in range(9):
        key = example_id("ASIA", KEYS, str(number))
        script.call(at(f"09:{10 + number}"), session_of(KEYS, key), "ec2:DescribeInstances")
    sign_in(script, KEYS)

    sign_in(script, NEAR)
    script.call(at("09:10"), session_of(NEAR), "s3:ListBuckets")
    script.call(at("08:44"), without_session(NEAR), "billingconsole:TooEarly")
    script.call(at("08:45"), without_session(NEAR), "billingconsole:GetPaymentMethods")
    script.call(at("09:25"), without_session(NEAR), "billingconsole:GetBillingNotifications")
    script.call(at("09:26"), without_session(NEAR), "billingconsole:TooLate")
    script.call(at("09:11"), without_session(NEAR, AWAY), "billingconsole:FromElsewhere")

    sign_in(script, AFTERWARDS, "08:59", AWAY, outcome="Failure")
    sign_in(script, AFTERWARDS, "2026-02-27T09:00:00Z", AWAY, outcome="Failure")
    sign_in(script, AFTERWARDS, "2026-02-27T08:59:00Z", AWAY, outcome="Failure")
    sign_in(script, AFTERWARDS)
    sign_in(script, AFTERWARDS, "09:05", outcome="Failure")

    sign_in(script, LATER_DAY)
    made: Json = {"accessKey": {"accessKeyId": ROOT_KEY, "status": "Active"}}
    script.call(at("09:01"), session_of(LATER_DAY), "iam:CreateAccessKey", None, made)
    script.call("2026-03-04T09:00:00Z", root_key(LATER_DAY, ROOT_KEY, AWAY), "s3:ListBuckets")
    script.call("2026-03-05T09:00:00Z", root_key(LATER_DAY, ROOT_KEY, AWAY), "s3:ListBuckets")

    token = example_id("ASIA", TOKEN, "token")
    start = root_key(TOKEN, "AKIAIOSFODNN7EXAMPLE", HOME)
    script.call(at("09:01"), start, "sts:GetSessionToken", None, {"credentials": credentials(token, at("09:01"))})
    temporary = root_console(TOKEN, AWAY, at("09:01"), mfa=False)
    temporary = Caller(TOKEN, {**temporary.identity, "accessKeyId": token}, AWAY, "aws-cli/2")
    script.call(at("09:02"), temporary, "s3:DeleteBucket", {"bucketName": "gone"})

    sign_in(script, OLD_USER)
    profile: Json = {"userName": "bob"}
    script.call(at("09:01"), session_of(OLD_USER), "iam:UpdateLoginProfile", profile)
    script.call(at("08:00"), iam_user_console(OLD_USER, "bob", HOME, at("08:00"), mfa=False), "s3:ListBuckets")
    script.call(at("10:00"), iam_user(OLD_USER, "bob", HOME), "s3:ListBuckets")
    script.sign_in(at("11:00"), iam_user_login(OLD_USER, "bob", AWAY), details=login_details("No"))
    script.call(at("11:01"), iam_user_console(OLD_USER, "bob", AWAY, at("11:00"), mfa=False), "s3:DeleteBucket")

    sign_in(script, NEW_ROLE)
    script.call(at("09:01"), session_of(NEW_ROLE), "iam:CreateRole", {"roleName": "backdoor"})
    script.call(at("09:30"), role(NEW_ROLE, "backdoor", "x", AWAY, at("09:30")), "ec2:RunInstances")
    script.call(at("09:31"), role(NEW_ROLE, "backdoor-2", "x", AWAY, at("09:31")), "ec2:RunInstances")
    script.call(at("09:31"), role(KEYS, "backdoor", "x", AWAY, at("09:31")), "ec2:RunInstances")

    admin = role(OPENED, "admin", "eve", AWAY, at("07:00"))
    device: Json = {"userName": "AWS ROOT USER", "serialNumber": f"arn:aws:iam::{OPENED}:mfa/root-account-mfa-device"}
    script.call("2026-03-01T09:00:00Z", admin, "iam:DeactivateMFADevice", device)
    sign_in(script, OPENED)

    script.call(at("09:01"), root_by_service(SERVICE, "autoscaling.amazonaws.com"), "ec2:RunInstances")

    sign_in(script, FLOOD)
    for number in range(300):
        request: Json = {"bucketName": f"bucket-{number}"}
        script.call(f"2026-03-02T10:{number // 60:02}:{number % 60:02}Z", session_of(FLOOD), "s3:CreateBucket", request)
    script.call(at("11:00"), session_of(FLOOD), "cloudtrail:StopLogging", {"name": "main"})

    script.call(at("09:01"), session_of(LOST), "s3:ListBuckets")

    for day in ("02", "03"):
        login = f"2026-03-{day}T09:00:00Z"
        caller = Caller(**{**vars(root_console(SERVICE_NAME, "AWS Internal", login, mfa=True)), "agent": "x"})
        script.call(login, caller, "s3:ListBuckets")
    return tuple(event.record for event in script.events)


@cache
def bundled(trail: str = "*") -> tuple[Json, ...]:
    """The records of the bundled trails, or of one."""
    paths = sorted(path for path in TRAILS.glob(f"{trail}/AWSLogs/**/*.json.gz") if "Digest" not in str(path))
    return tuple(record for path in paths for record in json.loads(gzip.decompress(path.read_bytes()))["Records"])


def table_of(*files: Sequence[Json]) -> pa.Table:
    """The records of several log files as one table, in the order in which they arrived."""
    tables = [
        decode_log_file(json.dumps({"Records": list(file)}).encode(), f"s3://trail/{number}.json.gz").table
        for number, file in enumerate(files)
    ]
    return pa.concat_tables(tables)


def the_story(stories: Sequence[Story], account: str, key: str = LOGIN) -> Story:
    """The one story of an account with this key."""
    [story] = [story for story in stories if story.account_id == account and story.key == key]
    return story


def alert_about(event_id: str, severity: Severity = Severity.CRITICAL, **changes: Any) -> Alert:  # noqa: ANN401
    """An alert about one event."""
    alert = make_alert(finding(event_ids=(event_id,), severity=severity), [], NOW)
    return replace(alert, subject=Subject(event_id, alert.event_time, None), **changes)


def calls(story: Story, phase: str) -> list[str]:
    """The names of the events of a phase."""
    return [event.event_name or "" for event in story.events if event.phase == phase]


def without_places(story: Story) -> Mapping[str, Any]:
    """A story without where its records lie."""
    told = asdict(story)
    for event in told["events"]:
        del event["log_file"], event["log_file_index"]
    return told
