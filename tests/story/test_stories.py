"""What is told of root's sessions: what belongs to a story, what does not, and how much of a flood."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.alerts.alert import Suppression
from detector.detect.detect import detect
from detector.ingest.ingest import ingest
from detector.lake.reader import read_lake
from detector.lake.writer import open_to_write
from detector.rules.candidates import candidates
from detector.rules.engine import Engine
from detector.rules.events import TableEvents
from detector.rules.examples import load_examples
from detector.rules.rule import load_rules, shipped_rules_directory
from detector.run_report import RunReport
from detector.scope import Scope
from detector.severity import Severity
from detector.sources.opening import open_source
from detector.story import lines
from detector.story.story import Asked, Link, MadeKind, Phase, Stories, Story, StoryKind
from detector.story.tell import stories_of, tell_stories
from fixtures.callers import Json
from tests.story import cases
from tests.story.cases import alert_about, bundled, calls, records, table_of, the_story, without_places

SANS = Path(
    os.environ.get("DETECTOR_CORPUS", Path(__file__).parents[3] / "shared/corpus"),
    "trails/Yamato-Security+suzaku-sample-data/SANS-504-S3-ransomware-lab",
)
INTRUDED, BROKEN_GLASS, TAKEN = "111122223333", "444455556666", "444455556666"
INTRUSION, NEXT_DAY = "2025-03-04T09:52:10Z", "2025-03-05T01:15:00Z"


@pytest.fixture(scope="module")
def events() -> TableEvents:
    return TableEvents(table_of(records(), bundled()))


@pytest.fixture(scope="module")
def engine(events: TableEvents) -> Iterator[Engine]:
    with Engine(events) as engine:
        yield engine


@pytest.fixture(scope="module")
def told(engine: Engine) -> Stories:
    return tell_stories(engine)


# The bundled trails ---------------------------------------------------------------------------------------------------


def test_an_intrusion_is_one_story_with_the_key_and_the_user_that_it_made(told: Stories) -> None:
    story = the_story(told.stories, INTRUDED, INTRUSION)
    assert story.kind is StoryKind.SESSION
    assert story.counts == {"before": 6, "sign_in": 1, "changed": 10, "read": 3, "refused": 2, "after": 6}
    assert story.event_count == len(story.events) == 28
    assert (story.mfa, story.address_count) == ("no", 2)
    assert [(made.kind, made.name, made.uses) for made in story.made if made.uses] == [
        (MadeKind.KEY, "AKIAI44QH8DHBEXAMPLE", 5),
        (MadeKind.USER, "support-backup", 1),
    ]
    assert calls(story, "after")[-1] == "ConsoleLogin"
    assert story.events[-1].actor.endswith(":user/support-backup")
    assert len(story.parts) == 2
    assert not [one for one in told.stories if one.account_id == INTRUDED and one.kind is StoryKind.KEY]
    assert story.sentence == (
        "root signed in to account 111122223333 from 203.0.113.9 and 1 other address without MFA, after 6 failed "
        "sign-ins; changed 10, read 3, 2 failed; made access key AKIAI44QH8DHBEXAMPLE, user support-backup, access key "
        "AKIAZOQE67O6BEXAMPLE; what it made was used for 6 calls"
    )


def test_the_session_of_the_next_day_is_told_as_connected(told: Stories) -> None:
    first, second = (the_story(told.stories, INTRUDED, key) for key in (INTRUSION, NEXT_DAY))
    assert [(one.story_id, one.is_later) for one in first.connections] == [(second.id, True)]
    assert [(one.story_id, one.link) for one in second.connections] == [(first.id, Link.OPENED)]
    assert told.stories.index(second) < told.stories.index(first)


def test_planned_use_with_mfa_is_another_story_and_names_the_device(told: Stories) -> None:
    story = the_story(told.stories, BROKEN_GLASS, "2025-05-12T13:02:00Z")
    assert (story.mfa, story.mfa_device) == ("yes", f"arn:aws:iam::{BROKEN_GLASS}:mfa/root-account-mfa-device")
    assert calls(story, "before") == ["ConsoleLogin", "CheckMfa"]
    assert "with MFA, after 1 failed sign-in;" in story.sentence


def test_assume_root_is_told_from_the_call_that_hands_out_the_key(told: Stories) -> None:
    [unlock, audit] = sorted(
        (one for one in told.stories if one.kind is StoryKind.ASSUME_ROOT and f"{one.first_time:%Y-%m}" == "2025-05"),
        key=lambda one: one.first_time,
    )
    assert [event.event_name for event in unlock.events] == ["AssumeRoot", "GetBucketPolicy", "DeleteBucketPolicy"]
    assert unlock.account_id == audit.account_id == BROKEN_GLASS
    assert unlock.events[0].account_id == "777788889999"
    assert unlock.sentence.startswith(
        "AWSReservedSSO_AdministratorAccess_0123456789abcdef acted as root of account 4444"
    )
    assert (unlock.counts[Phase.CHANGED], audit.counts[Phase.CHANGED]) == (1, 0)


def test_a_takeover_begins_with_the_recovery(told: Stories) -> None:
    story = the_story(told.stories, TAKEN, "2025-06-17T02:24:18Z")
    assert calls(story, "before") == [
        *("PasswordRecoveryRequested", "PasswordRecoveryRequested", "PasswordRecoveryCompleted"),
    ]
    assert "after PasswordRecoveryCompleted, PasswordRecoveryRequested" in story.sentence
    [changed] = [event for event in story.events if event.event_name == "EmailUpdated"]
    assert (changed.phase, changed.is_probable) == (Phase.CHANGED, True)


# Scenes ---------------------------------------------------------------------------------------------------------------


def test_one_sign_in_is_one_story_however_many_access_keys_it_uses(told: Stories) -> None:
    [story] = [one for one in told.stories if one.account_id == cases.KEYS]
    assert story.counts[Phase.READ] == 9


def test_a_call_without_a_session_is_attached_by_address_within_fifteen_minutes(told: Stories) -> None:
    story = the_story(told.stories, cases.NEAR)
    assert [event.event_name for event in story.events if event.is_probable] == [
        *("GetPaymentMethods", "GetBillingNotifications"),
    ]
    loose = the_story(told.stories, cases.NEAR, "2026-03-02")
    assert loose.kind is StoryKind.LOOSE
    assert [event.event_name for event in loose.events] == ["TooEarly", "FromElsewhere", "TooLate"]
    assert "belongs to no session" in loose.sentence


def test_failed_sign_ins_belong_to_the_next_session_within_three_days_or_to_the_one_at_their_address(
    told: Stories,
) -> None:
    story = the_story(told.stories, cases.AFTERWARDS)
    assert [(event.phase, event.source_ip) for event in story.events] == [
        (Phase.BEFORE, cases.AWAY),
        (Phase.BEFORE, cases.AWAY),
        (Phase.SIGN_IN, cases.HOME),
        (Phase.REFUSED, cases.HOME),
    ]
    assert [one.counts[Phase.REFUSED] for one in told.stories if one.key == "2026-02-27"] == [1]


def test_a_key_that_is_used_days_later_is_a_story_of_its_own_each_day_and_connected(told: Stories) -> None:
    maker = the_story(told.stories, cases.LATER_DAY)
    first, second = (the_story(told.stories, cases.LATER_DAY, f"{cases.ROOT_KEY} 2026-03-0{day}") for day in (4, 5))
    assert [(one.story_id, one.link) for one in maker.connections] == [
        (first.id, Link.MADE_KEY),
        (second.id, Link.MADE_KEY),
    ]
    assert [(one.story_id, one.link) for one in first.connections] == [
        (maker.id, Link.MADE_KEY),
        (second.id, Link.SAME_KEY),
    ]
    assert first.who == f"root by access key {cases.ROOT_KEY}"
    assert first.sentence.startswith(f"root's access key {cases.ROOT_KEY} of account {cases.LATER_DAY} was used from")
    assert (maker.made[0].uses, maker.made[0].owner) == (0, None)


def test_temporary_credentials_are_told_in_the_story_of_the_key_that_made_them(told: Stories) -> None:
    [story] = [one for one in told.stories if one.account_id == cases.TOKEN]
    assert story.kind is StoryKind.KEY
    assert [(made.kind, made.uses) for made in story.made] == [(MadeKind.SESSION, 1)]
    assert calls(story, "after") == ["DeleteBucket"]


def test_a_new_password_counts_for_the_console_alone(told: Stories) -> None:
    [story] = [one for one in told.stories if one.account_id == cases.OLD_USER]
    assert [(made.kind, made.name, made.uses) for made in story.made] == [(MadeKind.PASSWORD, "bob", 2)]
    assert calls(story, "after") == ["ConsoleLogin", "DeleteBucket"]
    assert story.until > story.last_time


def test_a_role_is_followed_in_its_own_account_and_by_its_whole_name(told: Stories) -> None:
    [story] = [one for one in told.stories if one.account_id == cases.NEW_ROLE]
    assert [(made.kind, made.name, made.uses) for made in story.made] == [(MadeKind.ROLE, "backdoor", 1)]


def test_the_removal_of_roots_mfa_by_another_comes_before(told: Stories) -> None:
    [story] = [one for one in told.stories if one.account_id == cases.OPENED]
    assert calls(story, "before") == ["DeactivateMFADevice"]
    assert story.address_count == 1


def test_services_with_roots_name_are_no_story(told: Stories) -> None:
    assert not [one for one in told.stories if one.account_id == cases.SERVICE]


def test_a_session_whose_sign_in_is_not_there_takes_mfa_from_its_calls(told: Stories) -> None:
    [story] = [one for one in told.stories if one.account_id == cases.LOST]
    assert (story.counts[Phase.SIGN_IN], story.mfa) == (0, "no")
    assert story.sentence.startswith("root was signed in to")


def test_the_name_of_a_service_is_no_address_that_connects(told: Stories) -> None:
    assert [one.connections for one in told.stories if one.account_id == cases.SERVICE_NAME] == [(), ()]


def test_each_event_is_told_once(told: Stories) -> None:
    told_ids = [event.event_id for story in told.stories for event in story.events]
    assert len(told_ids) == len(set(told_ids))


# What is asked --------------------------------------------------------------------------------------------------------


def test_a_flood_is_counted_and_the_rare_change_and_what_alerts_are_about_are_kept(engine: Engine) -> None:
    [whole] = tell_stories(engine, asked=Asked(frozenset({cases.FLOOD}), most_events=1_000)).stories
    about = next(event for event in whole.events if event.target == "bucket-171")
    known = next(event for event in whole.events if event.target == "bucket-99")
    alerts = [
        alert_about(about.event_id, account_id=cases.FLOOD),
        alert_about(known.event_id, account_id=cases.FLOOD, suppressed_by=Suppression("S", "known")),
    ]
    asked = Asked(frozenset({cases.FLOOD}), most_events=5)
    [story] = tell_stories(engine, alerts, asked).stories
    assert story.counts[Phase.CHANGED] == 301
    assert len(story.events) == 5
    assert {"StopLogging", "ConsoleLogin"} <= {event.event_name for event in story.events}
    assert about in story.events
    assert known not in story.events
    assert list(story.alerts) == alerts
    assert story.severity is Severity.CRITICAL


def test_a_story_is_found_by_its_id_and_by_that_of_a_part(engine: Engine, told: Stories) -> None:
    story = the_story(told.stories, INTRUDED, INTRUSION)
    for part in story.parts:
        assert tell_stories(engine, asked=Asked(story_id=part)).stories == (story,)
    assert tell_stories(engine, asked=Asked(story_id="no such")).stories == ()


def test_accounts_and_times_choose_stories(engine: Engine, told: Stories) -> None:
    end = datetime(2026, 3, 1, tzinfo=UTC)
    asked = Asked(since=end - timedelta(days=10), until=end)
    assert [one.key for one in tell_stories(engine, asked=asked).stories] == ["2026-02-27"]
    assert {one.account_id for one in tell_stories(engine, asked=Asked(frozenset({INTRUDED}))).stories} == {INTRUDED}
    assert len(told.stories) > 20


def test_of_more_stories_than_are_asked_for_the_gravest_and_then_the_newest_are_told(
    engine: Engine, told: Stories
) -> None:
    old = the_story(told.stories, INTRUDED, INTRUSION)
    alert = alert_about("unknown", context={"story": old.id})
    few = tell_stories(engine, [alert], Asked(most_stories=2))
    assert [one.id for one in few.stories] == [told.stories[0].id, old.id]
    assert few.untold == len(told.stories) - 2


def test_of_very_many_sessions_those_with_changes_are_looked_at(
    engine: Engine, told: Stories, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = sum(len(story.parts) for story in told.stories)
    monkeypatch.setattr("detector.story.from_lake.MOST_PARTS", 3)
    few = tell_stories(engine)
    assert len(few.stories) <= 3
    assert few.untold == sessions - 3
    assert all(story.counts[Phase.CHANGED] for story in few.stories)


def test_an_alert_goes_to_the_story_of_its_event_and_to_no_other(engine: Engine, told: Stories) -> None:
    story = the_story(told.stories, INTRUDED, INTRUSION)
    guess, user = story.events[0], story.events[-1]
    alerts = [
        alert_about(guess.event_id, account_id=INTRUDED),
        alert_about(user.event_id, Severity.LOW, account_id=INTRUDED),
        alert_about("of nothing that root did"),
    ]
    with_alerts = tell_stories(engine, alerts).stories
    assert sorted(the_story(with_alerts, INTRUDED, INTRUSION).alerts, key=alerts.index) == alerts[:2]
    assert sum(len(one.alerts) for one in with_alerts) == 2


# Split and order ------------------------------------------------------------------------------------------------------


def by_id(stories: Stories) -> dict[str, object]:
    return {story.id: without_places(story) for story in stories.stories}


def split(random: Random, files: int) -> list[list[Json]]:
    """All records in any files and any order, some of them delivered twice."""
    pieces: list[list[Json]] = [[] for _ in range(files)]
    for record in [*records(), *bundled()]:
        random.choice(pieces).append(record)
        if random.random() < 0.1:
            random.choice(pieces).append(record)
    for piece in pieces:
        random.shuffle(piece)
    return pieces


def test_order_and_split_change_no_story(told: Stories) -> None:
    shuffled = stories_of(TableEvents(table_of(*split(Random(1), 7))))
    assert by_id(shuffled) == by_id(told)
    assert [one.id for one in shuffled.stories] == [one.id for one in told.stories]


@pytest.mark.slow
@given(seed=st.integers(0, 1 << 32), files=st.integers(1, 30))
@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_no_order_and_no_split_changes_a_story(told: Stories, seed: int, files: int) -> None:
    assert by_id(stories_of(TableEvents(table_of(*split(Random(seed), files))))) == by_id(told)


# With the rules -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_alert_about_an_intruder_is_in_the_story() -> None:
    events = TableEvents(table_of(bundled("compromised_root")))
    alerts = detect(events, [], datetime(2026, 3, 9, tzinfo=UTC)).alerts
    stories = stories_of(events, alerts).stories
    assert {alert.alert_id for alert in alerts} == {alert.alert_id for story in stories for alert in story.alerts}
    story = the_story(stories, INTRUDED, INTRUSION)
    assert (len(alerts), story.severity) == (32, Severity.CRITICAL)
    for alert in story.alerts:
        assert alert.context.get("story", story.id) in story.parts


@pytest.mark.slow
def test_whatever_rules_and_odd_records_hold_is_told_once() -> None:
    odd = [json.loads(path.read_text()) for path in sorted(cases.RECORDS.glob("*.json"))]
    examples = [example for rule in load_rules(shipped_rules_directory()).rules for example in load_examples(rule)]
    table = table_of(odd, [record for example in examples for record in example.records])
    stories = stories_of(TableEvents(table), asked=Asked(most_events=10_000)).stories
    places = [(event.log_file, event.log_file_index) for story in stories for event in story.events]
    assert len(places) == len(set(places)) > 1_000
    assert {story.kind for story in stories} == set(StoryKind)
    for story in stories:
        for line in lines.jsonl([lines.story_object(story), *(lines.event_object(one, story) for one in story.events)]):
            assert len(line) < 32_000


@pytest.mark.slow
@pytest.mark.skipif(not SANS.exists(), reason="the corpus is not beside the project")
def test_every_call_of_root_in_the_sans_trail_is_attached(tmp_path: Path) -> None:
    with open_to_write(tmp_path / "lake") as writer:
        ingest([open_source(str(SANS))], writer, Scope(), RunReport(datetime.now(UTC)), jobs=1)
    told: list[Story] = list(stories_of(read_lake(tmp_path / "lake", candidates().digest)).stories)
    assert [story.kind for story in told] == [StoryKind.SESSION] * 3
    own = (Phase.SIGN_IN, Phase.CHANGED, Phase.READ, Phase.REFUSED)
    everything = stories_of(read_lake(tmp_path / "lake"), asked=Asked(most_events=10_000)).stories
    attached = [event for story in everything for event in story.events if event.phase in own]
    probable = [event for event in attached if event.is_probable]
    # 649 calls say when their session began; 3 sign-ins began it; 3 calls of the billing console say nothing.
    assert (len(attached), len(probable)) == (649 + 3 + 3, 3)
    assert {event.service for event in probable} == {"billingconsole"}
