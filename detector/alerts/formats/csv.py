"""CSV for spreadsheets: one row an alert, every cell quoted, no formula, no control character. Source: RFC 4180."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from detector.alerts.alert import Alert
from detector.alerts.formats.json_line import cut
from detector.alerts.formats.siem_fields import references_of, response_of
from detector.text import spreadsheet_cell
from detector.times import rfc3339

_EVENT_IDS_BYTES = 7_800
COLUMNS = (
    *("event_time", "last_event_time", "severity", "confidence", "rule_id", "title", "account_id", "region"),
    *("summary", "actor_type", "actor_arn", "access_key_id", "session_issuer", "source_ip", "user_agent", "mfa"),
    *("event_count", "event_ids", "attack", "suppressed_by", "alert_id", "detected_at"),
    *("response", "references", "rule_url"),
)


def to_csv(alert: Alert) -> dict[str, Any]:
    """Return the cells by column; unknown is empty, lists are parted by spaces."""
    cells = (
        rfc3339(alert.event_time),
        rfc3339(alert.last_event_time),
        alert.severity,
        alert.confidence,
        alert.rule_id,
        cut(alert.title),
        cut(alert.account_id),
        cut(alert.region),
        cut(alert.summary, 2_000),
        cut(alert.actor.type),
        cut(alert.actor.arn),
        cut(alert.actor.access_key_id),
        cut(alert.actor.session_issuer),
        cut(alert.source_ip),
        cut(alert.user_agent),
        alert.mfa,
        str(alert.event_count),
        cut(" ".join(alert.event_ids), _EVENT_IDS_BYTES),
        cut(" ".join(f"{tactic}:{technique}" for tactic, technique in alert.attack)),
        cut(alert.suppressed_by.id) if alert.suppressed_by else None,
        alert.alert_id,
        rfc3339(alert.detected_at),
        " ".join((response_of(alert) or "").split()),  # a cell has one line
        " ".join(references_of(alert)),
        cut(alert.rule_url),
    )
    return {column: cell or "" for column, cell in zip(COLUMNS, cells, strict=True)}


def csv_line(cells: dict[str, Any]) -> bytes:
    """Return the row as a line."""
    return _line(spreadsheet_cell(cell) for cell in cells.values())


def csv_header() -> bytes:
    """Return the line with the names of the columns."""
    return _line(COLUMNS)


def _line(cells: Iterable[str]) -> bytes:
    buffer = io.StringIO()
    # All quoted: where a semicolon parts columns, an unquoted one would begin a cell, and a formula, of its own.
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(cells)
    return buffer.getvalue().encode("utf-8")
