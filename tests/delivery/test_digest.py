"""Who gets which alerts, and all of a run in one message."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from detector.alerts.alert import Alert, Suppression
from detector.alerts.digest import make_digest
from detector.alerts.formats.names import AlertFormat, NoticeFormat
from detector.alerts.sinks.opening import Output
from detector.alerts.sinks.sink import ACCEPTED, Limits, Receipt
from detector.detect.emission import write_alerts, write_new_alerts
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.outbox import Document
from detector.severity import Severity

from .crash import alert


@dataclass
class Taken:
    name: str = "taken"
    limits: Limits = field(default_factory=lambda: Limits(10, 1_000_000))
    lines: list[bytes] = field(default_factory=list)

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:  # noqa: ARG002
        self.lines += [document.line for document in documents]
        return [ACCEPTED] * len(documents)

    def close(self) -> None:
        """Nothing is open."""

    @property
    def documents(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.lines]


def alerts(*severities: Severity) -> list[Alert]:
    return [
        replace(alert(number), severity=severity, account_id=f"{number % 2:012}")
        for number, severity in enumerate(severities)
    ]


SUPPRESSED = Suppression("drill", "every Monday")
MIXED = alerts(*[Severity.LOW] * 8, *[Severity.CRITICAL] * 3, *[Severity.HIGH] * 4)


def test_an_output_gets_what_is_severe_enough_for_it(ledger: Ledger) -> None:
    everything, severe = Taken("everything"), Taken("severe")
    outputs = [Output(everything, AlertFormat.JSONL), Output(severe, AlertFormat.JSONL, min_severity=Severity.HIGH)]
    written, delivery = write_new_alerts(MIXED, outputs, ledger)
    assert (len(written), len(everything.lines), len(severe.lines)) == (15, 15, 7)
    assert {one["severity"] for one in severe.documents} == {"high", "critical"}
    assert delivery.accepted == 22
    # One that has become worse is news, now for the other output, too.
    write_new_alerts([replace(MIXED[0], severity=Severity.HIGH)], outputs, ledger)
    assert severe.documents[-1]["alert_id"] == "id-0"


def test_what_an_output_lacks_is_counted_by_what_it_would_have_got() -> None:
    taken = Taken()
    delivery = write_alerts(MIXED, [Output(taken, AlertFormat.JSONL, min_severity=Severity.CRITICAL)])
    assert (delivery.accepted, delivery.is_incomplete) == (3, False)


def test_a_digest_is_one_message_with_counts_and_the_ten_worst(ledger: Ledger) -> None:
    taken = Taken()
    outputs = [Output(taken, AlertFormat.JSONL, is_digest=True)]
    written, delivery = write_new_alerts(MIXED, outputs, ledger)
    assert (len(written), delivery.accepted) == (15, 1)
    [digest] = taken.documents
    assert digest["by_severity"] == {"critical": 3, "high": 4, "low": 8}
    assert (digest["schema"], digest["alerts"], digest["severity"]) == ("detector.digest/1", 15, "critical")
    assert digest["account_ids"] == ["000000000000", "000000000001"]
    worst = digest["worst"]
    assert isinstance(worst, list)
    assert [one["severity"] for one in worst] == ["critical"] * 3 + ["high"] * 4 + ["low"] * 3
    assert write_new_alerts(MIXED, outputs, ledger)[1].accepted == 0  # nothing new is no message


def test_a_digest_of_the_same_alerts_has_the_same_id() -> None:
    assert make_digest(MIXED).digest_id == make_digest(MIXED[::-1]).digest_id
    assert make_digest(MIXED).digest_id != make_digest(MIXED[1:]).digest_id
    worse = [replace(MIXED[0], severity=Severity.HIGH), *MIXED[1:]]
    assert make_digest(MIXED).digest_id != make_digest(worse).digest_id


def test_an_alert_that_somebody_has_answered_for_is_not_the_worst() -> None:
    answered = replace(alerts(Severity.CRITICAL)[0], suppressed_by=SUPPRESSED)
    digest = make_digest([answered, *alerts(Severity.LOW)])
    assert (digest.suppressed, digest.severity, digest.worst[-1]) == (1, Severity.LOW, answered)


@pytest.mark.parametrize("is_digest", [False, True])
def test_nobody_is_told_of_what_somebody_has_answered_for(is_digest: bool) -> None:
    taken, told = Taken("lines"), Taken("told")
    outputs = [Output(taken, AlertFormat.JSONL), Output(told, NoticeFormat.SLACK, is_digest=is_digest)]
    write_alerts([replace(MIXED[0], suppressed_by=SUPPRESSED)], outputs)
    assert (len(taken.lines), len(told.lines)) == (1, 0)
