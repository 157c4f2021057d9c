"""From an alert to one line of the format that its reader takes.

JSON lines begin with the alert's id: programs that tail a file know it by its first bytes, as few as 64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from detector.alerts.alert import Alert
from detector.alerts.digest import Digest
from detector.alerts.formats.asff import to_asff
from detector.alerts.formats.cef import cef_line, to_cef
from detector.alerts.formats.csv import csv_header, csv_line, to_csv
from detector.alerts.formats.digest import to_digest
from detector.alerts.formats.ecs import to_ecs
from detector.alerts.formats.hec import to_hec
from detector.alerts.formats.json_line import json_line
from detector.alerts.formats.mail import to_mail
from detector.alerts.formats.names import AlertFormat, NoticeFormat
from detector.alerts.formats.native import to_native
from detector.alerts.formats.notice import Notice, notice_of, notice_of_digest
from detector.alerts.formats.ocsf import to_ocsf
from detector.alerts.formats.pagerduty import to_pagerduty
from detector.alerts.formats.screen import Screen
from detector.alerts.formats.slack import to_slack
from detector.alerts.formats.table import table_header, table_line, to_table
from detector.alerts.formats.teams import to_teams

if TYPE_CHECKING:
    from detector.alerts.formats.terminal import TerminalTable


@dataclass(frozen=True, slots=True)
class _Form:
    """The making of one format: from an alert to a document, and from that to a line."""

    document: Callable[[Alert], dict[str, Any]]
    line: Callable[[dict[str, Any]], bytes] = json_line
    header: bytes | None = None


_FORMS = {
    AlertFormat.JSONL: _Form(to_native),
    AlertFormat.OCSF: _Form(to_ocsf),
    AlertFormat.ECS: _Form(to_ecs),
    AlertFormat.HEC: _Form(to_hec),
    AlertFormat.ASFF: _Form(to_asff),
    AlertFormat.CEF: _Form(to_cef, cef_line),
    AlertFormat.CSV: _Form(to_csv, csv_line, csv_header()),
    AlertFormat.TABLE: _Form(to_table, table_line, table_header()),
}
_NOTICES: dict[NoticeFormat, Callable[[Notice], dict[str, Any]]] = {
    NoticeFormat.SLACK: to_slack,
    NoticeFormat.TEAMS: to_teams,
    NoticeFormat.PAGERDUTY: to_pagerduty,
    NoticeFormat.MAIL: to_mail,
}


def line_of(form: AlertFormat | NoticeFormat, screen: Screen | None = None) -> Callable[[Alert], bytes]:
    """Return what turns alerts into lines of a format: at most 32,000 bytes, one newline, at the end.

    Args:
        form: any.
        screen: where the lines are shown; a table is then as wide as it, and a row has several lines.
    """
    if isinstance(form, NoticeFormat):
        tell = _NOTICES[form]
        return lambda alert: json_line(tell(notice_of(alert)))
    if screen and form is AlertFormat.TABLE:
        return _terminal_table(screen).line
    chosen = _FORMS[form]
    return lambda alert: chosen.line(chosen.document(alert))


def digest_line(form: AlertFormat | NoticeFormat, digest: Digest) -> bytes:
    """Return a digest as a line: a notice, or a JSON object for whatever takes the native format."""
    if isinstance(form, NoticeFormat):
        return json_line(_NOTICES[form](notice_of_digest(digest)))
    return json_line(to_digest(digest))


def in_order(form: AlertFormat | NoticeFormat, alerts: Sequence[Alert]) -> Sequence[Alert]:
    """Return alerts in the order of a file's lines: in a table by the time that it shows, the subject's."""
    if form is not AlertFormat.TABLE:
        return alerts
    return sorted(alerts, key=lambda alert: alert.time)


def header(form: AlertFormat, screen: Screen | None = None) -> bytes | None:
    """Return the line that comes before all others, newline included; None for most formats."""
    if screen and form is AlertFormat.TABLE:
        return _terminal_table(screen).header()
    return _FORMS[form].header


def _terminal_table(screen: Screen) -> TerminalTable:
    from detector.alerts.formats.terminal import TerminalTable  # brings rich, for terminals alone

    return TerminalTable(screen)


def document_of(form: AlertFormat) -> Callable[[Alert], dict[str, Any]]:
    """Return what says which value of an alert goes where in a format."""
    return _FORMS[form].document
