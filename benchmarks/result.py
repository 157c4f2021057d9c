"""What a job reports: rows for people, figures for the bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.generate import LogFiles
from benchmarks.measure import Cost


@dataclass(frozen=True, slots=True)
class Row:
    """One contender."""

    what: str
    cost: Cost | None  # None: it did not run; the note says why
    events: int
    raw_bytes: int | None = None  # of JSON; None where no logs are read
    note: str = ""
    cores: int = 1  # the cost is to be shared by so many: for the floor on two


@dataclass(slots=True)
class JobResult:
    """What one job found."""

    name: str
    title: str
    rows: list[Row] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    growth: list[tuple[str, int, Cost]] = field(default_factory=list)  # (what, events, cost)
    failure: str | None = None

    def add(self, costs: Mapping[str, Cost], what: str, logs: LogFiles, *, absent: str = "", name: str = "") -> None:
        """Add the row of a contender that read `logs`; one that is not in `costs` is absent."""
        cost = costs.get(name or what)
        self.rows.append(Row(what, cost, logs.events, logs.raw_bytes, "" if cost else absent))
