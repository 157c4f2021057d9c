"""The content of a lake, by account, region and day."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import duckdb

from detector.lake.ledger.gaps import OpenGaps
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.objects import LedgerObject
from detector.lake.ledger.outbox import OutboxCount
from detector.lake.place import LakePlace
from detector.lake.reader import read_lake
from detector.lake_layout import LEDGER
from detector.sources.keys import parse_key
from detector.text import counted

_ROWS = """
SELECT
    parts.recipientAccountId AS account,
    parts.awsRegion AS region,
    CAST(CAST(parts.eventTime AS DATE) AS VARCHAR) AS day,
    count(*) AS records,
    count(*) FILTER (WHERE duplicates.logFile IS NOT NULL) AS duplicates
FROM parts
LEFT JOIN duplicates USING (logFile, logFileIndex)
GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One account and region on one UTC day. Rejected records have no eventTime: they count on their delivery day."""

    account: str | None
    region: str | None
    day: str | None
    records: int
    duplicates: int
    rejected: int


@dataclass(frozen=True, slots=True)
class LakeStatus:
    """Everything `detector status` shows."""

    rows: tuple[StatusRow, ...]
    objects: int
    gaps: OpenGaps  # what could not be listed, read, or read whole
    outputs: tuple[OutboxCount, ...]
    unlisted: tuple[Path, ...]  # parts that the ledger does not know, and that do not count

    @property
    def summary(self) -> str:
        """One line."""
        records = sum(row.records for row in self.rows)
        duplicates = sum(row.duplicates for row in self.rows)
        accounts = len({row.account for row in self.rows})
        return (
            f"{counted(accounts, 'account')}, {counted(self.objects, 'log object')}, {counted(records, 'record')} "
            f"of {counted(records - duplicates, 'event')}, {sum(row.rejected for row in self.rows):,} rejected"
        )


def lake_status(lake: Path | LakePlace) -> LakeStatus:
    """Count what is in a lake.

    Raises:
        LakeError: there is no lake.
    """
    files = read_lake(lake)
    objects: list[LedgerObject] = []
    outputs: list[OutboxCount] = []
    if (files.directory / LEDGER).exists():
        ledger = Ledger.open(files.directory, writable=False)
        try:
            objects += ledger.objects()
            outputs += ledger.outbox.counts()
        finally:
            ledger.close()
    rejected: Counter[tuple[str | None, str | None, str | None]] = Counter()
    for one in objects:
        if one.records > one.rows:
            place = parse_key(one.uri)
            day = place.first_day.isoformat() if place.first_day else None
            rejected[place.account, place.region, day] += one.records - one.rows
    with duckdb.connect() as connection:
        files.with_copies().attach(connection)
        counted = {(row[0], row[1], row[2]): (row[3], row[4]) for row in connection.sql(_ROWS).fetchall()}
    places: list[tuple[str | None, str | None, str | None]] = sorted(
        counted.keys() | rejected.keys(), key=lambda place: [(part is not None, part or "") for part in place]
    )
    return LakeStatus(
        rows=tuple(StatusRow(*place, *counted.get(place, (0, 0)), rejected[place]) for place in places),
        objects=len(objects),
        gaps=files.gaps,
        outputs=tuple(outputs),
        unlisted=files.unlisted,
    )
