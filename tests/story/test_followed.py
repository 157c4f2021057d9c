"""What was done by what root made, by whatever way."""

from __future__ import annotations

import json

import pytest

from detector.rules.events import TableEvents
from detector.story.story import MadeKind
from detector.story.tell import stories_of
from fixtures.callers import Caller, Json, federated_user, role, root_console
from fixtures.story import Story as Script
from tests.story.cases import AWAY, HOME, LOGIN, calls, table_of

ACCOUNT, OTHER = "400000000001", "400000000002"


def in_lower_case(caller: Caller) -> Caller:
    """The same caller, the type of whose issuer is written in another way."""
    return Caller(**{**vars(caller), "identity": json.loads(json.dumps(caller.identity).replace('"Role"', '"role"'))})


@pytest.mark.parametrize(
    ("kind", "action", "request_", "caller"),
    [
        (MadeKind.USER, "iam:CreateUser", {"userName": "bob"}, federated_user(ACCOUNT, "bob", "x", AWAY, LOGIN)),
        (MadeKind.ROLE, "iam:CreateRole", {"roleName": "bob"}, in_lower_case(role(ACCOUNT, "bob", "x", AWAY, LOGIN))),
    ],
)
def test_sessions_of_what_was_made_are_its_use(kind: MadeKind, action: str, request_: Json, caller: Caller) -> None:
    script = Script("backdoor")
    script.call(LOGIN, root_console(ACCOUNT, HOME, LOGIN, mfa=False), action, request_)
    for minute in range(10, 13):
        script.call(f"2026-03-02T09:{minute}:00Z", caller, "s3:DeleteBucket")
    for account, name, clock in ((ACCOUNT, "bob-2", "09:20"), (OTHER, "bob", "09:21"), (ACCOUNT, "bob", "08:00")):
        script.call(f"2026-03-02T{clock}:00Z", federated_user(account, name, "x", AWAY, LOGIN), "s3:DeleteBucket")
    [story] = stories_of(TableEvents(table_of([event.record for event in script.events]))).stories
    assert [(made.kind, made.name, made.uses) for made in story.made] == [(kind, "bob", 3)]
    assert calls(story, "after") == ["DeleteBucket"] * 3
    assert story.sentence.endswith("what it made was used for 3 calls")
