"""One account's records, told by what is done to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fixtures import callers
from fixtures.callers import Json
from fixtures.story import Story, login_details

IP = "198.51.100.10"
KEY = "AKIAI44QH8DHBEXAMPLE"
Tell = Callable[["Scene"], None]


class Scene:
    """One account's records."""

    def __init__(self, story: Story, account: str) -> None:
        self.story = story
        self.account = account
        self.root = callers.root_console(account, IP, "2026-03-01T08:00:00Z", mfa=False)
        self.bob = callers.iam_user(account, "bob", IP)

    def serial(self, name: str) -> str:
        return name if "/" not in name else f"arn:aws:iam::{self.account}:{name}"

    def login(self, time: str, mfa: str | None, device: str | None = None, **more: str) -> None:
        details = login_details(mfa, device and self.serial(device))
        self.story.sign_in(at(time), callers.root(self.account, IP), details=details, **more)

    def enable(self, time: str, device: str, user: str = "AWS ROOT USER") -> None:
        self.by_root(time, "iam:EnableMFADevice", {"userName": user, "serialNumber": self.serial(device)})

    def deactivate(self, time: str, device: str, user: str = "AWS ROOT USER") -> None:
        self.by_root(time, "iam:DeactivateMFADevice", {"userName": user, "serialNumber": self.serial(device)})

    def by_root(
        self, time: str, action: str, request: Json | None = None, response: Json | None = None, **more: object
    ) -> None:
        self.story.call(at(time), self.root, action, request, response, **more)  # type: ignore[arg-type]

    def by_bob(
        self, time: str, action: str, request: Json | None = None, response: Json | None = None, **more: object
    ) -> None:
        self.story.call(at(time), self.bob, action, request, response, **more)  # type: ignore[arg-type]

    def with_key(self, time: str, action: str = "sts:GetCallerIdentity", key: str = KEY) -> None:
        self.story.call(at(time), callers.root_key(self.account, key, IP), action)

    def in_assume_root(self, time: str, action: str, request: Json | None = None, **more: object) -> None:
        session = callers.assumed_root(self.account, "ASIAASSUMEDEXAMPLE00", IP, at(time), flagged=True)
        self.story.call(at(time), session, action, request, **more)  # type: ignore[arg-type]

    def trail(self, time: str, action: str, response: Json | None = None, name: str = "main") -> None:
        arn = f"arn:aws:cloudtrail:us-east-1:{self.account}:trail/{name}"
        self.by_bob(time, f"cloudtrail:{action}", {"name": arn}, response and {"trailARN": arn, **response})

    def selectors(self, time: str, read_write_type: str) -> None:
        selector: Json = {"readWriteType": read_write_type, "includeManagementEvents": True}
        arn = f"arn:aws:cloudtrail:us-east-1:{self.account}:trail/main"
        self.by_bob(time, "cloudtrail:PutEventSelectors", {"trailName": arn, "eventSelectors": [selector]})


def at(time: str) -> str:
    """Return `03-04`, `03-04 10:11` or `2025-03-04` as an eventTime; without a year it is 2026."""
    day, _, clock = time.partition(" ")
    return f"{day if len(day) > 5 else f'2026-{day}'}T{clock or '09:00'}:00Z"


@dataclass(frozen=True)
class Case:
    check: str
    status: str
    name: str
    tell: Tell
    says: str = ""  # is in the detail


def told(*steps: Tell) -> Tell:
    def tell(scene: Scene) -> None:
        for step in steps:
            step(scene)

    return tell


def nothing(scene: Scene) -> None:
    pass
