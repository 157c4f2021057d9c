"""The time from an event to its alert, step by step."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from detector.alerts.alert import Alert

_MOST_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class ArrivalTimes:
    """The times of arrival of one log object, aware, UTC; None: unknown."""

    delivered: datetime | None  # written to the bucket
    notified: datetime | None  # the notification was sent to the queue
    ingested: datetime  # committed to the lake


class Arrived:
    """Times of arrival of the objects that this process has ingested lately."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, ArrivalTimes] = OrderedDict()

    def note(self, uri: str, arrival: ArrivalTimes) -> None:
        """Remember one object, and forget the oldest when there are too many."""
        self._known[uri] = arrival
        if len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)

    def with_lag(self, alert: Alert, now: datetime) -> Alert:
        """Return the alert with `lag` in its context; its id and everything else stay.

        `lag` is in seconds after the alert's last event: when the object that completed the alert was `delivered`,
        `notified` and `ingested`, and when it was `alerted`. Null is unknown, as for objects of an earlier run.
        """
        known = [self._known[place.log_file] for place in alert.evidence if place.log_file in self._known]
        last = max(known, key=lambda arrival: arrival.ingested, default=None)
        moments: Mapping[str, datetime | None] = {
            "delivered": last.delivered if last else None,
            "notified": last.notified if last else None,
            "ingested": last.ingested if last else None,
            "alerted": now,
        }
        lag = {name: _seconds(alert.last_event_time, moment) for name, moment in moments.items()}
        return replace(alert, context={**alert.context, "lag": lag})


def _seconds(since: datetime, moment: datetime | None) -> float | None:
    return None if moment is None else round((moment - since).total_seconds(), 3)
