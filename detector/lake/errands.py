"""Tasks for executors that have nothing of a lake in S3: they fetch the parts that they read, and put those they make.

The names of what they put there begin as the run says in an object of its own, before it gives out a task. It stays
when the run has ended: an executor that was given up may still be at work. A day later `compact` removes it, with what
no ledger lists.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, Self, cast

from detector.engines.engine import Engine, Result, Task
from detector.engines.wire import pack, unpack
from detector.errors import LakeError
from detector.lake.disk import disk_errors
from detector.lake.object_store import ObjectStore, StoredObject
from detector.lake.part import Part
from detector.lake.stored_listing import LISTED, Listing, beginning_of, intent_name, key_of
from detector.lake_layout import STAGING, is_part_path
from detector.times import utc_now

_INTENT_BYTES: Final = 1_024


class PartTask(Protocol):
    """A task that makes parts."""

    @property
    def reads(self) -> Sequence[Part]:
        """The parts that have to be there."""
        ...

    def at(self, lake: Path, staging: Path, stem: str) -> Self:
        """Return the same task in another place, whose parts have names that begin with `part-STEM`."""
        ...


class _Made(Protocol):
    @property
    def parts(self) -> Sequence[Part]: ...  # staged, the seal of a rewriting first


@dataclass(frozen=True, slots=True)
class Errand:
    """A task, and where to get and to leave its parts; picklable."""

    work: Callable[[Any], Any]
    task: PartTask
    store: ObjectStore
    intent: str
    stem: str  # each attempt gets its own


class ErrandEngine:
    """An engine whose executors work on a lake in S3, each in a folder of its own.

    Args:
        engine: where they are.
        store: the lake.
        run: the name of the run.
        listing: of the lake; it gains what they have put there.
    """

    is_elsewhere = True

    def __init__(self, engine: Engine, store: ObjectStore, run: str, listing: Listing) -> None:
        self._engine = engine
        self._store = store
        self._run = run
        self._intent = intent_name(run, run)
        self._is_said = False
        self._listing = listing

    def run(self, work: Callable[[Task], Result], tasks: Iterable[Task], *, jobs: int) -> Iterator[Result]:
        """Yield `work(task)` of each task; the parts of a result are in their places.

        Args:
            work: its results have `parts`.
            tasks: each a `PartTask`.
            jobs: so many tasks at a time.

        Raises:
            DetectorError: what `work` raises, S3 refuses an executor, or the engine has given up.
        """
        for answer in self._engine.run(run_errand, self._errands(work, tasks), jobs=jobs):
            made = unpack(work, answer)
            self._note(cast("_Made", made).parts)
            yield made

    def say_listed(self, known: Collection[Path]) -> None:
        """Say which parts of executors the lake's ledger knows by now: should it be lost, these tell of it."""
        made = {path for path, name in self._listing.intended.items() if name == self._intent}
        listed = made.intersection(known)
        if listed:
            lines = "".join(f"{LISTED}{path.as_posix()}\n" for path in sorted(listed))
            self._store.create(intent_name(self._run, uuid.uuid4().hex), lines.encode())
        for path in listed:
            del self._listing.intended[path]

    def _errands(self, work: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Errand]:
        for task in tasks:
            if not self._is_said:
                self._store.create(self._intent, f"{beginning_of(self._run)}\n".encode())
                self._is_said = True
            stem = f"{self._run}-{uuid.uuid4().hex}"
            yield Errand(work, cast("PartTask", task), self._store, self._intent, stem)

    def _note(self, parts: Sequence[Part]) -> None:
        for part in parts:
            if not part.name.startswith(beginning_of(self._run)) or not is_part_path(part.path.as_posix()):
                raise LakeError(
                    f"an executor answered with a part {part.name!r}, which is none of this run",
                    hint="does anybody else's program answer in its place?",
                )
        self._listing.parts.update({part.path: StoredObject(part.size_bytes, utc_now()) for part in parts})
        self._listing.intended.update(dict.fromkeys((part.path for part in parts), self._intent))


def run_errand(errand: Errand) -> bytes:
    """Do a task on an executor; return what comes of it as `wire.pack` does, when its parts are in their places."""
    return pack(_done, errand)


def _done(errand: Errand) -> object:
    with disk_errors(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory(prefix="detector-errand-") as name:
        lake = Path(name)
        staging = lake / STAGING
        staging.mkdir(parents=True)
        errand.store.fetch({key_of(part.path): part.size_bytes for part in errand.task.reads}, lake)
        made = errand.work(errand.task.at(lake, staging, errand.stem))
        _put(errand, staging, made.parts)
    return made


def _put(errand: Errand, staging: Path, parts: Sequence[Part]) -> None:
    """Put parts in their places, the seal when the others are there."""
    if not parts:
        return
    # After a day somebody may have cleared up behind the run; nothing would explain what is put there then.
    if errand.store.read(errand.intent, staging / "intent", _INTENT_BYTES) is None:
        raise LakeError("the run that this task is of was cleared away", hint="run the same command again")
    files = {key_of(part.path): staging / part.name for part in parts}
    seal = key_of(parts[0].path)
    errand.store.create_all({key: file for key, file in files.items() if key != seal})
    errand.store.create(seal, files[seal])
