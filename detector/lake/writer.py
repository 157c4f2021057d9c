"""Writing to a lake: stage, rename, commit. A crash at any instruction leaves all of a commit or none of it.

Most commits move finished files, and never look into one: what reads and writes Parquet is imported when it is needed.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from detector.engines.engine import Engine
from detector.engines.local import LOCAL
from detector.lake.disk import disk_error, disk_errors, fsync_folder
from detector.lake.duplicates import (
    CopySearch,
    CopyTask,
    days_to_search,
    events_of_several_days,
    find_copies_of_day,
    glob_safe,
    open_duckdb,
    search_across_days,
)
from detector.lake.folder import make_folders, remove_unused, require_lake_or_empty
from detector.lake.footer import Footer, rewritten_footers
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.objects import LedgerObject
from detector.lake.lock import this_process, writer_lock
from detector.lake.part import Part
from detector.lake.unlisted import leavings, unlisted_error, unlisted_parts
from detector.lake_layout import LEDGER, SEVERAL_DAYS, STAGING, PartKind

if TYPE_CHECKING:
    import pyarrow as pa

    from detector.lake.compaction import Candidates, Compacted

# A reader that listed the parts before they were replaced may still be reading them.
_KEEP_DROPPED_SECONDS = 900
_ROWS_WORTH_WORKERS = 200_000  # fewer are looked through before workers have started


@dataclass(frozen=True, slots=True)
class Staged:
    """Log objects whose rows lie, fsynced, in the staging folder."""

    objects: tuple[LedgerObject, ...]
    parts: tuple[Part, ...]


class LakeWriter:
    """The one writer of a lake."""

    def __init__(self, directory: Path, ledger: Ledger, staging: Path) -> None:
        self._found = 0  # copies that were listed since `find_copies` last said so, less those that are no more
        self.directory = directory
        self.ledger = ledger
        self.staging = staging  # where workers write parts; on the lake's file system

    def commit(self, staged: Staged, replaced: Sequence[str] = ()) -> None:
        """Make staged objects part of the lake; `find_copies` says later which rows are further copies of an event.

        Args:
            staged: what workers wrote.
            replaced: URIs of objects that were in with other content; their old rows go.

        Raises:
            LakeError: the disk refuses; nothing of `staged` is in then.
        """
        # A replaced object may have had rows on any day; otherwise a commit does not cost more in a larger lake.
        parts = self.ledger.parts() if replaced else []
        holding = self._parts_holding(replaced, parts)
        hidden_again = {part.event_date for part in holding}
        if hidden_again and any(part.event_date == SEVERAL_DAYS for part in parts):
            hidden_again.add(SEVERAL_DAYS)  # what is listed there may be of any day
        self._commit(staged, replaced, parts, holding, hidden_again)

    def judge_anew(self) -> None:
        """Have the copies of days looked for anew that an earlier version looked through.

        Raises:
            LakeError: a part cannot be read, or the disk refuses.
        """
        for date in sorted(self.ledger.misjudged_dates()):
            self._commit(Staged((), ()), (), self.ledger.parts(dates={date}), [], {date})

    def _commit(
        self,
        staged: Staged,
        replaced: Sequence[str],
        parts: Sequence[Part],
        holding: Sequence[Part],
        hidden_again: set[str],
    ) -> None:
        # Of what a replaced object hid, something may have to be shown again.
        set_apart = [part for part in parts if part.kind is PartKind.COPIES and part.event_date in hidden_again]
        dropped = list(dict.fromkeys([*holding, *set_apart]))
        rewritten = list(self._without(replaced, dropped)) if dropped else []
        added = [*staged.parts, *rewritten]
        self._move_in(staged.parts)
        self._move_in_sealed(rewritten)
        lists = [part for part in parts if part.kind is PartKind.DUPLICATES and part.event_date in hidden_again]
        dropped += lists
        gone = set(dropped)
        standing = [part for part in parts if part.event_date in hidden_again and part not in gone]
        unsearched = [part for part in (*standing, *added) if part.kind is PartKind.EVENTS]
        self.ledger.commit(staged.objects, added, dropped, hidden_again, unsearched=unsearched)
        self._found -= sum(part.rows for part in lists)

    def find_copies(self, *, jobs: int, engine: Engine = LOCAL) -> int:
        """Look for further copies of events in what nobody has searched, day by day.

        Args:
            jobs: so many days at a time.
            engine: looks, where there are enough rows; this process alone commits.

        Returns:
            How many rows are copies that were none when this was called last, or the lake was opened.

        Raises:
            LakeError: a part cannot be read, or the disk refuses; the days that were done stay so.
        """
        parts, unsearched = self.ledger.parts_and_unsearched()
        searches = list(days_to_search(parts, unsearched))
        several = events_of_several_days(parts)
        self._search(searches, again=several, jobs=jobs, engine=engine)
        if several and (searches or any(part.path in unsearched for part in several)):
            self._search([search_across_days(self.ledger.parts())], again=(), jobs=1)
        found, self._found = max(0, self._found), 0
        return found

    def _search(self, searches: Sequence[CopySearch], again: Sequence[Part], jobs: int, engine: Engine = LOCAL) -> None:
        """Make searches, each committed when it is done.

        Args:
            searches: of different days.
            again: parts that are to be searched after each of them.
            jobs: so many days at a time.
            engine: makes them, where there are enough rows.
        """
        many = sum(search.rows for search in searches) >= _ROWS_WORTH_WORKERS
        tasks = [CopyTask(one, self.directory, self.staging, f"part-{uuid.uuid4().hex}") for one in searches]
        runner, width = (engine, jobs) if many else (LOCAL, 1)
        for found in runner.run(find_copies_of_day, tasks, jobs=width):
            self._move_in(found.parts)
            self.ledger.commit(
                (), found.parts, found.search.replaced, searched=[found.search.event_date], unsearched=again
            )
            self._found += found.added

    def compact(
        self,
        candidates: Candidates,
        *,
        jobs: int,
        engine: Engine = LOCAL,
        unclassified_parts: int = 1,
        unclassified_rows: int = 1,
    ) -> Iterator[Compacted]:
        """Put the small parts of days together, what detection looks at apart; yield each day when it is committed.

        Args:
            candidates: what detection looks at.
            jobs: so many days at a time.
            engine: writes them; this process alone commits.
            unclassified_parts: of days that have so many parts that came in since the last time,
            unclassified_rows: or so many rows in such parts.

        Raises:
            LakeError: the disk refuses; the day under way stays as it was.
        """
        from detector.lake.compaction import Compaction, compact_day, days_to_compact

        self._found = self.find_copies(jobs=jobs, engine=engine)  # a copy is set apart where it is listed
        _remove_dropped(self.directory, self.ledger)  # whoever writes for days makes many of them
        days = days_to_compact(
            self.ledger.parts(),
            candidates.digest,
            unclassified_parts=unclassified_parts,
            unclassified_rows=unclassified_rows,
        )
        tasks = [Compaction(day, self.directory, self.staging, f"part-{uuid.uuid4().hex}", candidates) for day in days]
        for compacted in engine.run(compact_day, tasks, jobs=jobs):
            self._move_in_sealed(compacted.parts)
            self.ledger.commit((), compacted.parts, compacted.day.parts)
            yield compacted

    def _parts_holding(self, uris: Sequence[str], parts: Sequence[Part]) -> list[Part]:
        kinds = (PartKind.EVENTS, PartKind.COPIES)
        events = {self.directory / part.path: part for part in parts if part.kind in kinds}
        if not uris or not events:
            return []
        query = """
            SELECT DISTINCT filename
            FROM read_parquet($paths, hive_partitioning = false, filename = true)
            WHERE list_contains($uris, logFile)
        """
        params = {"paths": glob_safe(list(events)), "uris": list(uris)}
        with open_duckdb() as connection:
            return [events[Path(name)] for (name,) in connection.sql(query, params=params).fetchall()]

    def _without(self, uris: Sequence[str], parts: Sequence[Part]) -> Iterator[Part]:
        """Write the given parts anew, as EVENTS, without the rows of some objects; the seal comes first."""
        from detector.lake.part_files import read_footer

        replaced = {part.name: read_footer(self.directory / part.path)[1] for part in parts}
        footers = rewritten_footers(uuid.uuid4().hex, replaced, uris)
        for part in parts:
            rest = _rows_without(self.directory / part.path, uris)
            if rest.num_rows:
                footer = replace(next(footers), classified_by=part.classified_by, has_candidates=part.has_candidates)
                yield self._write(rest, PartKind.EVENTS, part.event_date, footer)

    def _write(self, rows: pa.Table, kind: PartKind, date: str, footer: Footer) -> Part:
        from detector.lake.part_files import write_part

        return write_part(rows, kind, date, self.staging, f"part-{uuid.uuid4().hex}", footer)

    def _move_in_sealed(self, parts: Sequence[Part]) -> None:
        """Rename the parts of a rewriting to their places, its seal when the others are there for good."""
        self._move_in(parts[1:])
        self._move_in(parts[:1])

    def _move_in(self, parts: Sequence[Part]) -> None:
        """Rename staged parts to their places, durably."""
        folders: set[Path] = set()
        if parts:
            self.ledger.intend(self.staging.name, [part.path for part in parts])
        try:
            for part in parts:
                path = self.directory / part.path
                if path.parent not in folders and not path.parent.exists():
                    path.parent.mkdir(parents=True)
                    folders.add(path.parent.parent)
                folders.add(path.parent)
                (self.staging / part.name).rename(path)
            for folder in folders:
                fsync_folder(folder)
        except OSError as error:
            raise disk_error(f"cannot write to {self.directory}", error) from error


def _rows_without(path: Path, uris: Sequence[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    from detector.lake.part_files import read_part

    table = read_part(path)
    return table.filter(pc.invert(pc.is_in(table.column("logFile"), value_set=pa.array(uris, pa.string()))))


@contextmanager
def open_to_write(directory: Path) -> Iterator[LakeWriter]:
    """Open a lake as its only writer, creating it when the folder is absent or empty; leavings of a crash are removed.

    Raises:
        LakeBusy: another process is writing.
        LakeError: the path is not a folder, holds something else or parts that the ledger does not know, or cannot
            be written.
    """
    with ExitStack() as opened:
        try:
            require_lake_or_empty(directory)
            is_new = not (directory / LEDGER).exists()
            make_folders(directory)
            opened.enter_context(writer_lock(directory))
            if is_new:
                opened.callback(remove_unused, directory)
            ledger = Ledger.open(directory, writable=True)
            opened.callback(ledger.close)
            ledger.note_writer(this_process())
            unlisted = unlisted_parts(directory, ledger)
            if unlisted:
                raise unlisted_error(directory, unlisted)
            _remove_dropped(directory, ledger)
            _remove_leavings(directory, ledger)
            staging = directory / STAGING / uuid.uuid4().hex
            staging.mkdir(parents=True)
            opened.callback(_remove_leavings, directory, ledger)
        except OSError as error:
            raise disk_error(f"cannot write to {directory}", error) from error
        writer = LakeWriter(directory, ledger, staging)
        writer.judge_anew()
        yield writer


def _remove_leavings(directory: Path, ledger: Ledger) -> None:
    """Remove what runs of a writer left: parts put in place and not committed, and then their staging folders."""
    with disk_errors(directory):
        for path in leavings(directory, ledger):
            if (directory / path).exists():
                (directory / path).unlink()
    intents = ledger.intents()
    if intents:
        ledger.forget_intents(intents)
    # The folders go last: they vouch for the intents.
    shutil.rmtree(directory / STAGING, ignore_errors=True)


def _remove_dropped(directory: Path, ledger: Ledger) -> None:
    """Remove the files of parts that were replaced so long ago that no reader has them open."""
    gone = ledger.dropped(_KEEP_DROPPED_SECONDS)
    for path in gone:
        (directory / path).unlink(missing_ok=True)
    ledger.forget_dropped(gone)
