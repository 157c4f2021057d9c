"""Alerts on a terminal: a table as wide as it is, wrapped at word ends, with the severity in words and in colour."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from detector.alerts.alert import Alert
from detector.alerts.formats.json_line import cut
from detector.alerts.formats.screen import Screen
from detector.severity import Severity
from detector.text import counted, printable

_TIME_WIDTH, _SEVERITY_WIDTH, _LEAST_TEXT_WIDTH = 19, 8, 20
_STYLES: Final = {
    Severity.CRITICAL: Style.parse("bold white on red"),
    Severity.HIGH: Style.parse("bold red"),
    Severity.MEDIUM: Style.parse("yellow"),
    Severity.LOW: Style.parse("cyan"),
    Severity.INFO: Style.null(),
}


class TerminalTable:
    """The rows of alerts for one screen; of each, what happened, and below it who is concerned."""

    def __init__(self, screen: Screen) -> None:
        self._console = Console(
            file=io.StringIO(),
            width=screen.width,
            force_terminal=screen.has_colour,
            color_system="standard" if screen.has_colour else None,
            no_color=not screen.has_colour,
            legacy_windows=False,
        )
        self._text_width = max(_LEAST_TEXT_WIDTH, screen.width - _TIME_WIDTH - _SEVERITY_WIDTH - 4)

    def header(self) -> bytes:
        """Return the line with the names of the columns."""
        return self._row(Text("TIME (UTC)"), Text("SEVERITY"), Text("ALERT"))

    def line(self, alert: Alert) -> bytes:
        """Return the row of an alert, of as many lines as it takes; control and invisible characters are escaped."""
        summary = printable(cut(alert.summary, 2_000))
        if alert.suppressed_by:
            summary = f"[suppressed: {printable(cut(alert.suppressed_by.id))}] {summary}"
        details = printable(", ".join(_details(alert)))
        return self._row(
            Text(alert.time.isoformat(" ", "seconds")[:_TIME_WIDTH]),
            Text(alert.severity, _STYLES[alert.severity]),
            Text.assemble(summary, "\n", (details, "dim")),
        )

    def _row(self, time: Text, severity: Text, text: Text) -> bytes:
        table = Table.grid(padding=(0, 2, 0, 0))
        for width in (_TIME_WIDTH, _SEVERITY_WIDTH, self._text_width):
            table.add_column(width=width, overflow="fold")
        table.add_row(time, severity, text)
        with self._console.capture() as capture:
            self._console.print(table, crop=False)
        return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()).encode("utf-8")


def _details(alert: Alert) -> Iterator[str]:
    yield alert.rule_id
    yield f"account {cut(alert.account_id) or 'unknown'}"
    if alert.source_ip:
        yield f"from {cut(alert.source_ip)}"
    yield counted(alert.event_count, "event")
    if alert.mfa:
        yield f"MFA {alert.mfa}"
