from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path

import pytest

from detector.cli import coverage
from detector.verify.coverage import HOUR, LETTERS, Damage, HourState, Stretch, hours_of, stretches
from detector.verify.digest import utc_text
from detector.verify.verdicts import Asked, LocationVerdict
from tests.running import LOGIN, Result, Run, write_log
from tests.verify.aws_server import AwsServer
from tests.verify.test_command import scope_of
from tests.verify.vectors import CASES, Vector, judge, required

KEYS = Vector("valid").folder / "keys"


@pytest.mark.parametrize("case", CASES)
def test_the_hours_of_each_vector_are_in_their_states(case: str) -> None:
    vector = Vector(case)
    asked = vector.asked()

    places = hours_of(judge(vector.objects, vector.keys, asked), asked)

    expected = {(vector.expected["account"], vector.expected["region"]): vector.expected["hours"]}
    for account, other in vector.expected.get("other_accounts", {}).items():
        expected[account, vector.expected["region"]] = other["hours"]
    found = {place: {utc_text(start): str(state) for start, state in hours.items()} for place, hours in places.items()}
    assert found == expected


def test_hours_in_a_row_in_one_state_are_one_stretch() -> None:
    vector = Vector("validation_off")
    asked = vector.asked()

    found = [*stretches(hours_of(judge(vector.objects, vector.keys, asked), asked))]

    states = [(one.state, (one.end - one.start) // HOUR) for one in found]
    assert states == [(HourState.COMPLETE, 2), (HourState.UNATTESTED, 3), (HourState.COMPLETE, 2)]


@pytest.mark.parametrize(
    ("case", "hour", "verdict"),
    [("tampered_log", 0, "altered"), ("missing_log", 1, "missing"), ("injected_log", 0, "unlisted")],
)
def test_damage_is_counted_where_its_hour_is(case: str, hour: int, verdict: str) -> None:
    vector = Vector(case)
    asked = vector.asked()
    verdicts = judge(vector.objects, vector.keys, asked)

    damage = Damage(verdicts)

    found = {one.state: damage.within(one) for one in stretches(hours_of(verdicts, asked))}
    assert found.pop(HourState.DAMAGED) == {verdict: 1}
    assert not any(found.values())
    assert asked.since
    start = asked.since + hour * HOUR
    assert damage.within(Stretch("111122223333", "us-east-1", start, start + HOUR, HourState.DAMAGED)).total() == 1


def test_an_hour_without_a_digest_yet_is_pending_and_a_denied_one_unread() -> None:
    vector = Vector("valid")
    digests = [one for one in vector.objects if one.is_digest]
    asked = vector.asked()
    soon = Asked(asked.since, asked.until, asked.until + timedelta(minutes=5))
    without_newest = [one for one in vector.objects if one != digests[-1]]

    places = hours_of(judge(without_newest, vector.keys, soon), soon)
    assert next(iter(places.values()))[required("2025-03-04T03:01:31Z")] is HourState.PENDING

    without_second = [one for one in vector.objects if "Digest" not in one.uri or "T020131Z" not in one.uri]
    denied = next(one.uri for one in digests if "T020131Z" in one.uri)
    places = hours_of(judge(without_second, vector.keys, asked, unreadable=[denied]), asked)
    assert next(iter(places.values()))[required("2025-03-04T01:01:31Z")] is HourState.UNREAD


def test_a_listed_file_that_was_not_read_makes_its_hour_unread() -> None:
    vector = Vector("valid")
    denied = "s3://example-trail-bucket/AWSLogs/111122223333/CloudTrail/"
    asked = vector.asked()
    digests = [one for one in vector.objects if one.is_digest]

    (hours,) = hours_of(judge(digests, vector.keys, asked, unreadable=[denied]), asked).values()

    assert [str(state) for _, state in sorted(hours.items())] == ["unread", "unread", "empty", "unread"]


@pytest.fixture
def covered(run: Run, aws: AwsServer, tmp_path: Path) -> Run:
    """`detector coverage` of a lake into which a vector was ingested."""

    def call(case: str, *more: object) -> Result:
        vector = Vector(case)
        aws.hold(vector)
        lake = tmp_path / case
        run("ingest", f"s3://{vector.expected['bucket']}", "--lake", lake, "--verify", "complete", "--jobs", 1)
        return run("coverage", "--lake", lake, *scope_of(vector), *more)

    return call


@pytest.mark.parametrize(
    ("case", "code", "strip"),
    [("valid", 0, "##.#"), ("injected_log", 5, "!#.#"), ("missing_digest", 4, "#?##"), ("logging_stopped", 4, "##~_~")],
)
def test_a_lake_shows_its_hours(covered: Run, case: str, code: int, strip: str) -> None:
    result = covered(case, "--format", "jsonl")

    assert result.code == code
    (row,) = (json.loads(line) for line in result.out.splitlines())
    assert row["hours"].rstrip() == strip


def test_gaps_say_what_to_do_next(covered: Run) -> None:
    result = covered("validation_off", "--gaps")

    assert result.code == 4
    assert "2025-03-04T02:01:31Z" in result.out
    assert "log files for which no verified digest vouches" in result.out
    assert "look for UpdateTrail" in result.out
    assert "7 hours of 1 account and region: 4 complete, 3 unattested" in result.err


def test_by_hour_there_is_a_row_for_hours_in_a_row(covered: Run) -> None:
    result = covered("injected_log", "--by", "hour", "--format", "csv")

    assert result.code == 5
    rows = list(csv.DictReader(result.out.splitlines()))
    assert [(row["start"][11:16], row["hours"], row["state"], row["reason"]) for row in rows] == [
        ("00:01", "1", "damaged", "1 log file unlisted"),
        ("01:01", "1", "complete", "signed, and read with the signed hashes"),
        ("02:01", "1", "empty", "AWS signed that nothing was delivered"),
        ("03:01", "1", "complete", "signed, and read with the signed hashes"),
    ]


def test_a_table_has_an_end_and_says_how_much_is_left(
    covered: Run, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    covered("injected_log")
    monkeypatch.setattr(coverage, "_MOST_ROWS", 2)

    result = run(
        "coverage", "--lake", tmp_path / "injected_log", *scope_of(Vector("injected_log")), "--by", "hour",
    )  # fmt: skip

    assert len(result.out.splitlines()) == 3
    assert "… and 2 rows more" in result.err


def test_an_expected_region_that_is_absent_is_a_gap(covered: Run, tmp_path: Path) -> None:
    expected = tmp_path / "expected.toml"
    expected.write_text('regions = ["us-east-1", "eu-west-1"]')

    result = covered("valid", "--gaps", "--expect", expected, "--format", "csv")

    assert result.code == 4
    assert result.out.splitlines()[1].startswith("111122223333,eu-west-1,,,,absent,")


def test_a_lake_without_digests_is_not_proven(run: Run, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    run("ingest", Vector("valid").folder / "bucket", "--lake", lake, "--jobs", 1)

    result = run("coverage", "--lake", lake, "--until", "2025-03-04T04:00:00Z")

    assert result.code == 4
    assert "unattested" in result.err
    none = run("coverage", "--lake", tmp_path / "none")
    assert (none.code, none.errors) == (2, [f"error: {tmp_path / 'none'} holds no lake"])
    (lake / "ledger.sqlite").unlink()
    assert run("coverage", "--lake", lake).errors == [f"error: {lake} has no ledger.sqlite"]


@pytest.mark.parametrize("year", ["0001", "9999", "8000"])
def test_log_files_of_a_year_that_cannot_be_are_not_proven(run: Run, tmp_path: Path, year: str) -> None:
    name = f"111122223333_CloudTrail_us-east-1_{year}0101T0005Z_a.json.gz"
    write_log(tmp_path / f"AWSLogs/111122223333/CloudTrail/us-east-1/{year}/01/01" / name, LOGIN)
    lake = tmp_path / "lake"
    run("ingest", tmp_path / "AWSLogs", "--lake", lake, "--verify", "complete", "--keys", KEYS, "--jobs", 1)

    result = run("coverage", "--lake", lake)
    (gap,) = csv.DictReader(run("coverage", "--lake", lake, "--gaps", "--format", "csv").out.splitlines())

    assert result.code == 4
    assert "unattested: 111122223333 us-east-1: 1 log file that no hour can be told of" in result.err
    assert gap["reason"] == "1 log file that no hour can be told of, by name or folder"


def test_an_empty_lake_has_nothing_to_show(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("no log")
    run("ingest", tmp_path / "notes.md", "--lake", tmp_path / "lake", "--jobs", 1)

    for form in ("table", "csv", "jsonl"):
        result = run("coverage", "--lake", tmp_path / "lake", "--format", form)
        assert (result.code, result.out) == (3, "")


def test_the_letters_are_explained_where_they_stand(covered: Run) -> None:
    result = covered("valid")

    assert result.out.splitlines()[-1].startswith("damaged !, complete #, empty .")
    assert "damaged !" not in result.err
    assert "damaged !" not in covered("valid", "--format", "csv").out


def test_long_silence_is_one_row_for_people_and_a_row_a_day_for_programs(
    covered: Run, run: Run, tmp_path: Path
) -> None:
    covered("missing_log")
    asked = ("coverage", "--lake", tmp_path / "missing_log", "--until", "2025-03-20T00:00:00Z")
    assert "2025-03-05 to 2025-03-19  ________________________  360 dark" in run(*asked).out
    assert len(run(*asked, "--format", "jsonl").out.splitlines()) == 16


def test_one_place_that_was_not_read_is_not_hidden_by_another_that_is_complete_or_empty() -> None:
    vector = Vector("valid")
    asked = vector.asked()
    denied = "s3://example-trail-bucket/AWSLogs/111122223333/CloudTrail/"
    digests = [one for one in vector.objects if one.is_digest]
    (whole,) = judge(vector.objects, vector.keys, asked)
    (unread,) = judge(digests, vector.keys, asked, unreadable=[denied])
    (off,) = judge([one for one in vector.objects if not one.is_digest], vector.keys, asked)
    first = [
        one for one in vector.objects if not one.is_digest and one.last_modified < required("2025-03-04T01:01:31Z")
    ]
    (dark,) = judge([*digests[:1], *first], vector.keys, asked)

    def strip(*verdicts: LocationVerdict) -> str:
        (hours,) = hours_of(verdicts, asked).values()
        return "".join(LETTERS[state] for _, state in sorted(hours.items()))

    for pair in ([whole, unread], [unread, whole]):
        assert strip(*pair) == "xx.x"
    for pair in ([whole, off], [off, whole]):
        assert strip(*pair) == "##.#"
    assert strip(dark) == "#___"
    assert strip(whole, dark) == "##.#"
