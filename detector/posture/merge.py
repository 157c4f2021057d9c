"""What logs say and what AWS answers now, put together. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from detector.posture.answer import Answer, Source, judge, stand, telling_of
from detector.posture.check import Check, Status
from detector.posture.fact import Says
from detector.posture.live import Live
from detector.posture.live_checks import LIVE_CHECKS, facts_of, lacking
from detector.posture.root_session import ASSUME_ROOT
from detector.sources.account_operations import permission_of

NOT_ASKED: Final = "not asked: a session of AssumeRoot may not; --role-name NAME asks"


def answer_from_live(check: Check, live: Live) -> Answer | None:
    """Judge what AWS answers about one check; None: no call is about it."""
    known = LIVE_CHECKS.get(check.id)
    if known is None:
        return None
    facts = facts_of(live, known)
    judged = replace(check, fades_to=known.fades_to)
    standings = stand(judged, facts, live.moment)
    status = judge(judged, standings)
    if facts and not standings:
        status = Status.NOT_APPLICABLE
    shown = [one.facts[0] for one in telling_of(status, standings)] or facts
    asked_more = {ASSUME_ROOT, *known.by_root} if known.by_root else ()
    refused = [*lacking(live, known), *(one for one in live.not_answered if one.operation in asked_more)]
    wanted = list(dict.fromkeys(permission_of(one.operation) for one in refused if one.is_denied))
    is_asked = any(one in live.results for one in (*known.needs, *known.by_root))
    return Answer(
        account_id=live.account_id,
        check=check,
        status=status,
        detail="; ".join(fact.detail for fact in shown) or ("AWS's answer does not tell" if is_asked else NOT_ASKED),
        as_of=max((fact.time for fact in shown), default=None),
        seen_until=None,
        source=Source.LIVE,
        evidence=tuple(dict.fromkeys(fact.evidence for fact in shown)),
        next=_next(check, status, wanted),
    )


def merge(check: Check, logs: Answer | None, now: Live) -> Answer:
    """Return one answer of logs and AWS; where both know and say other things, it is unknown and tells both.

    Args:
        check: the question.
        logs: what logs say, if there are any of the account.
        now: the calls.
    """
    live = answer_from_live(check, now)
    if live is None:
        return logs or _only_logs(check, now)
    if logs is None:
        return live
    # Of a call that was not answered logs may make up for what is lacking, but not for an answer that leaves doubt.
    is_doubted = logs.status is Status.PASS and live.status is Status.UNKNOWN and _leaves_doubt(check, now)
    if Status.UNKNOWN in (logs.status, live.status) and not is_doubted:
        if logs.status is live.status:
            return replace(
                live,
                detail=f"live: {live.detail}; logs: {logs.detail}",
                seen_until=logs.seen_until,
                source=Source.BOTH,
                evidence=live.evidence + logs.evidence,
            )
        known, other, name = (logs, live, "live") if live.status is Status.UNKNOWN else (live, logs, "logs")
        return replace(known, detail=f"{known.detail}; {name}: {other.detail}", seen_until=logs.seen_until)
    agree = logs.status is live.status
    return replace(
        live,
        status=live.status if agree else Status.UNKNOWN,
        detail=f"live: {live.detail}; logs: {logs.value}, {logs.detail}"
        if agree
        else (f"live says {live.value}: {live.detail}; logs say {logs.value}: {logs.detail}"),
        seen_until=logs.seen_until,
        source=Source.BOTH if agree else Source.DISAGREE,
        evidence=live.evidence + logs.evidence,
        next=live.next
        if agree or (is_doubted and live.next)
        else "find out which of the two is right, and what the other one misses",
    )


def _leaves_doubt(check: Check, live: Live) -> bool:
    return any(fact.says in (Says.NO, Says.UNSURE) for fact in LIVE_CHECKS[check.id].facts(live))


def _next(check: Check, status: Status, refused: list[str]) -> str | None:
    if status is Status.FAIL:
        return check.next
    return f"allow {', '.join(refused)}" if status is Status.UNKNOWN and refused else None


def _only_logs(check: Check, live: Live) -> Answer:
    return Answer(
        account_id=live.account_id,
        check=check,
        status=Status.UNKNOWN,
        detail="only logs can tell",
        as_of=None,
        seen_until=None,
        source=Source.LIVE,
        evidence=(),
        next="give --lake DIR, with the logs of the account",
    )
