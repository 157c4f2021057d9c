"""Watch: bring log files into the lake as they arrive, run the rules, write new alerts, then acknowledge the arrival.

One process holds the lake while it watches, and keeps its candidates in memory. An error that may pass is waited out.
After an error of the lake itself, the lake is closed and read anew, so that memory never says more than the disk.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from detector.errors import DetectorError, LakeBusy, LakeError, SourceError
from detector.ingest.ingest import ingest
from detector.lake.ledger.objects import LedgerObject
from detector.lake.part import Part
from detector.lake.writer import LakeWriter, open_to_write
from detector.lake_layout import PartKind
from detector.rules.candidates import candidates
from detector.run_report import RunReport
from detector.sources.log_source import Unreadable
from detector.times import utc_now
from detector.watch.alert_lag import ArrivalTimes, Arrived
from detector.watch.alerting import Alerting
from detector.watch.feed import Arrival, Feed
from detector.watch.heartbeat import Heartbeat
from detector.watch.metrics import Metrics
from detector.watch.outage import Outage, may_pass
from detector.watch.progress import Watched
from detector.watch.settings import WatchSettings

_LOCK_SECONDS = 30.0
# A batch every two seconds makes 43,000 small parts a day.
_NEW_PARTS = 64
_SMALL_PART_ROWS = 10_000
_FAILURES_TOLD = 10
_FAILURES_KNOWN = 1_000


class Watch:
    """One watch, from its start to its end.

    Args:
        settings: how alerts are made and written.
        heartbeat: gives signs of life.
        stop: ends it when it is set; what is under way is finished.
        tell: writes a line for the user; called once for a failure that goes on.
    """

    def __init__(
        self, settings: WatchSettings, heartbeat: Heartbeat, stop: threading.Event, tell: Callable[[str], None]
    ) -> None:
        self.settings = settings
        self.heartbeat = heartbeat
        self.stop = stop
        self.tell = tell
        self.watched = Watched()
        self._outage = Outage(self.stop, self.tell)
        self._metrics = Metrics(self.watched.totals)
        self._arrived = Arrived()
        self._new_parts = 0
        self._has_worked = False

    def run(self, directory: Path, open_arrivals: Callable[[], Feed]) -> None:
        """Write alerts about what arrives until the end; with `once`, until nothing more has arrived.

        Args:
            directory: of the lake.
            open_arrivals: called when the lake has been opened for the first time.

        Raises:
            DetectorError: an error that is not expected to pass; with `once`, or before the lake was open, any error.
        """
        feed: Feed | None = None
        while not self.stop.is_set():
            try:
                with _open_when_free(directory, self.stop) as lake:
                    feed = feed or open_arrivals()
                    with Alerting(
                        lake, self.settings, self.watched, self._metrics, self._arrived, self.tell
                    ) as alerting:
                        self._take_all(feed, lake, alerting)
                    return
            except LakeError as error:
                if self.settings.once or feed is None:
                    raise
                self._outage.wait(error)

    def _take_all(self, feed: Feed, lake: LakeWriter, alerting: Alerting) -> None:
        """Take arrival after arrival; wait out what may pass."""
        while not self.stop.is_set():
            arrival: Arrival | None = None
            try:
                alerting.catch_up()
                arrival = feed.next(lake.ledger)
                if arrival is not None:
                    self._take(arrival, lake, alerting)
                elif self.settings.once:
                    break
                self._look_after(lake)
            except DetectorError as error:
                _nack(arrival)
                if isinstance(error, LakeError) or self.settings.once or not may_pass(error, self._has_worked):
                    raise
                feed.renew()
                self._outage.wait(error)
            else:
                self._has_worked = True
                self._outage.end()
        alerting.run_lake_rules()
        self._look_after(lake)
        lake.find_copies(jobs=1)

    def _take(self, arrival: Arrival, lake: LakeWriter, alerting: Alerting) -> None:
        """Ingest an arrival, run the rules, write the alerts; only then acknowledge it."""
        report = RunReport(utc_now())
        self._ingest(arrival, lake, report, alerting)
        self._tell_failures(report)
        alerting.alert()
        arrival.ack(lake.ledger, report)
        self._count(report)

    def _ingest(self, arrival: Arrival, lake: LakeWriter, report: RunReport, alerting: Alerting) -> None:
        before = _event_parts(lake)
        intake = self.settings.open_intake(lake.ledger) if self.settings.open_intake else None
        log_files: list[str] = []

        def note(objects: Sequence[LedgerObject]) -> None:
            log_files.extend(one.uri for one in objects)
            self._note(objects, arrival.notified_at)

        try:
            ingest(
                arrival.sources,
                lake,
                arrival.scope,
                report,
                jobs=self.settings.jobs,
                committed=note,
                digests=intake,
                finds_copies=False,  # the candidate cache finds those of its own, and a day is not searched each minute
            )
        finally:  # what was committed before an error counts
            after = _event_parts(lake)
            added = [part for path, part in after.items() if path not in before]
            self._new_parts += len(added)
            if before.keys() != after.keys():
                alerting.take_over(added, is_replaced=not before.keys() <= after.keys())
            alerting.take_over_digests(intake.arrived if intake else (), log_files)

    def _note(self, objects: Sequence[LedgerObject], notified_at: Mapping[str, datetime]) -> None:
        """Record the times of arrival of objects."""
        now = utc_now()
        for one in objects:
            self.watched.unread.pop(one.uri, None)
            self._arrived.note(one.uri, ArrivalTimes(one.last_modified, notified_at.get(one.uri), now))
            self.heartbeat.note(one.uri, now)
            if one.last_modified is not None:
                self._metrics.delivery_lag.observe(max(0.0, (now - one.last_modified).total_seconds()))

    def _tell_failures(self, report: RunReport) -> None:
        """Name what could not be read: each thing once, as long as the reason is the same."""
        unread = self.watched.unread
        failures: list[Unreadable] = [*report.failures, *report.unreadable_prefixes]
        news = [one for one in failures if unread.get(one.uri) != one.reason]
        for one in news[:_FAILURES_TOLD]:
            self.tell(f"failed: {one.uri}: {one.reason}")
        if len(news) > _FAILURES_TOLD:
            self.tell(f"failed: … and {len(news) - _FAILURES_TOLD:,} more")
        unread.update((one.uri, one.reason) for one in news)
        while len(unread) > _FAILURES_KNOWN:
            del unread[next(iter(unread))]
        for rejected in report.rejected_reasons[:_FAILURES_TOLD]:
            self.tell(f"rejected: record {rejected.index} of {rejected.uri}: {rejected.reason}")
        if report.unkept:
            self.tell(f"rejected: {report.unkept:,} more were counted only: of each object the first 1,000 are kept")

    def _count(self, report: RunReport) -> None:
        totals = self.watched.totals
        totals.ingested += report.ingested
        totals.failed += report.failed + len(report.unreadable_prefixes)
        totals.records += report.records
        totals.last_success = utc_now()
        self.watched.has_log_objects |= report.has_log_objects
        if report.integrity is not None:
            self.watched.is_damaged |= report.integrity.is_damaged
            # Of the last look: what a later digest proves is proven.
            self.watched.is_unproven = report.integrity.is_unproven

    def _look_after(self, lake: LakeWriter) -> None:
        """Do what is due between two arrivals."""
        if self._new_parts > _NEW_PARTS:
            self._new_parts = 0
            for damage in _merge_small_parts(lake):
                self.tell(f"left as it is: {damage}; detector lake repair sets it aside")
        self.heartbeat.beat(self.watched.totals, utc_now())
        if self.settings.metrics_file is not None:
            self._metrics.write(self.settings.metrics_file)


@contextmanager
def _open_when_free(directory: Path, stop: threading.Event) -> Iterator[LakeWriter]:
    """Open a lake as its only writer; wait up to half a minute for another one to end.

    Raises:
        LakeBusy: the other one has not ended.
        LakeError: as `open_to_write`.
    """
    deadline = time.monotonic() + _LOCK_SECONDS
    with ExitStack() as opened:
        while True:
            try:
                lake = opened.enter_context(open_to_write(directory))
                break
            except LakeBusy:
                if time.monotonic() > deadline or stop.wait(0.5):
                    raise
        yield lake


def _event_parts(lake: LakeWriter) -> Mapping[Path, Part]:
    return {part.path: part for part in lake.ledger.parts(PartKind.EVENTS)}


def _merge_small_parts(lake: LakeWriter) -> list[str]:
    """Merge the parts of days with many small ones, the one place where `watch` compacts; return which are damaged."""
    rows = _NEW_PARTS * _SMALL_PART_ROWS
    compacted = lake.compact(candidates(), jobs=1, unclassified_parts=_NEW_PARTS, unclassified_rows=rows)
    return [one.damage for one in compacted if one.damage is not None]


def _nack(arrival: Arrival | None) -> None:
    if arrival is not None:
        with suppress(SourceError):  # it comes back by itself, later
            arrival.nack()
