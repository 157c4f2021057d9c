"""A fact: what one event, or one answer of AWS's, says about a question."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Says(StrEnum):
    """What a fact says about its subject. Of facts of one moment the later in this list counts."""

    YES = "yes"
    GONE = "gone"  # the subject is no longer there to be asked about
    UNSURE = "unsure"  # what was known no longer holds, and nothing takes its place
    NO = "no"

    @property
    def rank(self) -> int:
        """The place in the list."""
        return tuple(Says).index(self)


@dataclass(frozen=True, slots=True)
class Fact:
    """What happened to one subject at one moment, and what that says."""

    account_id: str
    time: datetime  # aware, UTC
    subject: str  # a device, a key, a trail; "" where there is only the account
    says: Says
    detail: str  # chosen by others in part
    evidence: str  # an event id, or the name and the request id of a call

    @property
    def order(self) -> tuple[datetime, int, str]:
        """Sort key: oldest first; at one moment, the worst last."""
        return self.time, self.says.rank, self.evidence
