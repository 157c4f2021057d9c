"""Records that do not fit together: none of them makes a story look better than it was."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from detector.rules.events import TableEvents
from detector.story.story import Story
from detector.story.tell import stories_of
from fixtures.callers import Caller, Json, root, root_console
from fixtures.calls import credentials
from fixtures.story import Story as Script
from fixtures.story import login_details
from tests.story.cases import AWAY, HOME, table_of

ACCOUNT = "300000000001"
GOOD, EVIL = "2026-03-02T08:00:00Z", "2026-03-02T20:00:00Z"


def sign_in(script: Script, clock: str, ip: str, mfa: str) -> None:
    script.sign_in(clock, root(ACCOUNT, ip), details=login_details(mfa, "device" if mfa == "Yes" else None))


def key_of(caller: Caller) -> str:
    return str(caller.identity["accessKeyId"])


def told(script: Script) -> Sequence[Story]:
    return stories_of(TableEvents(table_of([event.record for event in script.events]))).stories


@pytest.mark.parametrize("action", ["iam:CreateAccessKey", "sts:GetSessionToken"])
def test_who_signed_in_is_told_alone_whatever_says_that_another_session_made_the_key(action: str) -> None:
    script = Script("forged birth")
    owner, intruder = root_console(ACCOUNT, HOME, GOOD, mfa=True), root_console(ACCOUNT, AWAY, EVIL, mfa=False)
    answers: dict[str, Json] = {
        "iam:CreateAccessKey": {"accessKey": {"accessKeyId": key_of(intruder)}},
        "sts:GetSessionToken": {"credentials": credentials(key_of(intruder), GOOD)},
    }
    sign_in(script, GOOD, HOME, "Yes")
    script.call("2026-03-02T08:01:00Z", owner, action, None, answers[action])
    sign_in(script, EVIL, AWAY, "No")
    script.call("2026-03-02T20:01:00Z", intruder, "iam:CreateUser", {"userName": "eve"})
    assert [(story.key, story.mfa) for story in told(script)] == [(EVIL, "no"), (GOOD, "yes")]


def test_a_lasting_key_is_not_the_key_of_a_session() -> None:
    script = Script("forged kind")
    owner, intruder = root_console(ACCOUNT, HOME, GOOD, mfa=True), root_console(ACCOUNT, AWAY, EVIL, mfa=False)
    sign_in(script, GOOD, HOME, "Yes")
    made: Json = {"accessKey": {"accessKeyId": key_of(intruder)}}
    script.call("2026-03-02T08:01:00Z", owner, "iam:CreateAccessKey", None, made)
    script.call("2026-03-02T20:01:00Z", intruder, "iam:CreateUser", {"userName": "eve"})
    assert [(story.key, story.mfa) for story in told(script)] == [(EVIL, "no"), (GOOD, "yes")]


def test_of_two_sign_ins_in_one_second_the_one_without_mfa_is_told() -> None:
    script = Script("one second")
    sign_in(script, GOOD, HOME, "Yes")
    sign_in(script, GOOD, AWAY, "No")
    [story] = told(script)
    assert (story.mfa, story.mfa_device) == ("no", None)
    assert " without MFA" in story.sentence


def test_of_calls_whose_sign_in_is_not_there_those_without_mfa_are_told() -> None:
    script = Script("lost sign-in")
    for minute, mfa in enumerate((True, False, True)):
        script.call(f"2026-03-02T08:0{minute}:00Z", root_console(ACCOUNT, HOME, GOOD, mfa=mfa), "s3:ListBuckets")
    assert [story.mfa for story in told(script)] == ["no"]
