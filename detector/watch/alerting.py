"""The rules of `watch` over its candidate cache, and the one place where its alerts leave."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from types import TracebackType
from typing import Self

from detector.alerts.alert import Alert
from detector.detect.detect import Detection, run_rules
from detector.detect.emission import may_be_news, write_new_alerts
from detector.errors import DetectorError
from detector.lake.integrity import LakeIntegrity, integrity_of
from detector.lake.part import Part
from detector.lake.reader import read_lake
from detector.lake.writer import LakeWriter
from detector.rules.engine import Engine
from detector.rules.events import Events
from detector.rules.finding import Finding
from detector.rules.rule import Rule
from detector.times import utc_now
from detector.verify.place import Location
from detector.watch.alert_lag import Arrived
from detector.watch.candidate_cache import CandidateCache
from detector.watch.metrics import Metrics
from detector.watch.progress import Watched
from detector.watch.settings import WatchSettings

# Suppressions expire, and what could not be written is tried again, also when nothing arrives.
_ALL_RULES_SECONDS = 600.0
_LAKE_RULES_SECONDS = 300.0
_SEND_AGAIN_SECONDS = 30.0


class Alerting:
    """Writes alerts about one lake while it grows; close it in the end.

    Args:
        lake: which events come into.
        settings: how alerts are made and written.
        watched: gains what comes of it.
        metrics: gains how late alerts are.
        arrived: times of arrival, for the lag in an alert's context.
        tell: writes a line for the user.

    Raises:
        LakeError: the lake cannot be read.
    """

    def __init__(
        self,
        lake: LakeWriter,
        settings: WatchSettings,
        watched: Watched,
        metrics: Metrics,
        arrived: Arrived,
        tell: Callable[[str], None],
    ) -> None:
        self.lake = lake
        self.settings = settings
        self.watched = watched
        self.metrics = metrics
        self.arrived = arrived
        self.tell = tell
        self._cache = self._read_cache()
        self._integrity: LakeIntegrity | None = None
        if settings.open_intake is not None:
            self._integrity = integrity_of(lake.ledger, utc_now()) or LakeIntegrity()
        self._engine = self._open(self._cache.events(self._integrity), threads=1)
        # Rows that no rule has seen: first of all those of a predecessor that was killed.
        self._is_owed = self._cache.rows > 0
        self._is_lake_owed = True
        self._all_rules_at = self._lake_rules_at = self._sent_at = time.monotonic()
        self._tell_errors(settings.rules.errors)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.close()
        self._cache.close()

    def take_over(self, added: Iterable[Part], *, is_replaced: bool) -> None:
        """Learn of new parts; where rows went, objects having been replaced, read the lake again."""
        if is_replaced:
            self._cache.close()
            self._cache = self._read_cache()
            self._is_owed = True
        else:
            self._is_owed |= self._cache.add(added)
        self._is_lake_owed = True

    def _read_cache(self) -> CandidateCache:
        return CandidateCache.of_lake(self.lake.directory, keeps_sign_ins=not self.settings.rules.are_shipped)

    def take_over_digests(self, arrived: Collection[Location], log_files: Iterable[str]) -> None:
        """Judge anew where digests have arrived; log files that have arrived elsewhere are pending."""
        if self._integrity is not None:
            self._integrity.note_arrived(log_files)
            if arrived:
                self._integrity.judge_anew(self.lake.ledger, utc_now(), arrived)
                self._is_owed = True

    def alert(self) -> None:
        """Run the rules whose answer may have changed: most batches bring nothing that most of them want.

        Raises:
            OutputClosed: the reader of standard output has gone.
        """
        if self._is_owed:
            self._run_all()
        else:
            self._write(self._over_cache(), self.settings.rules.of_coverage)

    def catch_up(self) -> None:
        """Run rules that are owed, and rules that have not run for long.

        Raises:
            SinkError: as above.
        """
        if self._is_owed or time.monotonic() - self._all_rules_at > _ALL_RULES_SECONDS:
            self._run_all()
        if time.monotonic() - self._lake_rules_at > _LAKE_RULES_SECONDS:
            self.run_lake_rules()
        if self.watched.undelivered and time.monotonic() - self._sent_at > _SEND_AGAIN_SECONDS:
            self._send([])

    def run_lake_rules(self) -> None:
        """Run the user's own rules that read all events, over the lake; as costly as `detect`.

        Raises:
            SinkError: as above.
        """
        if self.settings.rules.of_lake and self._is_lake_owed:
            with self._open(read_lake(self.lake.directory)) as engine:
                self._write(engine, self.settings.rules.of_lake)
        self._is_lake_owed = False
        self._lake_rules_at = time.monotonic()

    def _run_all(self) -> None:
        self._write(self._over_cache(), self.settings.rules.in_memory)
        self._is_owed = False
        self._all_rules_at = time.monotonic()

    def _over_cache(self) -> Engine:
        self._engine.replace_events(self._cache.events(self._integrity))
        return self._engine

    def _open(self, events: Events, threads: int | None = None) -> Engine:
        settings = self.settings
        return Engine(events, threads=threads, time_limit_seconds=settings.rule_seconds, row_cap=settings.rule_findings)

    def _write(self, engine: Engine, rules: Sequence[Rule]) -> None:
        """Run rules, and write what they have found that is news."""
        now = utc_now()

        def is_of_interest(finding: Finding) -> bool:
            return finding.severity.is_at_least(self.settings.selection.min_severity) and may_be_news(
                finding, self.lake.ledger
            )

        detection = Detection()
        run_rules(
            engine,
            rules,
            now.replace(microsecond=0),
            self.settings.suppressions,
            detection,
            is_of_interest,
            self.settings.rule_findings,
        )
        self._tell_errors(detection.errors)
        alerts: Iterable[Alert] = filter(self.settings.selection.takes, detection.alerts)
        if self.settings.with_lag:
            now = utc_now()
            alerts = [self.arrived.with_lag(alert, now) for alert in alerts]
        for alert in self._send(alerts):
            self.watched.totals.alerts[alert.severity] += 1
            self.metrics.alert_lag.observe(max(0.0, (now - alert.last_event_time).total_seconds()))
            self.watched.has_reached |= self._is_reached_by(alert)

    def _send(self, alerts: Iterable[Alert]) -> list[Alert]:
        """Send what is news, after what waits for an output; the one place where alerts leave.

        Returns:
            The news; what an output does not take now waits in the lake.
        """
        settings = self.settings
        new, delivery = write_new_alerts(alerts, settings.outputs, self.lake.ledger, settings.delivery)
        self._sent_at = time.monotonic()
        trouble = {one.sink: f"{one.reason}; its alerts wait in the lake" for one in delivery.undelivered}
        trouble |= {one.sink: f"alert {one.alert_id} is refused: {one.reason}" for one in delivery.refused}
        before = self.watched.undelivered
        for sink in trouble.keys() | before.keys():
            if sink not in trouble:
                self.tell(f"{sink} takes alerts again")
            elif before.get(sink) != trouble[sink]:
                self.tell(f"error: {sink}: {trouble[sink]}")
        self.watched.undelivered = trouble
        return new

    def _is_reached_by(self, alert: Alert) -> bool:
        fail_on = self.settings.fail_on
        return fail_on is not None and alert.suppressed_by is None and alert.severity.is_at_least(fail_on)

    def _tell_errors(self, errors: Sequence[DetectorError]) -> None:
        """Report each error of a rule once."""
        for error in errors:
            if str(error) not in self.watched.rule_errors:
                self.watched.rule_errors[str(error)] = error
                self.tell(f"error: {error}")
