"""Trail gaps: when a trail was stopped and started again, and what the one who did it did in between.

The rule trail_stopped_then_restarted reads any event of that caller in that time. `scan` and `watch`, which pass over
most events, ask here which ones it needs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from detector.records.schema import EVENTS
from detector.rules.engine_queries import AS_LOGGED
from detector.scope import Scope

if TYPE_CHECKING:
    from detector.rules.engine import Engine

_SWITCHES = {"StopLogging", "StartLogging"}
_LATEST_DELIVERY_DAYS = 31  # log files are delivered up to 30 days after the events in them
# As queries/trail_stopped_then_restarted.sql reads them.
_CALLS = f"""
WITH gaps AS (
    SELECT
        CAST(unnest($since) AS TIMESTAMP) AS since,
        CAST(unnest($until) AS TIMESTAMP) + INTERVAL 1 SECOND AS until,
        unnest($caller) AS caller
)

SELECT {AS_LOGGED}
FROM all_events AS call
WHERE EXISTS (
    SELECT 1
    FROM gaps
    WHERE
        call.eventTime BETWEEN gaps.since AND gaps.until
        AND call.caller = gaps.caller
)
"""  # noqa: S608 - column names of our own


@dataclass(frozen=True, slots=True)
class TrailGap:
    """A time in which everything that one caller did is wanted."""

    since: str  # eventTime, YYYY-MM-DDTHH:MM:SSZ
    until: str
    caller: str  # ARN, access key or address


def trail_gaps(table: pa.Table) -> tuple[TrailGap, ...]:
    """Return when trails were stopped, and by whom, as far as events show that they were started again."""
    if not set(table.column("eventName").unique().to_pylist()) >= _SWITCHES:
        return ()
    # Not above: importing DuckDB, and what reads a lake, would keep a scan's workers waiting.
    from detector.rules.engine import Engine
    from detector.rules.events import TableEvents

    events = TableEvents(table)
    with Engine(events, few_rows=events.are_few) as engine:
        rows = engine.select("SELECT since, until, caller FROM trail_gaps ORDER BY ALL")
    return tuple(TrailGap(_text(row["since"]), _text(row["until"]), row["caller"]) for row in rows)


def calls_in_gaps(engine: Engine, gaps: Collection[TrailGap]) -> pa.Table:
    """Return the events of an engine that callers left in their gaps, candidates among them."""
    if not gaps:
        return EVENTS.empty_table()
    since, until, caller = zip(*((one.since, one.until, one.caller) for one in gaps), strict=True)
    parameters = {"since": list(since), "until": list(until), "caller": list(caller)}
    return engine.query(_CALLS, parameters).read_all().cast(EVENTS)


def scope_of_gaps(scope: Scope, gaps: Sequence[TrailGap]) -> Scope:
    """Narrow a scope to where events of the gaps can lie."""
    since = min(datetime.fromisoformat(gap.since) for gap in gaps)
    until = max(datetime.fromisoformat(gap.until) for gap in gaps)
    last_day = scope.last_day
    look_ahead_days = _LATEST_DELIVERY_DAYS
    if last_day is not None:
        look_ahead_days = max(0, min(look_ahead_days, (last_day - until.date()).days))
    return replace(scope, since=max(since, scope.since or since), until=until, look_ahead_days=look_ahead_days)


def _text(moment: datetime) -> str:
    # Not strftime, which writes the year 999 with three digits.
    return moment.isoformat(timespec="seconds") + "Z"
