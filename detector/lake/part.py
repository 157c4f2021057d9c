"""A part: one Parquet file of a lake, with events of one UTC day of eventTime, or a few events of each of many days."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from detector.lake_layout import PartKind
from detector.records.coverage import Coverage


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the lake."""

    kind: PartKind
    event_date: str  # YYYY-MM-DD, or SEVERAL_DAYS; empty for REJECTED
    name: str  # part-<id>.<suffix>
    rows: int
    size_bytes: int
    # EVENTS only: the digest of the candidates' definition by which its rows were set apart; None: they were not.
    classified_by: str | None = None
    has_candidates: bool = True  # False: by that definition none of its rows is one
    coverage: Coverage | None = field(default=None, compare=False)  # EVENTS only; None: not computed
    crc32: int | None = field(default=None, compare=False)  # of the file; None: not computed

    @property
    def path(self) -> Path:
        """The path of the part, relative to the lake."""
        folder = Path(self.kind)
        return folder / f"event_date={self.event_date}" / self.name if self.event_date else folder / self.name
