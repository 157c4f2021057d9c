"""Withdrawn alerts go to the outputs that their alerts went to."""

from __future__ import annotations

from pathlib import Path

from detector.alerts.formats.names import AlertFormat
from detector.alerts.sinks.local import AlertFile
from detector.alerts.sinks.opening import Output
from detector.detect.withdrawal import write_withdrawn
from detector.lake.ledger.emitted import EmittedAlert
from detector.severity import Severity


def test_an_output_is_not_told_that_what_it_never_got_is_withdrawn(tmp_path: Path) -> None:
    gone = [
        EmittedAlert(f"id-{severity}", "rule", severity, None, None, None, "what", suppressed=False)
        for severity in Severity
    ]
    everything, severe = AlertFile(tmp_path / "all"), AlertFile(tmp_path / "severe")
    outputs = [
        Output(everything, AlertFormat.JSONL),
        Output(severe, AlertFormat.JSONL, min_severity=Severity.HIGH),
    ]
    assert write_withdrawn(gone, outputs).accepted == 7
    assert len(everything.path.read_text().splitlines()) == 5
    assert [severity for severity in Severity if f"id-{severity}" in severe.path.read_text()] == ["high", "critical"]
