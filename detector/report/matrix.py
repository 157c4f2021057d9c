"""How accounts are set up, as a table: every check of every account, accounts that are alike in one row. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from detector.posture.answer import Answer
from detector.posture.check import Check, Status

FEW: Final = 3  # accounts of which every answer is written out
MOST_ROWS: Final = 40
MOST_NAMED: Final = 1_000  # accounts


@dataclass(frozen=True, slots=True)
class Row:
    """Accounts whose answers are the same."""

    accounts: tuple[str, ...]
    statuses: tuple[Status, ...]  # in the order of the checks


@dataclass(frozen=True, slots=True)
class Column:
    """One check, and what it came to."""

    check: Check
    counts: Mapping[Status, int]
    failing: tuple[str, ...]  # accounts, at most MOST_NAMED

    @property
    def next(self) -> str | None:
        """What to do where it fails."""
        return self.check.next if self.counts.get(Status.FAIL) else None


@dataclass(frozen=True, slots=True)
class Matrix:
    """The answers about all accounts."""

    accounts: int
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]  # the most failures first
    folded: tuple[Row, ...]  # beyond those that fit
    not_named: int  # accounts beyond those too
    written_out: Mapping[str, Sequence[Answer]]  # account → its answers; empty where there are many
    missing: tuple[str, ...]  # accounts that were asked for and of which there is nothing


def matrix(answers: Sequence[Answer], missing: Sequence[str] = (), told: Sequence[str | None] = ()) -> Matrix:
    """Return the table of some answers.

    Args:
        answers: account by account, each with the same checks in the same order.
        missing: accounts that were asked for and of which there is nothing.
        told: accounts of which something is told elsewhere, the most important first.
    """
    by_account: defaultdict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_account[answer.account_id].append(answer)
    named = dict(list(by_account.items())[:MOST_NAMED])
    alike: defaultdict[tuple[Status, ...], list[str]] = defaultdict(list)
    for account, own in named.items():
        alike[tuple(answer.status for answer in own)].append(account)
    importance = {account: number for number, account in reversed(list(enumerate(told)))}
    rows = [Row(tuple(accounts), statuses) for statuses, accounts in alike.items()]
    rows.sort(
        key=lambda row: (
            -row.statuses.count(Status.FAIL),
            min(importance.get(account, len(importance)) for account in row.accounts),
            row.accounts,
        )
    )
    return Matrix(
        accounts=len(by_account),
        columns=tuple(_columns(answers)),
        rows=tuple(rows[:MOST_ROWS]),
        folded=tuple(rows[MOST_ROWS:]),
        not_named=len(by_account) - len(named),
        written_out=dict(by_account) if len(by_account) <= FEW else {},
        missing=tuple(missing),
    )


def _columns(answers: Sequence[Answer]) -> list[Column]:
    by_check: defaultdict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_check[answer.check.id].append(answer)
    return [
        Column(
            own[0].check,
            Counter(answer.status for answer in own),
            tuple(answer.account_id for answer in own if answer.status is Status.FAIL)[:MOST_NAMED],
        )
        for own in by_check.values()
    ]
