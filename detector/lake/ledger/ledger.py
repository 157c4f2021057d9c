"""The ledger: which parts and which log objects are in the lake. Its transaction is the commit."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from detector.errors import LakeError
from detector.lake.ledger import emitted, gaps, intents, outbox
from detector.lake.ledger import objects as object_table
from detector.lake.ledger import parts as part_table
from detector.lake.ledger.connection import can_read, connect, connect_to_read_only_media, number, sqlite_errors
from detector.lake.ledger.digests import Digests
from detector.lake.ledger.emitted import EmittedAlert
from detector.lake.ledger.gaps import Gaps
from detector.lake.ledger.objects import Known, LedgerObject, ObjectStatus, pack_etag, split_uri
from detector.lake.ledger.outbox import Document, Outbox
from detector.lake.ledger.versions import TABLES, VERSION, upgrade
from detector.lake.part import Part
from detector.lake_layout import LEDGER, PartKind
from detector.records.coverage import Coverage

_FOLDERS, _FOLDER_OBJECTS = 64, 5_000  # kept in memory: about as many folders as are listed side by side


class Ledger:
    """One open ledger."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._file = path.stat()
        self._known_in = lru_cache(maxsize=_FOLDERS)(self._find_known_in)
        # Makes what was committed known to everybody: to be called before anybody acts on it. Here everybody reads it.
        self.share: Callable[[], None] = _shared_already

    @classmethod
    def open(cls, lake: Path, *, writable: bool) -> Ledger:
        """Open the ledger of a lake; a writer creates it when there is none, and brings an older one up to date.

        Raises:
            LakeError: it is not a ledger, or of a later version.
        """
        path = lake / LEDGER
        with ExitStack() as opened, sqlite_errors(f"cannot open {path}"):
            connection = connect(path, "rwc" if writable else "ro")
            opened.callback(connection.close)
            if not writable and not can_read(connection):
                connection = connect_to_read_only_media(path)
                opened.callback(connection.close)
            version = number(connection, "PRAGMA user_version")
            if version > VERSION:
                raise LakeError(f"{path} has version {version}, this program knows {VERSION}", hint="update detector")
            if writable:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                if version < VERSION:
                    outbox.teach_to_hide_paths(connection)
                    connection.executescript(upgrade(version) if version else TABLES)
            elif version == 0:
                raise LakeError(
                    f"{path} is empty",
                    hint=f"if there are parts: detector lake repair --lake {lake}; if not, ingest once more",
                )
            opened.pop_all()
        return cls(connection, path)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    @property
    def changes(self) -> int:
        """A number that grows with each change that is made through this connection."""
        return self._connection.total_changes

    def copy_to(self, path: Path) -> None:
        """Write the ledger, as it is committed, to a file of its own; one that is there is replaced."""
        path.unlink(missing_ok=True)
        with sqlite_errors(f"cannot write {path}"):
            self._connection.execute("VACUUM INTO ?", (str(path),))

    def has(self, uri: str, etag: str) -> bool:
        """Say whether an object was read whole, with this content. Quick for many objects of a folder in a row."""
        folder, name = split_uri(uri)
        etags = self._known_in(folder)
        if etags is None:
            known = self.known(uri, etag)
            return known is not None and known.etag_matches and known.status is ObjectStatus.INGESTED
        return etags.get(name) == pack_etag(etag)

    def known(self, uri: str, etag: str) -> Known | None:
        """Return what is known of an object, or None when it has never been read; the latter quickly, too."""
        folder, name = split_uri(uri)
        names = self._known_in(folder)
        if names is not None and name not in names:
            return None
        with sqlite_errors(f"cannot read {self._path}"):
            return object_table.select_known(self._connection, uri, etag)

    def parts(self, kind: PartKind | None = None, dates: Iterable[str] | None = None) -> list[Part]:
        """Return the parts that count, in the order of their paths; only those of a kind, or of some days."""
        with sqlite_errors(f"cannot read {self._path}"):
            return list(part_table.select_parts(self._connection, kind, dates))

    def unsearched(self) -> set[Path]:
        """Return the parts in which nobody has looked for copies of events yet."""
        with sqlite_errors(f"cannot read {self._path}"):
            return part_table.select_unsearched(self._connection)

    def parts_and_unsearched(self) -> tuple[list[Part], set[Path]]:
        """Return the parts that count, and which of them nobody has searched, at one moment."""
        with sqlite_errors(f"cannot read {self._path}"):
            self._connection.execute("BEGIN")
            try:
                return self.parts(), self.unsearched()
            finally:
                self._connection.execute("ROLLBACK")

    def misjudged_dates(self) -> set[str]:
        """Return the days whose DUPLICATES parts were made when rows with one key were copies, whatever they held."""
        with sqlite_errors(f"cannot read {self._path}"):
            return part_table.select_misjudged(self._connection)

    def coverage(self) -> Coverage | None:
        """Return from when to when there are events, of each account and region; None when some part does not say."""
        with sqlite_errors(f"cannot read {self._path}"):
            return part_table.select_coverage(self._connection)

    def objects(self, below: str = "") -> Iterator[LedgerObject]:
        """Yield all objects, or those below a folder."""
        with sqlite_errors(f"cannot read {self._path}"):
            yield from object_table.select_objects(self._connection, below)

    def object_count(self) -> int:
        """Return how many objects were read; at once, however many they are."""
        with sqlite_errors(f"cannot read {self._path}"):
            return object_table.select_count(self._connection)

    def commit(
        self,
        objects: Sequence[LedgerObject],
        added: Iterable[Part],
        dropped: Iterable[Part],
        judged: Iterable[str] = (),
        *,
        unsearched: Iterable[Part] = (),
        searched: Iterable[str] = (),
    ) -> None:
        """Record parts and objects in one transaction: after it all of them are in, before it none.

        Args:
            objects: that were read.
            added: their parts.
            dropped: parts that count no longer.
            judged: days of `misjudged_dates` that are so no longer.
            unsearched: parts whose rows may have copies that no part lists.
            searched: days of which all copies are listed.

        Raises:
            LakeError: the database refuses, for example because the disk is full.
        """
        parts = list(added)
        with self._transaction() as connection:
            object_table.insert_objects(connection, objects)
            part_table.delete_parts(connection, dropped)
            part_table.insert_parts(connection, parts)
            part_table.delete_misjudged(connection, judged)
            part_table.delete_unsearched(connection, searched)
            part_table.insert_unsearched(connection, unsearched)
            intents.delete_intents(connection, [part.path for part in parts])
            gaps.delete_gaps(connection, [one.uri for one in objects])
        self._known_in.cache_clear()

    def note_writer(self, writer: str) -> None:
        """Remember who writes now, for others to be told."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO writer VALUES (1, ?)", (writer,))

    def writer(self) -> str | None:
        """Return who wrote last, or does now."""
        return next((name for (name,) in self._rows("SELECT name FROM writer")), None)

    def intend(self, run: str, paths: Iterable[Path]) -> None:
        """Note, durably, that a run is about to put parts in place; the commit that lists them clears the note."""
        with self._transaction() as connection:
            intents.insert_intents(connection, run, paths)

    def intents(self) -> dict[Path, str]:
        """Return the parts that were to be put in place and were not committed, each with its run."""
        with sqlite_errors(f"cannot read {self._path}"):
            return intents.select_intents(self._connection)

    def forget_intents(self, paths: Iterable[Path]) -> None:
        """Forget intents whose files have been removed."""
        with self._transaction() as connection:
            intents.delete_intents(connection, paths)

    def dropped(self, seconds: int = 0) -> set[Path]:
        """Return the parts that were dropped so long ago, or longer; readers may have the others open."""
        return {
            Path(path)
            for (path,) in self._rows("SELECT path FROM dropped_parts WHERE dropped_at <= unixepoch() - ?", seconds)
        }

    def forget_dropped(self, paths: Iterable[Path]) -> None:
        """Forget parts whose files have been removed."""
        with self._transaction() as connection:
            connection.executemany("DELETE FROM dropped_parts WHERE path = ?", [(str(path),) for path in paths])

    def emitted(self) -> list[EmittedAlert]:
        """Return each alert as it was last written, those written first at the beginning."""
        with sqlite_errors(f"cannot read {self._path}"):
            return list(emitted.select_emitted(self._connection))

    def last_emitted(self, alert_id: str) -> EmittedAlert | None:
        """Return an alert as it was last written, or None when it has not been. Only of a ledger open for writing."""
        with sqlite_errors(f"cannot read {self._path}"):
            return emitted.select_one(self._connection, alert_id)

    def record_emitted(
        self, alerts: Iterable[EmittedAlert], documents: Mapping[str, Iterable[Document]] | None = None
    ) -> None:
        """Remember alerts as written now, and put them into the outbox, in one transaction.

        Args:
            alerts: what is remembered.
            documents: by the name of a sink, the alerts as it takes them.
        """
        with self._transaction() as connection:
            emitted.insert_emitted(connection, alerts)
            outbox.insert_documents(connection, documents or {})

    @property
    def digests(self) -> Digests:
        """What is known of the digests that vouch for the log files."""
        return Digests(self._transaction, self._rows)

    @property
    def outbox(self) -> Outbox:
        """The alerts that sinks have yet to accept."""
        return Outbox(self._transaction, self._rows)

    @property
    def gaps(self) -> Gaps:
        """What could not be listed or read."""
        return Gaps(self._transaction, self._rows)

    def is_unused(self) -> bool:
        """Tell whether nothing has ever been read into the lake, or written from it."""
        there = {name for (name,) in self._rows("SELECT name FROM sqlite_master")}  # an older one has fewer
        tables = there & {"objects", "emitted_alerts", "digests"}
        return not any(list(self._rows(f"SELECT 1 FROM {table} LIMIT 1")) for table in tables)  # noqa: S608

    def _find_known_in(self, folder: str) -> dict[str, bytes | str | None] | None:
        with sqlite_errors(f"cannot read {self._path}"):
            return object_table.select_etags(self._connection, folder, most=_FOLDER_OBJECTS)

    def _rows(self, query: str, *parameters: object) -> Iterator[tuple[Any, ...]]:
        with sqlite_errors(f"cannot read {self._path}"):
            yield from self._connection.execute(query, parameters)

    def _require_in_place(self) -> None:
        """Refuse to write to a file that no path leads to: it would be lost."""
        if not self._path.exists() or not os.path.samestat(self._path.stat(), self._file):
            raise LakeError(
                f"{self._path} was removed or replaced while it was written to",
                hint="compare what is there now: detector lake check",
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._require_in_place()
        with sqlite_errors(f"cannot write {self._path}"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk has made SQLite roll back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def _shared_already() -> None:
    """Do nothing."""
