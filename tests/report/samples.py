"""Alerts, answers, stories and a whole report of any size, without a lake."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from detector.alerts.alert import Actor, Alert, Suppression
from detector.detect.basis import Basis
from detector.detect.detect import Detection
from detector.lake.integrity import Attested
from detector.lake.ledger.gaps import Gap, OpenGaps
from detector.posture.answer import Answer, Source
from detector.posture.check import Status, load_checks
from detector.report.alert_groups import group
from detector.report.doubts import doubts
from detector.report.judgement import judge
from detector.report.matrix import matrix
from detector.report.report import Question, Report, told_accounts
from detector.report.strip import EventDays, Hours, strips
from detector.report.told import tell
from detector.rules.rule import Confidence
from detector.severity import Severity
from detector.story.story import Counted, Phase, Stories, Story, StoryEvent, StoryKind
from detector.verify.coverage import HourState

AS_OF = datetime(2026, 3, 31, 12, tzinfo=UTC)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
ACCOUNT = "111122223333"
NO_BASIS = Basis(1, 1, NOON, NOON, objects=1, gaps=0)
PROVEN = replace(NO_BASIS, attested=Attested({HourState.COMPLETE: 24}))


def an_alert(number: int = 0, severity: Severity = Severity.HIGH, account: str | None = ACCOUNT, **more: Any) -> Alert:  # noqa: ANN401 - fields of it
    time = NOON + timedelta(minutes=number)
    return replace(
        Alert(
            alert_id=f"alert-{account}-{number:06}",
            rule_id="root_api_call",
            title="Root changed something",
            severity=severity,
            confidence=Confidence.HIGH,
            attack=(),
            account_id=account,
            region="us-east-1",
            event_time=time,
            last_event_time=time,
            event_count=1,
            event_ids=(f"event-{number}",),
            summary=f"root did {number}",
            actor=Actor(),
            source_ip="203.0.113.9",
            user_agent=None,
            mfa=None,
            context={},
            evidence=(),
            records=(),
            records_truncated=False,
            detected_at=AS_OF,
        ),
        **more,
    )


def answered(alert: Alert) -> Alert:
    return replace(alert, suppressed_by=Suppression("entry", "it was us"))


def answers(account: str, *failing: str) -> list[Answer]:
    return [
        Answer(
            account_id=account,
            check=check,
            status=Status.FAIL if check.id in failing else Status.UNKNOWN,
            detail="seen",
            as_of=NOON,
            seen_until=NOON,
            source=Source.LOGS,
            evidence=(),
            next="do it",
        )
        for check in load_checks()
    ]


def an_event(number: int, phase: Phase = Phase.READ, **more: Any) -> StoryEvent:  # noqa: ANN401
    return replace(
        StoryEvent(
            event_id=f"event-{phase}-{number}",
            event_time=NOON + timedelta(minutes=number),
            account_id=ACCOUNT,
            region="us-east-1",
            phase=phase,
            actor="root",
            service="ec2",
            event_name="DescribeRegions",
            target=None,
            source_ip="203.0.113.9",
            user_agent=None,
            mfa=None,
            error_code=None,
            succeeded=True,
            is_write=False,
            is_probable=False,
            log_file="s3://bucket/AWSLogs/file.json.gz",
            log_file_index=number,
            integrity=None,
        ),
        **more,
    )


def a_story(number: int = 0, events: Iterable[StoryEvent] = (), **more: Any) -> Story:  # noqa: ANN401
    kept = tuple(events) or (an_event(number, Phase.SIGN_IN),)
    phases = [event.phase for event in kept if event.phase is not None]
    return replace(
        Story(
            id=f"{number:016x}",
            kind=StoryKind.SESSION,
            account_id=ACCOUNT,
            key="2026-03-04T12:00:00Z",
            who="root",
            first_time=kept[0].event_time,
            last_time=kept[-1].event_time,
            until=kept[-1].event_time,
            addresses=(Counted("203.0.113.9", len(kept)),),
            address_count=1,
            user_agents=(Counted("Mozilla/5.0", len(kept)),),
            user_agent_count=1,
            mfa="no",
            mfa_device=None,
            counts={phase: phases.count(phase) for phase in set(phases)},
            events=kept,
            made=(),
            made_count=0,
            connections=(),
            parts=(f"{number:016x}",),
            alerts=(),
            severity=Severity.HIGH,
            sentence=f"root signed in, story {number}",
        ),
        **more,
    )


def a_report(
    alerts: Iterable[Alert] = (),
    stories: Iterable[Story] = (),
    posture: Iterable[Answer] = (),
    days: EventDays | None = None,
    hours: Hours | None = None,
    gaps: Iterable[Gap] = (),
    basis: Basis = NO_BASIS,
) -> Report:
    """Put a report together as reading a lake does."""
    found, told, open_gaps = list(alerts), tell(Stories(tuple(stories), 0)), tuple(gaps)
    groups = group(found, {})
    accounts = told_accounts(found, [one.story.account_id for one in told.told])
    return Report(
        as_of=AS_OF,
        question=Question(),
        judgement=judge(groups, told, basis),
        rests_on=basis.sentence("found"),
        basis=basis,
        coverage=strips(days or {}, hours or {}, (None, None), AS_OF, accounts),
        posture=matrix(list(posture), (), accounts),
        stories=told,
        alerts=groups,
        doubts=doubts(
            Detection(alerts=found),
            OpenGaps(len(open_gaps), open_gaps),
            hours or {},
            ("nothing",),
            has_digests=bool(hours),
        ),
        errors=(),
    )
