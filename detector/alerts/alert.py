"""The alert: one finding with its evidence, under an id that every run gives it again."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from detector.alerts.record_text import RecordMemo
from detector.alerts.redaction import redact
from detector.rules.evidence import Evidence
from detector.rules.finding import Finding
from detector.rules.rule import Confidence
from detector.severity import Severity

# Fixed for ever: alert ids are UUIDv5 in it.
_NAMESPACE = uuid.UUID("6f1d3a5e-2f0b-5c53-9a53-4b1f8a6f6d0e")
EVENT_IDS = 100
_RECORDS = 5


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, as the subject says. Unknown is None."""

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
class Subject:
    """The event that an alert is about, of the several that it may be made of."""

    event_id: str | None = None  # None: it is gone
    event_time: datetime | None = None
    record_index: int | None = 0  # of its record among those that the alert shows; None: it is nested too deep


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
    region: str | None  # of the subject
    event_time: datetime  # first event; aware, UTC
    last_event_time: datetime
    event_count: int
    event_ids: tuple[str, ...]  # oldest first, at most 100
    summary: str
    actor: Actor
    source_ip: str | None  # of the subject, as logged: may be a service's name
    user_agent: str | None  # of the subject
    mfa: str | None  # of the subject
    context: Mapping[str, Any]
    evidence: tuple[Location, ...]
    # Raw, as a line has them, oldest first, the first and the subject's, at most 5, credentials redacted.
    records: tuple[msgspec.Raw, ...]
    records_truncated: bool
    detected_at: datetime
    suppressed_by: Suppression | None = None
    subject: Subject = Subject()
    response: str | None = None  # what to do, in the rule's own words
    references: tuple[str, ...] = ()  # of the rule
    rule_url: str | None = None  # the rule's page, where somebody has said where pages are

    @property
    def time(self) -> datetime:
        """When the event was that the alert is about: the one time that people are shown, and that rows go by."""
        return self.subject.event_time or self.event_time


def _nobody_asked(_log_file: str) -> None:
    """Say nothing about a file."""


def make_alert(
    finding: Finding,
    events: Sequence[Evidence],
    detected_at: datetime,
    integrity_of: Callable[[str], str | None] = _nobody_asked,
    records: RecordMemo | None = None,
) -> Alert:
    """Join a finding and its events.

    Args:
        finding: what the rule returned.
        events: the finding's events, oldest first.
        detected_at: aware.
        integrity_of: returns the verdict on a log file.
        records: of alerts that share events.
    """
    subject = _subject_of(finding, events)
    listed = list(dict.fromkeys([*(event.event_key for event in events), *finding.event_ids]))[:EVENT_IDS]
    shown = [event for event in events if event.event_key in set(listed)]
    shown_records, record_index = _records(shown, subject, records or RecordMemo())
    return Alert(
        alert_id=alert_id(finding),
        rule_id=finding.rule.id,
        title=finding.rule.title,
        severity=finding.severity,
        confidence=finding.rule.confidence,
        attack=tuple(_split(pair) for pair in finding.rule.attack),
        account_id=finding.account_id,
        region=subject.region if subject else None,
        event_time=finding.event_time,
        last_event_time=finding.last_event_time,
        event_count=finding.event_count,
        event_ids=tuple(listed),
        summary=_summary(finding, subject),
        actor=_actor_of(subject) if subject else Actor(),
        source_ip=subject.source_ip if subject else None,
        user_agent=redact(subject.user_agent) if subject else None,
        mfa=subject.mfa if subject else None,
        context=_context(finding, subject),
        evidence=tuple(
            Location(copy.log_file, copy.index, event.event_key, integrity_of(copy.log_file))
            for event in shown
            for copy in event.copies
        ),
        records=tuple(shown_records),
        records_truncated=len(shown_records) < len(finding.event_ids),
        detected_at=detected_at,
        subject=Subject(subject.event_key, subject.event_time, record_index) if subject else Subject(),
        response=finding.rule.response,
        references=finding.rule.references,
        rule_url=finding.rule.url,
    )


def _subject_of(finding: Finding, events: Sequence[Evidence]) -> Evidence | None:
    """Return the event that the finding is about: the one that its rule names, or the last one."""
    named = [event for event in events if event.event_key == finding.subject_event_id]
    return next(reversed(named or events), None)


def _actor_of(event: Evidence) -> Actor:
    return Actor(event.actor_type, event.actor_arn, event.access_key_id, event.session_issuer)


def _context(finding: Finding, subject: Evidence | None) -> dict[str, Any]:
    context: dict[str, Any] = redact(finding.context)
    if subject is None or subject.story is None:
        return context
    # First, since a line may have no room for all of the context.
    return {"story": subject.story} | context | {"story": subject.story}


def _summary(finding: Finding, subject: Evidence | None) -> str:
    """Return the rule's sentence; of several events it says when the one was that it is about."""
    summary: str = redact(finding.summary)
    if subject is None or finding.event_count == 1:
        return summary
    time = subject.event_time.isoformat(" ", "seconds")[:19]  # strftime writes the year 999 with three digits
    which = "event of" if finding.subject_event_id else "the last at"
    return summary if time in summary else f"{summary} ({which} {time} UTC)"


def alert_id(finding: Finding) -> str:
    """Return the UUIDv5 of rule, account and dedup key (default: the event keys, sorted): the same in every run."""
    key = list(finding.event_ids) if finding.dedup_key is None else finding.dedup_key
    return str(uuid.uuid5(_NAMESPACE, json.dumps([finding.rule.id, finding.account_id, key])))


def _records(
    events: Sequence[Evidence], subject: Evidence | None, memo: RecordMemo
) -> tuple[list[msgspec.Raw], int | None]:
    """Return the records of the first events and of the subject, and which one is the subject's."""
    chosen = list(events[:_RECORDS])
    if subject is not None and not any(event is subject for event in chosen):
        chosen[_RECORDS - 1 :] = [subject]
    records: list[msgspec.Raw] = []
    index = None
    for event in chosen:
        record = memo.of(event)
        if record is not None:
            index = len(records) if event is subject else index
            records.append(record)
    return records, index


def _split(pair: str) -> tuple[str, str]:
    tactic, _, technique = pair.partition(":")
    return tactic, technique
