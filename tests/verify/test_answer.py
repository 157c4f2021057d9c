"""What `detect`, `run` and `scan` say that their answer rests on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.alerts.alert import Location
from detector.detect.basis import doubtful_places
from tests.running import LOGIN, Result, Run, write_log
from tests.verify.aws_server import AwsServer
from tests.verify.vectors import VECTORS, Vector

pytestmark = pytest.mark.usefixtures("few_rules")

SCOPE = ["--since", "2025-03-04T00:01:31Z", "--until", "2025-03-04T03:01:31Z"]  # the hour after it is for delivery
Answer = Callable[..., Result]


@pytest.fixture
def answer(run: Run, aws: AwsServer, tmp_path: Path) -> Answer:
    """`detector detect` on a lake into which a vector was ingested with its digests."""

    def call(case: str, *more: object) -> Result:
        vector = Vector(case)
        aws.hold(vector)
        lake = tmp_path / case
        run("ingest", f"s3://{vector.expected['bucket']}", "--lake", lake, "--verify", "complete", "--jobs", 1)
        return run("detect", "--lake", lake, *SCOPE, *more)

    return call


def last_line(result: Result) -> str:
    return result.err.splitlines()[-1]


def test_what_aws_vouches_for_is_said_to_be_signed_and_complete(answer: Answer) -> None:
    result = answer("valid", "--require", "complete")

    assert result.code == 0
    assert last_line(result) == (
        "No alert. 1 region of 1 account, events of 2025-03-04 to 2025-03-04, 5 objects, no gap:"
        " 4 hours signed by AWS and complete, 1 of them empty."
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "said"),
    [
        (
            "injected_log",
            "for 1 of 4 hours (1 damaged; detector coverage --gaps): 3 are signed and complete; nor what 1 alert"
            " rests on (1 log file unlisted)",
        ),
        ("missing_digest", "for 1 of 4 hours (1 unattested; detector coverage --gaps): 3 are signed and complete"),
    ],
)
def test_what_it_does_not_vouch_for_is_counted(answer: Answer, case: str, said: str) -> None:
    result = answer(case)

    assert result.code == 0
    assert " in what could be read: 1 region of 1 account" in last_line(result)
    assert last_line(result).endswith(f"Not proven {said}.")
    assert answer(case, "--require", "complete").code == 4
    assert "Not proven" in answer(case, "--quiet").err


def test_a_time_after_the_newest_digest_is_not_proven(answer: Answer) -> None:
    result = answer("valid", "--until", "2025-03-04T06:01:31Z", "--require", "complete")

    assert result.code == 4
    assert "for 3 of 7 hours (3 dark" in last_line(result)


def test_a_file_of_which_no_digest_can_speak_is_not_proven(answer: Answer, run: Run, tmp_path: Path) -> None:
    answer("valid")
    write_log(tmp_path / "elsewhere" / "more.json.gz", LOGIN | {"eventTime": "2024-01-01T00:00:00Z"})
    run("ingest", tmp_path / "elsewhere", "--lake", tmp_path / "valid", "--jobs", 1)

    result = run("detect", "--lake", tmp_path / "valid", *SCOPE, "--require", "complete")

    assert result.code == 4
    assert "log files outside CloudTrail's own folders, in 1 folder." in last_line(result)


def test_without_the_region_of_sign_ins_nothing_is_proven_of_root(answer: Answer) -> None:
    result = answer("other_region", "--require", "complete")

    assert result.code == 4
    assert "for root of 111122223333: nothing of the region that records its sign-ins" in last_line(result)


def test_a_gap_is_no_proof_though_every_hour_is_signed(
    answer: Answer, run: Run, aws: AwsServer, tmp_path: Path
) -> None:
    answer("valid")
    aws.denied.append("example-trail-bucket/AWSLogs/999988887777/")
    run("ingest", "s3://example-trail-bucket/AWSLogs/999988887777/", "--lake", tmp_path / "valid", "--jobs", 1)

    result = run("detect", "--lake", tmp_path / "valid", *SCOPE, "--allow-gaps", "--require", "complete")

    assert result.code == 4
    assert last_line(result).endswith("5 objects, 1 gap. Not proven what lies in the gaps.")


def test_a_lake_without_digests_is_never_complete_and_quiet_says_nothing_of_it(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "a.json.gz", LOGIN)
    lake = tmp_path / "lake"
    run("ingest", tmp_path / "logs", "--lake", lake, "--jobs", 1)

    result = run("detect", "--lake", lake, "--since", "2025-03-05", "--min-severity", "high")

    assert result.code == 0
    assert last_line(result) == (
        "No alert of severity high or above in what could be read: no event of that time, 1 object, no gap."
        " Not proven that this is all: there are no digests."
    )
    assert run("detect", "--lake", lake, "--since", "2025-03-05", "--quiet").err == ""
    required = run("detect", "--lake", lake, "--since", "2025-03-05", "--require", "complete", "--quiet")
    assert required.code == 4
    assert "Not proven that this is all" in required.err


def test_run_and_scan_say_it_in_the_report_too(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "a.json.gz", LOGIN)
    report = tmp_path / "report.json"

    for command in (["run", "--lake", tmp_path / "lake"], ["scan"]):
        result = run(*command, tmp_path / "logs", "--report", report, "--jobs", 1)
        said = json.loads(report.read_text())["rests_on"]
        assert said.pop("sentence") == last_line(result)
        assert said == {
            "complete": False,
            "accounts": 1,
            "regions": 1,
            "first_event": "2025-03-04T09:52:10Z",
            "last_event": "2025-03-04T09:52:10Z",
            "objects": 1,
            "gaps": 0,
            "hours": None,
            "alerts_in_doubt": 0,
            "does_not_prove": None,
        }
    assert run("run", tmp_path / "logs", "--lake", tmp_path / "lake", "--require", "complete", "--jobs", 1).code == 4


def test_run_reports_the_hours_of_each_state(run: Run, aws: AwsServer, tmp_path: Path) -> None:
    aws.hold(Vector("valid"))
    report = tmp_path / "report.json"

    arguments = ["run", "s3://example-trail-bucket", "--lake", tmp_path / "lake", "--verify", "complete", *SCOPE]
    result = run(*arguments, "--require", "complete", "--report", report, "--jobs", 1)

    rests_on = json.loads(report.read_text())["rests_on"]
    hours = rests_on["hours"]
    assert "services that do not log" in rests_on["does_not_prove"]
    assert hours == {
        "complete": 3,
        "empty": 1,
        "outside_folders": 0,
        "undated_log_files": 0,
        "accounts_without_sign_in_region": [],
    }
    assert last_line(result).startswith("No new alert. 1 region of 1 account")
    assert result.code == 0


def test_a_rule_that_did_not_run_is_named_in_the_sentence(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "a.json.gz", LOGIN)
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "broken.sql").write_text("SELECT 1")

    result = run("scan", tmp_path / "logs", "--rules", rules, "--jobs", 1, "--quiet")

    assert result.code == 2
    assert "; nor what 1 rule would have found." in last_line(result)


def test_an_alert_that_rests_on_a_file_that_nobody_vouches_for_is_not_proven(run: Run, tmp_path: Path) -> None:
    case = VECTORS / "valid"
    copied = tmp_path / "bucket"
    shutil.copytree(case / "bucket", copied)
    folder = copied / "example-trail-bucket" / "AWSLogs" / "111122223333" / "CloudTrail" / "us-east-1" / "2025/03/04"
    forged = LOGIN | {"eventTime": "2025-03-04T00:31:31Z"}
    write_log(folder / "111122223333_CloudTrail_us-east-1_20250304T2305Z_a.json.gz", forged)
    shutil.copyfile(case / "objects.json", tmp_path / "objects.json")
    lake = tmp_path / "lake"
    verify = ["--verify", "complete", "--keys", case / "keys", *SCOPE, "--jobs", 1]

    ran = run("run", copied, "--lake", lake, *verify, "--require", "complete", "--report", tmp_path / "report.json")
    result = run("detect", "--lake", lake, *SCOPE, "--require", "complete")

    assert {place["integrity"] for alert in result.alerts for place in alert["evidence"]} == {"unattested"}
    assert (ran.code, result.code) == (4, 4)
    assert last_line(result).startswith("1 alert in what could be read: ")
    assert last_line(result).endswith(". Not proven what 1 alert rests on (1 log file unattested).")
    assert last_line(ran).endswith(". Not proven what 1 alert rests on (1 log file unattested).")
    assert json.loads((tmp_path / "report.json").read_text())["rests_on"]["alerts_in_doubt"] == 1


def test_an_event_of_which_one_copy_is_signed_is_vouched_for() -> None:
    signed = Location("a", 0, "one", "verified")
    copy = Location("b", 0, "one", "unattested")
    other = Location("b", 1, "two", "altered")

    assert doubtful_places([signed, copy]) == []
    assert doubtful_places([copy, signed, other]) == [other]
    assert doubtful_places([Location("c", 0, "three", "pending"), Location("d", 0, "four")]) == []


def test_withdrawn_alerts_are_no_answer_to_require(run: Run, tmp_path: Path) -> None:
    assert run("detect", "--lake", tmp_path, "--withdrawn", "--require", "complete").code == 2


def test_what_is_replaced_in_the_lake_is_counted_once(run: Run, tmp_path: Path) -> None:
    log = write_log(tmp_path / "logs" / "a.json.gz", LOGIN)
    for minute in ("52", "53"):
        write_log(log, LOGIN | {"eventTime": f"2025-03-04T09:{minute}:10Z"})
        result = run("run", tmp_path / "logs", "--lake", tmp_path / "lake", "--jobs", 1)
        assert ", 1 object, no gap" in last_line(result)
