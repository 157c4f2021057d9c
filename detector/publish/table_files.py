"""The files of the table: what readers of a lake see, as Parquet files that hold nothing else.

Most are parts of the lake as they are. In the place of a part that holds hidden rows, further copies of events, the
table gets a file without them, until compaction has moved such rows out of the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from detector.errors import LakeError
from detector.lake.duplicates import glob_safe, open_duckdb
from detector.lake.footer import Footer
from detector.lake.ledger.ledger import Ledger
from detector.lake.part import Part
from detector.lake.part_files import write_part
from detector.lake.unlisted import unlisted_error, unlisted_parts
from detector.lake_layout import LEDGER, SEVERAL_DAYS, PartKind

SHOWN: Final = "shown"  # the folder of files that are parts without their hidden rows
_HIDDEN_IN: Final = """
SELECT filename, count(*), sha256(string_agg(file_row_number, ',' ORDER BY file_row_number))
FROM read_parquet($events, hive_partitioning = false, filename = true, file_row_number = true)
SEMI JOIN (FROM read_parquet($hidden, hive_partitioning = false)) USING (logFile, logFileIndex)
GROUP BY filename
"""
_SHOWN_IN: Final = """
FROM read_parquet($events, hive_partitioning = false)
ANTI JOIN (FROM read_parquet($hidden, hive_partitioning = false)) USING (logFile, logFileIndex)
"""


@dataclass(frozen=True, slots=True)
class Hidden:
    """Rows of a part that are not shown."""

    rows: int
    digest: str  # of their numbers
    listed_in: tuple[Part, ...] = field(compare=False)  # these and others, which may be of other parts


@dataclass(frozen=True, slots=True)
class TableFile:
    """A part, or what is shown of it."""

    part: Part
    hidden: Hidden | None = None  # None: all of it is shown

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.part.rows - (self.hidden.rows if self.hidden else 0)

    @property
    def path(self) -> Path:
        """Its path, relative to the lake or to the table; never two contents under one."""
        if self.hidden is None:
            return self.part.path
        name = f"{Path(self.part.name).stem}-{self.hidden.digest[:32]}.parquet"
        return Path(SHOWN) / self.part.path.parent.name / name


def table_files(lake: Path) -> list[TableFile]:
    """Return the files whose rows are those that readers of the lake see, each once.

    Raises:
        LakeError: there is no lake with a ledger, the ledger does not know all parts, or a part cannot be read.
    """
    if not (lake / LEDGER).exists():
        raise LakeError(f"{lake} has no {LEDGER}", hint="make a lake with: detector ingest SOURCE --lake DIR")
    ledger = Ledger.open(lake, writable=False)
    try:
        # A ledger that is too old would take away from the table what is in the lake.
        if unlisted := unlisted_parts(lake, ledger):
            raise unlisted_error(lake, unlisted)
        if ledger.misjudged_dates():
            raise LakeError(
                f"{lake} was written by an earlier version, which hid too much",
                hint=f"look for copies anew: detector compact --lake {lake}",
            )
        parts = ledger.parts()
    finally:
        ledger.close()
    hidden = dict(_hidden_rows(lake, parts))
    files = (TableFile(part, hidden.get(part)) for part in parts if part.kind is PartKind.EVENTS)
    return [file for file in files if file.rows]


def write_shown(lake: Path, file: TableFile, folder: Path) -> Path:
    """Write what is shown of a part to a file below `folder`; return its path there.

    Raises:
        LakeError: a part cannot be read, or the disk refuses.
    """
    hidden = file.hidden.listed_in if file.hidden else ()
    with open_duckdb() as connection:
        rows = connection.sql(_SHOWN_IN, params=_paths(lake, [file.part], hidden)).to_arrow_table()
    # Parts of earlier versions lack members of structs that those of today have; the columns are the same.
    rows = rows.combine_chunks().cast(pq.read_schema(lake / file.part.path).remove_metadata())
    if rows.num_rows != file.rows:
        raise LakeError(f"{lake / file.part.path} has changed", hint=f"compare all: detector lake check --lake {lake}")
    part = write_part(rows, PartKind.EVENTS, file.part.event_date, folder, file.path.stem, Footer())
    return folder / part.name


def _hidden_rows(lake: Path, parts: Sequence[Part]) -> Iterator[tuple[Part, Hidden]]:
    """Yield the parts with events that hold hidden rows, and which these are."""
    by_path = {str(lake / part.path): part for part in parts}
    with open_duckdb() as connection:
        for events, hidden in _parts_to_compare(parts):
            found = connection.execute(_HIDDEN_IN, _paths(lake, events, hidden)).fetchall()
            for name, rows, digest in found:
                yield by_path[name], Hidden(rows, digest, tuple(hidden))


def _paths(lake: Path, events: Sequence[Part], hidden: Sequence[Part]) -> dict[str, list[str]]:
    return {
        "events": glob_safe([lake / part.path for part in events]),
        "hidden": glob_safe([lake / part.path for part in hidden]),
    }


def _parts_to_compare(parts: Sequence[Part]) -> Iterator[tuple[list[Part], list[Part]]]:
    """Yield parts with events, and the parts that list which rows are hidden, some of which may be among those.

    Day by day, for it takes memory. A day whose hidden rows are all set apart has none among its events; where there
    are parts of several days, what is listed for a day may lie in these, and the other way round.
    """
    of_several = [part for part in parts if part.event_date == SEVERAL_DAYS]
    for date in sorted({part.event_date for part in parts if part.kind is PartKind.EVENTS}):
        of_day = [part for part in parts if part.event_date == date]
        events = [part for part in of_day if part.kind is PartKind.EVENTS]
        if date == SEVERAL_DAYS:
            hidden = [part for part in parts if part.kind is PartKind.DUPLICATES]
        else:
            hidden = [part for part in (*of_day, *of_several) if part.kind is PartKind.DUPLICATES]
        apart = [part for part in of_day if part.kind is PartKind.COPIES]
        is_done = not of_several and sum(part.rows for part in hidden) == sum(part.rows for part in apart)
        if hidden and not is_done:
            yield events, hidden
