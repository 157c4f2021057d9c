"""A record that is no row: a result that the run report names, not an error."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """The place of the record, and the reason why it cannot be a row."""

    uri: str
    index: int  # 0-based position in the file
    reason: str
