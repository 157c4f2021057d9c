"""A table for a terminal, line by line: widths are fixed, so that no line waits for the next."""

from __future__ import annotations

from typing import Any

from detector.alerts.alert import Alert
from detector.alerts.formats.json_line import cut
from detector.text import printable
from detector.times import rfc3339

_WIDTHS = {"time": 20, "severity": 8, "account": 12, "rule": 40, "summary": 0}


def to_table(alert: Alert) -> dict[str, Any]:
    """Return the cells by column; the time is that of the event that the alert is about."""
    summary = cut(alert.summary, 2_000)
    if alert.suppressed_by:
        summary = f"[suppressed: {cut(alert.suppressed_by.id)}] {summary}"
    cells = (
        rfc3339(alert.time.replace(microsecond=0)),
        alert.severity,
        cut(alert.account_id) or "-",
        alert.rule_id,
        summary,
    )
    return dict(zip(_WIDTHS, cells, strict=True))


def table_line(cells: dict[str, Any]) -> bytes:
    """Return the row as a line; control and invisible characters are escaped."""
    padded = (printable(cell).ljust(_WIDTHS[column]) for column, cell in cells.items())
    return "  ".join(padded).rstrip().encode("utf-8") + b"\n"


def table_header() -> bytes:
    """Return the line with the names of the columns."""
    return table_line({column: column.upper() for column in _WIDTHS})
