"""The parts of a lake in S3 that a reader can do without, until a rule looks at their days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from detector.lake.relations import create_view
from detector.lake_layout import SEVERAL_DAYS
from detector.records.schema import EVENTS

if TYPE_CHECKING:
    import duckdb

    from detector.lake.part import Part
    from detector.lake.place import LakePlace


class Elsewhere:
    """Parts with events that are not in `parts` yet.

    Args:
        place: of the lake.
        here: the paths of those that are.
        waiting: the parts.
    """

    def __init__(self, place: LakePlace, here: Sequence[Path], waiting: Sequence[Part]) -> None:
        self._place = place
        self._here = list(here)
        self._waiting = list(waiting)
        self._connection: duckdb.DuckDBPyConnection | None = None

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take note of where `parts` is."""
        self._connection = connection
        if not self._here:  # it is no view, and could not be replaced by one
            connection.execute("DROP TABLE parts")
            create_view(connection, "parts", [], EVENTS, replaces=True)

    def fetch(self, days: tuple[date, date] | None = None) -> None:
        """Add the parts with events of some days to `parts`; default: all.

        Args:
            days: the first and the last.

        Raises:
            LakeError: they cannot be fetched.
        """
        wanted = [part for part in self._waiting if days is None or _may_hold(part, days)]
        if not wanted or self._connection is None:
            return
        self._place.fetch(part.path for part in wanted)
        self._here += [self._place.directory.resolve() / part.path for part in wanted]
        self._waiting = [part for part in self._waiting if part not in wanted]
        create_view(self._connection, "parts", self._here, EVENTS, replaces=True)


def _may_hold(part: Part, days: tuple[date, date]) -> bool:
    first, last = days
    return part.event_date == SEVERAL_DAYS or f"{first}" <= part.event_date <= f"{last}"
