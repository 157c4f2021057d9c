"""What docs/posture.md works out: a real trail where it is at hand, and its story in records of our own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from detector import Lake
from detector.lake.reader import read_lake
from detector.posture.answer import Answer, Horizon, answer_from_logs
from detector.posture.change import changes_of
from detector.posture.check import Check, Status, load_checks
from detector.posture.fact import Fact
from detector.posture.from_logs import read_facts
from detector.posture.posture import posture_of
from detector.records.log_file import decode_log_file
from detector.rules.engine import Engine
from detector.rules.events import TableEvents
from fixtures.story import Story
from tests.posture.scene import Scene

ROOT = Path(__file__).parents[2]
REAL = ROOT / "../shared/corpus/trails/Yamato-Security+suzaku-sample-data/SANS-504-S3-ransomware-lab"
ACCOUNT = "111122223333"
CHECKS = {check.id: check for check in load_checks()}
ON, TESTED = CHECKS["root_mfa_on"], CHECKS["root_mfa_tested"]
ENROLLED = datetime(2026, 3, 5, 9, tzinfo=UTC)
USED = datetime(2026, 3, 6, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def facts() -> Iterator[dict[str, list[Fact]]]:
    """Three logins without MFA, one that fails; later a device is enrolled, and used."""
    scene = Scene(Story("worked"), ACCOUNT)
    for time in ("03-01 00:07", "03-01 12:54", "03-02 10:37"):
        scene.login(time, "No")
    scene.login("03-03", "No", outcome="Failure")
    scene.enable("03-05", "u2f/root/vault-1")
    scene.login("03-06", "Yes", "u2f/root/vault-1")
    records = json.dumps({"Records": [event.record for event in scene.story.events]})
    with Engine(TableEvents(decode_log_file(records.encode(), "s3://trail/a.json.gz").table)) as engine:
        yield {check.id: read_facts(engine, check, USED, turns=False)[ACCOUNT] for check in (ON, TESTED)} | {
            f"{check.id} turns": read_facts(engine, check, USED, turns=True)[ACCOUNT] for check in (ON, TESTED)
        }


def as_of(facts: dict[str, list[Fact]], check: Check, day: int) -> Answer:
    moment = datetime(2026, 3, day, 23, tzinfo=UTC)
    return answer_from_logs(
        check, facts[check.id], Horizon(ACCOUNT, USED, (datetime(2026, 3, 1, tzinfo=UTC), USED)), moment
    )


def test_three_logins_without_mfa_prove_that_it_is_off_and_was_not_tested(facts: dict[str, list[Fact]]) -> None:
    on, tested = as_of(facts, ON, 4), as_of(facts, TESTED, 4)
    assert (on.status, on.value, tested.status, tested.value) == (Status.FAIL, "off", Status.FAIL, "no")
    assert "2026-03-02T10:37:00Z console login without MFA from 198.51.100.10 (3 in a row)" in on.detail
    assert len(on.evidence) == 3


def test_later_it_is_on_when_a_device_is_enrolled_and_tested_when_it_was_used(facts: dict[str, list[Fact]]) -> None:
    assert [as_of(facts, ON, day).status for day in (4, 5, 6)] == ["fail", "pass", "pass"]
    assert [as_of(facts, TESTED, day).status for day in (4, 5, 6)] == ["fail", "fail", "pass"]
    on = [(one.time, one.after) for one in changes_of(ON, facts["root_mfa_on turns"], ENROLLED)]
    tested = [(one.time, one.after) for one in changes_of(TESTED, facts["root_mfa_tested turns"], ENROLLED)]
    assert (on, tested) == ([(ENROLLED, Status.PASS)], [(USED, Status.PASS)])


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="the corpus is not beside this checkout")
def test_the_real_trail_is_as_the_page_has_it(tmp_path: Path) -> None:
    Lake(tmp_path / "lake").ingest(REAL)
    answers = {one.check.id: one for one in posture_of(read_lake(tmp_path / "lake")).answers}
    on = answers["root_mfa_on"]
    assert (on.value, answers["root_mfa_tested"].value, answers["root_unused"].value) == ("off", "no", "yes")
    assert on.detail.startswith("2021-07-30T10:37:34Z console login without MFA from ")
    assert len(on.evidence) == 3
    passed = {check for check, one in answers.items() if one.status is Status.PASS}
    assert passed == {
        "trail_encrypted", "trail_logging", "trail_management_events", "trail_multi_region", "trail_validated"
    }  # fmt: skip
    assert "PutBucketPolicy" in answers["trail_bucket_undeletable"].detail
    assert {one.status for one in answers.values()} == {Status.PASS, Status.FAIL, Status.UNKNOWN}
