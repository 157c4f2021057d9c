"""The terminal that alerts are shown on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Screen:
    """The terminal that a table is for."""

    width: int  # columns
    has_colour: bool
