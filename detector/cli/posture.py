"""`detector posture`: the guide's questions, answered for each account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from detector.cli.choices import PostureFormat, format_option
from detector.cli.exit_codes import DONE, INCOMPLETE, NO_LOG_OBJECTS, posture_exit_code
from detector.cli.lake_option import LakeIfAny
from detector.cli.options import AllowGaps
from detector.cli.posture_options import FailOn, LiveOptions, Question
from detector.cli.summary import say_gaps_in, say_unlisted
from detector.cli.terminal import say, say_error
from detector.errors import DetectorError, UsageError
from detector.text import counted
from detector.times import now, rfc3339

if TYPE_CHECKING:
    from detector.lake.place import LakePlace
    from detector.lake.reader import Snapshot
    from detector.posture.answer import Answer
    from detector.posture.change import Change
    from detector.posture.live import Live
    from detector.posture.posture import Posture
    from detector.sources.account_calls import Answered, NotAnswered

_REFUSED_BY_NAME = 20
_OF_ANSWERS = (PostureFormat.MATRIX, PostureFormat.OCSF, PostureFormat.ASFF)


def posture_command(
    lake: LakeIfAny = None,
    question: Question = Question(),  # noqa: B008 - frozen
    live: LiveOptions = LiveOptions(),  # noqa: B008
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
    --assume-root asks as root of each member, in a session that may only look: nobody else can list root's passkeys.

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
    live.check(at)
    posture, has_gaps = _from_lake(lake, question, at)
    posture = add_live(posture, _ask_aws(live, question.account or []) if live.live else (), question.checks)
    _write(_answer_lines(posture, format_), output)
    _say_missing(posture.missing, lake)
    if not posture.answers:
        _end_without_account(posture.missing)
    _say_root_sessions(posture.root_sessions)
    _say_not_answered(posture.not_answered)
    _say_counts(posture.answers)
    is_incomplete = (has_gaps and not allow_gaps) or bool(posture.missing or posture.not_answered)
    raise typer.Exit(posture_exit_code(posture.answers, _failing(fail_on), is_incomplete=is_incomplete))


def _open_lake(lake: LakePlace) -> Snapshot:
    from detector.lake.reader import read_lake
    from detector.rules.candidates import candidates

    events = read_lake(lake, candidates().digest)
    say_unlisted(lake, events.unlisted)
    say_gaps_in(lake, events.gaps)
    return events


def _from_lake(lake: LakePlace | None, question: Question, at: datetime | None) -> tuple[Posture, bool]:
    """Return what logs say, and whether there are gaps in them."""
    from detector.posture.posture import Posture, posture_of

    accounts = question.account or []
    if lake is None:
        return Posture((), {}, {}, missing=accounts), False
    events = _open_lake(lake)
    return posture_of(events, accounts, at, checks=question.checks), events.gaps.count > 0


def _ask_aws(options: LiveOptions, accounts: list[str]) -> Iterator[Live]:
    """Yield what AWS answers about the account of the credentials, or those of its organisation."""
    from detector.posture.live import ask_about_account
    from detector.posture.organisation import Caller, Ways, ask_about_organisation
    from detector.sources.account_calls import AccountCalls
    from detector.sources.aws_options import AwsOptions
    from detector.sources.aws_session import caller_identity, open_session

    aws = AwsOptions(profile=options.profile, role_arn=options.role_arn)
    session = open_session(aws)
    account, partition = caller_identity(session, aws)
    calls = AccountCalls(session, partition, aws)
    if options.role_name is not None or options.assume_root:
        ways = Ways(options.role_name, options.assume_root)
        yield from ask_about_organisation(Caller(calls, account, partition), ways, accounts)
    elif not accounts or account in accounts:
        yield ask_about_account(calls, account, partition)


def _show_changes(
    lake: LakePlace,
    question: Question,
    moments: tuple[datetime | None, datetime | None],
    form: PostureFormat,
    output: Path | None,
    *,
    allow_gaps: bool,
) -> NoReturn:
    from detector.posture.posture import changes_in

    events = _open_lake(lake)
    found = changes_in(events, question.account or [], *moments, checks=question.checks)
    _write(_change_lines(found.changes, form), output)
    _say_missing(found.missing, lake)
    if not found.accounts:
        _end_without_account(found.missing)
    say(counted(len(found.changes), "change"))
    raise typer.Exit(INCOMPLETE if found.missing or (events.gaps.count and not allow_gaps) else DONE)


def _say_missing(accounts: Iterable[str], lake: LakePlace | None) -> None:
    where, hint = (
        "to ask: the credentials are of another account",
        "--role-name NAME asks about an organisation's accounts",
    )
    if lake:
        where, hint = f"in {lake}", "`detector status --lake DIR` lists the accounts"
    for account in accounts:
        say_error(DetectorError(f"nothing of account {account} {where}", hint=hint))


def _end_without_account(missing: Sequence[str]) -> NoReturn:
    if not missing:  # those have been named
        say_error(DetectorError("no account", hint="`detector ingest SOURCE --lake DIR` fills a lake"))
    raise typer.Exit(NO_LOG_OBJECTS)


def _say_root_sessions(sessions: Mapping[str, Answered]) -> None:
    """Name our own events, so that whoever sees them in the logs knows them."""
    for account, session in sessions.items():
        key, when = session.value["AccessKeyId"], rfc3339(session.time)
        say(f"{account}: our sts:AssumeRoot of {when} has request id {session.request_id}, and its session key {key}")


def _say_not_answered(calls: Sequence[NotAnswered]) -> None:
    """Name the calls that were not answered, and the policy that lacks."""
    import json

    from detector.sources.account_operations import policy_allowing

    reasons = list(dict.fromkeys(map(str, calls)))
    for reason in reasons[:_REFUSED_BY_NAME]:
        say_error(DetectorError(reason))
    if len(reasons) > _REFUSED_BY_NAME:
        say(f"error: … and {len(reasons) - _REFUSED_BY_NAME:,} more")
    denied = [one.operation for one in calls if one.is_denied]
    if denied:
        policy = policy_allowing(denied)
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
