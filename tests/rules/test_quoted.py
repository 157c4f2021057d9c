"""Parameters, answers and additional data that a pipeline wrote as text into a string say what the objects say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from detector.detect.detect import detect
from detector.records.log_file import decode_log_file
from detector.rules.check import run_example
from detector.rules.engine import Engine
from detector.rules.events import TableEvents
from detector.rules.example_engine import ExampleEngine
from detector.rules.examples import Example, load_examples
from detector.rules.rule import load_rules, shipped_rules_directory
from tests.long import many

Record = dict[str, Any]
DOCUMENTS = ("requestParameters", "responseElements", "additionalEventData")
LOGIN: Record = {
    "userIdentity": {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333"},
    "eventTime": "2025-03-04T09:00:00Z",
    "eventSource": "signin.amazonaws.com",
    "eventName": "ConsoleLogin",
    "awsRegion": "us-east-1",
    "sourceIPAddress": "198.51.100.7",
    "responseElements": {"ConsoleLogin": "Success"},
    "additionalEventData": {"MFAUsed": "No"},
    "eventID": "00000000-0000-4000-8000-000000000001",
    "recipientAccountId": "111122223333",
}


def quoted(record: Record) -> Record:
    return record | {name: json.dumps(record[name]) for name in DOCUMENTS if isinstance(record.get(name), dict)}


def rows(*records: Record) -> TableEvents:
    return TableEvents(decode_log_file(json.dumps({"Records": records}).encode(), "a").table)


@pytest.fixture
def engine() -> Iterator[ExampleEngine]:
    engine = ExampleEngine()
    yield engine
    engine.close()


@pytest.mark.long
@pytest.mark.slow
def test_every_example_of_every_rule_gives_the_same_alerts(engine: ExampleEngine) -> None:
    changed = 0
    for rule in load_rules(shipped_rules_directory()).rules:
        examples: list[Example] = []
        for example in load_examples(rule)[:: many(4, 1)]:
            records = tuple(map(quoted, example.records))
            if records != example.records:
                examples.append(replace(example, records=records))
        changed += len(examples)
        tables = [example.table() for example in examples]
        engine.load(rule, tables)
        for example, table in sorted(
            zip(examples, tables, strict=True), key=lambda pair: not engine.has_loaded(pair[1])
        ):
            assert run_example(rule, example, engine, table)[0] is None, (rule.id, example.name)
    assert changed > 300


def test_the_alert_has_the_record_as_it_was_logged_and_the_id_of_the_other_form() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    [alert] = [one for one in detect(rows(quoted(LOGIN)), [], now).alerts if "without_mfa" in one.rule_id]
    [other] = [one for one in detect(rows(LOGIN), [], now).alerts if "without_mfa" in one.rule_id]
    assert alert.alert_id == other.alert_id
    assert [json.loads(bytes(record)) for record in alert.records] == [quoted(LOGIN)]


@pytest.mark.parametrize(
    ("document", "value"),
    [
        ('{"MFAUsed": "No"}', "no"),
        (json.dumps('{"MFAUsed": "No"}'), "unknown"),  # one layer is taken off
        ("", "unknown"),
        ("No", "unknown"),
        ("\ud800", "unknown"),
        ('{"MFAUsed": "No"', "unknown"),
        ("[1]", "unknown"),
        ("7", "unknown"),
    ],
)
def test_what_a_string_holds_is_taken_for_the_document(document: str, value: str) -> None:
    with Engine(rows(LOGIN | {"additionalEventData": document}), threads=1) as engine:
        assert engine.query("SELECT mfa FROM candidates").read_all().to_pylist() == [{"mfa": value}]
        [evidence] = engine.evidence([LOGIN["eventID"]])[LOGIN["eventID"]]
    assert json.loads(evidence.record)["additionalEventData"] == document


def test_a_bucket_that_cloudtrail_checks_is_known_by_quoted_parameters_too() -> None:
    ann = {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann", "accountId": "111122223333"}
    check = LOGIN | {
        "userIdentity": {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"},
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetBucketAcl",
        "requestParameters": {"bucketName": "logs"},
    }
    deletion = LOGIN | {
        "userIdentity": ann,
        "eventSource": "s3.amazonaws.com",
        "eventName": "DeleteObject",
        "requestParameters": {"bucketName": "logs", "key": "AWSLogs/111122223333/CloudTrail/x.json.gz"},
        "eventID": "00000000-0000-4000-8000-000000000002",
    }
    found = detect(rows(quoted(check), quoted(deletion)), [], datetime(2026, 3, 1, tzinfo=UTC))
    assert [alert.rule_id for alert in found.alerts] == ["trail_log_store_tampered"]
