"""When answers changed: the facts replayed in the order of their times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from detector.posture.answer import judge, stand
from detector.posture.check import Check, Status
from detector.posture.fact import Fact, Says


@dataclass(frozen=True, slots=True)
class Change:
    """The moment from which a check has another answer."""

    account_id: str
    check: Check
    time: datetime
    before: Status
    after: Status
    detail: str
    evidence: tuple[str, ...]


def changes_of(check: Check, facts: Iterable[Fact], since: datetime | None) -> Iterator[Change]:
    """Yield when the answer about one account changed, oldest first.

    Args:
        check: the question.
        facts: of this check and account; each that says something else of its subject than the one before.
        since: changes before it are not told, only what they led to.
    """
    latest: dict[tuple[str, Says], Fact] = {}
    before = Status.UNKNOWN
    for time, at_once in groupby(sorted(facts, key=lambda fact: fact.order), key=lambda fact: fact.time):
        new = list(at_once)
        latest |= {(fact.subject, fact.says): fact for fact in new}
        after = judge(check, stand(check, latest.values(), time))
        if after is not before and (since is None or time >= since):
            yield Change(
                new[0].account_id,
                check,
                time,
                before,
                after,
                "; ".join(dict.fromkeys(fact.detail for fact in new)),
                tuple(dict.fromkeys(fact.evidence for fact in new)),
            )
        before = after
