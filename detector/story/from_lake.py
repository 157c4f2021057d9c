"""What a lake's events say about sessions of root: the rows that stories are made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from detector.alerts.redaction import redact
from detector.rules.rule import shipped_rules_directory
from detector.story.story import Asked, Counted, Made, MadeKind, Phase, StoryEvent, StoryKind

if TYPE_CHECKING:
    from detector.rules.engine import Engine

MOST_PARTS: Final = 20_000  # sessions that are looked at one by one
FOLDER: Final = "_story"
_Session = str


@dataclass(frozen=True, slots=True)
class Part:
    """One session of root, by the events that say so."""

    session: _Session  # as the view column `root_session`
    id: str
    kind: StoryKind
    account_id: str | None
    key: str
    first_time: datetime  # of its own events, not of those before
    last_time: datetime
    counts: Mapping[Phase, int]
    failures_before: int
    opened_by: tuple[str, ...]  # names of events before it that succeeded
    addresses: tuple[Counted, ...]
    address_count: int
    user_agents: tuple[Counted, ...]
    user_agent_count: int
    openings: tuple[datetime, datetime] | None  # the first and the last event of it that opened the way to root
    mfa: str
    mfa_device: str | None
    assumed_by: str | None  # whoever called AssumeRoot


@dataclass(frozen=True, slots=True)
class Birth:
    """A session whose credentials another one made."""

    child: _Session
    parent: _Session
    kind: MadeKind
    name: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """An event to be told, and how telling it is among those of its session: 1 is the most."""

    session: _Session
    position: int
    event: StoryEvent


@dataclass(frozen=True, slots=True)
class Followed:
    """What root made, and the most telling of what that did."""

    session: _Session
    made: Made
    kept: tuple[Kept, ...]


def prepare(engine: Engine) -> None:
    """Find out once which events belong to which session, for all that is asked after this."""
    engine.keep("story_told", _sql("told"))
    engine.keep("story_made", _sql("made"))
    engine.keep("story_births", _sql("births"))


def read_parts(engine: Engine, asked: Asked, named: Sequence[str]) -> tuple[list[Part], int]:
    """Return sessions, at most `MOST_PARTS`, and how many more there are of those that are asked about.

    Args:
        engine: prepared.
        asked: of which accounts; what is of that time, and what belongs to that story, comes before all others.
        named: keys of events, and ids of sessions, that come next, in this order.
    """
    parameters = {
        "accounts": sorted(asked.accounts),
        "since": asked.since and _naive(asked.since),
        "until": asked.until and _naive(asked.until),
        "story": asked.story_id,
        "named": list(named),
        "most": MOST_PARTS,
    }
    parts = list(_rows(engine, _sql("parts"), parameters))
    beyond = parts[0]["asked"] - sum(row["is_asked"] for row in parts) if parts else 0
    values: defaultdict[tuple[str, str], list[Counted]] = defaultdict(list)
    for row in _rows(engine, _sql("values"), {"sessions": [row["session"] for row in parts]}):
        values[row["session"], row["kind"]].append(Counted(redact(row["value"]), row["events"]))
    found = [
        Part(
            session=row["session"],
            id=row["id"],
            kind=StoryKind(row["kind"]),
            account_id=row["account_id"],
            key=row["key"] or "",
            first_time=_aware(row["first_time"]),
            last_time=_aware(row["last_time"]),
            counts={phase: row[phase] for phase in Phase if phase is not Phase.AFTER},
            failures_before=row["failures_before"],
            opened_by=tuple(row["opened_by"] or ()),
            addresses=tuple(values[row["session"], "address"]),
            address_count=row["address_count"],
            user_agents=tuple(values[row["session"], "user_agent"]),
            user_agent_count=row["user_agent_count"],
            openings=row["first_opening"] and (_aware(row["first_opening"]), _aware(row["last_opening"])),
            mfa=_mfa(row),
            mfa_device=None if row["login_mfa"] == "no" else row["mfa_device"],
            assumed_by=row["assumed_by"],
        )
        for row in parts
    ]
    return found, beyond


def read_births(engine: Engine, sessions: Sequence[_Session]) -> list[Birth]:
    """Return which of some sessions used credentials that another one made."""
    sql = "FROM story_births WHERE child IN (SELECT unnest($sessions)) ORDER BY child, event_time, parent"
    return [
        Birth(row["child"], row["parent"], MadeKind(row["kind"]), row["name"], _aware(row["event_time"]))
        for row in _rows(engine, sql, {"sessions": list(sessions)})
    ]


def read_sessions_of(engine: Engine, event_keys: Sequence[str]) -> dict[str, list[_Session]]:
    """Return the sessions that some events belong to, by event; copies for several accounts share a key."""
    found: defaultdict[str, list[_Session]] = defaultdict(list)
    for row in _rows(engine, _sql("named"), {"named": list(event_keys)}):
        found[row["event_id"]].append(row["session"])
    return found


def read_kept(engine: Engine, sessions: Sequence[_Session], named: Sequence[str], most: int) -> list[Kept]:
    """Return the most telling events of each session, oldest first.

    Args:
        engine: prepared.
        sessions: of which.
        named: keys of events that come before all others, in this order.
        most: events of one session.
    """
    parameters = {"sessions": list(sessions), "named": list(named), "most": most}
    return [
        Kept(row["session"], row["position"], _event(engine, row, Phase(row["phase"]), is_probable=row["is_probable"]))
        for row in _rows(engine, _sql("kept"), parameters)
    ]


def read_followed(engine: Engine, sessions: Sequence[_Session], named: Sequence[str], most: int) -> list[Followed]:
    """Return what root made in some sessions, whether or not it did anything, oldest first.

    Reads the whole lake when there is something.

    Args:
        engine: prepared.
        sessions: in which.
        named: keys of events that are kept before all others.
        most: events of one of these things.
    """
    made = list(
        _rows(engine, "FROM story_made WHERE session IN (SELECT unnest($sessions))", {"sessions": list(sessions)})
    )
    acted: dict[tuple[str, str], Mapping[str, Any]] = {}
    if made:
        parameters = {"named": list(named), "most": most}
        acted = {(row["made_by"], row["made_name"]): row for row in _rows(engine, _sql("followed"), parameters)}
    return [_followed(engine, row, acted.get((row["event_id"], row["name"]))) for row in made]


def read_between(
    engine: Engine, accounts: Sequence[str], moment: datetime, window: tuple[datetime, datetime], most: int
) -> list[StoryEvent]:
    """Return what anybody did in some accounts between two moments, nearest to a third first.

    Args:
        engine: over the lake; it need not be prepared.
        accounts: in which the caller acted, or whose log has the record.
        moment: the third.
        window: the first and the last moment.
        most: events.
    """
    first, last = window
    parameters = {
        "accounts": list(accounts),
        "moment": _naive(moment),
        "first": _naive(first),
        "last": _naive(last),
        "most": most,
    }
    return [_event(engine, row, None) for row in _rows(engine, _sql("around"), parameters)]


def _followed(engine: Engine, made: Mapping[str, Any], acted: Mapping[str, Any] | None) -> Followed:
    kept = [] if acted is None else acted["kept"]
    return Followed(
        made["session"],
        Made(
            kind=MadeKind(made["kind"]),
            name=redact(made["name"]),
            owner=made["owner"],
            time=_aware(made["event_time"]),
            event_id=made["event_id"],
            uses=0 if acted is None else acted["uses"],
            last_use=None if acted is None else _aware(acted["last_use"]),
        ),
        tuple(
            Kept(made["session"], number, _event(engine, row, Phase.AFTER)) for number, row in enumerate(kept, start=1)
        ),
    )


def _event(engine: Engine, row: Mapping[str, Any], phase: Phase | None, *, is_probable: bool = False) -> StoryEvent:
    return StoryEvent(
        event_id=row["event_id"],
        event_time=_aware(row["event_time"]),
        account_id=row["account_id"],
        region=row["region"],
        phase=phase,
        actor=row["actor"] or "unknown",
        service=row["service"],
        event_name=row["event_name"],
        target=redact(row["target"]),
        source_ip=row["source_ip"],
        user_agent=redact(row["user_agent"]),
        mfa=row["mfa"],
        error_code=row["error_code"],
        succeeded=row["succeeded"],
        is_write=row["is_write"],
        is_probable=is_probable,
        log_file=row["logFile"],
        log_file_index=row["logFileIndex"],
        integrity=engine.integrity_of(row["logFile"]),
    )


def _mfa(row: Mapping[str, Any]) -> str:
    """Return whether MFA was used, by the sign-in or, where the logs lack that, by its session."""
    if row["login_mfa"] is not None:
        return str(row["login_mfa"])
    if row["kind"] == StoryKind.KEY:
        return "no"  # a long-term key proves no device
    return str(row["session_mfa"] or "unknown") if row["kind"] == StoryKind.SESSION else "unknown"


@cache
def _sql(name: str) -> str:
    return (shipped_rules_directory() / FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def _rows(engine: Engine, sql: str, parameters: Mapping[str, object] | None = None) -> Iterator[dict[str, Any]]:
    for batch in engine.query(sql, parameters):
        yield from batch.to_pylist()


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
