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

if TYPE_CHECKING:
    from detector.rules.events import Events


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


def posture_of(events: Events, accounts: Collection[str] = (), at: datetime | None = None) -> Posture:
    """Answer every check for each account.

    Args:
        events: of a lake.
        accounts: only these; empty: all that there are.
        at: as of when; None: as of the end of each account's logs.
    """
    with Engine(events) as engine:
        horizons = _chosen(read_horizons(engine), accounts)
        answers = answers_from_logs(engine, load_checks(), horizons, at)
        devices = read_devices(engine, _latest(horizons, at))
    by_account = {horizon.account_id: horizon for horizon in horizons}
    return Posture(answers, devices, by_account, missing=[one for one in accounts if one not in by_account])


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
) -> list[Change]:
    """Return when answers changed, oldest first.

    Args:
        events: of a lake.
        accounts: only these; empty: all that there are.
        since: the first moment of interest.
        at: the last one.
    """
    with Engine(events) as engine:
        horizons = _chosen(read_horizons(engine), accounts)
        wanted = {horizon.account_id for horizon in horizons}
        latest = _latest(horizons, at)
        changes = [
            change
            for check in load_checks()
            for account, facts in read_facts(engine, check, latest, turns=True).items()
            if account in wanted
            for change in changes_of(check, facts, since)
        ]
    return sorted(changes, key=lambda change: (change.time, change.account_id, change.check.step, change.check.id))


def _chosen(horizons: Sequence[Horizon], accounts: Collection[str]) -> list[Horizon]:
    return [horizon for horizon in horizons if not accounts or horizon.account_id in accounts]


def _latest(horizons: Sequence[Horizon], at: datetime | None) -> datetime:
    return at or max((horizon.last for horizon in horizons), default=datetime.min.replace(tzinfo=UTC))
