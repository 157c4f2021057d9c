"""Which stories are told where an account has more sessions than can be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from detector.rules.engine import Engine
from detector.rules.events import TableEvents
from detector.severity import Severity
from detector.story.story import Asked
from detector.story.tell import stories_of, tell_stories
from fixtures.callers import root_console, root_key
from fixtures.story import Story as Script
from tests.story.cases import AWAY, HOME, alert_about, table_of

QUIET, NOISY = "200000000001", "200000000002"
FIRST, SECOND = "2026-03-05T09:00:00Z", "2026-03-06T09:00:00Z"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Two sessions that only read, and later ten of another account that each change a tag; five are looked at."""
    script = Script("flood")
    for login in (FIRST, SECOND):
        script.call(login, root_console(QUIET, HOME, login, mfa=False), "secretsmanager:GetSecretValue")
    for minute in range(10, 20):
        login = f"2026-03-10T10:{minute}:00Z"
        script.call(login, root_console(NOISY, AWAY, login, mfa=False), "ec2:CreateTags")
    with Engine(TableEvents(table_of([event.record for event in script.events]))) as engine:
        yield engine


@pytest.fixture(autouse=True)
def five_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.story.from_lake.MOST_PARTS", 5)


def test_an_account_and_a_time_are_looked_for_among_all_sessions(engine: Engine) -> None:
    of_account = tell_stories(engine, asked=Asked(frozenset({QUIET})))
    assert ([story.key for story in of_account.stories], of_account.untold) == ([SECOND, FIRST], 0)
    day = Asked(since=datetime(2026, 3, 5, tzinfo=UTC), until=datetime(2026, 3, 6, tzinfo=UTC))
    of_day = tell_stories(engine, asked=day)
    assert ([story.key for story in of_day.stories], of_day.untold) == ([FIRST], 0)
    later = tell_stories(engine, asked=Asked(since=datetime(2026, 3, 7, tzinfo=UTC)))
    assert ({story.account_id for story in later.stories}, later.untold) == ({NOISY}, 5)


def test_a_story_is_found_by_its_id_among_all_sessions(engine: Engine) -> None:
    wanted = tell_stories(engine, asked=Asked(frozenset({QUIET}))).stories[1]
    assert [one.id for one in tell_stories(engine, asked=Asked(story_id=wanted.id)).stories] == [wanted.id]
    assert not tell_stories(engine, asked=Asked(story_id="no such")).stories


@pytest.mark.parametrize("named", ["by its id", "by an event", "by what a rule of one's own puts there"])
def test_what_alerts_are_about_is_looked_at_first(engine: Engine, named: str) -> None:
    wanted = tell_stories(engine, asked=Asked(frozenset({QUIET}))).stories[1]
    context = {"by its id": {"story": wanted.id}, "by an event": {}}.get(named, {"story": [7]})
    alert = alert_about(wanted.events[0].event_id, account_id=QUIET, context=context)
    told = tell_stories(engine, [alert])
    assert [story.key for story in told.stories if story.severity is Severity.CRITICAL] == [FIRST]
    assert told.untold == 12 - 5


def test_accounts_take_turns(engine: Engine) -> None:
    assert {story.account_id for story in tell_stories(engine).stories} == {QUIET, NOISY}


def test_what_an_alert_is_about_is_looked_at_with_what_made_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.story.from_lake.MOST_PARTS", 2)
    script, key = Script("flooded key"), "AKIAI44QH8DHBEXAMPLE"
    maker = root_console(QUIET, HOME, FIRST, mfa=False)
    script.call(FIRST, maker, "iam:CreateAccessKey", None, {"accessKey": {"accessKeyId": key}})
    script.call("2026-03-05T10:00:00Z", root_key(QUIET, key, AWAY), "s3:ListBuckets")
    for minute in range(10, 20):
        login = f"2026-03-10T10:{minute}:00Z"
        script.call(login, root_console(QUIET, AWAY, login, mfa=False), "ec2:CreateTags")
    records = [event.record for event in script.events]
    [told] = stories_of(TableEvents(table_of(records)), [alert_about(str(records[1]["eventID"]))]).stories
    assert (told.key, len(told.parts)) == (FIRST, 2)
