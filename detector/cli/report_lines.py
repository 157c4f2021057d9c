"""The short form of a run report, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from detector.cli.integrity_lines import integrity_lines
from detector.sources.log_source import ENDED_EARLY, LeftOut, Limit
from detector.text import counted, printable, size_text

if TYPE_CHECKING:
    from detector.run_report import RunReport


def report_lines(report: RunReport) -> Iterator[str]:
    """Yield the short form of a run report, as far as nothing went wrong."""
    taken = f"{report.ingested:,} ingested, {report.already_in:,} already in"
    copies = counted(report.duplicates, "further copy", "further copies")
    rows = f"{counted(report.rows, 'row')} ({copies} of an event)"
    if not report.into_lake:
        taken, rows = f"{report.ingested:,} read, {report.already_in:,} named twice", f"{report.rows:,} looked through"
    yield (
        f"{counted(report.listed, 'object')} listed: {taken}, {report.skipped:,} skipped, {report.failed:,} failed; "
        f"{size_text(report.bytes_read)} read"
    )
    yield f"{counted(report.records, 'record')}: {rows}, {report.rejected:,} rejected"
    for reason, count in report.skipped_reasons.most_common():
        yield f"skipped {count:,}: {printable(reason)}"
    yield from _left_out_lines(report.left_out)


def trouble_lines(report: RunReport) -> Iterator[str]:
    """Yield what went wrong, or may have, in a run."""
    failures = [*report.unreadable_prefixes, *(one for one in report.failures if one.reason != ENDED_EARLY)]
    unread = sum(one.reason == ENDED_EARLY for one in report.failures)
    if unread:
        yield f"not read: {counted(unread, 'object')}, since the run ended early"
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
        if failures:  # "signed and intact" must not be the last word
            amount = counted(len(failures), "object or prefix", "objects or prefixes")
            yield f"incomplete: {amount} not read, or not whole"


def _left_out_lines(left_out: Sequence[LeftOut]) -> Iterator[str]:
    """Yield a line for each limit of the scope, and one for all that is left out for what it is."""
    for limit in Limit:
        uris = [one.uri for one in left_out if one.limit is limit]
        folders = sum(uri.endswith("/") for uri in uris)
        if folders:
            yield f"{limit}, not listed: {counted(folders, 'prefix', 'prefixes')}"
        if folders < len(uris):
            yield f"{limit}, not read: {counted(len(uris) - folders, 'object')}"
    others = [one for one in left_out if one.limit is None]
    if others:
        yield f"not read {len(others):,}: {printable(others[0].uri)} ({others[0].reason})" + " …" * (len(others) > 1)
