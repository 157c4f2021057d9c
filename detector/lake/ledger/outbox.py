"""The outbox: alerts that a sink has not accepted yet, and what each sink has.

An alert is put here in the transaction that remembers it as emitted, and leaves when the sink has it: whatever
happens in between, it is in one of the two places.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

from detector.text import url_without_path

CREATE = """
CREATE TABLE IF NOT EXISTS sinks (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    sink_id INTEGER NOT NULL REFERENCES sinks (id),
    alert_id TEXT NOT NULL,
    line BLOB NOT NULL,
    refused TEXT
);
CREATE INDEX IF NOT EXISTS outbox_order ON outbox (sink_id, number);
CREATE TABLE IF NOT EXISTS deliveries (
    sink_id INTEGER NOT NULL REFERENCES sinks (id),
    alert_id TEXT NOT NULL,
    delivered_at INTEGER NOT NULL,
    PRIMARY KEY (sink_id, alert_id)
) WITHOUT ROWID;
"""
# To version 12: names that were URLs with their paths. A freed cell is overwritten, not only forgotten.
HIDE_PATHS = "UPDATE sinks SET name = url_without_path(name) WHERE name LIKE 'http://%' OR name LIKE 'https://%';"
_PAGE = 200  # documents of at most 32 kB


@dataclass(frozen=True, slots=True)
class Document:
    """One alert as a sink takes it."""

    alert_id: str
    line: bytes  # with its newline
    number: int = 0  # in the outbox, where it gives the order


def teach_to_hide_paths(connection: sqlite3.Connection) -> None:
    """Give a connection what HIDE_PATHS needs."""
    connection.execute("PRAGMA secure_delete = ON")
    connection.create_function("url_without_path", 1, partial(url_without_path, hides_query=True), deterministic=True)


@dataclass(frozen=True, slots=True)
class OutboxCount:
    """Counts of the alerts that one sink has accepted, has yet to accept, and has refused for good."""

    sink: str
    delivered: int
    waiting: int
    refused: int


@dataclass(frozen=True, slots=True)
class Outbox:
    """The outbox of one ledger."""

    transaction: Callable[[], AbstractContextManager[sqlite3.Connection]]
    rows: Callable[..., Iterator[tuple[Any, ...]]]

    def waiting(self, sink: str) -> Iterator[Document]:
        """Yield what the sink has yet to accept, oldest first; it may be settled meanwhile."""
        last = 0
        while page := list(
            self.rows(
                "SELECT alert_id, line, number FROM outbox JOIN sinks ON sinks.id = sink_id"
                " WHERE name = ? AND number > ? AND refused IS NULL ORDER BY number LIMIT ?",
                sink,
                last,
                _PAGE,
            )
        ):
            yield from (Document(*row) for row in page)
            last = page[-1][-1]

    def settle(self, sink: str, accepted: Iterable[Document], refused: Iterable[tuple[Document, str]] = ()) -> None:
        """Take out what the sink has accepted; set aside, with the reason, what it will never take."""
        with self.transaction() as connection:
            taken = [(document.alert_id, document.number) for document in accepted]
            connection.executemany(
                "INSERT OR REPLACE INTO deliveries SELECT id, ?, unixepoch() FROM sinks WHERE name = ?",
                [(alert_id, sink) for alert_id, _ in taken],
            )
            connection.executemany("DELETE FROM outbox WHERE number = ?", [(number,) for _, number in taken])
            connection.executemany(
                "UPDATE outbox SET refused = ? WHERE number = ?",
                [(reason, document.number) for document, reason in refused],
            )

    def count_waiting(self, sink: str) -> int:
        """Return how many documents the sink has yet to accept."""
        return self.waiting_by_sink().get(sink, 0)

    def waiting_by_sink(self) -> dict[str, int]:
        """Return how many documents each sink has yet to accept; sinks that lack none are left out."""
        return dict(
            self.rows(
                "SELECT name, count(*) FROM outbox JOIN sinks ON sinks.id = sink_id WHERE refused IS NULL GROUP BY name"
            )
        )

    def retry_refused(self, sink: str) -> None:
        """Let what the sink refused wait again, in its old place."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE outbox SET refused = NULL WHERE sink_id = (SELECT id FROM sinks WHERE name = ?)", (sink,)
            )

    def drop(self, sink: str) -> None:
        """Forget all that the sink has not accepted."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM outbox WHERE sink_id = (SELECT id FROM sinks WHERE name = ?)", (sink,))

    def entries(self) -> Iterator[tuple[str, str, str | None]]:
        """Yield (sink, alert id, why it was refused for good) of all that is in here, in order."""
        if self._is_there():
            yield from self.rows(
                "SELECT name, alert_id, refused FROM outbox JOIN sinks ON sinks.id = sink_id ORDER BY name, number"
            )

    def counts(self) -> list[OutboxCount]:
        """Count, sink by sink."""
        if not self._is_there():
            return []
        rows = self.rows(
            "SELECT name, (SELECT count(*) FROM deliveries WHERE sink_id = id),"
            " (SELECT count(*) FROM outbox WHERE sink_id = id AND refused IS NULL),"
            " (SELECT count(*) FROM outbox WHERE sink_id = id AND refused IS NOT NULL) FROM sinks ORDER BY name"
        )
        return [OutboxCount(*row) for row in rows]

    def _is_there(self) -> bool:
        """Tell a ledger of an older version that only readers have opened."""
        return any(self.rows("SELECT 1 FROM sqlite_master WHERE name = 'outbox'"))


def insert_documents(connection: sqlite3.Connection, documents: Mapping[str, Iterable[Document]]) -> None:
    """Put documents at the end of the outbox, sink by sink."""
    for sink, of_sink in documents.items():
        connection.execute("INSERT OR IGNORE INTO sinks (name) VALUES (?)", (sink,))
        connection.executemany(
            "INSERT INTO outbox (sink_id, alert_id, line) SELECT id, ?, ? FROM sinks WHERE name = ?",
            ((document.alert_id, document.line, sink) for document in of_sink),
        )
