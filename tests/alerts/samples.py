"""Findings and events as a hostile log and a careless rule would make them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from detector.alerts.alert import Alert
from detector.alerts.formats.formatting import line_of
from detector.alerts.formats.names import AlertFormat
from detector.records.log_file import decode_log_file
from detector.records.rebuild import record_json
from detector.rules.evidence import Copy, Evidence
from detector.rules.finding import Finding
from detector.rules.rule import Rule, load_rules, shipped_rules_directory
from detector.severity import Severity

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
THEN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@lru_cache
def a_rule() -> Rule:
    return load_rules(shipped_rules_directory()).rules[0]


def finding(**changes: Any) -> Finding:  # noqa: ANN401
    values: dict[str, Any] = {
        "rule": a_rule(),
        "account_id": "111122223333",
        "event_time": THEN,
        "event_ids": ("id-1", "id-2"),
        "summary": "root did it",
        "severity": Severity.HIGH,
        "dedup_key": None,
        "last_event_time": THEN,
        "event_count": 2,
        "context": {},
    }
    return Finding(**(values | changes))


def event(key: str = "id-1", record: bytes | dict[str, Any] | None = None, **changes: Any) -> Evidence:  # noqa: ANN401
    raw = record if isinstance(record, bytes) else json.dumps(record or {"eventName": "A"}).encode()
    if b"eventTime" not in raw:
        raw = raw.replace(b"{", b'{"eventTime":"2024-05-06T07:08:09Z",', 1).replace(b",}", b"}")
    (row,) = decode_log_file(raw, "s3://b/k").table.to_pylist()
    values: dict[str, Any] = {
        "event_key": key,
        "account_id": "111122223333",
        "recipient_account_id": "111122223333",
        "event_time": THEN,
        "region": "us-east-1",
        "actor_type": "Root",
        "actor_arn": "arn:aws:iam::111122223333:root",
        "access_key_id": None,
        "session_issuer": None,
        "source_ip": "198.51.100.7",
        "user_agent": "aws-cli",
        "mfa": "no",
        "copies": (Copy("s3://b/k", 0),),
        "record": record_json(row),
    }
    return Evidence(**(values | changes))


QUERIES: Path = shipped_rules_directory()


def to_line(alert: Alert, form: AlertFormat) -> bytes:
    """The alert as one line of a format."""
    return line_of(form)(alert)
