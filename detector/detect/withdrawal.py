"""Withdrawal: alerts that were written and that later data took back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from detector.alerts.delivery import Delivery, InMemoryOutbox, RetryPolicy, deliver
from detector.alerts.formats.json_line import json_line
from detector.alerts.sinks.opening import Output
from detector.detect.detect import Detection
from detector.lake.ledger.emitted import EmittedAlert
from detector.lake.ledger.outbox import Document
from detector.severity import Severity
from detector.times import rfc3339


def withdrawn_alerts(detection: Detection, emitted: Iterable[EmittedAlert]) -> list[EmittedAlert]:
    """Return the emitted alerts that the lake no longer supports.

    Of rules that are not loaded now, or did not run to their end, nobody knows: `detection` gains a warning.
    """
    supported = {alert.alert_id for alert in detection.alerts}
    unsupported = [alert for alert in emitted if alert.alert_id not in supported]
    unknown = sorted({alert.rule_id for alert in unsupported} - detection.complete)
    if unknown:
        detection.warnings.append(f"alerts of these rules were written, and cannot be judged now: {', '.join(unknown)}")
    return [alert for alert in unsupported if alert.rule_id in detection.complete]


def write_withdrawn(
    alerts: Iterable[EmittedAlert], outputs: Sequence[Output], retry_policy: RetryPolicy | None = None
) -> Delivery:
    """Send withdrawn alerts, one JSON object a line, to each output those that are severe enough for it.

    Raises:
        OutputClosed: the reader of standard output has gone.
    """
    documents = [(Severity(alert.severity), Document(alert.alert_id, json_line(_withdrawn(alert)))) for alert in alerts]
    waiting = InMemoryOutbox(
        {
            output.sink.name: [one for severity, one in documents if severity.is_at_least(output.min_severity)]
            for output in outputs
        }
    )
    return deliver(waiting, [output.sink for output in outputs], retry_policy or RetryPolicy())


def _withdrawn(alert: EmittedAlert) -> dict[str, Any]:
    return {
        "schema": "detector.withdrawn/1",
        "alert_id": alert.alert_id,
        "rule_id": alert.rule_id,
        "severity": alert.severity,
        "account_id": alert.account_id,
        "event_time": alert.event_time,
        "last_event_time": alert.last_event_time,
        "summary": alert.summary,
        "emitted_at": rfc3339(datetime.fromtimestamp(alert.emitted_at, UTC)),
    }
