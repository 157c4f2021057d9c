"""A story: one root session, what came before it, and what followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from detector.alerts.alert import Alert
from detector.severity import Severity


class StoryKind(StrEnum):
    """What holds the events of a story together."""

    SESSION = "session"  # temporary credentials of root: account and creationDate, which is when it signed in
    KEY = "key"  # root's access key, and a UTC day
    ASSUME_ROOT = "assume_root"  # the access key that AssumeRoot handed out
    LOOSE = "loose"  # account and UTC day: what root did, or somebody tried as root, that belongs to no session


class Phase(StrEnum):
    """The part of a story that an event belongs to, in the order of telling."""

    BEFORE = "before"  # recovery, failed sign-ins, MFA removed by others
    SIGN_IN = "sign_in"  # also the AssumeRoot call
    CHANGED = "changed"
    READ = "read"
    REFUSED = "refused"  # denied, or failed for another reason
    AFTER = "after"  # what the keys, users, roles and sessions did that it made


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """One event of a story. Unknown is None."""

    event_id: str
    event_time: datetime  # aware, UTC
    account_id: str | None
    region: str | None
    phase: Phase | None  # None: told apart from any story
    actor: str  # `root`, or an ARN as logged
    service: str | None  # `iam`; eventSource where it is no service of AWS
    event_name: str | None
    target: str | None  # the user, device, trail, bucket or other thing that the call names
    source_ip: str | None
    user_agent: str | None
    mfa: str | None  # of a sign-in: yes, no, unknown
    error_code: str | None
    succeeded: bool
    is_write: bool
    is_probable: bool  # it names no session: attached by its address and time
    log_file: str
    log_file_index: int
    integrity: str | None  # the verdict on the log file; None: nobody has asked for digests


@dataclass(frozen=True, slots=True)
class Counted:
    """A value that attackers choose, and how many events of the story's own have it."""

    value: str
    events: int


class MadeKind(StrEnum):
    """What a session may leave behind to come back with."""

    KEY = "key"
    USER = "user"
    ROLE = "role"
    PASSWORD = "password"  # noqa: S105 - of a user that was there before
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Made:
    """Something that a story made and that can act, and how much it did."""

    kind: MadeKind
    name: str  # access key id, or the name of a user or role; of a password, of its user
    owner: str | None  # of a key: its user; None: root itself, or what has no owner
    time: datetime  # when it was made; aware, UTC
    event_id: str
    uses: int  # events that it made since then; those of a key count for the key and not for its user
    last_use: datetime | None


class Link(StrEnum):
    """Why two stories are connected."""

    MADE_KEY = "made_key"  # the earlier one made the access key of the later one
    MADE_SESSION = "made_session"  # the earlier one made the credentials of the later one
    OPENED = "opened"  # the earlier one removed MFA of root, or changed its password or e-mail address
    SAME_KEY = "same_key"
    SAME_ADDRESS = "same_address"


@dataclass(frozen=True, slots=True)
class Connection:
    """Another story that this one has to do with."""

    story_id: str
    link: Link
    value: str  # the access key or address; of an opening, when it was
    is_later: bool  # the other one began later


@dataclass(frozen=True, slots=True)
class Story:
    """One root session with what belongs to it.

    The story's own events are those of its session; `events` also has those before and after it. Of many, the most
    telling ones are kept: changes, then what was refused, then the first and last of the others. `counts` has all.
    """

    id: str  # the same whatever the log files' split and order of arrival
    kind: StoryKind
    account_id: str | None
    key: str  # creationDate; access key and day; access key; day
    who: str  # `root`, `root by access key AKIA…`, `root by AssumeRoot`
    first_time: datetime  # of its own events; aware, UTC
    last_time: datetime
    until: datetime  # the last event of all, also of what followed
    addresses: tuple[Counted, ...]  # most events first, at most 20
    address_count: int
    user_agents: tuple[Counted, ...]  # most events first, at most 20
    user_agent_count: int
    mfa: str  # yes, no, unknown
    mfa_device: str | None  # serial number, where the login names it
    counts: Mapping[Phase, int]  # of all events
    events: tuple[StoryEvent, ...]  # oldest first, at most as many as were asked for
    made: tuple[Made, ...]  # oldest first, at most 100
    made_count: int
    connections: tuple[Connection, ...]
    parts: tuple[str, ...]  # ids of the stories that are told in this one, its own first
    alerts: tuple[Alert, ...]  # oldest first
    severity: Severity  # of its gravest alert that is not suppressed; info without one
    sentence: str

    @property
    def event_count(self) -> int:
        """All its events, kept or not."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Asked:
    """Which stories are wanted. Empty and None mean: no limit."""

    accounts: frozenset[str] = frozenset()
    since: datetime | None = None  # stories with events of their own from then on
    until: datetime | None = None  # stories that began by then
    story_id: str | None = None  # only this one; the id of a part finds the story it is told in
    most_stories: int = 1_000
    most_events: int = 200  # kept of each story


@dataclass(frozen=True, slots=True)
class Stories:
    """The stories of a lake."""

    stories: tuple[Story, ...]  # newest first
    untold: int  # those beyond the most that were asked for
