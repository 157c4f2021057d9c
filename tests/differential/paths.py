"""The ways from log files to alerts, each taken in this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from detector.alerts.alert import Alert
from detector.alerts.formats.names import AlertFormat
from detector.alerts.sinks.opening import Output
from detector.alerts.sinks.sink import ACCEPTED, Limits, Receipt
from detector.detect.detect import Detection, run_rules
from detector.detect.emission import write_new_alerts
from detector.detect.withdrawal import withdrawn_alerts
from detector.ingest.ingest import ingest
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.outbox import Document
from detector.lake.reader import read_lake
from detector.lake.remembered import read_emitted
from detector.lake.writer import LakeWriter, open_to_write
from detector.rules.candidates import candidates
from detector.rules.engine import Engine
from detector.rules.events import Events
from detector.rules.rule import RuleSet, load_rules, shipped_rules_directory
from detector.run_report import RunReport
from detector.scan.scan import scan
from detector.scope import Scope
from detector.sources.log_source import LogSource
from detector.sources.opening import open_source
from detector.watch.heartbeat import Heartbeat
from detector.watch.polling_feed import Listing, PollingFeed
from detector.watch.rule_schedule import load_watch_rules
from detector.watch.settings import WatchSettings
from detector.watch.watch import Watch

from .cases import STEPS, Case

NOW = datetime(2026, 3, 1, tzinfo=UTC)

Found = dict[str, "Seen"]  # by alert id


@dataclass(frozen=True, slots=True)
class Seen:
    """What every way must say of an alert."""

    rule_id: str
    severity: str
    event_count: int
    account_id: str | None


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the files of some cases arrive, step by step."""

    path: Path
    cases: Sequence[Case]

    def arrive(self, step: int) -> None:
        """Write the files of a step; one that was there before is replaced."""
        for case in self.cases:
            for one in case.files:
                if one.step == step:
                    path = self.path / one.name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.unlink(missing_ok=True)
                    path.write_bytes(one.content)

    def sources(self) -> list[LogSource]:
        """Return what is to be read: everything, and some of it once more."""
        twice = self.path / "twice"
        self.path.mkdir(parents=True, exist_ok=True)
        return [open_source(str(path)) for path in (self.path, twice) if path.is_dir()]


@dataclass(eq=False)
class Sink:
    """Keeps what a way wrote; of alerts written again the last."""

    found: Found = field(default_factory=dict)
    name: str = "memory"
    limits: Limits = field(default_factory=lambda: Limits(100, 1_000_000))

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:  # noqa: ARG002
        """Take them all."""
        for alert in (json.loads(document.line) for document in documents):
            seen = Seen(alert["rule_id"], alert["severity"], alert["event_count"], alert["account_id"])
            self.found[alert["alert_id"]] = seen
        return [ACCEPTED] * len(documents)

    def close(self) -> None:
        """Stay."""


def by_scan(folder: Folder, lake: Path) -> Found:  # noqa: ARG001 - it leaves none behind
    """Look through everything once it has arrived."""
    report = RunReport(NOW)
    events = scan(folder.sources(), Scope(), report, jobs=1, progress=lambda _: None)
    return _seen(_detect(events).alerts)


def by_detect(folder: Folder, lake: Path) -> Found:
    """Ingest everything once it has arrived, then detect."""
    with open_to_write(lake) as writer:
        _ingest(folder, writer)
    return _seen(_detect(read_lake(lake, candidates().digest)).alerts)


def by_watch(folder: Folder, lake: Path) -> Found:
    """Watch what has arrived before."""
    sink = Sink()
    _watch(lake, sink, PollingFeed(folder.sources, 0, threading.Event(), once=True))
    return sink.found


def by_runs(folder: Folder, lake: Path) -> Found:
    """Run after each step, and compact after the first; what is no longer supported is withdrawn."""
    sink = Sink()
    for step in range(STEPS):
        folder.arrive(step)
        with open_to_write(lake) as writer:
            _ingest(folder, writer)
            if step == 0:
                list(writer.compact(candidates(), jobs=1))
            detection = _detect(read_lake(lake, candidates().digest))
            write_new_alerts(detection.alerts, [Output(sink, AlertFormat.JSONL)], writer.ledger)
    return _standing(sink.found, detection, lake)


def by_watching(folder: Folder, lake: Path) -> Found:
    """Watch while everything arrives; what is no longer supported is withdrawn."""
    sink = Sink()
    _watch(lake, sink, _Growing(folder))
    return _standing(sink.found, _detect(read_lake(lake, candidates().digest)), lake)


Way = Callable[[Folder, Path], Found]
AT_ONCE: tuple[Way, ...] = (by_scan, by_detect, by_watch)
STEP_BY_STEP: tuple[Way, ...] = (by_runs, by_watching)


@dataclass
class _Growing:
    """Lists a folder after each step."""

    folder: Folder
    step: int = 0

    def next(self, ledger: Ledger) -> Listing | None:  # noqa: ARG002
        if self.step == STEPS:
            return None
        self.folder.arrive(self.step)
        self.step += 1
        return Listing(self.folder.sources(), Scope())

    def renew(self) -> None:
        """Go on."""


def _watch(lake: Path, sink: Sink, feed: PollingFeed | _Growing) -> None:
    settings = WatchSettings(load_watch_rules([]), [Output(sink, AlertFormat.JSONL)], once=True)
    watch = Watch(settings, Heartbeat(None, _silent), threading.Event(), _silent)
    watch.run(lake, lambda: feed)
    for error in watch.watched.rule_errors.values():
        raise error


def _standing(written: Found, detection: Detection, lake: Path) -> Found:
    """Return what was written and still holds.

    How many events an alert has may grow after it was written: of those that hold, what the lake says now.
    """
    withdrawn = {alert.alert_id for alert in withdrawn_alerts(detection, read_emitted(lake))}
    now = _seen(detection.alerts)
    return {alert_id: now.get(alert_id, seen) for alert_id, seen in written.items() if alert_id not in withdrawn}


def _ingest(folder: Folder, writer: LakeWriter) -> None:
    ingest(folder.sources(), writer, Scope(), RunReport(NOW), jobs=1)


@cache
def _rules() -> RuleSet:
    return load_rules(shipped_rules_directory())


def _detect(events: Events) -> Detection:
    detection = Detection()
    with Engine(events) as engine:
        run_rules(engine, _rules().rules, NOW, (), detection)
    for error in detection.errors:
        raise error
    return detection


def _seen(alerts: Sequence[Alert]) -> Found:
    return {one.alert_id: Seen(one.rule_id, one.severity, one.event_count, one.account_id) for one in alerts}


def _silent(_text: str) -> None:
    """Say nothing."""
