"""Every check over records that make it pass, fail and unknown, and over near misses."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from detector.errors import RuleError
from detector.posture.answer import Answer
from detector.posture.check import Status, load_checks, parse_check, relations_of
from detector.posture.device import KINDS, kind_of, name_of
from detector.posture.from_logs import read_facts
from detector.posture.posture import Posture, posture_of
from detector.records.log_file import decode_log_file
from detector.rules.engine import Engine
from detector.rules.events import TableEvents
from fixtures.callers import Json, sso
from fixtures.story import Story
from tests.posture.cases import CASES, account_of, records
from tests.posture.scene import Case


@pytest.fixture(scope="module")
def posture() -> Posture:
    return posture_of(TableEvents(_table(records())))


def _table(of: list[Json]) -> pa.Table:
    return decode_log_file(json.dumps({"Records": of}).encode(), "s3://trail/a.json.gz").table


@pytest.fixture(scope="module")
def answers(posture: Posture) -> dict[tuple[str, str], Answer]:
    return {(answer.account_id, answer.check.id): answer for answer in posture.answers}


@pytest.mark.parametrize(("number", "case"), list(enumerate(CASES)), ids=[f"{one.check}: {one.name}" for one in CASES])
def test_records_make_a_check(number: int, case: Case, answers: dict[tuple[str, str], Answer]) -> None:
    answer = answers[account_of(number), case.check]
    assert (answer.status, answer.detail) == (case.status, answer.detail)
    assert case.says in answer.detail


def test_every_answer_but_unknown_names_its_events(answers: dict[tuple[str, str], Answer]) -> None:
    for answer in answers.values():
        if answer.status is not Status.UNKNOWN:
            assert answer.evidence
            assert answer.as_of is not None
        if answer.status is Status.FAIL:
            assert answer.next == answer.check.next


def test_every_check_is_shown_to_pass_if_logs_can_to_be_unknown_and_else_to_fail() -> None:
    shown: defaultdict[str, set[str]] = defaultdict(set)
    for case in CASES:
        shown[case.check].add(case.status)
    never_fail = {"root_mfa_enabled", "root_mfa_two_devices", "other_admins_exist", "trail_bucket_undeletable"}
    for check in load_checks():
        passes = {"pass"} if check.silence else set()
        fails = set() if check.id in never_fail else {"fail"}
        assert shown[check.id] == passes | fails | {"unknown"}, check.id


def test_what_only_silence_shows_has_no_yes_and_labels_fit() -> None:
    for check in load_checks():
        assert ("'yes'" in check.sql) == (check.silence is not None), check.id
        assert len(check.label) <= 17, check.id
        assert len(check.word(Status.FAIL)) <= 11, check.id


def test_a_pass_is_never_more_than_nothing_seen(answers: dict[tuple[str, str], Answer]) -> None:
    for answer in answers.values():
        if answer.status is Status.PASS:
            assert answer.detail.endswith(f"; {answer.check.silence} seen until 2026-03-08T09:00:00Z")


def test_people_who_go_on_working_were_there_before_too() -> None:
    story = Story("people")
    for time in ("2026-03-01T09:00:00Z", "2026-03-05T09:00:00Z"):
        story.call(time, sso(account_of(0), "Admin", "erin", "198.51.100.10", time), "iam:ListUsers")
    with Engine(TableEvents(_table([event.record for event in story.events]))) as engine:
        [check] = [check for check in load_checks() if check.id == "other_admins_exist"]
        facts = read_facts(engine, check, datetime(2026, 3, 3, tzinfo=UTC))
    assert [fact.time for fact in facts[account_of(0)]] == [datetime(2026, 3, 1, 9, tzinfo=UTC)]


def test_a_check_is_planned_with_the_relations_that_it_reads_and_no_other() -> None:
    read = {check.id: [part.partition(" ")[0] for part in relations_of(check.sql)] for check in load_checks()}
    assert read["root_unused"] == []
    assert read["root_mfa_two_devices"] == ["root_device_events", "root_device_doubts", "root_device_sightings"]


def _blocks() -> Iterator[tuple[str, str]]:
    yield "SELECT 1", "no metadata"
    yield "-- /// check\n-- title = 3\n-- ///\nSELECT 1", "'title' is not a str"
    yield "-- /// check\n-- title = 'x\n-- ///\nSELECT 1", "Illegal character|illegal|Expected"
    yield "-- /// check\n-- title = 'x'\n-- ///\nDROP TABLE x", "must be exactly one SELECT"


@pytest.mark.parametrize(("text", "message"), list(_blocks()))
def test_a_malformed_check_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.sql"
    path.write_text(text)
    with pytest.raises(RuleError, match=f"odd.sql: .*({message})"):
        parse_check(path)


def test_a_serial_number_means_the_same_in_logs_and_to_aws(posture: Posture) -> None:
    named = [device for devices in posture.devices.values() for device in devices if device.serial is not None]
    assert {device.kind for device in named} == set(KINDS)
    for device in named:
        assert (kind_of(device.serial or ""), name_of(device.serial or "")) == (device.kind, device.name)
