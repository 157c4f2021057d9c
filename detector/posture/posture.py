"""The answers of a lake, or what changed of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from detector.posture.answer import Answer, Horizon
from detector.posture.change import Change, changes_of
from detector.posture.check import load_checks
from detector.posture.device import Device
from detector.posture.from_logs import answers_from_logs, read_devices, read_facts, read_horizons
from detector.posture.live import Live
from detector.posture.merge import merge
from detector.rules.engine import Engine
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
    events: Events, accounts: Collection[str] = (), at: datetime | None = None, *, now: datetime | None = None
) -> Posture:
    """Answer every check for each account.

    Args:
        events: of a lake.
        accounts: only these; empty: all that there are.
        at: as of when; None: as of the end of each account's logs.
        now: the time; a record of a later one does not move the end of the logs.
    """
    with Engine(events) as engine:
        return posture_through(engine, accounts, at, now=now)


def posture_through(
    engine: Engine, accounts: Collection[str] = (), at: datetime | None = None, *, now: datetime | None = None
) -> Posture:
    """Do the same through an engine that is open already."""
    horizons = _chosen(read_horizons(engine), accounts)
    moments = {one.account_id: _moment(one, at, now or utc_now()) for one in horizons}
    answers = answers_from_logs(engine, load_checks(), horizons, moments)
    devices = read_devices(engine, max(moments.values(), default=_BEFORE_ALL))
    by_account = {horizon.account_id: horizon for horizon in horizons}
    return Posture(answers, devices, by_account, missing=_missing(accounts, by_account))


def add_live(posture: Posture, lives: Iterable[Live]) -> Posture:
    """Return the same with what AWS answers about accounts put together with what logs say of them."""
    asked = {live.account_id: live for live in lives}
    of_logs = {(answer.account_id, answer.check.id): answer for answer in posture.answers}
    answers = [
        merge(check, of_logs.get((account, check.id)), asked[account])
        if account in asked
        else of_logs[account, check.id]
        for account in sorted({*posture.horizons, *asked})
        for check in load_checks()
    ]
    missing = [one for one in posture.missing if one not in asked]
    moments = {account: live.moment for account, live in asked.items()}
    return replace(posture, answers=answers, asked=moments, missing=missing)


def changes_in(
    events: Events, accounts: Collection[str] = (), since: datetime | None = None, at: datetime | None = None
) -> Changes:
    """Return when answers changed.

    Args:
        events: of a lake.
        accounts: only these; empty: all that there are.
        since: the first moment of interest.
        at: the last one.
    """
    with Engine(events) as engine:
        wanted = {one.account_id: _moment(one, at, utc_now()) for one in _chosen(read_horizons(engine), accounts)}
        latest = max(wanted.values(), default=_BEFORE_ALL)
        changes = [
            change
            for check in load_checks()
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
