"""Emission: alerts to their outputs, each once where a lake remembers it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from detector.alerts.alert import Alert, alert_id
from detector.alerts.delivery import Delivery, DocumentQueue, InMemoryOutbox, RetryPolicy, deliver
from detector.alerts.digest import make_digest
from detector.alerts.formats.formatting import digest_line, in_order, line_of
from detector.alerts.sinks.opening import Output
from detector.lake.ledger.emitted import EmittedAlert
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.outbox import Document
from detector.rules.finding import Finding
from detector.severity import Severity
from detector.text import counted
from detector.times import rfc3339


def write_alerts(
    alerts: Sequence[Alert], outputs: Sequence[Output], retry_policy: RetryPolicy | None = None
) -> Delivery:
    """Send alerts to each output; nothing remembers what is not delivered.

    Raises:
        OutputClosed: the reader of standard output has gone.
    """
    waiting = InMemoryOutbox({output.sink.name: _Rendered.of(alerts, output) for output in outputs})
    return _deliver(waiting, outputs, retry_policy)


def write_new_alerts(
    alerts: Iterable[Alert], outputs: Sequence[Output], ledger: Ledger, retry_policy: RetryPolicy | None = None
) -> tuple[list[Alert], Delivery]:
    """Send the alerts that are news to each output, after what earlier runs could not deliver.

    News is what has not been written before, or only as suppressed, or whose severity has risen since. It is recorded
    and put into the outbox in one transaction, and sent from there: a crash at any moment may repeat an alert, with the
    same id, and never loses one. May be called again and again with the same outputs.

    Returns:
        What is new, delivered or not, and what became of all that waited.

    Raises:
        OutputClosed: the reader of standard output has gone; what it has not read goes to the next.
        LakeError: the ledger cannot be written.
    """
    new = [
        alert
        for alert in alerts
        if _is_news(ledger.last_emitted(alert.alert_id), alert.severity, suppressed=alert.suppressed_by is not None)
    ]
    if new:
        documents = {output.sink.name: _Rendered.of(new, output) for output in outputs}
        ledger.record_emitted(map(_as_emitted, new), documents)
    if ledger.outbox.waiting_by_sink():
        ledger.share()  # whoever else works on this lake must know what has been sent, or may have been
    delivery = _deliver(ledger.outbox, outputs, retry_policy)
    delivery.warnings += _unattended(ledger, outputs)
    return new, delivery


def _deliver(waiting: DocumentQueue, outputs: Sequence[Output], retry_policy: RetryPolicy | None) -> Delivery:
    delivery = deliver(waiting, [output.sink for output in outputs], retry_policy or RetryPolicy())
    digests = {output.sink.name for output in outputs if output.is_digest}
    delivery.undelivered = [replace(one, noun="digest") if one.sink in digests else one for one in delivery.undelivered]
    return delivery


@dataclass(frozen=True, slots=True)
class _Rendered:
    """The documents of one output, made one by one as they are asked for: there may be many, of 32 kB each."""

    alerts: Sequence[Alert]
    output: Output

    @classmethod
    def of(cls, alerts: Sequence[Alert], output: Output) -> _Rendered:
        """Choose those of the alerts that the output takes."""
        return cls([alert for alert in alerts if output.takes(alert)], output)

    def __len__(self) -> int:
        return min(1, len(self.alerts)) if self.output.is_digest else len(self.alerts)

    def __iter__(self) -> Iterator[Document]:
        output = self.output
        if not output.is_digest:
            line = line_of(output.form, output.screen)
            yield from (Document(alert.alert_id, line(alert)) for alert in in_order(output.form, self.alerts))
        elif self.alerts:
            digest = make_digest(self.alerts)
            yield Document(digest.digest_id, digest_line(output.form, digest))


def _unattended(ledger: Ledger, outputs: Sequence[Output]) -> Iterator[str]:
    named = {output.sink.name for output in outputs}
    for sink, count in ledger.outbox.waiting_by_sink().items():
        if sink not in named:
            yield f"{counted(count, 'alert')} waiting for {sink}, which is not among the outputs of this run"


def may_be_news(finding: Finding, ledger: Ledger) -> bool:
    """Tell whether a finding may be written as a new alert, as far as can be told without its events."""
    return _is_news(ledger.last_emitted(alert_id(finding)), finding.severity, suppressed=False)


def _is_news(known: EmittedAlert | None, severity: Severity, *, suppressed: bool) -> bool:
    return known is None or not Severity(known.severity).is_at_least(severity) or (known.suppressed and not suppressed)


def _as_emitted(alert: Alert) -> EmittedAlert:
    return EmittedAlert(
        alert_id=alert.alert_id,
        rule_id=alert.rule_id,
        severity=alert.severity,
        account_id=alert.account_id,
        event_time=rfc3339(alert.event_time),
        last_event_time=rfc3339(alert.last_event_time),
        summary=alert.summary,
        suppressed=alert.suppressed_by is not None,
    )
