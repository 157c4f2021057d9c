"""A lake's parts compared with its ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from detector.errors import LakeError
from detector.lake.ledger.ledger import Ledger
from detector.lake.part import Part
from detector.lake.part_files import damage, place_of, read_footer, require_intact
from detector.lake.place import LakePlace, lake_at
from detector.lake_layout import LEDGER, PartKind


def differences(lake: Path | LakePlace) -> Iterator[str]:
    """Yield what differs between the parts of a lake and its ledger, a sentence each; nothing is changed.

    Raises:
        LakeError: there is no ledger, or it cannot be read.
    """
    place = lake_at(lake)
    place.refresh()
    if not (place.directory / LEDGER).exists():
        raise LakeError(f"{place} has no {LEDGER}", hint="a lake of this program has one")
    ledger = Ledger.open(place.directory, writable=False)
    try:
        for part in ledger.parts():
            place.fetch([part.path])
            difference = place.lacks(part) or _difference(place.directory, part)
            place.forget(part.path)
            if difference:
                yield f"{part.path} {difference}"
        for path in place.unlisted(ledger):
            yield f"{path} is not known to the ledger"
    finally:
        ledger.close()


def _difference(directory: Path, part: Part) -> str | None:
    path = directory / part.path
    if wrong := damage(part, path, part.crc32):
        return wrong
    if part.kind is PartKind.REJECTED:
        with path.open("rb") as lines:
            rows = sum(1 for _ in lines)
    else:
        try:
            rows, footer = read_footer(path)
            require_intact(path)
        except LakeError as error:
            return f"cannot be read: {error}"
        if footer and footer.place not in _places(part):
            return f"says that it holds {footer.place}"
    return None if rows == part.rows else f"has {rows:,} rows, the ledger says {part.rows:,}"


def _places(part: Part) -> set[str]:
    """Return what the part may say of where it belongs: a repair puts copies back among the events."""
    kinds = [part.kind, PartKind.COPIES] if part.kind is PartKind.EVENTS else [part.kind]
    return {place_of(kind, part.event_date) for kind in kinds}
