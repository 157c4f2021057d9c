"""Bundle: from a lake, and from where it was read, to a bag."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from detector.alerts.alert import Alert
from detector.bundle import layout
from detector.bundle.entry import Entry, Held, Kind
from detector.bundle.facts import Contents, Facts, Judged
from detector.bundle.fetch import fetch, is_as_read, is_in_s3
from detector.bundle.papers import (
    STATEMENT_SCHEMA,
    Custody,
    alert_lines,
    answer_lines,
    coverage_lines,
    key_documents,
    machine,
    object_lines,
    pretty,
    readme,
)
from detector.bundle.programs import Marks
from detector.bundle.records import record_lines
from detector.bundle.selection import Selected, named_by, select_all, select_named
from detector.bundle.writing import BagWriter, open_bag
from detector.errors import LakeError
from detector.lake.evidence import digests_of, judge_lake, open_ledger
from detector.lake.integrity import absence_in
from detector.lake.ledger.digests import DigestStatus, LedgerDigest
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.objects import LedgerObject, ObjectStatus
from detector.lake.place import LakePlace
from detector.scope import Scope
from detector.sources.aws_options import AwsOptions
from detector.sources.aws_session import caller_arn
from detector.sources.log_source import Stored, Unreadable
from detector.times import now, rfc3339
from detector.verify.place import Location, location_of
from detector.verify.verdicts import Asked, LocationVerdict

_NAMED = 1_000  # of what is left out, in the statement; objects.jsonl has all
_HELD = {DigestStatus.UNREADABLE: Held.UNREADABLE, DigestStatus.UNREAD: Held.UNREAD}


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be put into which bag."""

    lake: LakePlace
    output: Path
    contents: Contents
    scope: Scope  # accounts and regions; its time is not looked at
    asked: Asked  # the time of delivery
    alerts: Sequence[Alert]
    marks: Marks = field(default_factory=Marks)
    question: dict[str, Any] = field(default_factory=dict)  # what else the statement says of it


@dataclass(frozen=True, slots=True)
class Bundled:
    """A bag that is in its place."""

    judged: Judged
    kept: int  # objects
    left_out: tuple[Entry, ...]  # that should be in it, and could not be had as they were read
    sha256: str  # of the tag manifest, which vouches for all the rest


def bundle(order: Order, aws: AwsOptions) -> Bundled:
    """Make a bag.

    Raises:
        UsageError: there is something at its place, or a program for a mark is not there.
        LakeError: the lake has no ledger, or one of an older version.
        SourceError: AWS refuses the credentials.
        SinkError: the disk refuses, or a program fails; nothing is left then.
    """
    order.marks.check()
    with open_ledger(order.lake) as ledger, open_bag(order.output) as writer:
        if not ledger.digests.is_made:
            raise LakeError(f"{order.lake} is of an older version", hint="detector ingest brings it up to date")
        begun = now()
        keys = ledger.digests.keys()
        verdicts = list(judge_lake(ledger, order.scope, order.asked, keys, absence_in(ledger)))
        selected = _select(order, ledger, verdicts)
        logs = [one for one in ledger.objects() if one.uri in selected.logs]
        arn = caller_arn(aws) if any(is_in_s3(one.uri) for one in logs) else None
        here = machine()
        filling = _Filling(writer, Custody(arn or here["user"]), _record_indexes(order.alerts))
        filling.custody.note("begun", lake=order.lake.full_name)
        filling.add_digests(ledger, selected, {verdict.location for verdict in verdicts})
        filling.add_logs(logs, aws)
        filling.add_absent(selected)
        judged = filling.facts.judge(order.contents, order.asked, keys)
        regions = {location.region for location in filling.facts.digests}
        answers = [one for one in ledger.digests.answers() if one[0] in regions]

        writer.add(layout.README, [readme()])
        writer.add(layout.OBJECTS, object_lines(filling.entries, judged))
        for region, document in key_documents(answers).items():
            writer.add(layout.key_path(region), [pretty(document)])
        for region, lines in answer_lines(one for one in ledger.digests.pages() if one.region in regions).items():
            writer.add(layout.answers_path(region), lines)
        writer.add(layout.ALERTS, alert_lines(order.alerts))
        writer.add(layout.RECORDS, (line for _, line in sorted(filling.records)))
        writer.add(layout.COVERAGE, coverage_lines(verdicts, order.asked))
        kept = sum(one.held is Held.KEPT for one in filling.entries)
        filling.custody.note("made", objects=len(filling.entries), kept=kept, alerts=len(order.alerts))
        writer.add(layout.CUSTODY, filling.custody.lines)
        collected = {"began": rfc3339(begun), "ended": rfc3339(now()), "arn": arn, **here}
        writer.add(layout.STATEMENT, [pretty(_statement(order, filling, judged, collected))])
        sha256 = writer.finish()
        order.marks.put_on(writer.folder)
    return Bundled(judged, kept, tuple(filling.left_out), sha256)


@dataclass(slots=True)
class _Filling:
    """A bag that is being filled with objects."""

    writer: BagWriter
    custody: Custody
    indexes: Mapping[str, set[int]]  # of the records that alerts name, by log file
    facts: Facts = field(default_factory=Facts)
    entries: list[Entry] = field(default_factory=list)
    records: list[tuple[tuple[str, int], bytes]] = field(default_factory=list)

    @property
    def left_out(self) -> Iterator[Entry]:
        """What should be in the bag and could not be had."""
        return (one for one in self.entries if one.held in (Held.UNREADABLE, Held.DIFFERS))

    def add_digests(self, ledger: Ledger, selected: Selected, locations: set[Location]) -> None:
        """Add digests as the lake has kept them: byte for byte."""
        for location in sorted(locations):
            for one in digests_of(ledger, location):
                if one.uri in selected.digests:
                    self._add_digest(one)

    def add_logs(self, logs: Sequence[LedgerObject], aws: AwsOptions) -> None:
        """Add log files from where they were read, if they are as they were."""
        for one, stored in fetch(logs, aws):
            if isinstance(stored, Unreadable):
                self._leave_out(one, Held.UNREADABLE, stored.reason)
            elif not is_as_read(one, stored.content):
                self._leave_out(one, Held.DIFFERS, "its content is not what was read into the lake")
            else:
                self._add_log(one, stored)

    def add_absent(self, selected: Selected) -> None:
        """Add what was looked for, and was not there."""
        for kind, uris in ((Kind.DIGEST, selected.absent_digests), (Kind.LOG_FILE, selected.absent_logs)):
            for uri in uris:
                self._add(Entry(uri, kind, Held.ABSENT, reason="looked for when the lake was filled"), None)

    def _add_digest(self, one: LedgerDigest) -> None:
        if one.status is not DigestStatus.READ:
            held = _HELD[one.status]
            self._add(Entry(one.uri, Kind.DIGEST, held, one.bucket, one.etag, reason=one.problem), None)
            return
        sha256 = self.writer.add_object(one.stored)
        self.custody.note("taken from the lake", uri=one.uri, sha256=sha256, etag=one.etag)
        entry = Entry(
            one.uri,
            Kind.DIGEST,
            Held.KEPT,
            one.bucket,
            one.etag,
            len(one.stored),
            metadata=dict(one.metadata),
            sha256=sha256,
        )
        self._add(entry, one.stored)

    def _add_log(self, one: LedgerObject, stored: Stored) -> None:
        content = stored.content
        sha256 = self.writer.add_object(content)
        self.custody.note(
            "read from its source",
            uri=one.uri,
            sha256=sha256,
            content_sha256_in_lake=one.content_sha256.hex(),
            etag=stored.etag,
            version_id=stored.version_id,
        )
        entry = _log_entry(one, Held.KEPT, len(content), sha256=sha256)
        self._add(
            replace(
                entry,
                etag=stored.etag or entry.etag,
                metadata=dict(stored.metadata),
                version_id=stored.version_id,
            ),
            content,
        )
        indexes = self.indexes.get(one.uri)
        if indexes:
            lines = record_lines(one.uri, sha256, content, indexes)
            self.records += (((one.uri, index), line) for index, line in lines)

    def _leave_out(self, one: LedgerObject, held: Held, reason: str) -> None:
        self.custody.note("not to be had", uri=one.uri, reason=reason)
        self._add(_log_entry(one, held, one.size_bytes, reason=reason), None)

    def _add(self, entry: Entry, stored: bytes | None) -> None:
        content = self.facts.add(entry, stored)
        self.entries.append(entry.with_content(content))


def _log_entry(
    one: LedgerObject, held: Held, size_bytes: int, *, sha256: str | None = None, reason: str | None = None
) -> Entry:
    return Entry(
        one.uri,
        Kind.LOG_FILE,
        held,
        bucket=one.uri.split("/")[2] if is_in_s3(one.uri) else None,
        etag=one.etag,
        size_bytes=size_bytes,
        last_modified=one.last_modified if is_in_s3(one.uri) else None,
        sha256=sha256,
        content_sha256=one.content_sha256.hex(),
        reason=reason,
    )


def _select(order: Order, ledger: Ledger, verdicts: Sequence[LocationVerdict]) -> Selected:
    def digests(location: Location) -> Iterator[str]:
        return (one.uri for one in digests_of(ledger, location))

    if order.contents is Contents.ALERTS:
        named = {uri for alert in order.alerts for uri in named_by(alert)}
        return select_named(verdicts, digests, named)
    selected = select_all(verdicts, digests, order.asked)
    if not order.scope.accounts and not order.scope.regions:
        selected.logs.update(
            one.uri
            for one in ledger.objects()
            if location_of(one.uri) is None and one.status is not ObjectStatus.SKIPPED
        )
    return selected


def _record_indexes(alerts: Sequence[Alert]) -> Mapping[str, set[int]]:
    indexes: defaultdict[str, set[int]] = defaultdict(set)
    for alert in alerts:
        for place in alert.evidence:
            indexes[place.log_file].add(place.index)
    return indexes


def _statement(order: Order, filling: _Filling, judged: Judged, collected: Mapping[str, Any]) -> dict[str, Any]:
    asked = order.asked
    integrity = judged.integrity.to_json()
    # What is said of objects stands beside them, in objects.jsonl.
    integrity["findings"] = [one for one in integrity["findings"] if one["kind"] not in tuple(Kind)]
    left_out = [{"uri": one.uri, "held": one.held, "reason": one.reason} for one in filling.left_out]
    return {
        "schema": STATEMENT_SCHEMA,
        "contents": order.contents,
        "since": None if asked.since is None else rfc3339(asked.since),
        "until": rfc3339(asked.until),
        "asked_at": rfc3339(asked.now),
        "accounts": sorted(order.scope.accounts),
        "regions": sorted(order.scope.regions),
        **order.question,
        "collected": {**collected, "clock": "of this machine"},
        "integrity": integrity,
        "left_out": {"count": len(left_out), "first": left_out[:_NAMED]},
        "bytes": filling.writer.payload_bytes,
    }
