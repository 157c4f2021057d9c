"""From facts to an answer. Pure: the only clock is the moment that is asked about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import takewhile

from detector.posture.check import Check, Over, Status
from detector.posture.fact import Fact, Says
from detector.times import rfc3339

SHOWN = 4  # subjects in a sentence; attackers choose how many there are
MOST_ALIKE = 20  # facts about a subject that anybody reads
_MOST_EVIDENCE = 100


class Source(StrEnum):
    """What an answer rests on."""

    LOGS = "logs"
    LIVE = "live"
    BOTH = "both"
    DISAGREE = "disagree"


@dataclass(frozen=True, slots=True)
class Horizon:
    """From when to when there are events of an account. That nothing in between is missing is not proven."""

    account_id: str
    last: datetime  # of any region, aware
    sign_in: tuple[datetime, datetime] | None  # of the region where IAM and root's logins are recorded


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known about one check of one account."""

    account_id: str
    check: Check
    status: Status
    detail: str
    as_of: datetime | None  # when the newest fact happened; None: there is no fact
    seen_until: datetime | None  # the end of the logs
    source: Source
    evidence: tuple[str, ...]  # event ids or calls, newest first
    next: str | None  # what to do when it fails, or to know more

    @property
    def value(self) -> str:
        """The answer in the check's own words."""
        return self.check.word(self.status)


@dataclass(frozen=True, slots=True)
class Standing:
    """The last word on one subject, and the facts before it that say the same, newest first."""

    says: Says
    facts: tuple[Fact, ...]
    has_turned: bool = False  # it says no, and once said yes


def answer_from_logs(check: Check, facts: Iterable[Fact], horizon: Horizon, moment: datetime) -> Answer:
    """Judge the facts that logs hold about one account.

    Args:
        check: the question.
        facts: of this check and account, in any order; later ones than the moment are passed over.
        horizon: of the account.
        moment: the answer is as of then.
    """
    standings = stand(check, facts, moment)
    status = judge(check, standings)
    telling = telling_of(status, standings)
    newest = max((one.facts[0].time for one in telling), default=None)
    # One event may say the same of several subjects.
    told = list({(one.facts[0].evidence, one.facts[0].detail): one for one in telling}.values())
    sentences = [_sentence(one) for one in told[:SHOWN]]
    if len(told) > SHOWN:
        sentences.append(f"and {len(told) - SHOWN} more")
    return Answer(
        horizon.account_id,
        check,
        status,
        detail="; ".join([*sentences, _silence(check, status, horizon, moment, is_empty=not telling)]),
        as_of=newest,
        seen_until=min(horizon.sign_in[1] if horizon.sign_in else horizon.last, moment),
        source=Source.LOGS,
        evidence=tuple(dict.fromkeys(fact.evidence for one in telling for fact in one.facts))[:_MOST_EVIDENCE],
        next=_next(check, status),
    )


def stand(check: Check, facts: Iterable[Fact], moment: datetime) -> tuple[Standing, ...]:
    """Return the last word on each subject that is still there, the newest first."""
    by_subject: dict[str, list[Fact]] = {}
    for fact in sorted((fact for fact in facts if fact.time <= moment), key=lambda fact: fact.order, reverse=True):
        by_subject.setdefault(fact.subject, []).append(fact)
    standings = []
    for newest, *older in by_subject.values():
        says = _faded(check, newest, moment)
        if says is not Says.GONE:
            alike = takewhile(lambda fact, word=newest.says: fact.says is word, older)  # type: ignore[misc]
            has_turned = says is Says.NO and any(fact.says is Says.YES for fact in older)
            standings.append(Standing(says, (newest, *alike), has_turned))
    return tuple(standings)


def judge(check: Check, standings: Sequence[Standing]) -> Status:
    """Return what the last words on all subjects come to. No subject, or too few that say yes, is unknown.

    Where one is enough, it does not make up for another that was so and was switched off: whoever did that may have set
    up the one that is left.
    """
    words = [one.says for one in standings]
    agreeing = words.count(Says.YES)
    is_against = {Over.EVERY: False, Over.SOME: any(one.has_turned for one in standings), Over.AGREED: Says.NO in words}
    if agreeing and is_against[check.over]:
        return Status.UNKNOWN
    if check.over is Over.SOME and agreeing >= check.least:
        return Status.PASS
    if Says.NO in words and (check.over is Over.EVERY or Says.UNSURE not in words):
        return Status.FAIL
    return Status.PASS if agreeing >= check.least and Says.UNSURE not in words else Status.UNKNOWN


def _faded(check: Check, fact: Fact, moment: datetime) -> Says:
    # A doubt does not turn into anything by growing old.
    fades = fact.says in (Says.YES, Says.NO)
    is_old = fades and check.lasts is not None and fact.time < moment - check.lasts
    return check.fades_to if is_old else fact.says


def telling_of(status: Status, standings: Sequence[Standing]) -> list[Standing]:
    """Return what the status rests on; where it is unknown, all that there is."""
    wanted = {Status.PASS: Says.YES, Status.FAIL: Says.NO}.get(status)
    return [one for one in standings if wanted is None or one.says is wanted]


def _sentence(standing: Standing) -> str:
    newest, *others = standing.facts
    count = len(others) + 1
    times = f" ({count}{' or more' if count == MOST_ALIKE else ''} in a row)" if others else ""
    return f"{rfc3339(newest.time)} {newest.detail}{times}"


def _silence(check: Check, status: Status, horizon: Horizon, moment: datetime, *, is_empty: bool) -> str:
    """Return what was not seen, and when; never that it did not happen, since logs may be missing."""
    if horizon.sign_in is None:
        nothing = "no events of the region that records root's logins"
        return f"{check.unseen}: {nothing}" if is_empty else nothing
    first, last = horizon.sign_in
    last = min(last, moment)
    if first > last:
        return f"{check.unseen}: the logs begin later"
    if is_empty:
        return f"{check.unseen} ({first:%Y-%m-%d} to {last:%Y-%m-%d})"
    what = check.silence if status is Status.PASS and check.silence else "nothing newer"
    return f"{what} seen until {rfc3339(last.replace(microsecond=0))}"


def _next(check: Check, status: Status) -> str | None:
    match status:
        case Status.FAIL:
            return check.next
        case Status.UNKNOWN:
            return f"ask live: {check.ask}" if check.ask else None
        case _:
            return None
