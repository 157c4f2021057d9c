"""Answers for people: a table for each account, or a matrix of all; 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from string import ascii_letters
from typing import Final

from detector.posture.answer import Answer, Horizon
from detector.posture.change import Change
from detector.posture.check import Status
from detector.posture.device import KINDS, Device, DeviceEvent
from detector.posture.posture import Posture
from detector.text import counted, printable
from detector.times import rfc3339

WIDTH: Final = 80
MANY: Final = 4  # from so many accounts on, a matrix
_COLUMNS: Final = (4, 18, 12)  # step, label, value
_ACCOUNT: Final = 12  # digits
_MARKS: Final = {Status.PASS: "+", Status.FAIL: "!", Status.UNKNOWN: "?", Status.NOT_APPLICABLE: "-"}


def table(posture: Posture) -> Iterator[str]:
    """Yield the lines about each account: a heading, its answers, root's devices."""
    for account, same in groupby(posture.answers, key=lambda answer: answer.account_id):
        yield from _wrapped("", f"{account}  {_heading(posture, account)}")
        for answer in same:
            step = "" if answer.check.step == "monitor" else answer.check.step
            cells = zip((step, answer.check.label, answer.value), _COLUMNS, strict=True)
            start = "  " + "".join(cell.ljust(width) for cell, width in cells)
            yield from _wrapped(start, "; ".join(filter(None, (answer.detail, answer.next))))
        for device in posture.devices.get(account, ()):
            yield from _wrapped("      ", f"{KINDS[device.kind]} {device.name}: {_life(device)}")
        yield ""


def matrix(answers: Sequence[Answer]) -> Iterator[str]:
    """Yield one line for each account with one mark for each check, and what the columns are.

    Accounts in which nothing failed and that are alike share a line: what is to be done stands out.
    """
    checks = dict(zip(dict.fromkeys(answer.check.id for answer in answers), ascii_letters, strict=False))
    yield f"{'account':<{_ACCOUNT}}" + "".join(f" {letter}" for letter in checks.values())
    quiet: dict[str, list[str]] = {}
    for account, same in groupby(answers, key=lambda answer: answer.account_id):
        marks = "".join(f" {_MARKS[answer.status]}" for answer in same)
        if _MARKS[Status.FAIL] in marks:
            yield f"{printable(account)[:_ACCOUNT]:<{_ACCOUNT}}{marks}"
        else:
            quiet.setdefault(marks, []).append(account)
    for marks, alike in quiet.items():
        start = alike[0] if len(alike) == 1 else counted(len(alike), "account")
        yield f"{printable(start)[:_ACCOUNT]:<{_ACCOUNT}}{marks}"
    yield ""
    yield ", ".join(f"{mark} {status.replace('_', ' ')}" for status, mark in _MARKS.items())
    for check, letter in checks.items():
        mine = [answer.status for answer in answers if answer.check.id == check]
        counts = ", ".join(f"{mine.count(status)} {status.replace('_', ' ')}" for status in Status if status in mine)
        yield f"{letter} {check:<28} {counts}"


def change_table(changes: Iterable[Change]) -> Iterator[str]:
    """Yield the lines about each change."""
    for change in changes:
        yield from _wrapped("", f"{rfc3339(change.time)}  {change.account_id}  {change.check.id}")
        yield from _wrapped("    ", f"{change.check.word(change.before)} → {change.check.word(change.after)}")
        yield from _wrapped("    ", change.detail)


def _heading(posture: Posture, account: str) -> str:
    asked, horizon = posture.asked.get(account), posture.horizons.get(account)
    parts = [] if horizon is None else [_logs(horizon)]
    return "; ".join([*parts, f"asked {rfc3339(asked)}"] if asked else parts)


def _logs(horizon: Horizon) -> str:
    if horizon.sign_in is None:
        return f"logs to {rfc3339(horizon.last.replace(microsecond=0))}, without root's logins"
    first, last = (rfc3339(moment.replace(microsecond=0)) for moment in horizon.sign_in)
    return f"logs {first} to {last}"


def _life(device: Device) -> str:
    parts = [
        _happened("enrolled", device.enrolled) or "enrolment not seen",
        _happened("used", device.used) or "no use seen",
        _happened("removed", device.removed) or "no removal seen",
    ]
    return "; ".join(parts)


def _happened(word: str, event: DeviceEvent | None) -> str | None:
    if event is None:
        return None
    return f"{word} {rfc3339(event.time)} by {event.actor} from {event.source_ip}"


def _wrapped(start: str, text: str) -> Iterator[str]:
    indent = " " * (len(start) if start.strip() else len(start) + 4)
    yield from textwrap.wrap(
        printable(text), WIDTH, initial_indent=start, subsequent_indent=indent, break_on_hyphens=False
    )
