"""Reading a lake: the parts that its ledger lists, or all Parquet files of a lake that another engine made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from detector.errors import LakeError
from detector.lake.copies import find_copies
from detector.lake.duplicates import CopySearch, all_searches, glob_safe, lake_errors, unlisted_copies
from detector.lake.ledger.emitted import EmittedAlert
from detector.lake.ledger.gaps import Gap, OpenGaps
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.outbox import OutboxCount
from detector.lake.part_files import COLUMNS, DUPLICATES, damage
from detector.lake.unlisted import unlisted_error, unlisted_parts
from detector.lake_layout import LEDGER, PartKind
from detector.records.coverage import Coverage, coverage_table, create_coverage
from detector.records.integrity import integrity_table, put_integrity
from detector.records.schema import EVENTS

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from detector.lake.integrity import Attested, LakeIntegrity

MOST_GAPS: Final = 1_000  # named; the others are counted


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The parts of a lake at one moment; readable for a quarter of an hour after that, whatever writers do."""

    directory: Path
    events: tuple[Path, ...]
    # None: nobody has written down which rows are further copies (a lake without a ledger).
    duplicates: tuple[Path, ...] | None
    copies: tuple[Path, ...] = ()  # rows that are all duplicates, set apart from `events`
    unclassified: tuple[Path, ...] | None = None  # those of `events` that nobody has looked through; None: all
    candidates: tuple[Path, ...] = ()  # those that hold what detection looks at, and hardly anything else
    searches: tuple[CopySearch, ...] = ()  # for copies of `events` that `duplicates` does not list
    coverage: Coverage | None = None
    unlisted: tuple[Path, ...] = ()  # parts that the ledger does not know, and that are not among the others
    gaps: OpenGaps = field(default_factory=OpenGaps)  # what was asked for and not read
    damaged: tuple[Gap, ...] = ()  # parts that are left out, among the gaps
    is_unused: bool = False  # nothing was ever read into it
    objects: int = 0  # that were read; none is known of a lake without a ledger
    integrity: LakeIntegrity | None = None  # None: nobody has asked for digests, or for this

    @property
    def attested(self) -> Attested | None:
        """How much of the time asked about AWS vouches for; None when nobody has asked for digests, or for this."""
        return self.integrity.attested if self.integrity else None

    def with_copies(self) -> Snapshot:
        """Return the same with the copies that were set apart among the events, so that `parts` has every row."""
        return replace(self, events=self.events + self.copies, unclassified=None, candidates=())

    def attach(self, connection: duckdb.DuckDBPyConnection, *_others: duckdb.DuckDBPyConnection) -> None:
        """Create `parts` and `duplicates` (the copies that are not shown) in DuckDB, and what saves reading `parts`.

        Raises:
            LakeError: a part that has to be searched for copies cannot be read.
        """
        create_view(connection, "parts", self.events, EVENTS)
        if self.unclassified is not None:
            create_view(connection, "unclassified_parts", self.unclassified, EVENTS)
            create_view(connection, "classified_parts", self.candidates, EVENTS)
        if self.coverage is not None:
            create_coverage(connection, coverage_table(self.coverage))
        if self.integrity is not None:
            put_integrity(connection, integrity_table(self.integrity.findings))
        if self.duplicates is None:
            create_duplicates(connection)
        elif self.searches:
            create_view(connection, "listed_duplicates", self.duplicates, DUPLICATES)
            create_table(connection, "other_duplicates", self._search(connection))
            connection.execute("CREATE VIEW duplicates AS FROM listed_duplicates UNION ALL FROM other_duplicates")
        else:
            create_view(connection, "duplicates", self.duplicates, DUPLICATES)

    def _search(self, connection: duckdb.DuckDBPyConnection) -> pa.Table:
        """Return the copies that no part lists."""
        import pyarrow as pa

        found: list[pa.Table] = [DUPLICATES.empty_table()]
        for search in self.searches:  # that of SEVERAL_DAYS goes by what was found of days
            found.append(unlisted_copies(connection, search, self.directory, found))
        return pa.concat_tables(found)


def read_lake(directory: Path, candidates_digest: str | None = None, *, verifies: bool = False) -> Snapshot:
    """List the parts of a lake.

    Args:
        directory: of the lake.
        candidates_digest: of the definition of candidates; parts that by it hold none are left out of them.
        verifies: compare the bytes of the parts that rules read with their checksums.

    Raises:
        LakeError: there is no lake, or its ledger knows none of its parts.
    """
    directory = directory.resolve()
    if not (directory / LEDGER).exists():
        folder = directory / PartKind.EVENTS
        # What other engines write beside the data is in folders and files named `_…` or `.…`.
        events = tuple(
            path
            for path in sorted(folder.rglob("*.parquet"))
            if not any(name.startswith(("_", ".")) for name in path.relative_to(folder).parts)
        )
        if not events:
            raise LakeError(f"{directory} holds no lake", hint="make one with: detector ingest SOURCE --lake DIR")
        return Snapshot(directory, events, None)
    ledger = Ledger.open(directory, writable=False)
    try:
        unlisted = unlisted_parts(directory, ledger)
        parts, unsearched = ledger.parts_and_unsearched()
        checksums = ledger.checksums() if verifies else {}
        coverage = ledger.coverage()
        is_judged = not ledger.misjudged_dates()
        gaps = ledger.gaps.open(MOST_GAPS)
        objects = ledger.object_count()
        is_unused = ledger.is_unused()
    finally:
        ledger.close()
    if unlisted and not parts:
        raise unlisted_error(directory, unlisted)
    paths = {part: directory / part.path for part in parts}
    # Rules do not open parts without candidates: a few bytes of a large lake are read for it.
    checksums = {
        part.path: checksums[part.path]
        for part in parts
        if part.path in checksums and (part.has_candidates or part.classified_by != candidates_digest)
    }
    damaged = {
        part: Gap(str(path), why, None)
        for part, path in paths.items()
        if (why := damage(part, path, checksums.get(part.path)))
    }
    if damaged and not any(part.kind is PartKind.EVENTS for part in paths.keys() - damaged.keys()):
        first = next(iter(damaged.values()))
        raise LakeError(f"{first.uri} {first.reason}", hint=f"restore it, or: detector lake repair --lake {directory}")
    for part in damaged:
        del paths[part]

    def of_kind(kind: PartKind) -> tuple[Path, ...]:
        return tuple(path for part, path in paths.items() if part.kind is kind)

    looked_through = {
        path
        for part, path in paths.items()
        if candidates_digest is not None and part.classified_by == candidates_digest
    }
    events = of_kind(PartKind.EVENTS)
    searches = all_searches(list(paths), unsearched)
    found_again = {directory / part.path for search in searches for part in search.replaced}
    files = Snapshot(
        directory,
        events=events,
        duplicates=tuple(path for path in of_kind(PartKind.DUPLICATES) if path not in found_again),
        copies=of_kind(PartKind.COPIES),
        searches=searches,
        unclassified=tuple(path for path in events if path not in looked_through),
        candidates=tuple(path for part, path in paths.items() if part.has_candidates and path in looked_through),
        coverage=coverage,
        unlisted=tuple(unlisted),
        gaps=OpenGaps(gaps.count + len(damaged), (*damaged.values(), *gaps.first)),
        damaged=tuple(damaged.values()),
        is_unused=is_unused,
        objects=objects,
    )
    # An earlier version hid what shares a key; until a writer has come, each reader looks for the copies itself.
    is_judged &= not any(part.kind is PartKind.DUPLICATES for part in damaged)
    return files if is_judged else replace(files.with_copies(), duplicates=None, searches=())


def read_lake_with_integrity(
    directory: Path,
    candidates_digest: str,
    now: datetime,
    window: tuple[datetime | None, datetime | None] | None = None,
) -> Snapshot:
    """List the parts of a lake, verify those that rules read, and judge by digests the files that its events came from.

    Args:
        directory: of the lake.
        candidates_digest: as of `read_lake`.
        now: aware; a digest is due two hours after its hour.
        window: of event time, of which it is counted how many hours AWS vouches for; default: it is not.

    Raises:
        LakeError: as of `read_lake`.
    """
    from detector.lake.integrity import lake_integrity

    snapshot = read_lake(directory, candidates_digest, verifies=True)
    return replace(snapshot, integrity=lake_integrity(snapshot.directory, now, window))


def read_emitted(directory: Path) -> list[EmittedAlert]:
    """Return the alerts that were written from a lake.

    Raises:
        LakeError: there is no lake, or it has no ledger.
    """
    with _ledger_of(directory) as ledger:
        return ledger.emitted()


def read_outbox(directory: Path) -> tuple[list[OutboxCount], list[tuple[str, str, str | None]]]:
    """Return the counts, and (sink, alert id, why it was refused) of each alert in the outbox of a lake.

    Raises:
        LakeError: there is no lake, or it has no ledger.
    """
    with _ledger_of(directory) as ledger:
        return ledger.outbox.counts(), list(ledger.outbox.entries())


@contextmanager
def _ledger_of(directory: Path) -> Iterator[Ledger]:
    if not (directory / LEDGER).exists():
        raise LakeError(f"{directory} has no {LEDGER}", hint="only `run` and `detect --new` remember alerts, there")
    ledger = Ledger.open(directory, writable=False)
    try:
        yield ledger
    finally:
        ledger.close()


def create_duplicates(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the table `duplicates` from `parts`, where nobody has written down which rows are further copies."""
    create_table(connection, "duplicates", find_copies(connection, "parts"))


def create_table(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """Create a table of rows in memory."""
    connection.register(f"_{name}", rows)
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM _{name}")  # noqa: S608
    connection.unregister(f"_{name}")


def create_view(connection: duckdb.DuckDBPyConnection, name: str, paths: Sequence[Path], schema: pa.Schema) -> None:
    """Create a view over parts, also over none; DuckDB binds no parameters in a view: the paths are quoted here."""
    if paths:
        if schema is EVENTS:
            paths = [COLUMNS, *paths]
        quoted = ", ".join("'" + path.replace("'", "''") + "'" for path in glob_safe(paths))
        source = f"read_parquet([{quoted}], hive_partitioning = false, union_by_name = false)"
        columns = ", ".join(f'"{column}"' for column in schema.names)
        with lake_errors():
            connection.execute(f"CREATE VIEW {name} AS SELECT {columns} FROM {source}")  # noqa: S608
        return
    create_table(connection, name, schema.empty_table())
