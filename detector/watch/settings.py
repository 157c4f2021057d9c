"""How a watch makes and writes alerts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from detector.alerts.delivery import RetryPolicy
from detector.alerts.sinks.opening import Output
from detector.detect.selection import Selection
from detector.ingest.digests import DigestIntake
from detector.lake.ledger.ledger import Ledger
from detector.rules.suppressions import SuppressionEntry
from detector.severity import Severity
from detector.watch.rule_schedule import WatchRules


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """How alerts are made and written."""

    rules: WatchRules
    outputs: Sequence[Output]
    delivery: RetryPolicy = field(default_factory=RetryPolicy)
    selection: Selection = field(default_factory=Selection)
    suppressions: Sequence[SuppressionEntry] = ()
    rule_seconds: float = 60
    rule_findings: int = 100_000
    fail_on: Severity | None = None
    jobs: int = 1
    with_lag: bool = False
    metrics_file: Path | None = None
    once: bool = False  # end when nothing more has arrived; an error then is an error
    open_intake: Callable[[Ledger], DigestIntake] | None = None  # None: digests are not read
