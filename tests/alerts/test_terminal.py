"""The table of a terminal: as wide as it, whatever stands in a log."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from rich.cells import cell_len

from detector.alerts.alert import Alert, Suppression, make_alert
from detector.alerts.formats.formatting import header, in_order, line_of
from detector.alerts.formats.names import AlertFormat
from detector.alerts.formats.screen import Screen
from detector.severity import Severity
from tests.alerts.samples import NOW, event, finding

PLAIN = Screen(80, has_colour=False)


def lines(screen: Screen = PLAIN, **changes: object) -> list[str]:
    alert = make_alert(finding(**changes), [event()], NOW)
    return line_of(AlertFormat.TABLE, screen)(alert).decode().splitlines()


def test_a_row_says_when_how_bad_what_and_who() -> None:
    assert header(AlertFormat.TABLE, PLAIN) == b"TIME (UTC)           SEVERITY  ALERT\n"
    row = lines(summary="root did it")
    assert row[0] == "2024-05-06 07:08:09  high      root did it (the last at 2024-05-06 07:08:09 UTC)"
    assert " ".join(" ".join(row[1:]).split()) == (
        "account_contacts_changed, account 111122223333, from 198.51.100.7, 2 events, MFA no"
    )


def test_a_table_has_one_time_wherever_it_is_shown_and_rows_go_by_it() -> None:
    def alert(first: int, subject: int, name: str) -> Alert:
        times = [NOW.replace(hour=hour) for hour in (first, subject)]
        events = [event(f"{name}-{time.hour}", event_time=time) for time in times]
        return make_alert(finding(summary=name, event_time=times[0], last_event_time=times[1]), events, NOW)

    alerts = [alert(1, 9, "long"), alert(2, 3, "short")]
    for screen in (PLAIN, None):
        rows = [line_of(AlertFormat.TABLE, screen)(one).decode() for one in in_order(AlertFormat.TABLE, alerts)]
        assert [row[11:19] for row in rows] == ["03:00:00", "09:00:00"]


def test_what_is_not_known_is_left_out() -> None:
    alert = make_alert(finding(account_id=None), [event(source_ip=None, mfa=None)], NOW)
    text = " ".join(line_of(AlertFormat.TABLE, PLAIN)(alert).decode().split())
    assert text.endswith("account_contacts_changed, account unknown, 2 events")


@pytest.mark.parametrize("width", [51, 80, 200])
@pytest.mark.parametrize(
    "summary", ["word " * 90, "x" * 500, "東京" * 150, "\x1b[2J\u202e" * 50, "[bold]:warning: " * 9]
)
def test_no_line_is_wider_than_the_terminal_and_nothing_drives_it(summary: str, width: int) -> None:
    row = lines(Screen(width, has_colour=False), summary=summary)
    assert max(map(cell_len, row)) <= width
    assert all(line.isprintable() for line in row)
    if summary.startswith("[bold]"):
        assert "[bold]:warning:" in row[0]


def test_words_are_whole() -> None:
    sentence = "a sentence of some words that is longer than what fits into the column of a narrow terminal"
    shown = " ".join(line[31:] for line in lines(summary=sentence))
    assert shown.startswith(f"{sentence} ")


def test_colour_is_beside_the_words() -> None:
    for severity in Severity:
        [first, *_] = lines(Screen(80, has_colour=True), severity=severity)
        assert severity in first
        assert ("\x1b[" in first) == (severity is not Severity.INFO)
    assert not any("\x1b" in line for line in lines(severity=Severity.CRITICAL))
    assert re.search(r"\x1b\[1;37;41mcritical", lines(Screen(80, has_colour=True), severity=Severity.CRITICAL)[0])


def test_a_suppressed_alert_says_by_what() -> None:
    alert = replace(make_alert(finding(), [event()], NOW), suppressed_by=Suppression("drill", "of each month"))
    assert b"[suppressed: drill] root did it" in line_of(AlertFormat.TABLE, PLAIN)(alert)


def test_only_a_table_heeds_the_terminal() -> None:
    alert = make_alert(finding(), [event()], NOW)
    for form in set(AlertFormat) - {AlertFormat.TABLE}:
        assert header(form, PLAIN) == header(form)
        if form is not AlertFormat.CEF:
            assert line_of(form, PLAIN)(alert) == line_of(form)(alert)
