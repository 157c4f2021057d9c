"""The alerts that were written, as the ledger remembers them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

CREATE = """
CREATE TABLE IF NOT EXISTS emitted_alerts (
    alert_id TEXT PRIMARY KEY,
    rule_id TEXT NOT NULL,
    severity TEXT NOT NULL,
    emitted_at INTEGER NOT NULL,
    account_id TEXT,
    event_time TEXT,
    last_event_time TEXT,
    summary TEXT,
    suppressed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
"""
# From version 1, which had the first four columns.
UPGRADE = """
ALTER TABLE emitted_alerts ADD COLUMN account_id TEXT;
ALTER TABLE emitted_alerts ADD COLUMN event_time TEXT;
ALTER TABLE emitted_alerts ADD COLUMN last_event_time TEXT;
ALTER TABLE emitted_alerts ADD COLUMN summary TEXT;
ALTER TABLE emitted_alerts ADD COLUMN suppressed INTEGER NOT NULL DEFAULT 0;
"""


@dataclass(frozen=True, slots=True)
class EmittedAlert:
    """One alert as it was last written. Version 1 of the ledger did not keep what is None here."""

    alert_id: str
    rule_id: str
    severity: str
    account_id: str | None
    event_time: str | None  # RFC 3339
    last_event_time: str | None
    summary: str | None
    suppressed: bool
    emitted_at: int = 0  # seconds since 1970; set when it is recorded


_NAMES = tuple(field.name for field in fields(EmittedAlert))
_COLUMNS = ", ".join(_NAMES)
_OLD_COLUMNS = "alert_id, rule_id, severity, NULL, NULL, NULL, NULL, 0, emitted_at"


def select_emitted(connection: sqlite3.Connection) -> Iterator[EmittedAlert]:
    """Yield the alerts, also of a ledger of version 1 that cannot be written."""
    present = {row[1] for row in connection.execute("PRAGMA table_info(emitted_alerts)")}
    columns = _COLUMNS if "suppressed" in present else _OLD_COLUMNS
    for row in connection.execute(f"SELECT {columns} FROM emitted_alerts ORDER BY emitted_at, alert_id"):  # noqa: S608
        yield _emitted(row)


def select_one(connection: sqlite3.Connection, alert_id: str) -> EmittedAlert | None:
    """Return one alert, or None when it has not been written."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM emitted_alerts WHERE alert_id = ?", (alert_id,)).fetchone()  # noqa: S608
    return None if row is None else _emitted(row)


def _emitted(row: Sequence[Any]) -> EmittedAlert:
    values = dict(zip(_NAMES, row, strict=True))
    return EmittedAlert(**values | {"suppressed": bool(values["suppressed"])})


def insert_emitted(connection: sqlite3.Connection, alerts: Iterable[EmittedAlert]) -> None:
    """Remember alerts as written now, in the place of what was known of them."""
    connection.executemany(
        f"INSERT OR REPLACE INTO emitted_alerts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, unixepoch())",  # noqa: S608
        (astuple(alert)[:-1] for alert in alerts),
    )
