"""The public interface for programs and notebooks; docs/reference/api.md shows it in use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import overload

import pyarrow as pa

from detector.alerts.alert import Alert
from detector.detect.basis import Basis, basis_of, found_text
from detector.detect.detect import detect
from detector.detect.selection import Selection
from detector.errors import RuleError
from detector.ingest.ingest import ingest
from detector.lake.place import lake_at
from detector.lake.reader import read_lake, read_lake_with_integrity
from detector.lake.writer import open_to_write
from detector.rules.candidates import candidates
from detector.rules.engine import QUERY_MEMORY, Engine
from detector.rules.rule import Rule, shipped_rules_directory
from detector.rules.rule import load_rules as load_rule_set
from detector.run_report import RunReport
from detector.scan.scan import scan
from detector.scope import Scope
from detector.sources.aws_options import AwsOptions
from detector.sources.opening import open_source
from detector.times import now

Paths = Iterable[str | PathLike[str]]
_EVERYTHING = Scope()
_ENVIRONMENT = AwsOptions()


@dataclass(frozen=True)
class Alerts(Sequence[Alert]):
    """The alerts of one look at the events, oldest first, and what stood in the way.

    Going through them raises the first error in the end, so that a rule that did not run is not taken for one that
    found nothing.
    """

    found: tuple[Alert, ...]
    errors: tuple[RuleError, ...]  # rules that did not run, or not to their end
    warnings: tuple[str, ...]
    basis: Basis  # what was read, and for how much of it AWS vouches

    @property
    def sentence(self) -> str:
        """How many there are, and what that rests on, as the command line says it."""
        return self.basis.sentence(found_text(len(self.found)))

    def __iter__(self) -> Iterator[Alert]:
        yield from self.found
        if self.errors:
            raise self.errors[0]

    def __len__(self) -> int:
        return len(self.found)

    @overload
    def __getitem__(self, index: int) -> Alert: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Alert, ...]: ...
    def __getitem__(self, index: int | slice) -> Alert | tuple[Alert, ...]:
        return self.found[index]


@dataclass(frozen=True)
class ScannedAlerts(Alerts):
    """The alerts of a scan, and what was read for them."""

    report: RunReport


class Lake:
    """A lake: Parquet files with events, and the ledger of what is in it.

    Args:
        place: a directory, made by the first `ingest`, or `s3://BUCKET/PREFIX`.

    Raises:
        UsageError: it begins as a URL of S3 does, and is none.
    """

    def __init__(self, place: str | PathLike[str]) -> None:
        self._place = lake_at(place if isinstance(place, str) else Path(place))

    @property
    def directory(self) -> Path:
        """The directory; of a lake in S3 that in which this process works."""
        return self._place.directory

    def ingest(
        self, *sources: str | PathLike[str], scope: Scope = _EVERYTHING, aws: AwsOptions = _ENVIRONMENT, jobs: int = 1
    ) -> RunReport:
        """Bring in the log objects that are not in the lake yet, each once.

        Args:
            sources: as the command line takes them: `s3://BUCKET/PREFIX`, a file, a directory, `lookup-events:`.
            scope: accounts, regions and a window of time.
            aws: how to reach AWS; default as the environment says.
            jobs: worker processes; with more than one, the program that calls this must be importable.

        Returns:
            What was listed, read, skipped and failed. It is complete only when `is_incomplete` is False.

        Raises:
            DetectorError: a source cannot be listed, or the lake cannot be written.
        """
        report = RunReport(now(), tuple(map(str, sources)))
        with open_to_write(self._place) as writer:
            opened = [open_source(str(one), aws, lake=self.directory) for one in sources]
            ingest(opened, writer, scope, report, jobs=jobs)
        report.ended = now()
        return report

    def detect(self, *, rules: Paths = ()) -> Alerts:
        """Run the shipped rules, and those of more directories, over all events of the lake.

        Where digests were read into it, `basis` counts every hour that the lake knows of until now.

        Raises:
            DetectorError: there is no lake, or it cannot be read.
        """
        moment = now()
        snapshot = read_lake_with_integrity(self._place, candidates().digest, moment, (None, None), fetches_all=False)
        found = detect(snapshot, list(map(Path, rules)), moment)
        basis = basis_of(
            found,
            Selection(),
            objects=snapshot.objects,
            gaps=snapshot.gaps.count,
            attested=snapshot.attested,
            shown=found.alerts,
        )
        return Alerts(tuple(found.alerts), tuple(found.errors), tuple(found.warnings), basis)

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """Run one SELECT over `events` and the views of docs/reference/views.md.

        Args:
            sql: the SELECT; it may name parameters, as `$account`.
            parameters: their values.

        Raises:
            DetectorError: there is no lake, or the query is refused or fails.
        """
        with Engine(read_lake(self._place, candidates().digest), memory_limit=QUERY_MEMORY) as engine:
            return engine.query(sql, parameters).read_all()


def scan_sources(
    *sources: str | PathLike[str],
    scope: Scope = _EVERYTHING,
    aws: AwsOptions = _ENVIRONMENT,
    rules: Paths = (),
    jobs: int = 1,
) -> ScannedAlerts:
    """Run the rules straight over raw logs: no lake is needed, and none is left behind.

    Args:
        sources: as of `Lake.ingest`; so are `scope`, `aws` and `jobs`.
        rules: directories with rules beside the shipped ones.

    Raises:
        DetectorError: a source cannot be listed.
    """
    report = RunReport(now(), tuple(map(str, sources)), into_lake=False)
    opened = [open_source(str(one), aws) for one in sources]
    events = scan(opened, scope, report, jobs=jobs, progress=lambda _report: None)
    report.ended = now()
    found = detect(events, list(map(Path, rules)), now(), sees_all_events=False)
    unread = report.failed + len(report.unreadable_prefixes)
    basis = basis_of(found, Selection(scope.since, scope.until), objects=report.ingested, gaps=unread)
    return ScannedAlerts(tuple(found.alerts), tuple(found.errors), tuple(found.warnings), basis, report)


def load_rules(*directories: str | PathLike[str]) -> tuple[Rule, ...]:
    """Return the shipped rules and those of more directories.

    Raises:
        DetectorError: a rule cannot be read.
    """
    rule_set = load_rule_set(shipped_rules_directory(), *map(Path, directories))
    if rule_set.errors:
        raise rule_set.errors[0]
    return rule_set.rules
