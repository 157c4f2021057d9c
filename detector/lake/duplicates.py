"""Further copies of events, found a day at a time: which rows of the lake are not to be shown.

Copies share eventTime, so that a day is looked through alone. What is a copy within the parts of a day is listed for
that day, and what only a part of SEVERAL_DAYS tells, for SEVERAL_DAYS. Of a day it is known in which parts nobody has
looked for copies yet: a commit adds parts to these, and a search takes them away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, cast

from detector.errors import LakeError
from detector.lake.part import Part
from detector.lake_layout import SEVERAL_DAYS, PartKind

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_CONFIG: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "1GB"}
_PARTS = "read_parquet({}, hive_partitioning = false)"
_DATES = f"SELECT DISTINCT eventTime::DATE FROM {_PARTS.format('$paths')}"  # noqa: S608
_NOT_LISTED_YET = """
FROM found
ANTI JOIN (FROM ({listed}) SEMI JOIN found USING (eventKey)) AS known USING (logFile, logFileIndex)
ORDER BY eventKey, logFile, logFileIndex
"""
_PART_ROWS: Final = 500_000


@dataclass(frozen=True, slots=True)
class CopySearch:
    """The parts that tell which copies of a day nobody has listed; picklable."""

    event_date: str  # or SEVERAL_DAYS
    new: tuple[Part, ...]  # whose rows may have copies, among themselves and in `searched`
    searched: tuple[Part, ...]
    listed: tuple[Part, ...]  # DUPLICATES: what is in them is not found again
    # DUPLICATES that count no longer: what they listed is found again, as far as it holds.
    replaced: tuple[Part, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        """All of them."""
        return self.new + self.searched + self.listed + self.replaced

    @property
    def rows(self) -> int:
        """How many rows are looked at."""
        return sum(part.rows for part in self.new + self.searched)


@dataclass(frozen=True, slots=True)
class CopyTask:
    """One search; picklable."""

    search: CopySearch
    lake: Path
    staging: Path  # where the parts that list copies are written, and what does not fit into memory
    stem: str  # of their names

    @property
    def reads(self) -> tuple[Part, ...]:
        """The parts that are looked at."""
        return self.search.parts

    def at(self, lake: Path, staging: Path, stem: str) -> Self:
        """Return the same search, in a lake that lies elsewhere, under other names."""
        return replace(self, lake=lake, staging=staging, stem=f"part-{stem}")


@dataclass(frozen=True, slots=True)
class FoundCopies:
    """The outcome of one search."""

    search: CopySearch
    parts: tuple[Part, ...]  # DUPLICATES, staged

    @property
    def added(self) -> int:
        """How many rows are copies and were not listed; fewer than none where more were."""
        return sum(part.rows for part in self.parts) - sum(part.rows for part in self.search.replaced)


def days_to_search(parts: Collection[Part], unsearched: Collection[Path]) -> Iterator[CopySearch]:
    """Yield a search for each day with parts in which nobody has looked for copies.

    Args:
        parts: of the lake.
        unsearched: the paths of these parts.
    """
    by_day: defaultdict[str, list[Part]] = defaultdict(list)
    for part in parts:
        by_day[part.event_date].append(part)
    for date in sorted({part.event_date for part in parts if part.path in unsearched} - {SEVERAL_DAYS}):
        events = [part for part in by_day[date] if part.kind is PartKind.EVENTS]
        yield CopySearch(
            date,
            new=tuple(part for part in events if part.path in unsearched),
            searched=tuple(part for part in events if part.path not in unsearched),
            listed=tuple(part for part in by_day[date] if part.kind is PartKind.DUPLICATES),
        )


def search_across_days(parts: Collection[Part]) -> CopySearch:
    """Return the search for the copies that only parts of SEVERAL_DAYS tell, to be made when all days are searched.

    It is always made anew: what a day has come to list itself is listed here no more.
    """
    several = [part for part in parts if part.event_date == SEVERAL_DAYS]
    days = [part for part in parts if part.event_date != SEVERAL_DAYS]
    return CopySearch(
        SEVERAL_DAYS,
        new=tuple(part for part in several if part.kind in (PartKind.EVENTS, PartKind.COPIES)),
        searched=tuple(part for part in days if part.kind is PartKind.EVENTS),
        listed=tuple(part for part in days if part.kind is PartKind.DUPLICATES),
        replaced=tuple(part for part in several if part.kind is PartKind.DUPLICATES),
    )


def events_of_several_days(parts: Collection[Part]) -> list[Part]:
    """Return the parts with events of SEVERAL_DAYS: they are searched again whenever a day was."""
    return [part for part in parts if part.event_date == SEVERAL_DAYS and part.kind is PartKind.EVENTS]


def all_searches(parts: Collection[Part], unsearched: Collection[Path]) -> tuple[CopySearch, ...]:
    """Return the searches that find every copy which no part lists; each goes by what those before it found."""
    days = tuple(days_to_search(parts, unsearched))
    several = events_of_several_days(parts)
    if several and (days or any(part.path in unsearched for part in several)):
        return *days, search_across_days(parts)
    return days


def find_copies_of_day(task: CopyTask) -> FoundCopies:
    """Find the copies of a day that are not listed, and list them: what a worker process does.

    Nothing but `task.staging` is changed.

    Raises:
        LakeError: a part cannot be read, or the disk refuses.
    """
    from detector.lake.footer import Footer
    from detector.lake.part_files import write_part

    # One thread: looking through rows with two costs half as much again, and there are other days.
    with open_duckdb(task.staging, threads=1) as connection:
        rows = unlisted_copies(connection, task.search, task.lake)
    if task.search.replaced and rows.equals(_listed(task)):
        return FoundCopies(replace(task.search, replaced=()), ())
    parts = [
        write_part(
            rows.slice(first, _PART_ROWS),
            PartKind.DUPLICATES,
            task.search.event_date,
            task.staging,
            f"{task.stem}-{first // _PART_ROWS}",
            Footer(),
        )
        for first in range(0, rows.num_rows, _PART_ROWS)
    ]
    return FoundCopies(task.search, tuple(parts))


def _listed(task: CopyTask) -> pa.Table:
    """Return what the parts list that a search is to replace."""
    import pyarrow as pa

    from detector.lake.part_files import read_part

    return pa.concat_tables([read_part(task.lake / part.path) for part in task.search.replaced])


def unlisted_copies(
    connection: duckdb.DuckDBPyConnection, search: CopySearch, lake: Path, known: Sequence[pa.Table] = ()
) -> pa.Table:
    """Return the copies that a search finds, sorted.

    Args:
        connection: it gains nothing that stays.
        search: what to look through.
        lake: its directory.
        known: further rows of the `DUPLICATES` schema that are listed.

    Raises:
        LakeError: a part cannot be read.
    """
    from detector.lake.copies import find_copies
    from detector.lake.part_files import COLUMNS, DUPLICATES

    def paths(parts: Sequence[Part]) -> list[str]:
        return glob_safe([lake / part.path for part in parts])

    with lake_errors():
        search = _on_its_days(connection, search, lake)
        searched, listed = search.searched, search.listed
        parameters = {"rows": [*glob_safe([COLUMNS]), *paths((*search.new, *searched))]}
        keys = None
        if searched:
            parameters["keys"] = paths(search.new)
            keys = _PARTS.format("$keys")
        found = find_copies(connection, _PARTS.format("$rows"), keys, parameters)
        if not found.num_rows:
            return found
        tables = {f"known_{number}": table for number, table in enumerate([found.slice(0, 0), *known])}
        for name, table in tables.items():
            connection.register(name, table)
        connection.register("found", found)
        relations = [*tables, *([_PARTS.format("$paths")] if listed else [])]
        query = _NOT_LISTED_YET.format(listed=" UNION ALL ".join(f"FROM {relation}" for relation in relations))
        rest = connection.sql(query, params={"paths": paths(listed)} if listed else None).to_arrow_table()
        for name in ("found", *tables):
            connection.unregister(name)
    return cast("pa.Table", rest.cast(DUPLICATES))


def on_its_days(search: CopySearch, lake: Path) -> CopySearch:
    """Return a search without the parts of days of which its new parts have nothing; only these are read.

    Raises:
        LakeError: one cannot be read.
    """
    if search.event_date != SEVERAL_DAYS:
        return search
    with open_duckdb(threads=1) as connection:
        return _on_its_days(connection, search, lake)


def _on_its_days(connection: duckdb.DuckDBPyConnection, search: CopySearch, lake: Path) -> CopySearch:
    if search.event_date != SEVERAL_DAYS or not search.searched:
        return search
    parameters = {"paths": glob_safe([lake / part.path for part in search.new])}
    dates = {f"{day}" for (day,) in connection.execute(_DATES, parameters).fetchall()}
    searched, listed = (
        tuple(part for part in of if part.event_date in dates) for of in (search.searched, search.listed)
    )
    return replace(search, searched=searched, listed=listed)


@contextmanager
def open_duckdb(spill: Path | None = None, *, threads: int = 2) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB to look into parts with.

    Args:
        spill: a folder for what does not fit into memory; without one nothing is written to disk.
        threads: how many it works with.

    Raises:
        LakeError: a part cannot be read, or there is no room for what does not fit into memory.
    """
    import duckdb

    config = _CONFIG | {"temp_directory": str(spill or ""), "threads": threads}
    with lake_errors(), duckdb.connect(config=config) as connection:
        yield connection


@contextmanager
def lake_errors() -> Iterator[None]:
    """Turn DuckDB's errors about parts into ours."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        reason = str(error).partition("\n")[0]
        raise LakeError(
            f"cannot read the lake: {reason}", hint="is the disk full, or a part damaged? `detector lake check` tells"
        ) from error


def glob_safe(paths: Sequence[Path]) -> list[str]:
    """Return paths as DuckDB's readers want them: `*`, `?` and `[` of a folder's name are not patterns."""
    return ["".join(f"[{c}]" if c in "*?[" else c for c in str(path)) for path in paths]
