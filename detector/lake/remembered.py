"""What the ledger of a lake remembers of alerts: those that were written, and those that wait in its outbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detector.errors import LakeError
from detector.lake.ledger.emitted import EmittedAlert
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.outbox import OutboxCount
from detector.lake.place import LakePlace, lake_at
from detector.lake_layout import LEDGER


def read_emitted(lake: Path | LakePlace) -> list[EmittedAlert]:
    """Return the alerts that were written from a lake.

    Raises:
        LakeError: there is no lake, or it has no ledger.
    """
    with _ledger_of(lake) as ledger:
        return ledger.emitted()


def read_outbox(lake: Path | LakePlace) -> tuple[list[OutboxCount], list[tuple[str, str, str | None]]]:
    """Return the counts, and (sink, alert id, why it was refused) of each alert in the outbox of a lake.

    Raises:
        LakeError: there is no lake, or it has no ledger.
    """
    with _ledger_of(lake) as ledger:
        return ledger.outbox.counts(), list(ledger.outbox.entries())


@contextmanager
def _ledger_of(lake: Path | LakePlace) -> Iterator[Ledger]:
    place = lake_at(lake)
    place.refresh()
    if not (place.directory / LEDGER).exists():
        raise LakeError(f"{place} has no {LEDGER}", hint="only `run` and `detect --new` remember alerts, there")
    ledger = Ledger.open(place.directory, writable=False)
    try:
        yield ledger
    finally:
        ledger.close()
