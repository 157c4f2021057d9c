"""`detector report`: one page about a lake."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.choices import ReportFormat, format_option
from detector.cli.exit_codes import INCOMPLETE, NO_LOG_OBJECTS, exit_code
from detector.cli.lake_option import Lake
from detector.cli.options import AllowGaps, RuleOptions, Since, Until, window
from detector.cli.summary import say_gaps_in, say_unlisted
from detector.cli.terminal import inform, say, say_error
from detector.errors import DetectorError
from detector.times import now

if TYPE_CHECKING:
    from detector.report.report import Question


@dataclass(frozen=True, slots=True)
class QuestionOptions:
    """Which part of the lake is asked about."""

    account: Annotated[
        list[str] | None, typer.Option("--account", help="Only this account; repeat for more.", metavar="ID")
    ] = None
    since: Since = None
    until: Until = None

    def question(self) -> Question:
        """Return the question.

        Raises:
            UsageError: a time cannot be parsed.
        """
        from detector.report.report import Question

        return Question(frozenset(self.account or ()), *window(self.since, self.until))


def report_command(
    lake: Lake,
    rules: RuleOptions,
    question: QuestionOptions = QuestionOptions(),
    format_: Annotated[ReportFormat, format_option(ReportFormat, "Format of the report.")] = ReportFormat.HTML,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Write to this file.", metavar="FILE", show_default="standard output"),
    ] = None,
    allow_gaps: AllowGaps = False,
) -> None:
    """Write one page about a lake.

    It begins with one sentence of judgement and what that rests on; then how each account is set up, root's sessions
    with what led to each and what followed, the alerts with what to do, what is not proven, and how to check it all.

    The page is one file without scripts that loads nothing from anywhere, for a screen, paper or a screen reader;
    --format markdown is for a ticket or a mail.

    Exit codes: 0 done, 2 bad usage, bad rule or an error, 3 nothing was ever ingested, 4 the lake has gaps, or holds
    nothing of an account that was asked for.

    Example: detector report --lake lake/ --output report.html

    Example: detector report --lake lake/ --since 7d --format markdown
    """
    from detector.cli.rows import open_output
    from detector.lake.reader import read_lake_with_integrity
    from detector.report.read import RuleSettings, read_report
    from detector.report.render import FORMATS
    from detector.rules.candidates import candidates

    asked, moment = question.question(), now()
    settings = RuleSettings(rules.directories, rules.entries(), rules.rule_seconds, rules.rule_findings)
    snapshot = read_lake_with_integrity(lake, candidates().digest, moment, (asked.since, asked.until))
    if snapshot.is_unused:
        say_error(DetectorError(f"nothing was ever ingested into {lake}", hint="detector ingest SOURCE --lake DIR"))
        raise typer.Exit(NO_LOG_OBJECTS)
    say_unlisted(lake, snapshot.unlisted)
    report = read_report(snapshot, asked, moment, settings)
    text = FORMATS[format_](report)
    with open_output(output) as file:
        file.write(text.encode("utf-8", "backslashreplace"))
    for warning in report.doubts.warnings:
        say(f"warning: {warning}")
    for error in report.errors:
        say_error(error)
    say_gaps_in(lake, snapshot.gaps)
    for account in report.posture.missing:
        hint = "`detector status` lists the accounts"
        say_error(DetectorError(f"nothing of account {account} in {lake}", hint=hint))
    inform(f"{report.judgement.verdict}: {report.judgement.sentence}")
    code = exit_code(None, report.errors, gaps=0 if allow_gaps else snapshot.gaps.count)
    raise typer.Exit(code or (INCOMPLETE if report.posture.missing else code))
