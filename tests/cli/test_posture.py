"""`detector posture` from the command line."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from detector import Lake
from detector.lake.ledger.ledger import Ledger
from detector.posture.check import load_checks
from detector.posture.lines import json_schema
from detector.sources.account_operations import OPERATIONS
from detector.times import utc_now
from tests.account_server import AccountServer, serve_account
from tests.running import LOGIN, Run, aws_environment, write_log

TRAILS = Path(__file__).parents[2] / "fixtures/trails"
DEVICE = "arn:aws:iam::111122223333:mfa/\x1b]0;owned\x07"


@pytest.fixture(scope="module")
def compromised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _lake(tmp_path_factory.mktemp("compromised") / "lake", TRAILS / "compromised_root/AWSLogs")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    logins = [
        {**LOGIN, "recipientAccountId": account, "eventID": f"{account}-login"}
        | {"userIdentity": {**LOGIN["userIdentity"], "accountId": account, "arn": f"arn:aws:iam::{account}:root"}}
        for account in (f"{700_000_000_000 + number}" for number in range(300))
    ]
    return _lake(folder / "lake", write_log(folder / "logs/a.json.gz", *logins))


def _lake(folder: Path, logs: Path) -> Path:
    Lake(folder).ingest(logs)
    return folder


def _by_check(out: str) -> dict[str, dict[str, Any]]:
    return {answer["check"]: answer for answer in map(json.loads, out.splitlines())}


def test_a_table_fits_a_terminal_and_says_what_is_known(run: Run, compromised: Path) -> None:
    ended = run("posture", "--lake", compromised)
    assert ended.code == 0
    assert max(map(len, ended.out.splitlines())) <= 80
    assert ended.out.startswith(
        "111122223333  logs 2025-03-03T00:12:31Z to 2025-03-05T18:02:20Z\n  3   root MFA          off  "
    )
    assert "virtual device mfa/root-account-mfa-device: enrolment not seen" in ended.out
    assert ended.err == "1 account: 4 fail, 2 pass, 13 unknown\n"


def test_lines_of_json_satisfy_the_schema(run: Run, compromised: Path) -> None:
    ended = run("posture", "--lake", compromised, "--format", "jsonl")
    answers = _by_check(ended.out)
    for answer in answers.values():
        jsonschema.validate(answer, json_schema(), format_checker=jsonschema.FormatChecker())
    assert list(answers) == [check.id for check in load_checks()]
    mfa = answers["root_mfa_on"]
    assert (mfa["status"], mfa["value"], mfa["as_of"]) == ("fail", "off", "2025-03-05T01:15:00Z")
    assert len(mfa["evidence"]) == 1
    assert answers["root_mfa_tested"]["detail"].startswith("2025-03-05T01:15:00Z console login without MFA")
    [device] = answers["root_mfa_enabled"]["devices"]
    assert (device["serial"], device["enrolled"]) == ("arn:aws:iam::111122223333:mfa/root-account-mfa-device", None)
    assert device["removed"]["source_ip"] == "203.0.113.9"
    assert mfa["devices"] == []


def test_csv_has_a_heading_and_a_line_for_each_answer(run: Run, compromised: Path, tmp_path: Path) -> None:
    file = tmp_path / "posture.csv"
    ended = run("posture", "--lake", compromised, "--format", "csv", "--output", file)
    assert ended.out == ""
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert [row["check"] for row in rows] == [check.id for check in load_checks()]
    assert rows[0]["status"] == "fail"
    assert "evidence" in rows[0]


def test_findings_are_written_for_siems(run: Run, compromised: Path) -> None:
    for form, key, value in (("ocsf", "class_uid", 2003), ("asff", "SchemaVersion", "2018-10-08")):
        ended = run("posture", "--lake", compromised, "--format", form)
        findings = [json.loads(line) for line in ended.out.splitlines()]
        assert len(findings) == len(load_checks())
        assert {finding[key] for finding in findings} == {value}


def test_as_of_a_moment_only_what_had_happened_counts(run: Run, compromised: Path) -> None:
    before = run("posture", "--lake", compromised, "--at", "2025-03-04T09:00:00Z", "--format", "jsonl")
    answers = _by_check(before.out)
    assert answers["root_mfa_on"]["status"] == "unknown"
    assert answers["root_mfa_on"]["seen_until"] == "2025-03-04T09:00:00Z"
    assert answers["root_mfa_enabled"]["devices"] == []
    stopped = _by_check(run("posture", "--lake", compromised, "--at", "2025-03-04T11:00:00Z", "--format", "jsonl").out)
    assert stopped["trail_logging"]["status"] == "fail"
    assert "security stopped by" in stopped["trail_logging"]["detail"]


def test_changes_are_told_with_their_events(run: Run, compromised: Path) -> None:
    ended = run("posture", "--lake", compromised, "--changes", "--format", "jsonl")
    changes = [json.loads(line) for line in ended.out.splitlines()]
    trail = [(one["time"], one["before"], one["after"]) for one in changes if one["check"] == "trail_logging"]
    assert trail == [
        ("2025-03-04T10:15:00Z", "unknown", "fail"),
        ("2025-03-04T11:40:00Z", "fail", "pass"),
    ]
    assert [one["time"] for one in changes] == sorted(one["time"] for one in changes)
    assert all(one["evidence"] for one in changes)
    mfa = [(one["before"], one["after"]) for one in changes if one["check"] == "root_mfa_on"]
    assert mfa == [("unknown", "fail"), ("fail", "unknown"), ("unknown", "fail")]
    later = run("posture", "--lake", compromised, "--changes", "--since", "2025-03-04T11:00:00Z")
    assert later.out.startswith(
        "2025-03-04T11:40:00Z  111122223333  trail_logging\n    stopped → yes\n    security started by"
    )
    as_csv = run("posture", "--lake", compromised, "--changes", "--format", "csv")
    assert as_csv.out.startswith("account_id,check,step,time,before,after,detail,evidence\n")


def test_three_hundred_accounts_are_a_matrix(run: Run, many: Path) -> None:
    ended = run("posture", "--lake", many)
    lines = ended.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1] == "700000000000 NO  ?  ?  ?  ?  ?  ? NO  ?  ?  ?  ?  ? NO  ?  ?  ?  ?  ?"
    assert "  1 root_mfa_on                  300 fail" in lines
    assert ended.err == "300 accounts: 900 fail, 4800 unknown\n"
    one = run("posture", "--lake", many, "--account", "700000000007")
    assert one.out.startswith("700000000007  logs ")
    assert run("posture", "--lake", many, "--account", "700000000007", "--format", "matrix").out.count("\n7") == 1


@pytest.mark.parametrize(("fail_on", "code"), [("fail", 1), ("unknown", 1)])
def test_failed_checks_change_the_code_when_asked_to(run: Run, compromised: Path, fail_on: str, code: int) -> None:
    assert run("posture", "--lake", compromised, "--fail-on", fail_on).code == code


def test_unknown_alone_reaches_unknown_and_not_fail(run: Run, compromised: Path) -> None:
    before = ("posture", "--lake", compromised, "--at", "2025-03-03T12:00:00Z")
    assert run(*before, "--fail-on", "fail").code == 0
    assert run(*before, "--fail-on", "unknown").code == 1


def test_an_account_that_is_not_there_is_named(run: Run, compromised: Path) -> None:
    ended = run("posture", "--lake", compromised, "--account", "111122223333", "--account", "222233334444")
    assert ended.code == 4
    assert f"error: nothing of account 222233334444 in {compromised}" in ended.err
    alone = run("posture", "--lake", compromised, "--account", "222233334444")
    assert (alone.code, alone.out) == (3, "")


def test_a_lake_that_nothing_came_into_is_no_clean_account(run: Run, tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    Ledger.open(tmp_path / "lake", writable=True).close()  # as a writer that was killed leaves it
    for options in ([], ["--changes"]):
        ended = run("posture", "--lake", tmp_path / "lake", *options)
        assert (ended.code, ended.out) == (3, "")
        assert "error: no account" in ended.err


@pytest.mark.parametrize("options", [[], ["--changes"]])
def test_of_an_account_that_is_not_there_one_error_is_said(run: Run, compromised: Path, options: list[str]) -> None:
    ended = run("posture", "--lake", compromised, "--account", "999999999999", *options)

    assert ended.code == 3
    assert ended.errors == [f"error: nothing of account 999999999999 in {compromised}"]


def test_changes_of_an_account_that_is_not_there_are_incomplete(run: Run, compromised: Path) -> None:
    both = ["--account", "111122223333", "--account", "222233334444"]
    ended = run("posture", "--lake", compromised, "--changes", *both)
    assert ended.code == 4
    assert "nothing of account 222233334444" in ended.err


def test_a_record_of_the_future_does_not_make_root_rest(run: Run, tmp_path: Path) -> None:
    recent = utc_now() - timedelta(days=3)
    login = {**LOGIN, "eventTime": recent.strftime("%Y-%m-%dT%H:%M:%SZ")}
    forged = {
        **LOGIN,
        "eventID": "forged",
        "eventTime": "2999-01-01T00:00:00Z",
        "additionalEventData": {"MFAUsed": "Yes"},
    }
    lake = _lake(tmp_path / "lake", write_log(tmp_path / "a.json.gz", login, forged))
    answers = _by_check(run("posture", "--lake", lake, "--format", "jsonl").out)
    assert (answers["root_unused"]["status"], answers["root_mfa_on"]["status"]) == ("fail", "fail")


def test_a_lake_with_gaps_is_incomplete_unless_that_is_allowed(run: Run, tmp_path: Path) -> None:
    logs = write_log(tmp_path / "logs/a.json.gz", LOGIN).parent
    (logs / "b.json.gz").write_bytes(b"\x1f\x8b no gzip")
    run("ingest", logs, "--lake", tmp_path / "lake")
    ended = run("posture", "--lake", tmp_path / "lake")
    assert ended.code == 4
    assert "warning: 1 gap in" in ended.err
    assert run("posture", "--lake", tmp_path / "lake", "--allow-gaps").code == 0
    assert run("posture", "--lake", tmp_path / "lake", "--changes").code == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--since", "7d"], "--since needs --changes"),
        (["--changes", "--format", "matrix"], "--changes needs --lake"),
        (["--changes", "--fail-on", "fail"], "--changes needs --lake"),
        (["--at", "yesterday"], "'yesterday' is not a time"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    run: Run, compromised: Path, options: list[str], message: str
) -> None:
    ended = run("posture", "--lake", compromised, *options)
    assert ended.code == 2
    assert message in ended.err


def test_names_that_others_chose_cannot_move_the_cursor(run: Run, tmp_path: Path) -> None:
    login = {**LOGIN, "additionalEventData": {"MFAUsed": "Yes", "MFAIdentifier": DEVICE}}
    lake = _lake(tmp_path / "lake", write_log(tmp_path / "a.json.gz", login))
    for form in ("table", "jsonl", "csv"):
        ended = run("posture", "--lake", lake, "--format", form)
        assert "\x1b" not in ended.out + ended.err
        assert "owned" in ended.out
    assert "\x1b" not in run("posture", "--lake", lake, "--changes").out


def test_a_region_without_root_logins_is_told(run: Run, tmp_path: Path) -> None:
    call = {**LOGIN, "awsRegion": "eu-west-1", "eventName": "ListUsers", "eventSource": "iam.amazonaws.com"}
    lake = _lake(tmp_path / "lake", write_log(tmp_path / "a.json.gz", call))
    ended = run("posture", "--lake", lake)
    assert ended.out.startswith("111122223333  logs to 2025-03-04T09:52:10Z, without root's logins\n")
    assert "no events of the region" in ended.out


# AWS asked ------------------------------------------------------------------------------------------------------------


NOT_ASKED = {"iam:GenerateCredentialReport", "organizations:ListAccounts", "sts:AssumeRole"}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AccountServer]:
    """The settings of the account 111122223333, as a person with credentials for it finds them."""
    with serve_account() as server:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in (aws_environment("", tmp_path) | server.variables).items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
        yield server


def test_aws_is_asked_about_the_account_of_the_credentials(run: Run, account: AccountServer) -> None:
    ended = run("posture", "--live")
    assert (ended.code, ended.err) == (0, "1 account: 1 fail, 12 pass, 6 unknown\n")
    assert ended.out.startswith(
        "111122223333  asked 2026-03-08T09:00:00Z\n  3   root MFA          on          AccountMFAEnabled"
    )
    assert account.asked == OPERATIONS - NOT_ASKED | {"sts:GetCallerIdentity"}


def test_what_was_refused_is_named_and_collected_into_one_policy(run: Run, account: AccountServer) -> None:
    account.deny("iam:GetAccountSummary")
    account.deny("cloudtrail:GetTrailStatus")
    account.answers["iam:ListRoles"] = "ValidationError"
    ended = run("posture", "--live", "--format", "jsonl")
    assert ended.code == 4
    assert _by_check(ended.out)["root_mfa_on"]["next"] == "allow iam:GetAccountSummary"
    assert "error: iam:ListRoles: An error occurred (ValidationError)" in ended.err
    policy = json.loads(ended.err[ended.err.index('{"Version"') :].splitlines()[0])
    assert policy["Statement"][0]["Action"] == ["cloudtrail:GetTrailStatus", "iam:GetAccountSummary"]


@pytest.mark.usefixtures("account")
def test_logs_and_aws_are_put_together(run: Run, compromised: Path, many: Path) -> None:
    ended = run("posture", "--live", "--lake", compromised, "--format", "jsonl")
    answers = _by_check(ended.out)
    for answer in answers.values():
        jsonschema.validate(answer, json_schema(), format_checker=jsonschema.FormatChecker())
    mfa = answers["root_mfa_on"]
    assert (mfa["status"], mfa["source"]) == ("unknown", "disagree")
    assert "live says on: AccountMFAEnabled is 1; logs say off: 2025-03-05T01:15:00Z console login" in mfa["detail"]
    assert (answers["trail_logging"]["source"], answers["root_mfa_tested"]["source"]) == ("both", "logs")
    assert answers["contacts_set"]["source"] == "live"
    others = run("posture", "--live", "--lake", many, "--format", "matrix")
    assert others.out.splitlines()[1].startswith("111122223333 ok")
    assert len({line[:12] for line in others.out.splitlines() if line.startswith("70")}) == 300


def test_credentials_that_aws_refuses_end_it(run: Run, account: AccountServer) -> None:
    account.answers["iam:ListRoles"] = "ExpiredToken"
    ended = run("posture", "--live")
    assert ended.code == 2
    assert "error: the AWS credentials have expired (ExpiredToken)" in ended.err


def test_another_account_than_that_of_the_credentials_cannot_be_asked(run: Run, account: AccountServer) -> None:
    ended = run("posture", "--live", "--account", "222233334444")
    assert ended.code == 3
    assert "nothing of account 222233334444 to ask: the credentials are of another account" in ended.err
    assert account.asked == {"sts:GetCallerIdentity"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give --lake DIR, or --live"),
        (["--live", "--at", "7d"], "--at cannot"),
        (["--live", "--changes"], "--changes needs"),
    ],
)
def test_what_aws_cannot_tell_is_refused(run: Run, options: list[str], message: str) -> None:
    ended = run("posture", *options)
    assert ended.code == 2
    assert message in ended.err


def test_what_moto_has_is_answered(
    run: Run, account: AccountServer, s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_url)
    ended = run("posture", "--live", "--format", "jsonl")
    answers = _by_check(ended.out)
    assert ended.code == 4  # it has no ListOrganizationsFeatures
    assert "error: iam:ListOrganizationsFeatures: " in ended.err
    assert answers["root_mfa_on"]["value"] == "off"
    assert answers["root_no_access_keys"]["value"] == "none"
    assert answers["trail_multi_region"]["detail"] == "there is no trail of all regions"
    assert answers["root_unused"]["detail"] == "the credential report has no row of root"
    assert account.calls == []
