"""`detector posture`: the guide's questions, answered for each account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.choices import PostureFormat, format_option
from detector.cli.exit_codes import DONE, INCOMPLETE, NO_LOG_OBJECTS, posture_exit_code
from detector.cli.options import AllowGaps, Lake, Since, window
from detector.cli.summary import say_gaps_in, say_unlisted
from detector.cli.terminal import say, say_error
from detector.errors import DetectorError, UsageError
from detector.text import counted

if TYPE_CHECKING:
    from detector.posture.answer import Answer
    from detector.posture.change import Change
    from detector.posture.posture import Posture


class FailOn(StrEnum):
    """The answers that change the exit code; unknown takes in fail."""

    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    account: Annotated[
        list[str] | None, typer.Option("--account", help="Answer only for this account; repeat for more.", metavar="ID")
    ] = None
    at: Annotated[str | None, typer.Option("--at", help="Answer as of then; same form as --since.", metavar="TIME")] = (
        None
    )
    changes: Annotated[bool, typer.Option("--changes", help="Show when answers changed instead.")] = False
    since: Since = None

    def moments(self) -> tuple[datetime | None, datetime | None]:
        """Return the first moment of interest and the last one.

        Raises:
            UsageError: one of them cannot be parsed, or --since lacks --changes.
        """
        if self.since is not None and not self.changes:
            raise UsageError("--since needs --changes", hint="as of a moment: --at TIME")
        return window(self.since, self.at)


def posture_command(
    lake: Lake,
    question: Question = Question(),
    format_: Annotated[
        PostureFormat | None,
        format_option(
            PostureFormat,
            "Format of the answers; docs/posture.md describes them.",
            show_default="table; matrix for many accounts",
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Write to this file.", metavar="FILE")] = None,
    fail_on: Annotated[
        FailOn | None,
        typer.Option("--fail-on", help="Exit with 1 when a check fails; with unknown, also when one is not answered."),
    ] = None,
    allow_gaps: AllowGaps = False,
) -> None:
    """Say how root, MFA and trails are set up.

    For each account of a lake: is root's MFA on, of which kind, was it tested, is root still used, can it be put away,
    does a trail log. Each answer is pass, fail or unknown, with a date and the events that prove it. Logs that hold
    nothing about a question leave it unknown, which never passes.

    Exit codes: 0 answered, 1 --fail-on was reached, 2 bad usage or an error, 3 no account, 4 the lake has gaps, or
    holds nothing of an account that was asked for.

    Example: detector posture --lake lake/

    Example: detector posture --lake lake/ --changes --since 30d --format jsonl
    """
    from detector.lake.reader import read_lake
    from detector.posture.posture import changes_in, posture_of
    from detector.rules.candidates import candidates

    since, at = question.moments()
    events = read_lake(lake, candidates().digest)
    say_unlisted(lake, events.unlisted)
    say_gaps_in(lake, events.gaps)
    has_gaps = events.gaps.count > 0 and not allow_gaps
    accounts = question.account or []
    if question.changes:
        if format_ is PostureFormat.MATRIX or fail_on is not None:
            raise UsageError("--changes cannot be combined with --fail-on or a matrix", hint="leave those out")
        changes = changes_in(events, accounts, since, at)
        _write(_change_lines(changes, format_ or PostureFormat.TABLE), output)
        say(counted(len(changes), "change"))
        raise typer.Exit(INCOMPLETE if has_gaps else DONE)
    posture = posture_of(events, accounts, at)
    _write(_answer_lines(posture, format_), output)
    for account in posture.missing:
        say_error(DetectorError(f"nothing of account {account} in {lake}", hint="`detector status` lists the accounts"))
    if not posture.answers:
        say_error(DetectorError(f"no account in {lake}", hint="detector ingest SOURCE --lake DIR"))
        raise typer.Exit(NO_LOG_OBJECTS)
    _say_counts(posture.answers)
    raise typer.Exit(
        posture_exit_code(posture.answers, _failing(fail_on), is_incomplete=has_gaps or bool(posture.missing))
    )


def _answer_lines(posture: Posture, form: PostureFormat | None) -> Iterable[str]:
    from detector.posture import lines, show

    if form is None:
        form = PostureFormat.MATRIX if len(posture.horizons) >= show.MANY else PostureFormat.TABLE
    if form is PostureFormat.TABLE:
        return _lines(show.table(posture.answers, posture.devices, posture.horizons))
    if form is PostureFormat.MATRIX:
        return _lines(show.matrix(posture.answers))
    objects = [lines.answer_object(answer, posture.devices.get(answer.account_id, ())) for answer in posture.answers]
    return lines.jsonl(objects) if form is PostureFormat.JSONL else lines.csv_lines(objects, lines.ANSWER_COLUMNS)


def _change_lines(changes: list[Change], form: PostureFormat) -> Iterable[str]:
    from detector.posture import lines, show

    if form is PostureFormat.TABLE:
        return _lines(show.change_table(changes))
    objects = [lines.change_object(change) for change in changes]
    return lines.jsonl(objects) if form is PostureFormat.JSONL else lines.csv_lines(objects, lines.CHANGE_COLUMNS)


def _lines(lines: Iterable[str]) -> Iterator[str]:
    return (f"{line}\n" for line in lines)


def _write(lines: Iterable[str], output: Path | None) -> None:
    from detector.cli.rows import open_output

    with open_output(output) as file:
        for line in lines:
            file.write(line.encode("utf-8", "backslashreplace"))


def _failing(fail_on: FailOn | None) -> frozenset[str]:
    return frozenset({None: (), FailOn.FAIL: ("fail",), FailOn.UNKNOWN: ("fail", "unknown")}[fail_on])


def _say_counts(answers: Iterable[Answer]) -> None:
    from collections import Counter

    counts = Counter(answer.status for answer in answers)
    accounts = len({answer.account_id for answer in answers})
    listed = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in sorted(counts.items()))
    say(f"{counted(accounts, 'account')}: {listed}")
