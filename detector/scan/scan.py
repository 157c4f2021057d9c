"""Scan: the rules straight over raw logs, no lake left behind.

Of each record as little is decoded as tells whether a rule can want it. One reading is enough for most logs. Only where
a trail was stopped and started again, everything that the same caller did in between is read in a second look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import pyarrow as pa

from detector.batching import in_batches, log_objects, run_batches
from detector.engines.engine import Engine
from detector.engines.local import LOCAL
from detector.records.coverage import Coverage, coverage_table, merge_coverage
from detector.records.schema import EVENTS
from detector.rules.events import TableEvents, each_once
from detector.rules.trail_gaps import TrailGap, scope_of_gaps, trail_gaps
from detector.run_report import RunReport
from detector.scan.worker import ScanBatch, ScanResult, prefilter_batch
from detector.scope import Scope
from detector.sources.log_source import LogObject, LogSource


def scan(
    sources: Sequence[LogSource],
    scope: Scope,
    report: RunReport,
    *,
    jobs: int,
    progress: Callable[[RunReport], None],
    engine: Engine = LOCAL,
) -> TableEvents:
    """Look through all log objects in scope and return the events that rules can want.

    Args:
        report: gains the counts while the work goes on.
        jobs: so many batches at a time.
        progress: called after each batch.
        engine: looks through them.

    Raises:
        CredentialsError: AWS refuses the credentials.
        SourceError: a source as a whole cannot be listed.
    """
    tables: list[pa.Table] = [EVENTS.empty_table()]
    coverage: Coverage = {}
    for seen in _look_through(sources, scope, (), report, jobs, engine):
        _count(seen, report)
        tables.append(seen.table)
        merge_coverage(coverage, seen.coverage)
        progress(report)
    wanted = each_once(pa.concat_tables(tables))
    gaps = trail_gaps(wanted)
    if gaps:
        tables = [wanted]
        unreported = RunReport(report.started)
        for seen in _look_through(sources, scope_of_gaps(scope, gaps), gaps, unreported, jobs, engine):
            tables.append(seen.table)
            progress(report)
        wanted = each_once(pa.concat_tables(tables))
    return TableEvents(wanted, coverage_table(coverage))


def _look_through(
    sources: Sequence[LogSource],
    scope: Scope,
    gaps: tuple[TrailGap, ...],
    report: RunReport,
    jobs: int,
    engine: Engine,
) -> Iterator[ScanResult]:
    listed: set[str] = set()

    def batches(source: LogSource) -> Iterator[ScanBatch]:
        new = _once(log_objects(source.list(scope), report), listed, report, sources)
        for objects in in_batches(new, jobs=jobs):
            yield ScanBatch(objects, source.reader(), gaps)

    return run_batches(prefilter_batch, chain.from_iterable(map(batches, sources)), jobs=jobs, engine=engine)


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


def _count(seen: ScanResult, report: RunReport) -> None:
    report.ingested += seen.ingested
    report.records += seen.records
    report.rows += seen.records - len(seen.rejected) - seen.unnamed
    report.reject(seen.rejected, seen.unnamed)
    report.bytes_read += seen.bytes_read
    for skipped in seen.skipped:
        report.skip_for_content(skipped)
    for failure in seen.failures:
        report.fail(failure)
