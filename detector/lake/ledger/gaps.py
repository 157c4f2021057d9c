"""Gaps: what was asked for and could not be listed or read, until it has been.

An object leaves when it is committed; a prefix when a listing that reaches at least as far has met no refusal there.
An object that was read in part is known as such by the objects themselves.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from detector.lake.ledger.objects import ObjectStatus
from detector.scope import Extent
from detector.sources.log_source import Unreadable

CREATE = f"""
CREATE TABLE IF NOT EXISTS gaps (
    uri TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    is_prefix INTEGER NOT NULL,
    accounts TEXT NOT NULL,
    regions TEXT NOT NULL,
    first_day TEXT,
    last_day TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS partial_objects ON objects (folder_id) WHERE status = '{ObjectStatus.PARTIAL}';
"""
_PARTIAL = (
    f"SELECT uri || name, reason FROM objects JOIN folders ON folders.id = folder_id"  # noqa: S608 - our own word
    f" WHERE status = '{ObjectStatus.PARTIAL}'"
)
_EXTENT = "accounts, regions, first_day, last_day"


@dataclass(frozen=True, slots=True)
class Gap:
    """An object or prefix that was not read, or not whole."""

    uri: str
    reason: str
    first_seen: datetime | None  # aware, UTC; None of an object that was read in part


@dataclass(frozen=True, slots=True)
class OpenGaps:
    """The gaps of a lake at one moment."""

    count: int = 0
    first: tuple[Gap, ...] = ()  # in time; what was read in part comes last

    def without(self, uris: AbstractSet[str]) -> OpenGaps:
        """Return those that are not at any of these URIs, each of which is a gap."""
        rest = tuple(gap for gap in self.first if gap.uri not in uris)
        return OpenGaps(max(len(rest), self.count - len(uris)), rest)


@dataclass(frozen=True, slots=True)
class Gaps:
    """The gaps of one ledger."""

    transaction: Callable[[], AbstractContextManager[sqlite3.Connection]]
    rows: Callable[..., Iterator[tuple[Any, ...]]]

    def open(self, most: int) -> OpenGaps:
        """Return how many there are, and the first `most` of them, those without a date last."""
        is_old = not list(self.rows("PRAGMA table_info(gaps)"))  # an older ledger that is only read
        found = [] if is_old else list(self.rows("SELECT uri, reason, first_seen FROM gaps ORDER BY first_seen, uri"))
        partial = list(self.rows(f"{_PARTIAL} ORDER BY 1"))
        gaps = [Gap(uri, reason, datetime.fromtimestamp(seen, UTC)) for uri, reason, seen in found[:most]]
        gaps += [Gap(uri, reason or "", None) for uri, reason in partial[: most - len(gaps)]]
        return OpenGaps(len(found) + len(partial), tuple(gaps))

    def note(self, unread: Sequence[Unreadable], now: datetime, *, prefixes_of: Extent | None = None) -> None:
        """Remember what could not be listed or read; of a prefix that is known, as far as both times reach together.

        Args:
            unread: objects, or prefixes.
            now: the time, aware.
            prefixes_of: what was asked for, when they are prefixes; they then leave by `close`.
        """
        if not unread:
            return
        with self.transaction() as connection:
            for one in unread:
                known = connection.execute(f"SELECT {_EXTENT} FROM gaps WHERE uri = ?", (one.uri,)).fetchone()  # noqa: S608
                asked = prefixes_of or Extent()
                whole = asked.joined(_to_extent(*known)) if known else asked
                connection.execute(
                    "INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (uri) DO UPDATE SET reason = ?2,"
                    " is_prefix = ?4, accounts = ?5, regions = ?6, first_day = ?7, last_day = ?8",
                    (one.uri, one.reason, int(now.timestamp()), prefixes_of is not None, *_from_extent(whole)),
                )

    def close(self, is_listed: Callable[[str], bool], extent: Extent) -> None:
        """Forget the prefixes that have been listed by now.

        Args:
            is_listed: tells of one whether a listing that has come to its end has named what lies there.
            extent: of what was asked for.
        """
        known = list(self.rows(f"SELECT uri, {_EXTENT} FROM gaps WHERE is_prefix"))  # noqa: S608
        listed = [uri for uri, *reach in known if extent.covers(_to_extent(*reach)) and is_listed(uri)]
        if listed:
            with self.transaction() as connection:
                delete_gaps(connection, listed)


def delete_gaps(connection: sqlite3.Connection, uris: Iterable[str]) -> None:
    """Forget gaps whose objects have been read."""
    connection.executemany("DELETE FROM gaps WHERE uri = ?", [(uri,) for uri in uris])


def _from_extent(extent: Extent) -> tuple[str, str, str | None, str | None]:
    return (
        ",".join(sorted(extent.accounts)),
        ",".join(sorted(extent.regions)),
        extent.first_day.isoformat() if extent.first_day else None,
        extent.last_day.isoformat() if extent.last_day else None,
    )


def _to_extent(accounts: str, regions: str, first_day: str | None, last_day: str | None) -> Extent:
    return Extent(
        frozenset(filter(None, accounts.split(","))),
        frozenset(filter(None, regions.split(","))),
        date.fromisoformat(first_day) if first_day else None,
        date.fromisoformat(last_day) if last_day else None,
    )
