"""A lake in S3: parts are objects that are written once, the ledger is one object, replaced by compare-and-swap.

A process works on it in a folder of its own, as on any lake: it has the ledger, and of the parts those that it has
fetched or made. What it commits there becomes the lake's when its ledger replaces the one that it began with: of two
writers one does. What the other one has put there is listed nowhere, and is read again from the logs.

Before parts are put there the run says so, in an object of its own below `events/_tmp/`, and removes that when its
ledger lists them: a part of which neither speaks has lost its ledger.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
import uuid
import weakref
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from detector.errors import LakeBusy, UsageError
from detector.lake.folder import make_folders
from detector.lake.object_store import MOST_BYTES, ObjectStore, StoredObject
from detector.lake.stored_listing import Listing, intent_name, key_of, list_lake, orphans_in
from detector.lake.unlisted import known_to, part_files, unlisted_error
from detector.lake_layout import DAMAGED_PREFIX, LEDGER, REPLACED_LEDGER, is_part_path
from detector.times import utc_now

if TYPE_CHECKING:
    from detector.engines.engine import Engine
    from detector.lake.errands import ErrandEngine
    from detector.lake.ledger.ledger import Ledger
    from detector.lake.part import Part

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SHARE_SECONDS: Final = 300.0  # what a killed run has to read again at the most
_ORPHAN_AGE: Final = timedelta(days=1)
_FETCHED_BYTES: Final = 8 << 30  # kept here between commits


class StoredLake:
    """A lake below a prefix of a bucket, and the folder in which this process works on it.

    Args:
        store: the prefix.
    """

    is_elsewhere = True

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._directory = Path(tempfile.mkdtemp(prefix="detector-lake-"))
        weakref.finalize(self, _remove_own, self._directory, os.getpid())
        self._etag: str | None = None  # of the ledger that is here
        self._listing = Listing()
        self._own_intents: list[str] = []
        self._lent: ErrandEngine | None = None
        self._is_writing = self._is_lost = False
        self._shared_at, self._shared_changes = 0.0, 0
        self._shared_dropped: set[Path] = set()

    @classmethod
    def named(cls, url: str) -> Self:
        """Return the lake of a URL, `s3://BUCKET[/PREFIX]`; nothing is asked yet.

        Raises:
            UsageError: it is none.
        """
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        prefix = prefix.strip("/")
        is_odd = not prefix.isprintable() or (prefix and {"", ".", ".."} & set(prefix.split("/")))
        if not _BUCKET.fullmatch(bucket) or is_odd:
            raise UsageError(f"--lake {url!r} names no place in S3", hint="write s3://BUCKET/PREFIX")
        return cls(ObjectStore(bucket, f"{prefix}/" if prefix else ""))

    def __str__(self) -> str:
        return str(self._store).removesuffix("/")

    @property
    def full_name(self) -> str:
        """The URL."""
        return str(self)

    @property
    def directory(self) -> Path:
        """The folder in which this process works."""
        return self._directory

    # Reading ----------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring the ledger here, and learn which parts lie there.

        Raises:
            LakeError: S3 refuses, or the ledger is lost.
        """
        if self._is_writing:
            return
        self._look()
        if self._etag is None and (lost := sorted(self._listing.parts.keys() - self._listing.intended.keys())):
            raise unlisted_error(self, lost)

    def _look(self) -> None:
        # The ledger last: a part passes from a run's intents to the ledger.
        self._listing = list_lake(self._store, self.directory / "intents")
        self._read_ledger()

    def fetch(self, paths: Iterable[Path]) -> None:
        """Bring parts here, as far as they lie there."""
        missing = {path for path in paths if path in self._listing.parts and not (self.directory / path).exists()}
        sizes = {key_of(path): self._listing.parts[path].size_bytes for path in sorted(missing)}
        self._store.fetch(sizes, self.directory)

    def forget(self, path: Path) -> None:
        """Make room, but for what this process has yet to put there."""
        if path in self._listing.parts:
            (self.directory / path).unlink(missing_ok=True)

    def lacks(self, part: Part) -> str | None:
        """Say what is wrong with a part, as far as its listing tells."""
        stored = self._listing.parts.get(part.path)
        if stored is None:
            return "is missing"
        if stored.size_bytes != part.size_bytes:
            return f"has {stored.size_bytes:,} bytes, the ledger says {part.size_bytes:,}"
        return None

    def unlisted(self, ledger: Ledger) -> list[Path]:
        """Return the parts of which neither the ledger nor a run that is under way, or was killed, says anything."""
        return sorted(self._listing.parts.keys() - known_to(ledger) - self._listing.intended.keys())

    def _read_ledger(self) -> None:
        path = self.directory / LEDGER
        etag = self._store.read(LEDGER, path, MOST_BYTES, self._etag)
        if etag is None or etag != self._etag:  # SQLite would read a log that lies beside it as its own
            for suffix in ("-wal", "-shm", *([""] if etag is None else [])):
                path.with_name(f"{LEDGER}{suffix}").unlink(missing_ok=True)
        if etag is None:
            path.unlink(missing_ok=True)
        self._etag = etag

    # Writing ----------------------------------------------------------------------------------------------------------

    def prepare(self) -> bool:
        """Bring the ledger here; tell whether there is none."""
        if not self._is_writing:
            self.refresh()
            make_folders(self.directory)
        return self._etag is None

    def begin(self, ledger: Ledger) -> None:
        """Begin to write: from here on the ledger that is here is the one to read."""
        self._is_writing, self._is_lost, self._lent = True, False, None
        self._own_intents.clear()  # those of a run that was lost explain its parts
        self._shared_at = time.monotonic()
        self._shared_changes, self._shared_dropped = ledger.changes, ledger.dropped()
        ledger.share = lambda: self.share(ledger)

    def put(self, run: str, paths: Collection[Path]) -> None:
        """Say which parts are put there, then put them there."""
        if not paths:
            return
        name = self._intend(run, paths)
        self._store.create_all({key_of(path): self.directory / path for path in paths})
        for path in paths:
            self._listing.parts[path] = StoredObject((self.directory / path).stat().st_size, utc_now())
            self._listing.intended[path] = name

    def holds(self, path: Path) -> bool:
        """Tell whether a part lies there."""
        return path in self._listing.parts

    def engine(self, engine: Engine, run: str) -> Engine:
        """Return an engine whose executors fetch and put parts themselves."""
        if engine.is_elsewhere:
            from detector.lake.errands import ErrandEngine

            self._lent = engine = ErrandEngine(engine, self._store, run, self._listing)
        return engine

    def committed(self, ledger: Ledger, *, is_idle: bool) -> None:
        """Share the ledger when that was long ago; make room when much was fetched."""
        if time.monotonic() - self._shared_at > _SHARE_SECONDS:
            self.share(ledger)
        if is_idle:
            self._make_room()

    def share(self, ledger: Ledger) -> None:
        """Replace the lake's ledger by the one that is here, if it has changed.

        Raises:
            LakeBusy: the lake's is not the one that this process began with.
        """
        if self._is_lost or ledger.changes == self._shared_changes or (self._etag is None and ledger.is_unused()):
            return
        changes, dropped = ledger.changes, ledger.dropped()
        copy = self.directory / f"{LEDGER}.copy"
        ledger.copy_to(copy)
        try:
            etag = self._store.swap(LEDGER, copy, self._etag)
        finally:
            copy.unlink(missing_ok=True)
        if etag is None:
            self._is_lost = True
            raise LakeBusy(
                f"{self} was written by another run since this one began",
                hint="run the same command again: what this one read is read again, nothing is lost or in twice",
            )
        self._etag, self._shared_changes, self._shared_dropped = etag, changes, dropped
        self._shared_at = time.monotonic()
        # Not those of a commit that failed: its parts are there, and no ledger lists them.
        known = known_to(ledger)
        open_ones = {name for path, name in self._listing.intended.items() if path not in known}
        self._store.remove([name for name in self._own_intents if name not in open_ones])
        self._own_intents = [name for name in self._own_intents if name in open_ones]
        if self._lent is not None:
            self._lent.say_listed(known)

    def remove(self, paths: Collection[Path]) -> Collection[Path]:
        """Remove parts that the lake's own ledger, too, has dropped."""
        gone = {path for path in self._shared_dropped.intersection(paths) if is_part_path(path.as_posix())}
        self._store.remove([key_of(path) for path in sorted(gone)])
        for path in gone:
            self._listing.parts.pop(path, None)
            (self.directory / path).unlink(missing_ok=True)
        return gone

    def remove_orphans(self, ledger: Ledger) -> int:
        """Remove what runs left that were killed more than a day ago, or lost a race; return how many parts.

        One of them may only have slept: with a new ledger there first, it cannot commit any more.
        """
        before = utc_now() - _ORPHAN_AGE
        old = {name for name, stored in self._listing.intents.items() if stored.last_modified < before}
        if not old:
            return 0
        self._shared_changes = -1
        self.share(ledger)
        intended = {path for path, name in self._listing.intended.items() if name in old}
        orphans = (intended & self._listing.parts.keys()) - known_to(ledger)
        self._store.remove([key_of(path) for path in sorted(orphans)])
        self._store.remove(sorted(old))
        for path in orphans:
            self._listing.parts.pop(path)
        return len(orphans)

    def end(self, *, is_new: bool) -> None:  # noqa: ARG002
        """End to write. What was not shared is nobody's: the next reader takes the lake's own ledger."""
        self._is_writing = False
        self._etag = None
        (self.directory / LEDGER).unlink(missing_ok=True)

    # Repairing --------------------------------------------------------------------------------------------------------

    @contextmanager
    def repairing(self) -> Iterator[Path]:
        """Hand out the folder with every part in it; in the end, make the lake what was made of them.

        Raises:
            LakeBusy: somebody else has committed meanwhile.
        """
        self._look()
        before = self._listing.parts.keys() - orphans_in(self._listing, self.directory)
        self.fetch(before)
        make_folders(self.directory)
        yield self.directory
        files = set(part_files(self.directory))
        made, gone = files - before, before - files
        # Those that are gone, too, are explained, should this be killed before it has removed them.
        intents = self._intend(uuid.uuid4().hex, sorted(made | gone))
        aside = [*self.directory.glob(f"{REPLACED_LEDGER}*"), *self.directory.glob(f"*/*/{DAMAGED_PREFIX}*")]
        names = [*(key_of(path) for path in made), *(path.relative_to(self.directory).as_posix() for path in aside)]
        self._store.create_all({name: self.directory / name for name in sorted(names)})
        if self._store.swap(LEDGER, self.directory / LEDGER, self._etag) is None:
            raise LakeBusy(f"{self} was written by another run meanwhile", hint="run the same command again")
        self._store.remove([*(key_of(path) for path in sorted(gone)), intents])

    def _intend(self, run: str, paths: Collection[Path]) -> str:
        """Say which parts a run puts there; return the name of the object that says so."""
        name = intent_name(run, uuid.uuid4().hex)
        self._store.create(name, "".join(f"{path.as_posix()}\n" for path in paths).encode())
        self._own_intents.append(name)
        return name

    def _make_room(self) -> None:
        here = [path for path in self._listing.parts if (self.directory / path).exists()]
        if sum(self._listing.parts[path].size_bytes for path in here) > _FETCHED_BYTES:
            for path in here:
                (self.directory / path).unlink()


def _remove_own(directory: Path, process: int) -> None:
    """Remove the folder of a process that ends; a child that was forked from it leaves it alone."""
    if os.getpid() == process:
        shutil.rmtree(directory, ignore_errors=True)
