"""Facts about digests, as the ledger keeps them: bytes and metadata, AWS's keys, and what was looked for in vain.

No verdict is among them: it would depend on what had arrived by then.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from detector.lake.ledger.objects import ObjectStatus, pack_etag, split_uri
from detector.verify.keys import KeyRing, Span, joined_ring

if TYPE_CHECKING:
    from detector.sources.public_keys import AnsweredPage

CREATE = """
CREATE TABLE IF NOT EXISTS digests (
    folder_id INTEGER NOT NULL REFERENCES folders (id),
    name TEXT NOT NULL,
    etag BLOB NOT NULL,
    status TEXT NOT NULL,
    bucket TEXT,
    metadata TEXT NOT NULL,
    stored BLOB NOT NULL,
    problem TEXT,
    UNIQUE (folder_id, name)
);
CREATE TABLE IF NOT EXISTS public_keys (
    region TEXT NOT NULL,
    asked_from REAL NOT NULL,
    asked_until REAL NOT NULL,
    answer TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS absent_objects (uri TEXT PRIMARY KEY) WITHOUT ROWID;
"""


# Made with the first answer, so that no ledger has to be brought up to date for what only a bag shows.
_CREATE_PAGES = """
CREATE TABLE IF NOT EXISTS key_pages (
    region TEXT NOT NULL,
    body TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    request TEXT NOT NULL,
    date TEXT,
    request_id TEXT,
    UNIQUE (region, body)
)
"""


class DigestStatus(StrEnum):
    """The fate of a digest that was listed."""

    READ = "read"
    UNREADABLE = "unreadable"
    UNREAD = "unread"  # of an hour without log files, where only those were to be verified


@dataclass(frozen=True, slots=True)
class LedgerDigest:
    """One digest as it was found."""

    uri: str
    etag: str
    status: DigestStatus
    bucket: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    stored: bytes = field(default=b"", repr=False)  # as it lies in the source, packed
    problem: str | None = None  # why it is not read


@dataclass(frozen=True, slots=True)
class Digests:
    """The digests of one ledger."""

    transaction: Callable[[], AbstractContextManager[sqlite3.Connection]]
    rows: Callable[..., Iterator[tuple[Any, ...]]]

    def has(self, uri: str, etag: str) -> bool:
        """Tell whether a digest has been read with this content."""
        folder, name = split_uri(uri)
        return self.in_folder(folder).get(name) == (pack_etag(etag), DigestStatus.READ)

    def in_folder(self, folder: str) -> dict[str, tuple[bytes | str, DigestStatus]]:
        """Return the digests of one folder by name: ETag as it is packed, and status."""
        rows = self.rows(
            "SELECT name, etag, status FROM digests WHERE folder_id = (SELECT id FROM folders WHERE uri = ?)", folder
        )
        return {name: (etag, DigestStatus(status)) for name, etag, status in rows}

    def add(self, digests: Sequence[LedgerDigest]) -> None:
        """Remember digests, in one transaction, in the place of what was known of them."""
        rows = list(map(_row, digests))
        with self.transaction() as connection:
            folders = dict.fromkeys(folder for *_, folder in rows)
            connection.executemany("INSERT OR IGNORE INTO folders (uri) VALUES (?)", [(folder,) for folder in folders])
            connection.executemany(
                "INSERT OR REPLACE INTO digests SELECT id, ?, ?, ?, ?, ?, ?, ? FROM folders WHERE uri = ?", rows
            )

    def below(self, folder: str) -> Iterator[LedgerDigest]:
        """Yield the digests below a folder, which ends with a slash, by URI."""
        for uri, etag, status, bucket, metadata, stored, problem in self.rows(
            "SELECT uri || name, etag, status, bucket, metadata, stored, problem FROM digests"
            " JOIN folders ON folders.id = folder_id WHERE uri >= ? AND uri < ? ORDER BY 1",
            folder,
            folder[:-1] + "0",  # what follows the slash
        ):
            tag = etag.hex() if isinstance(etag, bytes) else etag
            yield LedgerDigest(uri, tag, DigestStatus(status), bucket, json.loads(metadata), stored, problem)

    def folders(self) -> list[str]:
        """Return the folders in which digests lie, and those of log files."""
        return [uri for (uri,) in self.rows("SELECT uri FROM folders ORDER BY uri")]

    def log_folders(self) -> list[str]:
        """Return the folders in which log objects lie, but for what is of another kind."""
        query = (
            "SELECT uri FROM folders WHERE EXISTS (SELECT 1 FROM objects WHERE folder_id = folders.id AND status <> ?)"
        )
        return [uri for (uri,) in self.rows(query, ObjectStatus.SKIPPED)]

    @property
    def are_there(self) -> bool:
        """True when digests were ever asked for; a ledger of an older version that only readers open knows of none."""
        return self.is_made and any(self.rows("SELECT 1 FROM digests LIMIT 1"))

    def add_answer(self, region: str, span: Span, answer: Mapping[str, Any]) -> None:
        """Remember an answer of ListPublicKeys; one that says the same of the time before is continued."""
        text = json.dumps(answer, sort_keys=True)
        start, end = (moment.timestamp() for moment in span)
        with self.transaction() as connection:
            continued = connection.execute(
                "UPDATE public_keys SET asked_from = min(asked_from, ?), asked_until = max(asked_until, ?)"
                " WHERE region = ? AND answer = ? AND asked_from <= ? AND asked_until >= ?",
                (start, end, region, text, end, start),
            )
            if not continued.rowcount:
                connection.execute("INSERT INTO public_keys VALUES (?, ?, ?, ?)", (region, start, end, text))

    def keys(self, refused: Mapping[str, str] | None = None) -> KeyRing:
        """Return all keys that AWS has named.

        Args:
            refused: region → why its keys could not be had now.
        """
        return joined_ring(self.answers(), refused)

    def answers(self) -> Iterator[tuple[str, Span, Any]]:
        """Yield region, the time that was asked for, and the answer of ListPublicKeys, in order."""
        rows = self.rows("SELECT region, asked_from, asked_until, answer FROM public_keys ORDER BY 1, 2, 3")
        for region, start, end, answer in rows:
            yield region, (datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)), json.loads(answer)

    def add_pages(self, pages: Sequence[AnsweredPage]) -> None:
        """Remember what AWS answered as it came; of answers with the same words, the first."""
        if not pages:
            return
        with self.transaction() as connection:
            connection.execute(_CREATE_PAGES)
            connection.executemany(
                "INSERT OR IGNORE INTO key_pages VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (one.region, one.body, one.endpoint, json.dumps(one.request), one.date, one.request_id)
                    for one in pages
                ],
            )

    def pages(self) -> Iterator[AnsweredPage]:
        """Yield what AWS answered, by region, in the order in which it did."""
        from detector.sources.public_keys import AnsweredPage  # brings what speaks to AWS

        if any(self.rows("SELECT 1 FROM sqlite_master WHERE name = 'key_pages'")):
            rows = self.rows(
                "SELECT region, endpoint, request, date, request_id, body FROM key_pages ORDER BY region, rowid"
            )
            for region, endpoint, request, date, request_id, body in rows:
                yield AnsweredPage(region, endpoint, json.loads(request), date, request_id, body)

    def absent(self) -> set[str]:
        """Return the URIs of objects that were looked for, and were not there."""
        return {uri for (uri,) in self.rows("SELECT uri FROM absent_objects")}

    def add_absent(self, uris: Iterable[str]) -> None:
        """Remember objects that were looked for in vain; once they arrive, that they are there counts."""
        with self.transaction() as connection:
            connection.executemany("INSERT OR IGNORE INTO absent_objects VALUES (?)", [(uri,) for uri in uris])

    @property
    def is_made(self) -> bool:
        """False of a ledger of an older version that only readers have opened."""
        return any(self.rows("SELECT 1 FROM sqlite_master WHERE name = 'digests'"))


def _row(one: LedgerDigest) -> tuple[str | bytes | None, ...]:
    """Return the columns of a digest, and its folder."""
    folder, name = split_uri(one.uri)
    metadata = json.dumps(dict(one.metadata))
    return (name, pack_etag(one.etag), one.status, one.bucket, metadata, one.stored, one.problem, folder)
