"""The alert: one finding with its evidence, under an id that every run gives it again."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from detector.alerts.redaction import NestedTooDeep, redact
from detector.records.rebuild import record_json
from detector.rules.evidence import Evidence
from detector.rules.finding import Finding
from detector.rules.rule import Confidence
from detector.severity import Severity

# Fixed for ever: alert ids are UUIDv5 in it.
_NAMESPACE = uuid.UUID("6f1d3a5e-2f0b-5c53-9a53-4b1f8a6f6d0e")
EVENT_IDS = 100
_RECORDS = 5
_DIGITS = 1_000


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, as the first event says. Unknown is None."""

    type: str | None = None
    arn: str | None = None
    access_key_id: str | None = None
    session_issuer: str | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """The place of the raw record of one event; an event that was delivered twice has two."""

    log_file: str
    index: int
    event_id: str
    integrity: str | None = None  # the verdict on the file; None: nobody has asked for digests


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why an alert needs nobody's attention."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Alert:
    """One finding, ready for any output format."""

    alert_id: str
    rule_id: str
    title: str
    severity: Severity
    confidence: Confidence
    attack: tuple[tuple[str, str], ...]  # (tactic, technique)
    account_id: str | None
    region: str | None
    event_time: datetime  # first event; aware, UTC
    last_event_time: datetime
    event_count: int
    event_ids: tuple[str, ...]  # oldest first, at most 100
    summary: str
    actor: Actor
    source_ip: str | None  # as logged: may be a service's name
    user_agent: str | None
    mfa: str | None
    context: Mapping[str, Any]
    evidence: tuple[Location, ...]
    records: tuple[Any, ...]  # raw records, oldest first, at most 5, credentials redacted
    records_truncated: bool
    detected_at: datetime
    suppressed_by: Suppression | None = None


def _nobody_asked(_log_file: str) -> None:
    """Say nothing about a file."""


def make_alert(
    finding: Finding,
    events: Sequence[Evidence],
    detected_at: datetime,
    integrity_of: Callable[[str], str | None] = _nobody_asked,
) -> Alert:
    """Join a finding and its events.

    Args:
        finding: what the rule returned.
        events: the finding's events, oldest first.
        detected_at: aware.
        integrity_of: returns the verdict on a log file.
    """
    first = events[0] if events else None
    listed = list(dict.fromkeys([*(event.event_key for event in events), *finding.event_ids]))[:EVENT_IDS]
    shown = [event for event in events if event.event_key in set(listed)]
    records = [record for event in shown[:_RECORDS] if (record := _record(event)) is not None]
    return Alert(
        alert_id=alert_id(finding),
        rule_id=finding.rule.id,
        title=finding.rule.title,
        severity=finding.severity,
        confidence=finding.rule.confidence,
        attack=tuple(_split(pair) for pair in finding.rule.attack),
        account_id=finding.account_id,
        region=first.region if first else None,
        event_time=finding.event_time,
        last_event_time=finding.last_event_time,
        event_count=finding.event_count,
        event_ids=tuple(listed),
        summary=redact(finding.summary),
        actor=Actor(first.actor_type, first.actor_arn, first.access_key_id, first.session_issuer) if first else Actor(),
        source_ip=first.source_ip if first else None,
        user_agent=redact(first.user_agent) if first else None,
        mfa=first.mfa if first else None,
        context=redact(finding.context),
        evidence=tuple(
            Location(copy.log_file, copy.index, event.event_key, integrity_of(copy.log_file))
            for event in shown
            for copy in event.copies
        ),
        records=tuple(records),
        records_truncated=len(records) < len(finding.event_ids),
        detected_at=detected_at,
    )


def alert_id(finding: Finding) -> str:
    """Return the UUIDv5 of rule, account and dedup key (default: the event keys, sorted): the same in every run."""
    key = list(finding.event_ids) if finding.dedup_key is None else finding.dedup_key
    return str(uuid.uuid5(_NAMESPACE, json.dumps([finding.rule.id, finding.account_id, key])))


def _record(event: Evidence) -> Any | None:  # noqa: ANN401 - any JSON
    text = record_json(event.row)
    try:
        return redact(json.loads(text, parse_constant=str, parse_float=_finite, parse_int=_integer))
    except (RecursionError, NestedTooDeep):
        return None  # `evidence` says where it lies


# Numbers that JSON, or Python, cannot write again stay as the text they were.
def _finite(text: str) -> float | str:
    return number if math.isfinite(number := float(text)) else text


def _integer(text: str) -> int | str:
    return int(text) if len(text) < _DIGITS else text


def _split(pair: str) -> tuple[str, str]:
    tactic, _, technique = pair.partition(":")
    return tactic, technique
