"""`detector posture`: the guide's questions, answered for each account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from detector.cli.choices import PostureFormat, format_option
from detector.cli.exit_codes import DONE, INCOMPLETE, NO_LOG_OBJECTS, posture_exit_code
from detector.cli.options import AllowGaps, LakeIfAny, Profile, RoleArn, Since, window
from detector.cli.summary import say_gaps_in, say_unlisted
from detector.cli.terminal import say, say_error
from detector.errors import DetectorError, UsageError
from detector.text import counted
from detector.times import now

if TYPE_CHECKING:
    from detector.lake.reader import Snapshot
    from detector.posture.answer import Answer
    from detector.posture.change import Change
    from detector.posture.live import Live
    from detector.posture.posture import Posture
    from detector.sources.account_calls import NotAnswered

_REFUSED_BY_NAME = 20
_OF_ANSWERS = (PostureFormat.MATRIX, PostureFormat.OCSF, PostureFormat.ASFF)


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
    at: Annotated[
        str | None, typer.Option("--at", help="Answer as of then: as --since, a day to its end.", metavar="TIME")
    ] = None
    changes: Annotated[bool, typer.Option("--changes", help="Show when answers changed instead.")] = False
    since: Since = None

    def moments(self) -> tuple[datetime | None, datetime | None]:
        """Return the first moment of interest and the last one.

        Raises:
            UsageError: one of them cannot be parsed, or --since lacks --changes.
        """
        if self.since is not None and not self.changes:
            raise UsageError("--since needs --changes", hint="as of a moment: --at TIME")
        return window(self.since, self.at, end="--at")


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """Whether AWS is asked, and as whom."""

    live: Annotated[
        bool, typer.Option("--live", help="Ask AWS about the account of the credentials too; only reads.")
    ] = False
    profile: Profile = None
    role_arn: RoleArn = None
    role_name: Annotated[
        str | None,
        typer.Option(
            "--role-name", help="Ask about every account of the organisation, by this role in each.", metavar="NAME"
        ),
    ] = None


def posture_command(
    lake: LakeIfAny = None,
    question: Question = Question(),
    live: LiveOptions = LiveOptions(),
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

    --live asks AWS as well, about the account of the credentials, by calls that only read; with --role-name about every
    account of its organisation. Where AWS and the logs say other things, the answer is unknown and shows both.

    Exit codes: 0 answered, 1 --fail-on was reached, 2 bad usage or an error, 3 no account, 4 incomplete: the lake has
    gaps or holds nothing of an account that was asked for, or AWS refused a call.

    Example: detector posture --lake lake/

    Example: detector posture --lake lake/ --changes --since 30d --format jsonl

    Example: detector posture --live --profile security --role-name SecurityAudit --format matrix
    """
    from detector.posture.posture import add_live

    since, at = question.moments()
    if question.changes:
        if lake is None or live.live or format_ in _OF_ANSWERS or fail_on is not None:
            raise UsageError(
                "--changes needs --lake, and takes no --live, --fail-on, matrix, ocsf or asff",
                hint="leave those out, give --lake DIR",
            )
        _show_changes(lake, question, (since, at), format_ or PostureFormat.TABLE, output, allow_gaps=allow_gaps)
    if lake is None and not live.live:
        raise UsageError("give --lake DIR, or --live", hint="detector posture --lake DIR answers from logs")
    if live.role_name is not None and not live.live:
        raise UsageError("--role-name needs --live", hint="it is the role to ask AWS with")
    if live.live and at is not None:
        raise UsageError("--at cannot be combined with --live", hint="AWS tells only how it is now")
    posture, has_gaps = _from_lake(lake, question.account or [], at)
    lives = _ask_aws(live, question.account or []) if live.live else []
    posture = add_live(posture, lives)
    _write(_answer_lines(posture, format_), output)
    _say_missing(posture.missing, lake)
    if not posture.answers:
        _end_without_account()
    not_answered = [one for answered in lives for one in answered.not_answered]
    _say_not_answered(not_answered)
    _say_counts(posture.answers)
    is_incomplete = (has_gaps and not allow_gaps) or bool(posture.missing or not_answered)
    raise typer.Exit(posture_exit_code(posture.answers, _failing(fail_on), is_incomplete=is_incomplete))


def _open_lake(lake: Path) -> Snapshot:
    from detector.lake.reader import read_lake
    from detector.rules.candidates import candidates

    events = read_lake(lake, candidates().digest)
    say_unlisted(lake, events.unlisted)
    say_gaps_in(lake, events.gaps)
    return events


def _from_lake(lake: Path | None, accounts: list[str], at: datetime | None) -> tuple[Posture, bool]:
    """Return what logs say, and whether there are gaps in them."""
    from detector.posture.posture import Posture, posture_of

    if lake is None:
        return Posture((), {}, {}, missing=accounts), False
    events = _open_lake(lake)
    return posture_of(events, accounts, at), events.gaps.count > 0


def _ask_aws(options: LiveOptions, accounts: list[str]) -> list[Live]:
    """Return what AWS answers about the account of the credentials, or those of its organisation."""
    from detector.posture.live import ask_about_account
    from detector.posture.organisation import Caller, ask_about_organisation
    from detector.sources.account_calls import AccountCalls
    from detector.sources.aws_options import AwsOptions
    from detector.sources.aws_session import caller_identity, open_session

    aws = AwsOptions(profile=options.profile, role_arn=options.role_arn)
    session = open_session(aws)
    account, partition = caller_identity(session, aws)
    calls = AccountCalls(session, partition, aws)
    if options.role_name is not None:
        return list(ask_about_organisation(Caller(calls, account, partition), options.role_name, accounts))
    return [ask_about_account(calls, account, partition)] if not accounts or account in accounts else []


def _show_changes(
    lake: Path,
    question: Question,
    moments: tuple[datetime | None, datetime | None],
    form: PostureFormat,
    output: Path | None,
    *,
    allow_gaps: bool,
) -> NoReturn:
    from detector.posture.posture import changes_in

    events = _open_lake(lake)
    found = changes_in(events, question.account or [], *moments)
    _write(_change_lines(found.changes, form), output)
    _say_missing(found.missing, lake)
    if not found.accounts:
        _end_without_account()
    say(counted(len(found.changes), "change"))
    raise typer.Exit(INCOMPLETE if found.missing or (events.gaps.count and not allow_gaps) else DONE)


def _say_missing(accounts: Iterable[str], lake: Path | None) -> None:
    where = f"in {lake}" if lake else "to ask: the credentials are of another account"
    for account in accounts:
        say_error(DetectorError(f"nothing of account {account} {where}", hint="`detector status` lists the accounts"))


def _end_without_account() -> NoReturn:
    say_error(DetectorError("no account", hint="`detector ingest SOURCE --lake DIR` fills a lake"))
    raise typer.Exit(NO_LOG_OBJECTS)


def _say_not_answered(calls: Sequence[NotAnswered]) -> None:
    """Name the calls that were not answered, and the policy that lacks."""
    import json

    reasons = list(dict.fromkeys(map(str, calls)))
    for reason in reasons[:_REFUSED_BY_NAME]:
        say_error(DetectorError(reason))
    if len(reasons) > _REFUSED_BY_NAME:
        say(f"error: … and {len(reasons) - _REFUSED_BY_NAME:,} more")
    denied = sorted({one.operation for one in calls if one.is_denied})
    if denied:
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": denied, "Resource": "*"}]}
        say(f"hint: allow what was refused; deploy/iam/posture.json has all: {json.dumps(policy)}")


def _answer_lines(posture: Posture, form: PostureFormat | None) -> Iterable[str]:
    from detector.posture import lines, show

    if form is None:
        form = PostureFormat.MATRIX if len(posture.accounts) >= show.MANY else PostureFormat.TABLE
    if form is PostureFormat.TABLE:
        return _lines(show.table(posture))
    if form is PostureFormat.MATRIX:
        return _lines(show.matrix(posture.answers))
    if form in (PostureFormat.OCSF, PostureFormat.ASFF):
        from detector.posture.findings import to_asff, to_ocsf

        to_finding, written = to_ocsf if form is PostureFormat.OCSF else to_asff, now()
        return lines.jsonl(to_finding(answer, written) for answer in posture.answers)
    objects = [lines.answer_object(answer, posture.devices.get(answer.account_id, ())) for answer in posture.answers]
    return lines.jsonl(objects) if form is PostureFormat.JSONL else lines.csv_lines(objects, lines.ANSWER_COLUMNS)


def _change_lines(changes: Sequence[Change], form: PostureFormat) -> Iterable[str]:
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
