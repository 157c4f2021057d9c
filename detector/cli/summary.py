"""Summaries on stderr of what a command read, alerted, delivered or watched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from detector.cli.integrity_lines import integrity_lines
from detector.cli.terminal import say, say_error
from detector.errors import DetectorError
from detector.severity import Severity
from detector.text import counted, printable, size_text
from detector.times import now

if TYPE_CHECKING:
    from detector.alerts.alert import Alert
    from detector.alerts.delivery import Delivery
    from detector.detect.detect import Detection
    from detector.run_report import RunReport
    from detector.watch.progress import Watched

_REFUSED_BY_NAME = 10


@contextmanager
def reported(sources: Sequence[str], file: Path | None, *, into_lake: bool = True) -> Iterator[RunReport]:
    """Hand out a run report and, however the block ends, show it and write it."""
    from detector.run_report import RunReport

    report = RunReport(now(), tuple(sources), into_lake)
    try:
        yield report
    except DetectorError as error:
        report.error = str(error)
        raise
    finally:
        report.ended = now()
        for line in report_lines(report):
            typer.echo(line, err=True)
        if file is not None:
            report.write(file)


def say_unlisted(lake: Path, unlisted: Sequence[Path]) -> None:
    """Warn of parts that are left out, because the ledger of the lake does not know them."""
    if unlisted:
        say(
            f"warning: {lake} holds {counted(len(unlisted), 'part')} that its ledger does not know, such as"
            f" {unlisted[0]}; left out: see detector lake check, detector lake repair"
        )


def say_warnings(detection: Detection, delivery: Delivery) -> None:
    """Write the warnings of a detection and of its delivery."""
    for warning in [*detection.warnings, *delivery.warnings]:
        say(f"warning: {warning}")


def say_errors(detection: Detection) -> None:
    """Name the rules that did not run."""
    for error in detection.errors:
        say_error(error)


def say_alerts(detection: Detection, written: Sequence[Alert]) -> None:
    """Say how many alerts there are, after the rules that did not run."""
    say_errors(detection)
    by_severity = [(severity, sum(alert.severity is severity for alert in written)) for severity in reversed(Severity)]
    listed = ", ".join(f"{count} {severity}" for severity, count in by_severity if count)
    suppressed = sum(alert.suppressed_by is not None for alert in written)
    say(
        counted(len(written), "alert")
        + (f": {listed}" if listed else "")
        + (f"; {suppressed} of them suppressed" if suppressed else "")
    )


def say_delivery(delivery: Delivery, *, remembered: bool) -> None:
    """Name the alerts that an output did not take, and what becomes of them.

    Args:
        remembered: whether the lake keeps them for the next run.
    """
    for one in delivery.undelivered:
        say(f"error: {counted(one.alerts, 'alert')} not delivered to {one.sink}: {one.reason}")
        fate = "kept in the lake; the next run with this --output sends what is left" if remembered else "run it again"
        say(f"hint: {one.hint}; {fate}" if one.hint else f"hint: {fate}")
    for refused in delivery.refused[:_REFUSED_BY_NAME]:
        say(f"error: alert {refused.alert_id} is refused by {refused.sink}: {refused.reason}")
    if len(delivery.refused) > _REFUSED_BY_NAME:
        say(f"error: … and {len(delivery.refused) - _REFUSED_BY_NAME:,} more")
    if delivery.refused:
        kept = "kept in the lake: `detector outbox` shows it, and --retry sends it again"
        say(f"hint: {kept if remembered else 'the other alerts were sent'}")


def say_watched(watched: Watched) -> None:
    """Write the totals of a watch."""
    totals = watched.totals
    if totals.received:
        say(
            f"{counted(totals.received, 'message')} received, {totals.deleted:,} deleted, "
            f"{totals.poison:,} not understood"
        )
    say(
        f"{counted(totals.ingested, 'object')} ingested, {counted(totals.records, 'record')}, "
        f"{counted(totals.alerts.total(), 'alert')}"
    )
    for uri, reason in list(watched.unread.items())[:10]:
        say(f"not read: {uri}: {reason}")
    if len(watched.unread) > 10:
        say(f"not read: … and {len(watched.unread) - 10:,} more")


def report_lines(report: RunReport) -> Iterator[str]:
    """Yield the short form of a run report."""
    taken = f"{report.ingested:,} ingested, {report.already_in:,} already in"
    rows = f"{report.rows:,} rows ({report.duplicates:,} further copies of an event)"
    if not report.into_lake:
        taken, rows = f"{report.ingested:,} read, {report.already_in:,} named twice", f"{report.rows:,} looked through"
    yield (
        f"{report.listed:,} objects listed: {taken}, {report.skipped:,} skipped, {report.failed:,} failed; "
        f"{size_text(report.bytes_read)} read"
    )
    yield f"{report.records:,} records: {rows}, {report.rejected:,} rejected"
    for reason, count in report.skipped_reasons.most_common():
        yield f"skipped {count:,}: {printable(reason)}"
    if report.left_out:
        yield (
            f"not read {len(report.left_out):,}: {printable(report.left_out[0].uri)} ({report.left_out[0].reason})"
            + (" …" if len(report.left_out) > 1 else "")
        )
    failures = [*report.unreadable_prefixes, *report.failures]
    for failure in failures[:10]:
        yield f"failed: {printable(failure.uri)}: {printable(failure.reason)}"
    if len(failures) > 10:
        yield f"failed: … and {len(failures) - 10:,} more; --report FILE lists all"
    for rejected in report.rejected_reasons[:3]:
        yield f"rejected: record {rejected.index} of {printable(rejected.uri)}: {printable(rejected.reason)}"
    if report.unkept:
        yield f"rejected: {report.unkept:,} more were counted only: of each object the first 1,000 are kept in the lake"
    for warning in report.warnings:
        yield f"warning: {printable(warning)}"
    if report.integrity is not None:
        yield from map(printable, integrity_lines(report.integrity))
