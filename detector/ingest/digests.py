"""Digests beside the log files that are ingested: into the ledger, and from there to verdicts.

Facts first, each in a transaction of its own, in any order and as often as it takes; so a run that is killed at any
point leaves less to do, and nothing wrong. Log files are ingested whatever becomes of their digests.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from detector.errors import CredentialsError
from detector.lake.evidence import judge_lake
from detector.lake.ledger.digests import DigestStatus, LedgerDigest
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.objects import pack_etag, split_uri
from detector.run_report import RunReport
from detector.scope import Scope
from detector.sources.evidence import EvidenceSource, as_evidence
from detector.sources.keys import exclusion
from detector.sources.log_source import Listed, LogObject, LogSource, Skipped, Stored, Unreadable
from detector.sources.notified import NotifiedSource
from detector.verify.asking import AskKeys
from detector.verify.depth import Verify
from detector.verify.digest import MAX_DIGEST_BYTES
from detector.verify.integrity import Integrity
from detector.verify.keys import Span
from detector.verify.log_files import NOT_IN_LAKE
from detector.verify.place import DigestPlace, Location, location_of, named_minute, parse_digest_uri
from detector.verify.verdicts import SETTLE, Absence, Asked, DigestVerdict, LogVerdict

_AT_ONCE: Final = 500
_Listed = tuple[LogObject, DigestPlace]
# The name of a log file has the minute of its delivery, rounded to five, and up to some minutes ahead of it.
_BEFORE, _AFTER = timedelta(minutes=75), timedelta(minutes=15)
_UNREAD: Final = "no log files of its hour"


@dataclass(slots=True)
class DigestIntake:
    """The digests of one run of ingest."""

    ledger: Ledger
    verify: Verify
    ask_keys: AskKeys
    judges_all: bool = True  # False: only where digests have arrived
    arrived: set[Location] = field(default_factory=set)  # where new digests were read
    _listed: list[tuple[EvidenceSource, list[_Listed]]] = field(default_factory=list)
    _looked_through: set[Location] = field(default_factory=set)
    _roots: set[str] = field(default_factory=set)
    _log_minutes: defaultdict[Location, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def note(self, source: LogSource, listing: Iterable[Listed]) -> Iterator[Listed]:
        """Yield a listing as it comes, and remember the digests in it."""
        evidence = as_evidence(source) if self.verify is not Verify.NONE else None
        if evidence is None:
            yield from listing
            return
        digests: list[_Listed] = []
        self._listed.append((evidence, digests))
        root = evidence.root
        for entry in listing:
            match entry:
                case Skipped(digest=LogObject() as digest) if place := parse_digest_uri(digest.uri):
                    digests.append((digest, place))
                    # That a message does not name something says nothing about it.
                    if not isinstance(source, NotifiedSource):
                        self._looked_through.add(place.chain.location)
                        self._roots.add(root)
                case LogObject() if self.verify is Verify.PRESENT and (location := location_of(entry.uri)):
                    if minute := named_minute(entry.uri):
                        self._log_minutes[location].append(minute)
            yield entry

    def finish(self, scope: Scope, report: RunReport) -> None:
        """Read the digests that are new, ask for keys, and say in the report what follows.

        Raises:
            CredentialsError: AWS refuses the credentials while digests are read.
            LakeError: the ledger cannot be written.
        """
        if self.verify is Verify.NONE:
            return
        for minutes in self._log_minutes.values():
            minutes.sort()
        for source, digests in self._listed:
            wanted: list[LogObject] = []
            left: list[LogObject] = []
            for one, place, status in self._with_status(digests):
                if status is DigestStatus.READ:
                    continue
                self.arrived.add(place.chain.location)
                if self._is_wanted(place):
                    wanted.append(one)
                elif status is not DigestStatus.UNREAD:
                    left.append(one)
            for at in range(0, len(wanted), _AT_ONCE):
                self.ledger.digests.add(list(_read(source, wanted[at : at + _AT_ONCE])))
            self.ledger.digests.add(
                [LedgerDigest(one.uri, one.etag, DigestStatus.UNREAD, problem=_UNREAD) for one in left]
            )
        refused = self._ask()
        if self.judges_all or self.arrived:
            report.integrity = self._judge(scope, report, refused)

    def _with_status(self, digests: Iterable[_Listed]) -> Iterator[tuple[LogObject, DigestPlace, DigestStatus | None]]:
        """Yield digests with what the ledger says of this content; one question for each folder in a row."""
        for folder, listed in groupby(digests, lambda one: split_uri(one[0].uri)[0]):
            known = self.ledger.digests.in_folder(folder)
            for one, place in listed:
                etag, status = known.get(split_uri(one.uri)[1], ("", None))
                yield one, place, status if etag == pack_etag(one.etag) else None

    def _is_wanted(self, place: DigestPlace) -> bool:
        if self.verify is Verify.COMPLETE:
            return True
        minutes = self._log_minutes.get(place.chain.location, [])
        at = bisect_left(minutes, place.end - _BEFORE)
        return place.is_backfill or (at < len(minutes) and minutes[at] <= place.end + _AFTER)

    def _ask(self) -> Mapping[str, str]:
        """Ask for the keys of the times for which there are none; return the regions that refuse."""
        known = self.ledger.digests.keys()
        spans: dict[str, Span] = {}
        for _, digests in self._listed:
            for one, place in digests:
                region = place.chain.location.region
                # Nothing but its metadata says when a backfill was signed: soon before it was stored.
                end = one.last_modified or place.end if place.is_backfill else place.end
                if not any(start <= end <= until for start, until in known.asked.get(region, ())):
                    first, last = spans.get(region, (end, end))
                    spans[region] = min(first, end), max(last, end)
        spans = {region: (first - SETTLE, last + SETTLE) for region, (first, last) in spans.items()}
        try:
            answered = self.ask_keys(spans)
        except CredentialsError as error:
            return dict.fromkeys(spans, str(error))
        # What a file says is taken as said of this time only: later keys are asked for when they are needed.
        for region, span in spans.items():
            if region in answered.answers:
                self.ledger.digests.add_answer(region, span, answered.answers[region])
        self.ledger.digests.add_pages(answered.pages)
        return answered.refused

    def _judge(self, scope: Scope, report: RunReport, refused: Mapping[str, str]) -> Integrity:
        asked = Asked(scope.since, min(scope.until or report.started, report.started), report.started)
        keys = self.ledger.digests.keys(refused)
        failed = {failure.uri for failure in report.failures}
        known_absent = self.ledger.digests.absent()

        def is_certain(uri: str) -> bool:
            if uri in known_absent:
                return True
            is_listed = location_of(uri) in self._looked_through and uri.startswith(tuple(self._roots))
            return is_listed and uri not in failed and exclusion(scope, uri) is None

        denied = tuple(one.uri for one in report.unreadable_prefixes)
        absence = Absence(denied, is_certain, otherwise=NOT_IN_LAKE)
        integrity = Integrity(asked, keys, counts_gaps=self.verify is Verify.COMPLETE)
        for verdict in judge_lake(self.ledger, scope, asked, keys, absence, None if self.judges_all else self.arrived):
            integrity.add(verdict)
        missing = [one.uri for one in integrity.log_findings if one.verdict is LogVerdict.MISSING]
        missing += [one.uri for one in integrity.digest_findings if one.verdict is DigestVerdict.MISSING]
        self.ledger.digests.add_absent(missing)
        return integrity


def _read(source: EvidenceSource, digests: Sequence[LogObject]) -> Iterator[LedgerDigest]:
    """Yield digests as they are stored, and those that cannot be read."""
    small = [one for one in digests if one.size_bytes <= MAX_DIGEST_BYTES]
    for one in digests:
        if one.size_bytes > MAX_DIGEST_BYTES:
            reason = f"larger than the cap of {MAX_DIGEST_BYTES:,} bytes"
            yield LedgerDigest(one.uri, one.etag, DigestStatus.UNREADABLE, problem=reason)
    if not small:
        return
    for one, stored in source.digest_reader().read_with_metadata(small):
        yield _as_kept(one, stored)


def _as_kept(one: LogObject, stored: Stored | Unreadable) -> LedgerDigest:
    if isinstance(stored, Unreadable):
        return LedgerDigest(one.uri, one.etag, DigestStatus.UNREADABLE, problem=stored.reason)
    return LedgerDigest(one.uri, one.etag, DigestStatus.READ, stored.bucket, stored.metadata, stored.content)
