"""Reading a lake: the parts that its ledger lists, or all Parquet files of a lake that another engine made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from detector.errors import LakeError
from detector.lake.duplicates import CopySearch, all_searches, unlisted_copies
from detector.lake.elsewhere import Elsewhere
from detector.lake.ledger.gaps import Gap, OpenGaps
from detector.lake.ledger.ledger import Ledger
from detector.lake.part_files import DUPLICATES, damage
from detector.lake.place import LakePlace, lake_at
from detector.lake.relations import create_duplicates, create_table, create_view
from detector.lake.unlisted import unlisted_error
from detector.lake_layout import LEDGER, PartKind
from detector.records.coverage import Coverage, coverage_table, create_coverage
from detector.records.integrity import integrity_table, put_integrity
from detector.records.schema import EVENTS

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from detector.lake.integrity import Attested, LakeIntegrity
    from detector.lake.part import Part

_ROWS: Final = (PartKind.EVENTS, PartKind.COPIES)
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
    elsewhere: Elsewhere | None = None  # further `events`, which have not been fetched
    most_candidates: int | None = None  # rows that may be candidates; None: nobody has counted them

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
        if self.elsewhere is not None:
            self.elsewhere.attach(connection)
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


def read_lake(
    lake: Path | LakePlace, candidates_digest: str | None = None, *, verifies: bool = False, fetches_all: bool = True
) -> Snapshot:
    """List the parts of a lake.

    Args:
        lake: its place.
        candidates_digest: of the definition of candidates; parts that by it hold none are left out of them.
        verifies: compare the bytes of the parts that rules read with their checksums.
        fetches_all: False leaves parts without candidates `elsewhere` if the lake is; `Elsewhere.fetch` brings them.

    Raises:
        LakeError: there is no lake, or its ledger knows none of its parts.
    """
    place = lake_at(lake)
    place.refresh()
    if not (place.directory / LEDGER).exists():
        return _read_without_ledger(place)
    known = _ask_ledger(place)
    # Rules do not open parts without candidates: a few bytes of a large lake are read for it.
    read_by_rules = {part for part in known.parts if part.has_candidates or part.classified_by != candidates_digest}
    is_told = known.is_judged and not known.unsearched and known.coverage is not None
    waits = not fetches_all and place.is_elsewhere and is_told
    later = {part for part in known.parts if waits and part.kind in _ROWS and part not in read_by_rules}
    here = [part for part in known.parts if part not in later]
    place.fetch(part.path for part in here if part.kind is not PartKind.REJECTED)
    damaged = _damaged(place, here, later, read_by_rules if verifies else ())
    are_copies_known = known.is_judged and not any(part.kind is PartKind.DUPLICATES for part in damaged)
    if later and not are_copies_known:
        return read_lake(place, candidates_digest, verifies=verifies)
    directory = place.directory.resolve()
    paths = {part: directory / part.path for part in here if part not in damaged}

    def of_kind(kind: PartKind) -> tuple[Path, ...]:
        return tuple(path for part, path in paths.items() if part.kind is kind)

    by = candidates_digest
    looked_through = {path for part, path in paths.items() if by is not None and part.classified_by == by}
    events = of_kind(PartKind.EVENTS)
    waiting = tuple(part for part in later if part.kind is PartKind.EVENTS and part not in damaged)
    searches = all_searches(list(paths), known.unsearched)
    found_again = {directory / part.path for search in searches for part in search.replaced}
    files = Snapshot(
        directory,
        events=events,
        duplicates=tuple(path for path in of_kind(PartKind.DUPLICATES) if path not in found_again),
        copies=of_kind(PartKind.COPIES),
        searches=searches,
        unclassified=tuple(path for path in events if path not in looked_through),
        candidates=tuple(path for part, path in paths.items() if part.has_candidates and path in looked_through),
        coverage=known.coverage,
        unlisted=tuple(known.unlisted),
        gaps=OpenGaps(known.gaps.count + len(damaged), (*damaged.values(), *known.gaps.first)),
        damaged=tuple(damaged.values()),
        is_unused=known.is_unused,
        objects=known.objects,
        elsewhere=Elsewhere(place, events, waiting) if waiting else None,
        most_candidates=sum(part.rows for part in paths if part in read_by_rules and part.kind is PartKind.EVENTS),
    )
    # An earlier version hid what shares a key; until a writer has come, each reader looks for the copies itself.
    return files if are_copies_known else replace(files.with_copies(), duplicates=None, searches=())


def _read_without_ledger(place: LakePlace) -> Snapshot:
    """List the parts of a lake that another engine made."""
    directory = place.directory.resolve()
    folder = directory / PartKind.EVENTS
    # What other engines write beside the data is in folders and files named `_…` or `.…`.
    events = tuple(
        path
        for path in sorted(folder.rglob("*.parquet"))
        if not any(name.startswith(("_", ".")) for name in path.relative_to(folder).parts)
    )
    if not events:
        raise LakeError(f"{place} holds no lake", hint="make one with: detector ingest SOURCE --lake DIR")
    return Snapshot(directory, events, None)


@dataclass(frozen=True, slots=True)
class _Known:
    """What a ledger says at one moment."""

    unlisted: Sequence[Path]
    parts: Sequence[Part]
    unsearched: Collection[Path]  # in which nobody has looked for copies
    coverage: Coverage | None
    is_judged: bool  # which rows are copies is known by the rules of now
    gaps: OpenGaps
    objects: int
    is_unused: bool


def _ask_ledger(place: LakePlace) -> _Known:
    ledger = Ledger.open(place.directory, writable=False)
    try:
        unlisted = place.unlisted(ledger)
        parts, unsearched = ledger.parts_and_unsearched()
        if unlisted and not parts:
            raise unlisted_error(place, unlisted)
        return _Known(
            unlisted,
            parts,
            unsearched,
            ledger.coverage(),
            not ledger.misjudged_dates(),
            ledger.gaps.open(MOST_GAPS),
            ledger.object_count(),
            ledger.is_unused(),
        )
    finally:
        ledger.close()


def _damaged(
    place: LakePlace, here: Sequence[Part], later: Collection[Part], verified: Collection[Part]
) -> dict[Part, Gap]:
    """Return the parts that are not as listed, and how; of those that are not here, by their size.

    Raises:
        LakeError: there is no other part with events.
    """
    found: dict[Part, Gap] = {}
    root = str(place) if place.is_elsewhere else str(place.directory.resolve())
    for part in (*here, *later):
        why = place.lacks(part)
        if why is None and part not in later and not (place.is_elsewhere and part.kind is PartKind.REJECTED):
            why = damage(part, place.directory / part.path, part.crc32 if part in verified else None)
        if why is not None:
            found[part] = Gap(f"{root}/{part.path.as_posix()}", why, None)
    if found and not any(part.kind is PartKind.EVENTS and part not in found for part in (*here, *later)):
        first = next(iter(found.values()))
        raise LakeError(f"{first.uri} {first.reason}", hint=f"restore it, or: detector lake repair --lake {root}")
    return found


def read_lake_with_integrity(
    lake: Path | LakePlace,
    candidates_digest: str,
    now: datetime,
    window: tuple[datetime | None, datetime | None] | None = None,
    *,
    fetches_all: bool = True,
) -> Snapshot:
    """List the parts of a lake, verify those that rules read, and judge by digests the files that its events came from.

    Args:
        lake: its place.
        candidates_digest: as of `read_lake`.
        now: aware; a digest is due two hours after its hour.
        window: of event time, of which it is counted how many hours AWS vouches for; default: it is not.
        fetches_all: as of `read_lake`.

    Raises:
        LakeError: as of `read_lake`.
    """
    snapshot = read_lake(lake, candidates_digest, verifies=True, fetches_all=fetches_all)
    if not _has_digests(snapshot.directory):
        return snapshot
    from detector.lake.integrity import lake_integrity  # brings what verifies, for which no other lake waits

    return replace(snapshot, integrity=lake_integrity(snapshot.directory, now, window))


def _has_digests(directory: Path) -> bool:
    if not (directory / LEDGER).exists():
        return False
    with closing(Ledger.open(directory, writable=False)) as ledger:
        return ledger.digests.are_there
