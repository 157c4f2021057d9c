"""The files of the table: what readers of a lake see, as Parquet files that hold nothing else.

Most are parts of the lake as they are. In the place of a part that holds hidden rows, further copies of events, the
table gets a file without them, until compaction has moved such rows out of the way.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from detector.errors import LakeError
from detector.lake.duplicates import all_searches, glob_safe, on_its_days, open_duckdb, unlisted_copies
from detector.lake.footer import Footer
from detector.lake.ledger.ledger import Ledger
from detector.lake.part import Part
from detector.lake.part_files import DUPLICATES, damage, read_part, write_part
from detector.lake.relations import create_table, create_view
from detector.lake.unlisted import unlisted_error
from detector.lake_layout import LEDGER, SEVERAL_DAYS, PartKind

if TYPE_CHECKING:
    import duckdb

    from detector.lake.place import LakePlace

SHOWN: Final = "shown"  # the folder of files that are parts without their hidden rows
_HIDDEN_IN: Final = """
SELECT filename, list(file_row_number ORDER BY file_row_number)
FROM read_parquet($events, hive_partitioning = false, filename = true, file_row_number = true)
SEMI JOIN (FROM listed UNION ALL FROM found) USING (logFile, logFileIndex)
GROUP BY filename
"""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A part, or what is shown of it."""

    part: Part
    hidden: pa.Int64Array | None = field(default=None, compare=False)  # numbers of rows; None: all are shown
    hidden_digest: str = ""  # of these

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.part.rows - (0 if self.hidden is None else len(self.hidden))

    @property
    def path(self) -> Path:
        """Its path, relative to the lake or to the table; never two contents under one."""
        if self.hidden is None:
            return self.part.path
        name = f"{Path(self.part.name).stem}-{self.hidden_digest}.parquet"
        return Path(SHOWN) / self.part.path.parent.name / name


def table_files(place: LakePlace) -> list[TableFile]:
    """Return the files whose rows are those that readers of the lake see, each once.

    Of a lake in S3 only those parts are fetched that tell which rows are hidden, where the ledger does not.

    Raises:
        LakeError: there is no lake with a ledger, the ledger does not know all parts, or a part cannot be read.
    """
    place.refresh()
    if not (place.directory / LEDGER).exists():
        raise LakeError(f"{place} has no {LEDGER}", hint="make a lake with: detector ingest SOURCE --lake DIR")
    ledger = Ledger.open(place.directory, writable=False)
    try:
        # A ledger that is too old would take away from the table what is in the lake.
        if unlisted := place.unlisted(ledger):
            raise unlisted_error(place, unlisted)
        if ledger.misjudged_dates():
            raise LakeError(
                f"{place} was written by an earlier version, which hid too much",
                hint=f"look for copies anew: detector compact --lake {place}",
            )
        parts, unsearched = ledger.parts_and_unsearched()
    finally:
        ledger.close()
    hidden = dict(_hidden_rows(place, parts, unsearched))
    files = (hidden.get(part, TableFile(part)) for part in parts if part.kind is PartKind.EVENTS)
    return [file for file in files if file.rows]


def require_undamaged(lake: LakePlace, file: TableFile) -> None:
    """Refuse a part that is not as the ledger has it, as far as its listing tells, and, where it is here, its end.

    Raises:
        LakeError: it is not.
    """
    path = lake.directory / file.part.path
    why = lake.lacks(file.part)
    if why is None and (path.exists() or not lake.is_elsewhere):
        why = damage(file.part, path)
    if why:
        raise LakeError(f"{lake}/{file.part.path} {why}", hint=repair_hint(lake))


def repair_hint(lake: LakePlace) -> str:
    """Return what to do about a part that cannot be had."""
    return f"restore it, or set it aside: detector lake repair --lake {lake}"


def write_shown(lake: Path, file: TableFile, folder: Path) -> Path:
    """Write what is shown of a part to a file below `folder`; return its path there.

    Raises:
        LakeError: the part cannot be read, or the disk refuses.
    """
    rows = read_part(lake / file.part.path)
    if file.hidden is not None:
        is_hidden = pc.is_in(pa.arange(0, rows.num_rows), value_set=file.hidden)
        rows = rows.filter(pc.invert(is_hidden))
    part = write_part(rows, PartKind.EVENTS, file.part.event_date, folder, file.path.stem, Footer())
    return folder / part.name


def _hidden_rows(
    place: LakePlace, parts: Sequence[Part], unsearched: Collection[Path]
) -> Iterator[tuple[Part, TableFile]]:
    """Yield the parts with events that hold hidden rows, and what is shown of them. Day by day, for it takes memory."""
    lake = place.directory
    by_path = {str(lake / part.path): part for part in parts}
    searches = all_searches(parts, unsearched)
    found_again = {part for search in searches for part in search.replaced}
    with tempfile.TemporaryDirectory(prefix="detector-publish-") as spill, open_duckdb(Path(spill)) as connection:
        found: dict[str, pa.Table] = {}  # by day, copies that no part lists
        for search in searches:
            place.fetch(part.path for part in search.new)
            one = on_its_days(search, lake)
            place.fetch(part.path for part in one.parts)
            found[search.event_date] = unlisted_copies(connection, one, lake, list(found.values()))
        counting = [part for part in parts if part not in found_again]
        for events, lists, dates in _parts_to_compare(counting, found):
            tables = [found[date] for date in dates if date in found]
            place.fetch(part.path for part in (*events, *lists))
            names = _hidden_in(connection, lake, events, lists, pa.concat_tables([DUPLICATES.empty_table(), *tables]))
            for name, numbers in names:
                digest = sha256(",".join(map(str, numbers.to_pylist())).encode()).hexdigest()[:32]
                yield by_path[name], TableFile(by_path[name], numbers, digest)


def _hidden_in(
    connection: duckdb.DuckDBPyConnection, lake: Path, events: Sequence[Part], lists: Sequence[Part], found: pa.Table
) -> Iterator[tuple[str, pa.Int64Array]]:
    """Yield the paths of parts that hold hidden rows, and the numbers of these."""
    create_view(connection, "listed", [lake / part.path for part in lists], DUPLICATES)
    create_table(connection, "found", found)
    paths = {"events": glob_safe([lake / part.path for part in events])}
    names, numbers = connection.sql(_HIDDEN_IN, params=paths).to_arrow_table().combine_chunks().columns
    for name, of_part in zip(names, numbers, strict=True):
        yield name.as_py(), of_part.values
    connection.execute(f"DROP {'VIEW' if lists else 'TABLE'} listed; DROP TABLE found")


def _parts_to_compare(
    parts: Sequence[Part], found: Mapping[str, pa.Table]
) -> Iterator[tuple[list[Part], list[Part], Collection[str]]]:
    """Yield parts with events, the parts that list which rows are hidden, and the days of `found` that tell more.

    A day whose hidden rows are all set apart has none among its events. Where there are parts of several days, what is
    told for a day may lie in these, and the other way round.
    """
    by_day: defaultdict[str, list[Part]] = defaultdict(list)
    for part in parts:
        by_day[part.event_date].append(part)
    for date in sorted({part.event_date for part in parts if part.kind is PartKind.EVENTS}):
        dates = by_day.keys() | found.keys() if date == SEVERAL_DAYS else {date, SEVERAL_DAYS}
        lists = [part for day in dates for part in by_day.get(day, ()) if part.kind is PartKind.DUPLICATES]
        of_day = by_day[date]
        apart = [part for part in of_day if part.kind is PartKind.COPIES]
        is_alone = SEVERAL_DAYS not in by_day and date not in found
        if is_alone and sum(part.rows for part in lists) == sum(part.rows for part in apart):
            continue
        yield [part for part in of_day if part.kind is PartKind.EVENTS], lists, dates
