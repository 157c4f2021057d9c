"""What a lake's events say about each account: facts by check, devices, and from when to when there are events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from detector.posture.answer import MOST_ALIKE, Answer, Horizon, answer_from_logs
from detector.posture.check import Check, relations_of
from detector.posture.device import Device, DeviceEvent, devices_of
from detector.posture.fact import Fact, Says
from detector.text import one_line

if TYPE_CHECKING:
    from detector.rules.engine import Engine

_BATCH_COLUMNS = "account_id, event_time, coalesce(subject, '') AS subject, says, detail, event_id"
_ORDER = "event_time, list_position(['yes', 'gone', 'unsure', 'no'], says), event_id"
# The last facts of each subject decide, and whether it ever said yes. By the moment at first, since putting the uses
# of a flood in order takes long.
_LAST = f"""
SELECT asked.* FROM asked
INNER JOIN (
    SELECT
        account_id,
        subject,
        max(event_time, {MOST_ALIKE})[-1] AS since,
        max(event_time) FILTER (says = 'yes') AS last_yes
    FROM asked
    GROUP BY account_id, subject
) AS latest
    ON latest.account_id = asked.account_id
    AND latest.subject = asked.subject
    AND (event_time >= since OR event_time = last_yes)
QUALIFY row_number() OVER (
    PARTITION BY asked.account_id, asked.subject
    ORDER BY event_time DESC, list_position(['yes', 'gone', 'unsure', 'no'], says) DESC, event_id DESC
) <= {MOST_ALIKE}
OR (
    says = 'yes'
    AND row_number() OVER (
        PARTITION BY asked.account_id, asked.subject, says ORDER BY event_time DESC, event_id DESC
    ) = 1
)
"""  # noqa: S608 - our own words
# Where what is said of a subject is not what was said before.
_TURNS = f"FROM asked QUALIFY says IS DISTINCT FROM lag(says) OVER (PARTITION BY account_id, subject ORDER BY {_ORDER})"
_DEVICE_EVENTS = """
SELECT * FROM root_device_events
WHERE event_time <= $until
QUALIFY row_number() OVER (PARTITION BY account_id, serial, act ORDER BY event_time DESC, event_id DESC) = 1
ORDER BY event_time, event_id
"""
_HORIZONS = """
SELECT
    account_id,
    max(last_event_time) AS last,
    min(first_event_time) FILTER (WHERE is_sign_in_region(region)) AS sign_in_first,
    max(last_event_time) FILTER (WHERE is_sign_in_region(region)) AS sign_in_last
FROM account_coverage
WHERE account_id IS NOT NULL
GROUP BY account_id
ORDER BY account_id
"""


def read_horizons(engine: Engine) -> list[Horizon]:
    """Return the accounts of a lake, in the order of their numbers."""
    return [
        Horizon(
            row["account_id"],
            _aware(row["last"]),
            None if row["sign_in_last"] is None else (_aware(row["sign_in_first"]), _aware(row["sign_in_last"])),
        )
        for row in _rows(engine, _HORIZONS)
    ]


def read_facts(engine: Engine, check: Check, until: datetime, *, turns: bool = False) -> dict[str, list[Fact]]:
    """Return the facts about one check, by account.

    Args:
        engine: over the lake.
        check: the question.
        until: later events are passed over.
        turns: return every fact that says something else than the one before it, and not only the last ones.
    """
    found = f"found AS (\n{check.sql}\n)"
    asked = f"asked AS (SELECT {_BATCH_COLUMNS} FROM found WHERE account_id IS NOT NULL AND event_time <= $until)"  # noqa: S608
    sql = f"{_with(check.sql, found, asked)}\n{_TURNS if turns else _LAST}"
    facts: defaultdict[str, list[Fact]] = defaultdict(list)
    for row in _rows(engine, sql, until):
        facts[row["account_id"]].append(
            Fact(
                row["account_id"],
                _aware(row["event_time"]),
                row["subject"],
                Says(row["says"]),
                one_line(row["detail"]),
                row["event_id"],
            )
        )
    return facts


def read_devices(engine: Engine, until: datetime) -> dict[str, list[Device]]:
    """Return root's devices as events up to a moment show them, by account."""
    events = [
        DeviceEvent(
            account_id=row["account_id"],
            serial=row["serial"],
            name=row["name"],
            kind=row["kind"],
            act=row["act"],
            time=_aware(row["event_time"]),
            actor=row["actor"],
            source_ip=row["source_ip"],
            event_id=row["event_id"],
        )
        for row in _rows(engine, f"{_with(_DEVICE_EVENTS)}\n{_DEVICE_EVENTS}", until)
    ]
    devices: defaultdict[str, list[Device]] = defaultdict(list)
    for device in devices_of(events):
        devices[device.account_id].append(device)
    return devices


def answers_from_logs(
    engine: Engine, checks: Sequence[Check], horizons: Sequence[Horizon], moments: Mapping[str, datetime]
) -> list[Answer]:
    """Return an answer for each account and check, account by account.

    Args:
        engine: over the lake.
        checks: the questions, in their order.
        horizons: of the accounts.
        moments: account → as of when.
    """
    if not horizons:
        return []
    latest = max(moments.values())
    facts = {check.id: read_facts(engine, check, latest) for check in checks}
    return [
        answer_from_logs(check, facts[check.id].get(horizon.account_id, ()), horizon, moments[horizon.account_id])
        for horizon in horizons
        for check in checks
    ]


def _with(sql: str, *more: str) -> str:
    return "WITH " + ",\n".join([*relations_of(sql), *more])


def _rows(engine: Engine, sql: str, until: datetime | None = None) -> Iterator[dict[str, Any]]:
    parameters = None if until is None else {"until": until.astimezone(UTC).replace(tzinfo=None)}
    for batch in engine.query(sql, parameters):
        yield from batch.to_pylist()


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
