"""`detector report` on the command line, and what is read for it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from detector import Lake
from detector.lake.reader import read_lake_with_integrity
from detector.lake.writer import open_to_write
from detector.report.read import RuleSettings, read_report
from detector.report.report import Question, Report
from detector.rules.candidates import candidates
from fixtures.expect import AS_OF
from tests.running import LOGIN, Run, write_log
from tests.verify.vectors import Vector

ACCOUNT, OTHER = "111122223333", "444455556666"
pytestmark = pytest.mark.usefixtures("few_rules")


@pytest.fixture(scope="module")
def two_accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake in which root of two accounts signs in, a month apart."""
    folder = tmp_path_factory.mktemp("two")
    later = LOGIN | {
        "eventTime": "2025-04-04T09:52:10Z", "eventID": "later", "recipientAccountId": OTHER,
        "userIdentity": LOGIN["userIdentity"] | {"accountId": OTHER, "arn": f"arn:aws:iam::{OTHER}:root"},
    }  # fmt: skip
    write_log(folder / "logs/a.json.gz", LOGIN, later)
    Lake(folder / "lake").ingest(folder / "logs")
    return folder / "lake"


def read(lake: Path, question: Question = Question(), rules: RuleSettings = RuleSettings()) -> Report:  # noqa: B008
    snapshot = read_lake_with_integrity(lake, candidates().digest, AS_OF, (question.since, question.until))
    return read_report(snapshot, question, AS_OF, rules)


def test_a_file_holds_the_page_and_the_judgement_is_said(run: Run, two_accounts: Path, tmp_path: Path) -> None:
    result = run("report", "--lake", two_accounts, "--output", tmp_path / "report.html")
    assert (result.code, result.out) == (0, "")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>\n")
    assert "act now: 2 critical alerts in 2 accounts from 2025-03-04 to 2025-04-04" in result.err


def test_markdown_goes_to_standard_output_and_quiet_says_nothing(run: Run, two_accounts: Path) -> None:
    result = run("report", "--lake", two_accounts, "--format", "markdown", "--account", OTHER, "--quiet")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("# Root, MFA and trails: act now\n")
    assert ACCOUNT not in result.out


def test_an_account_and_a_window_choose_what_is_told(two_accounts: Path) -> None:
    for question in (
        Question(frozenset({OTHER})),
        Question(since=datetime(2025, 4, 1, tzinfo=UTC), until=datetime(2025, 4, 5, tzinfo=UTC)),
    ):
        report = read(two_accounts, question)
        alerts = [alert for group in report.alerts for rule in group.rules for alert in rule.shown]
        assert {alert.account_id for alert in alerts} == {OTHER}
        assert {one.story.account_id for one in report.stories.told} == {OTHER}
        assert "1 region of 1 account" in report.rests_on
        assert [strip.account for strip in report.coverage.shown] == [OTHER]
    assert report.coverage.days == 5


def test_a_backdoor_that_is_used_is_told_though_root_signed_in_before_that_time(trail_lake: Path) -> None:
    evening = [datetime(2025, 3, 4, hour, tzinfo=UTC) for hour in (20, 21)]
    report = read(trail_lake, Question(frozenset(), *evening))
    [told] = report.stories.told
    assert "support-backup" in [made.name for made in told.story.made]
    assert "what 1 earlier session of root left was in use" in report.judgement.sentence


def test_an_account_that_is_not_there_is_no_clean_one(run: Run, two_accounts: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    result = run("report", "--lake", two_accounts, "--account", "999999999999", "--output", file)
    assert result.code == 4
    assert result.errors == [f"error: nothing of account 999999999999 in {two_accounts}"]
    assert "Nothing of account 999999999999 is in the lake" in file.read_text(encoding="utf-8")


def test_a_gap_is_told_and_makes_the_report_incomplete(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "logs/a.json.gz", LOGIN)
    (tmp_path / "logs/b.json.gz").write_bytes(b"\x1f\x8bno gzip")
    lake, file = tmp_path / "lake", tmp_path / "report.html"
    Lake(lake).ingest(tmp_path / "logs")
    result = run("report", "--lake", lake, "--output", file)
    assert result.code == 4
    assert "1 gap in" in result.err
    assert "b.json.gz" in file.read_text(encoding="utf-8")
    assert run("report", "--lake", lake, "--output", file, "--allow-gaps").code == 0


def test_a_lake_into_which_nothing_came_has_no_report(run: Run, tmp_path: Path) -> None:
    with open_to_write(tmp_path / "lake"):  # as `watch` has it before the first log file arrives
        result = run("report", "--lake", tmp_path / "lake", "--output", tmp_path / "report.html")
    assert result.code == 3
    assert "nothing was ever ingested" in result.errors[0]
    assert not (tmp_path / "report.html").exists()


def test_a_rule_that_fails_is_named_on_the_page_and_is_an_error(run: Run, two_accounts: Path, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/broken.sql").write_text("SELECT 1")
    file = tmp_path / "report.html"
    result = run("report", "--lake", two_accounts, "--rules", tmp_path / "rules", "--output", file)
    assert result.code == 2
    assert "broken.sql" in result.errors[0]
    assert "What a rule would have found" in file.read_text(encoding="utf-8")


def test_a_rule_with_more_findings_than_are_taken_is_told_and_an_error(run: Run, two_accounts: Path) -> None:
    result = run("report", "--lake", two_accounts, "--rule-findings", "1")
    assert result.code == 2
    assert "more than 1 findings" in result.errors[0]
    assert "At least 1 critical alert in account" in result.err
    assert "did not run to its end" in result.err
    assert "more than 1 findings" in result.out


def test_what_rests_on_a_file_that_nobody_vouches_for_is_not_called_proven(run: Run, tmp_path: Path) -> None:
    valid, lake = Vector("valid").folder, tmp_path / "lake"
    shutil.copytree(valid / "bucket", tmp_path / "bucket")
    shutil.copyfile(valid / "objects.json", tmp_path / "objects.json")
    folder = f"example-trail-bucket/AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2025/03/04"
    forged = LOGIN | {"eventTime": "2025-03-04T00:31:31Z"}
    write_log(tmp_path / "bucket" / folder / f"{ACCOUNT}_CloudTrail_us-east-1_20250304T2305Z_a.json.gz", forged)
    run(
        "ingest", tmp_path / "bucket", "--lake", lake, "--jobs", 1,
        "--verify", "complete", "--keys", valid / "keys", "--until", "2025-03-04T04:01:31Z",
    )  # fmt: skip
    since, until = datetime(2025, 3, 4, 0, 1, 31, tzinfo=UTC), datetime(2025, 3, 4, 3, 1, 31, tzinfo=UTC)
    report = read(lake, Question(since=since, until=until))
    assert "Not proven what 1 alert rests on (1 log file unattested)" in report.rests_on


@pytest.mark.slow
def test_the_strip_shows_what_aws_has_signed(run: Run, tmp_path: Path) -> None:
    valid, lake = Vector("valid").folder, tmp_path / "lake"
    run(
        "ingest", valid / "bucket", "--lake", lake, "--jobs", 1,
        "--verify", "complete", "--keys", valid / "keys", "--until", "2025-03-04T04:01:31Z",
    )  # fmt: skip
    since, until = datetime(2025, 3, 4, 0, 1, 31, tzinfo=UTC), datetime(2025, 3, 4, 3, 1, 31, tzinfo=UTC)
    [strip] = read(lake, Question(since=since, until=until)).coverage.shown
    assert (strip.hours_signed, strip.hours_due) == (4, 4)
    report = read(lake, Question(frozenset({ACCOUNT}), since, until))
    assert report.basis.is_complete
    assert report.doubts.stretch_count == 0
    later = read(lake, Question(since=since, until=until + timedelta(hours=5)))
    assert later.doubts.stretch_count == 1
    assert later.doubts.has_digests
