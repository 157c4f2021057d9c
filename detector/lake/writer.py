"""Writing to a lake: stage, rename, commit. A crash at any instruction leaves all of a commit or none of it.

Most commits move finished files, and never look into one: what reads and writes Parquet is imported when it is needed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from detector.engines.engine import Engine
from detector.engines.local import LOCAL
from detector.lake.disk import disk_error, fsync_folder
from detector.lake.duplicates import (
    CopySearch,
    CopyTask,
    days_to_search,
    events_of_several_days,
    find_copies_of_day,
    on_its_days,
    search_across_days,
)
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.objects import LedgerObject
from detector.lake.lock import this_process, writer_lock
from detector.lake.part import Part
from detector.lake.place import LakePlace, lake_at
from detector.lake.unlisted import remove_leavings, unlisted_error
from detector.lake_layout import SEVERAL_DAYS, STAGING, PartKind

if TYPE_CHECKING:
    from detector.lake.compaction import Candidates, Compacted, Compaction, Day

# A reader that listed the parts before they were replaced may still be reading them.
_KEEP_DROPPED_SECONDS = 900
_ROWS_WORTH_WORKERS = 200_000  # fewer are looked through before workers have started
_Task = TypeVar("_Task", bound="CopyTask | Compaction")


@dataclass(frozen=True, slots=True)
class Staged:
    """Log objects whose rows lie, fsynced, in the staging folder."""

    objects: tuple[LedgerObject, ...]
    parts: tuple[Part, ...]


class LakeWriter:
    """The one writer of a lake."""

    def __init__(self, place: LakePlace, ledger: Ledger, staging: Path) -> None:
        self._found = 0  # copies that were listed since `find_copies` last said so, less those that are no more
        self.place = place
        self.directory = place.directory
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
        rewritten = self._without(replaced, dropped) if dropped else []
        added = [*staged.parts, *rewritten]
        self._move_in(staged.parts)
        self._move_in_sealed(rewritten)
        lists = [part for part in parts if part.kind is PartKind.DUPLICATES and part.event_date in hidden_again]
        dropped += lists
        gone = set(dropped)
        standing = [part for part in parts if part.event_date in hidden_again and part not in gone]
        unsearched = [part for part in (*standing, *added) if part.kind is PartKind.EVENTS]
        self.ledger.commit(staged.objects, added, dropped, hidden_again, unsearched=unsearched)
        self.place.committed(self.ledger, is_idle=True)
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
        runner, width = (self.engine(engine), jobs) if many else (LOCAL, 1)
        for found in runner.run(find_copies_of_day, self._copy_tasks(searches, runner), jobs=width):
            self._move_in(found.parts)
            self.ledger.commit(
                (), found.parts, found.search.replaced, searched=[found.search.event_date], unsearched=again
            )
            self._found += found.added
            self.place.committed(self.ledger, is_idle=False)

    def _copy_tasks(self, searches: Sequence[CopySearch], runner: Engine) -> Iterator[CopyTask]:
        for search in searches:
            one = search
            if self.place.is_elsewhere and not runner.is_elsewhere:
                self.place.fetch(part.path for part in search.new)
                one = on_its_days(search, self.directory)
            yield self._with_parts(CopyTask(one, self.directory, self.staging, f"part-{uuid.uuid4().hex}"), runner)

    def compact(
        self,
        candidates: Candidates,
        *,
        jobs: int,
        engine: Engine = LOCAL,
        unclassified_parts: int = 1,
        unclassified_rows: int = 1,
    ) -> Iterator[Compacted]:
        """Put the small parts of days together, what detection looks at apart; yield each day, done or left as it is.

        Args:
            candidates: what detection looks at.
            jobs: so many days at a time.
            engine: writes them; this process alone commits.
            unclassified_parts: of days that have so many parts that came in since the last time,
            unclassified_rows: or so many rows in such parts.

        Raises:
            LakeError: the disk refuses; the day under way stays as it was.
        """
        from detector.lake.compaction import compact_day, days_to_compact

        self._found = self.find_copies(jobs=jobs, engine=engine)  # a copy is set apart where it is listed
        _remove_dropped(self.place, self.ledger)  # whoever writes for days makes many of them
        days = days_to_compact(
            self.ledger.parts(),
            candidates.digest,
            unclassified_parts=unclassified_parts,
            unclassified_rows=unclassified_rows,
        )
        runner = self.engine(engine)
        for compacted in runner.run(compact_day, self._compactions(list(days), candidates, runner), jobs=jobs):
            if compacted.damage is None:
                self._move_in_sealed(compacted.parts)
                self.ledger.commit((), compacted.parts, compacted.day.parts)
                self.place.committed(self.ledger, is_idle=False)
            yield compacted

    def _compactions(self, days: Sequence[Day], candidates: Candidates, runner: Engine) -> Iterator[Compaction]:
        from detector.lake.compaction import Compaction

        for day in days:
            task = Compaction(day, self.directory, self.staging, f"part-{uuid.uuid4().hex}", candidates)
            yield self._with_parts(task, runner)

    def _with_parts(self, task: _Task, runner: Engine) -> _Task:
        """Return a task when what it reads is here; executors fetch it themselves."""
        if not runner.is_elsewhere:
            self.place.fetch(part.path for part in task.reads)
        return task

    def engine(self, engine: Engine) -> Engine:
        """Return what runs tasks that make parts of this lake."""
        return self.place.engine(engine, self.staging.name)

    def _parts_holding(self, uris: Sequence[str], parts: Sequence[Part]) -> list[Part]:
        held = [part for part in parts if part.kind in (PartKind.EVENTS, PartKind.COPIES)]
        if not uris or not held:
            return []
        from detector.lake.replaced import parts_holding

        self.place.fetch(part.path for part in held)
        return parts_holding(self.directory, held, uris)

    def _without(self, uris: Sequence[str], parts: Sequence[Part]) -> list[Part]:
        from detector.lake.replaced import write_without

        self.place.fetch(part.path for part in parts)
        return list(write_without(self.directory, parts, uris, self.staging))

    def _move_in_sealed(self, parts: Sequence[Part]) -> None:
        """Rename the parts of a rewriting to their places, its seal when the others are there for good."""
        self._move_in(parts[1:])
        self._move_in(parts[:1])

    def _move_in(self, parts: Sequence[Part]) -> None:
        """Rename staged parts to their places, durably, but for those that executors have put there."""
        parts = [part for part in parts if not self.place.holds(part.path)]
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
        self.place.put(self.staging.name, [part.path for part in parts])


@contextmanager
def open_to_write(lake: Path | LakePlace) -> Iterator[LakeWriter]:
    """Open a lake as its only writer, creating it where there is none; leavings of a crash are removed.

    Raises:
        LakeBusy: another process is writing; of a lake in S3 this may come to light when the block has ended.
        LakeError: there can be no lake, or it holds something else or parts that the ledger does not know, or cannot be
            written.
    """
    place = lake_at(lake)
    with ExitStack() as opened:
        try:
            is_new = place.prepare()
            directory = place.directory
            opened.enter_context(writer_lock(directory))
            opened.callback(place.end, is_new=is_new)
            ledger = Ledger.open(directory, writable=True)
            opened.callback(ledger.close)
            ledger.note_writer(this_process())
            place.begin(ledger)
            unlisted = place.unlisted(ledger)
            if unlisted:
                raise unlisted_error(place, unlisted)
            _remove_dropped(place, ledger)
            remove_leavings(directory, ledger)
            staging = directory / STAGING / uuid.uuid4().hex
            staging.mkdir(parents=True)
            opened.callback(remove_leavings, directory, ledger)
        except OSError as error:
            raise disk_error(f"cannot write to {place}", error) from error
        opened.callback(place.share, ledger)
        writer = LakeWriter(place, ledger, staging)
        writer.judge_anew()
        yield writer


def _remove_dropped(place: LakePlace, ledger: Ledger) -> None:
    """Remove the parts that were replaced so long ago that no reader has them open."""
    ledger.forget_dropped(place.remove(ledger.dropped(_KEEP_DROPPED_SECONDS)))
