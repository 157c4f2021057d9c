"""The answers of a lake, or what changed of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from detector.posture.answer import Answer, Horizon
from detector.posture.change import Change, changes_of
from detector.posture.check import Check, load_checks
from detector.posture.device import Device
from detector.posture.from_logs import answers_from_logs, read_devices, read_facts, read_horizons
from detector.posture.live import Live
from detector.posture.merge import merge
from detector.posture.root_session import ASSUME_ROOT
from detector.rules.engine import Engine
from detector.sources.account_calls import Answered, NotAnswered
from detector.times import utc_now

if TYPE_CHECKING:
    from detector.rules.events import Events

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Posture:
    """The answers about some accounts, account by account."""

    answers: Sequence[Answer]
    devices: Mapping[str, Sequence[Device]]
    horizons: Mapping[str, Horizon]
    asked: Mapping[str, datetime] = field(default_factory=dict)  # account → when AWS answered
    missing: Sequence[str] = ()  # accounts that were asked for and of which there is nothing
    not_answered: Sequence[NotAnswered] = ()  # calls that were refused or failed, each reason once
    root_sessions: Mapping[str, Answered] = field(default_factory=dict)  # account → the AssumeRoot it was asked with

    @property
    def accounts(self) -> list[str]:
        """The accounts that are answered for, in the order of their numbers."""
        return sorted({*self.horizons, *self.asked})


@dataclass(frozen=True, slots=True)
class Changes:
    """When the answers about some accounts changed, oldest first."""

    changes: Sequence[Change]
    accounts: Sequence[str]
    missing: Sequence[str]  # accounts that were asked for and of which there is nothing


def posture_of(
    events: Events,
    accounts: Collection[str] = (),
    at: datetime | None = None,
    *,
    now: datetime | None = None,
    checks: Sequence[Check] | None = None,
) -> Posture:
    """Answer every check for each account.

    Args:
        events: of a lake.
        accounts: only these; empty: all that there are.
        at: as of when; None: as of the end of each account's logs.
        now: the time; a record of a later one does not move the end of the logs.
        checks: the questions; None: those that are shipped.
    """
    with Engine(events) as engine:
        return posture_through(engine, accounts, at, now=now, checks=checks)


def posture_through(
    engine: Engine,
    accounts: Collection[str] = (),
    at: datetime | None = None,
    *,
    now: datetime | None = None,
    checks: Sequence[Check] | None = None,
) -> Posture:
    """Do the same through an engine that is open already."""
    horizons = _chosen(read_horizons(engine), accounts)
    moments = {one.account_id: _moment(one, at, now or utc_now()) for one in horizons}
    answers = answers_from_logs(engine, checks or load_checks(), horizons, moments)
    devices = read_devices(engine, max(moments.values(), default=_BEFORE_ALL))
    by_account = {horizon.account_id: horizon for horizon in horizons}
    return Posture(answers, devices, by_account, missing=_missing(accounts, by_account))


def add_live(posture: Posture, lives: Iterable[Live], checks: Sequence[Check] | None = None) -> Posture:
    """Return the same with what AWS answers about accounts put together with what logs say of them.

    Args:
        posture: of logs, if there are any.
        lives: what was asked, account by account.
        checks: the same as of the posture.
    """
    of_logs = {(answer.account_id, answer.check.id): answer for answer in posture.answers}
    merged: dict[str, list[Answer]] = {}
    asked: dict[str, datetime] = {}
    sessions: dict[str, Answered] = {}
    not_answered: dict[NotAnswered, None] = {}
    # One account at a time: what AWS answered is much more than what is kept of it.
    for live in lives:
        account = live.account_id
        merged[account] = [merge(check, of_logs.get((account, check.id)), live) for check in checks or load_checks()]
        asked[account] = live.moment
        not_answered |= dict.fromkeys(live.not_answered)
        if session := live.answered(ASSUME_ROOT):
            sessions[account] = session
    for answer in posture.answers:
        if answer.account_id not in asked:
            merged.setdefault(answer.account_id, []).append(answer)
    return replace(
        posture,
        answers=[answer for account in sorted(merged) for answer in merged[account]],
        asked=asked,
        missing=[one for one in posture.missing if one not in asked],
        not_answered=list(not_answered),
        root_sessions=sessions,
    )


def changes_in(
    events: Events,
    accounts: Collection[str] = (),
    since: datetime | None = None,
    at: datetime | None = None,
    *,
    checks: Sequence[Check] | None = None,
) -> Changes:
    """Return when answers changed.

    Args:
        events: of a lake.
        accounts: only these; empty: all that there are.
        since: the first moment of interest.
        at: the last one.
        checks: the questions; None: those that are shipped.
    """
    with Engine(events) as engine:
        wanted = {one.account_id: _moment(one, at, utc_now()) for one in _chosen(read_horizons(engine), accounts)}
        latest = max(wanted.values(), default=_BEFORE_ALL)
        changes = [
            change
            for check in checks or load_checks()
            for account, facts in read_facts(engine, check, latest, turns=True).items()
            if account in wanted
            for change in changes_of(check, facts, since)
        ]
    changes.sort(key=lambda change: (change.time, change.account_id, change.check.step, change.check.id))
    return Changes(changes, sorted(wanted), _missing(accounts, wanted))


def _chosen(horizons: Sequence[Horizon], accounts: Collection[str]) -> list[Horizon]:
    return [horizon for horizon in horizons if not accounts or horizon.account_id in accounts]


def _moment(horizon: Horizon, at: datetime | None, now: datetime) -> datetime:
    return at or min(horizon.last, now)


def _missing(asked: Collection[str], known: Collection[str]) -> list[str]:
    return [account for account in dict.fromkeys(asked) if account not in known]
