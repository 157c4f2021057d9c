"""Scan: the rules straight over raw logs, no lake left behind.

Of each record as little is decoded as tells whether a rule can want it. One reading is enough for most logs. Only where
a trail was stopped and started again, everything that the same caller did in between is read in a second look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain

import pyarrow as pa

from detector.batching import in_batches, log_objects
from detector.errors import CredentialsError
from detector.records.coverage import Spans, merge_spans, spans_table
from detector.records.schema import EVENTS
from detector.rules.events import TableEvents, each_once
from detector.run_report import RunReport
from detector.scan.prefilter import Absence
from detector.scan.worker import Look, Seen, look_through
from detector.scope import Scope
from detector.sources.log_source import LogObject, LogSource
from detector.workers import run_in_workers

# Files are delivered late, up to 30 days after the events in them.
_LATEST_DELIVERY_DAYS = 31


def scan(
    sources: Sequence[LogSource],
    scope: Scope,
    report: RunReport,
    *,
    jobs: int,
    progress: Callable[[RunReport], None],
) -> TableEvents:
    """Look through all log objects in scope and return the events that rules can want.

    Args:
        report: gains the counts while the work goes on.
        jobs: worker processes; 1 works in this process.
        progress: called after each batch.

    Raises:
        CredentialsError: AWS refuses the credentials.
        SourceError: a source as a whole cannot be listed.
    """
    tables: list[pa.Table] = [EVENTS.empty_table()]
    spans: Spans = {}
    for seen in _look_through(sources, scope, (), report, jobs):
        _count(seen, report)
        tables.append(seen.table)
        merge_spans(spans, seen.spans)
        progress(report)
    absences = trail_absences(each_once(pa.concat_tables(tables)))
    if absences:
        unreported = RunReport(report.started)
        for seen in _look_through(sources, _around(scope, absences), absences, unreported, jobs):
            report.bytes_read += seen.bytes_read
            tables.append(seen.table)
            progress(report)
    return TableEvents(each_once(pa.concat_tables(tables)), spans_table(spans))


def _look_through(
    sources: Sequence[LogSource], scope: Scope, absences: tuple[Absence, ...], report: RunReport, jobs: int
) -> Iterator[Seen]:
    listed: set[str] = set()
    stopped_by: list[CredentialsError] = []

    def looks(source: LogSource) -> Iterator[Look]:
        for objects in in_batches(_once(log_objects(source.list(scope), report), listed, report, sources), jobs=jobs):
            if stopped_by:
                return
            yield Look(objects, source.reader(), absences)

    for seen in run_in_workers(look_through, chain.from_iterable(map(looks, sources)), jobs=jobs):
        yield seen
        if seen.stopped_by is not None:
            stopped_by.append(seen.stopped_by)
    if stopped_by:
        raise stopped_by[0]


def _once(
    objects: Iterator[LogObject], listed: set[str], report: RunReport, sources: Sequence[LogSource]
) -> Iterator[LogObject]:
    """Yield each object once, also where sources overlap; one source alone names no object twice."""
    if len(sources) == 1:
        yield from objects
        return
    for one in objects:
        if one.uri in listed:
            report.already_in += 1
        else:
            listed.add(one.uri)
            yield one


def _count(seen: Seen, report: RunReport) -> None:
    report.ingested += seen.ingested
    report.records += seen.records
    report.rows += seen.records - len(seen.rejected) - seen.unnamed
    report.reject(seen.rejected, seen.unnamed)
    report.bytes_read += seen.bytes_read
    for skipped in seen.skipped:
        report.skip_for_content(skipped)
    for failure in seen.failures:
        report.fail(failure)


def trail_absences(table: pa.Table) -> tuple[Absence, ...]:
    """Return when trails were stopped, and by whom, as far as events show that they were started again."""
    if not set(table.column("eventName").unique().to_pylist()) >= {"StopLogging", "StartLogging"}:
        return ()
    from detector.rules.engine import Engine  # not above: importing DuckDB would keep the workers waiting

    with Engine(TableEvents(table)) as engine:
        rows = engine.query("SELECT since, until, caller FROM trail_absences ORDER BY ALL").read_all().to_pylist()
    return tuple(Absence(_text(row["since"]), _text(row["until"]), row["caller"]) for row in rows)


def _text(moment: datetime) -> str:
    # Not strftime, which writes the year 999 with three digits.
    return moment.isoformat(timespec="seconds") + "Z"


def _around(scope: Scope, absences: Sequence[Absence]) -> Scope:
    """Narrow a scope to where events of that time can lie."""
    since = min(datetime.fromisoformat(absence.since) for absence in absences)
    until = max(datetime.fromisoformat(absence.until) for absence in absences)
    last_day = scope.last_day
    look_ahead_days = _LATEST_DELIVERY_DAYS
    if last_day is not None:
        look_ahead_days = max(0, min(look_ahead_days, (last_day - until.date()).days))
    return replace(scope, since=max(since, scope.since or since), until=until, look_ahead_days=look_ahead_days)
