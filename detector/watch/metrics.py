"""Metrics in Prometheus' text format, in a file for node_exporter's textfile collector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Histogram, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from detector.errors import SinkError
from detector.watch.progress import Totals

_SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 21_600, 86_400)


def _counters(totals: Totals) -> Iterator[tuple[str, str, int]]:
    yield "messages_received", "Messages taken from the queue.", totals.received
    yield "messages_deleted", "Messages deleted from the queue.", totals.deleted
    yield "messages_not_understood", "Messages that were not understood, counted at each receipt.", totals.poison
    yield "objects_ingested", "Log objects brought into the lake.", totals.ingested
    yield "objects_failed", "Failed attempts to read a log object.", totals.failed
    yield "records", "Records read.", totals.records


_FOR_COLLECTORS = 0o644  # they run as other users, and counts tell nobody anything


class Metrics(Collector):
    """The counts and lags of one process."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self.delivery_lag = Histogram(
            "detector_delivery_lag_seconds",
            "Seconds from the delivery of a log object to its commit to the lake.",
            registry=self._registry,
            buckets=_SECONDS,
        )
        self.alert_lag = Histogram(
            "detector_alert_lag_seconds",
            "Seconds from the last event of an alert to the writing of the alert.",
            registry=self._registry,
            buckets=_SECONDS,
        )

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Yield the counts as they are now."""
        for name, text, value in _counters(self._totals):
            yield CounterMetricFamily(f"detector_{name}", text, value=value)
        alerts = CounterMetricFamily("detector_alerts", "Alerts written.", labels=["severity"])
        for severity, count in sorted(self._totals.alerts.items()):
            alerts.add_metric([severity], count)
        yield alerts
        if self._totals.last_success is not None:
            yield GaugeMetricFamily(
                "detector_last_success_timestamp_seconds",
                "Unix time when everything received so far was last fully processed.",
                value=self._totals.last_success.timestamp(),
            )

    def write(self, path: Path) -> None:
        """Replace the file as a whole.

        Raises:
            SinkError: it cannot be written.
        """
        try:
            write_to_textfile(str(path), self._registry)
            path.chmod(_FOR_COLLECTORS)
        except OSError as error:
            raise SinkError(f"cannot write metrics to {path}: {error.strerror}") from error
