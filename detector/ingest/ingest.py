"""Ingest: from log sources into the lake. Each object once, whole or named as failed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from detector.batching import in_batches, log_objects, run_batches
from detector.engines.engine import Engine
from detector.engines.local import LOCAL
from detector.errors import CredentialsError, SourceError, SourceUnavailable
from detector.ingest.worker import Batch, StagedBatch, stage
from detector.lake.ledger.objects import LedgerObject, ObjectStatus
from detector.lake.writer import LakeWriter, Staged
from detector.run_report import RunReport
from detector.scope import Scope
from detector.sources.log_source import ENDED_EARLY, LeftOut, Listed, LogObject, LogSource, Unreadable, lies_below
from detector.times import now

if TYPE_CHECKING:
    from detector.ingest.digests import DigestIntake

Progress = Callable[[RunReport], None]
Committed = Callable[[Sequence[LedgerObject]], None]


def _silent(_report: RunReport) -> None:
    """Show no progress."""


def _unheard(_objects: Sequence[LedgerObject]) -> None:
    """Make nothing of what was committed."""


def ingest(
    sources: Sequence[LogSource],
    lake: LakeWriter,
    scope: Scope,
    report: RunReport,
    *,
    jobs: int,
    progress: Progress = _silent,
    committed: Committed = _unheard,
    digests: DigestIntake | None = None,
    finds_copies: bool = True,
    engine: Engine = LOCAL,
) -> None:
    """Bring what is new in the sources into the lake, batch by batch, each committed as soon as it is durable.

    Args:
        report: gains the counts while the work goes on; it is right also when an error ends the run.
        jobs: so many batches at a time.
        progress: called after each commit.
        committed: called after each commit with the objects that it brought in.
        digests: takes the digests that are listed beside the log files, in the end.
        finds_copies: look for further copies of events in the end; otherwise whoever reads the lake has to.
        engine: reads them; this process alone commits.

    Raises:
        CredentialsError: AWS refuses the credentials; what was read before is committed.
        SourceError: a source as a whole cannot be listed.
        LakeError: the lake cannot be written.
    """
    pending: set[str] = set()
    batches = chain.from_iterable(_batches(source, lake, scope, report, pending, jobs, digests) for source in sources)
    unread = report.unreadable_prefixes
    try:
        for staged in run_batches(stage, batches, jobs=jobs, engine=lake.engine(engine)):
            _commit(staged, lake, report)
            lake.ledger.gaps.note(staged.failures, now())
            committed(staged.objects)
            pending.difference_update(one.uri for one in staged.objects)
            pending.difference_update(failure.uri for failure in staged.failures)
            progress(report)
        lake.ledger.gaps.close(partial(_is_listed, sources, scope, unread), scope.extent)
    finally:
        for uri in sorted(pending):
            report.fail(Unreadable(uri, ENDED_EARLY))
        lake.ledger.gaps.note(unread, now(), prefixes_of=scope.extent)
    if finds_copies:
        report.duplicates += lake.find_copies(jobs=jobs, engine=engine)
    if digests is not None:
        digests.finish(scope, report)


def _batches(
    source: LogSource,
    lake: LakeWriter,
    scope: Scope,
    report: RunReport,
    pending: set[str],
    jobs: int,
    digests: DigestIntake | None,
) -> Iterator[Batch]:
    """Yield what has to be read of one source; count everything else."""
    changed: set[str] = set()
    listing = _list(source, scope, report)
    listed = log_objects(listing if digests is None else digests.note(source, listing), report)
    new = (one for one in listed if _is_new(one, lake, report, pending, changed))
    for objects in in_batches(new, jobs=jobs):
        replaced = tuple(one.uri for one in objects if one.uri in changed)
        changed.difference_update(replaced)
        yield Batch(objects, source.reader(), lake.staging, uuid.uuid4().hex, replaced)


def _list(source: LogSource, scope: Scope, report: RunReport) -> Iterator[Listed]:
    """List a source; one that refuses as a whole is a prefix that could not be listed, too."""
    try:
        yield from source.list(scope)
    except (CredentialsError, SourceUnavailable):
        raise
    except SourceError as error:
        if source.root:
            report.unreadable_prefixes.append(Unreadable(source.root, str(error)))
        raise


def _is_new(log_object: LogObject, lake: LakeWriter, report: RunReport, pending: set[str], changed: set[str]) -> bool:
    """Say whether an object has to be read, and note it; count it when not."""
    if log_object.uri in pending:  # two of the sources overlap
        report.already_in += 1
        return False
    if lake.ledger.has(log_object.uri, log_object.etag):
        report.already_in += 1
        return False
    known = lake.ledger.known(log_object.uri, log_object.etag)
    if known is None or not known.etag_matches:
        pending.add(log_object.uri)
        if known is not None:
            changed.add(log_object.uri)
        return True
    match known.status:
        case ObjectStatus.SKIPPED:
            report.skip_for_content(LeftOut(log_object.uri, known.reason or ""))
        case ObjectStatus.PARTIAL:
            # The same bytes would break off at the same place; that they do must not be forgotten.
            report.fail(Unreadable(log_object.uri, known.reason or ""))
    return False


def _is_listed(sources: Sequence[LogSource], scope: Scope, unread: Sequence[Unreadable], uri: str) -> bool:
    """Say whether the listing of some source, which has ended, has named what lies at a URI."""
    return any(source.covers(uri, scope) for source in sources) and not any(lies_below(uri, one.uri) for one in unread)


def _commit(staged: StagedBatch, lake: LakeWriter, report: RunReport) -> None:
    """Commit a staged batch, then count it."""
    read = {one.uri for one in staged.objects}
    replaced = [uri for uri in staged.replaced if uri in read]
    lake.commit(Staged(tuple(staged.objects), tuple(staged.parts)), replaced)
    for one in staged.objects:
        match one.status:
            case ObjectStatus.INGESTED:
                report.ingested += 1
            case ObjectStatus.SKIPPED:
                report.skip_for_content(LeftOut(one.uri, one.reason or ""))
            case ObjectStatus.PARTIAL:
                report.fail(Unreadable(one.uri, one.reason or ""))
        report.records += one.records
        report.rows += one.rows
    for failure in staged.failures:
        report.fail(failure)
    report.reject(staged.rejected, staged.unkept)
    report.bytes_read += staged.bytes_read
