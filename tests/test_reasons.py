"""The closed list of reasons for not reading something: nothing else is given, and each one is."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from detector.reasons import Reason
from detector.records.log_file import decode_log_file
from detector.scope import Scope
from detector.sources.keys import exclusion, skip_reason
from detector.sources.notifications import decide
from fixtures.skipped import PAGE, page
from tests.running import LOGIN

PACKAGE = Path(__file__).parents[1] / "detector"
# What takes a reason, and at which position.
TAKERS = {"Skipped": 1, "LeftOut": 1, "Ignored": 1, "Exclusion": 1, "skip": 1}


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page()


def test_every_reason_that_is_given_comes_from_the_list() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in TAKERS:
                position = TAKERS[ast.unparse(node.func).rpartition(".")[2]]
                given = node.args[position] if len(node.args) > position else None
                assert not isinstance(given, ast.Constant | ast.JoinedStr), f"{path}:{node.lineno}"


def by_name(key: str) -> Callable[[], str | None]:
    return lambda: skip_reason(key)


def by_content(content: bytes, name: str = "x.json") -> Callable[[], str | None]:
    return lambda: decode_log_file(content, f"file:///{name}").skipped


def by_message(message: object) -> Callable[[], str | None]:
    text = message if isinstance(message, str) else json.dumps(message)
    return lambda: decide(text).ignored[0].reason


def by_notification(name: str, key: str) -> Callable[[], str | None]:
    found = {"bucket": {"name": "bucket"}, "object": {"key": key}}
    return by_message({"Records": [{"eventSource": "aws:s3", "eventName": name, "s3": found}]})


def by_scope(scope: Scope, key: str) -> Callable[[], str | None]:
    excluded = exclusion(scope, key)
    return lambda: excluded.reason if excluded else None


KEY = "AWSLogs/111122223333/CloudTrail/us-east-1/2025/03/04/111122223333_CloudTrail_us-east-1_20250304T0950Z_a.json.gz"
DAY = datetime(2025, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reason", "given"),
    [
        (Reason.FOLDER_MARKER, by_name("logs/")),
        (Reason.HIDDEN_FILE, by_name("logs/.x")),
        (Reason.LOAD_BALANCER_TEST, by_name("AWSLogs/111122223333/ELBAccessLogTestFile")),
        (Reason.NOTE, by_name("logs/README")),
        (Reason.OTHER_EXTENSION, by_name("logs/a.parquet")),
        (Reason.SIBLING, by_name("AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2025/03/04/x.json.gz")),
        (Reason.OTHER_SERVICE, by_name("AWSLogs/111122223333/elasticloadbalancing/us-east-1/x.log")),
        (Reason.PART_OF_A_LAKE, by_notification("ObjectCreated:Put", "l/events/event_date=2025-03-04/part-a.parquet")),
        (Reason.PARQUET, by_content(b"PAR1....")),
        (Reason.S3_ACCESS_LOG, by_content(b"0" * 64 + b" bucket [04/Mar/2025:09:52:10 +0000] x", "x")),
        (Reason.S3_NOTIFICATION, by_content(json.dumps({"Records": [LOGIN | {"eventSource": "aws:s3"}]}).encode())),
        (Reason.OTHER_EVENT, by_content(b'{"Records":[{"eventSource":"aws:sqs","eventTime":7}]}')),
        (Reason.INSIGHTS, by_content(json.dumps({"Records": [LOGIN | {"eventCategory": "Insight"}]}).encode())),
        (Reason.ALERTS, by_content(b'{"schema":"detector.alert/1"}')),
        (Reason.DIGEST, by_content(b'{"digestStartTime":"2025-03-04T00:00:00Z"}')),
        (Reason.OTHER_JSON, by_content(b'{"a":1}')),
        (Reason.EMPTY_ARRAY, by_content(b"[]")),
        (Reason.OTHER_TEXT, by_content(b"words", "x.txt")),
        (Reason.OTHER_ACCOUNT, by_scope(Scope(accounts=frozenset({"999999999999"})), KEY)),
        (Reason.OTHER_REGION, by_scope(Scope(regions=frozenset({"eu-west-1"})), KEY)),
        (Reason.BEFORE, by_scope(Scope(since=DAY.replace(year=2026)), KEY)),
        (Reason.AFTER, by_scope(Scope(until=DAY.replace(year=2024)), KEY)),
        (Reason.GREETING, by_message("CloudTrail validation message.")),
        (Reason.TEST, by_message({"Event": "s3:TestEvent"})),
        (Reason.SUBSCRIPTION, by_message({"Type": "SubscriptionConfirmation", "TopicArn": "arn"})),
        (Reason.NO_CREATION, by_notification("ObjectRemoved:Delete", "a.json")),
        (Reason.INSIGHTS_EVENT, by_message({"detail-type": "x", "source": "aws.x", "detail": LOGIN | {
            "eventType": "AwsCloudTrailInsight"}})),
    ],
    ids=lambda value: value.name if isinstance(value, Reason) else "",
)  # fmt: skip
def test_each_reason_is_given(reason: Reason, given: Callable[[], str | None]) -> None:
    words = "(.+)".join(map(re.escape, re.split(r"\{[a-z]+\}", reason.words)))
    assert re.fullmatch(words, given() or ""), given()
