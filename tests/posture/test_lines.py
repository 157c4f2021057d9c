"""Answers and changes written: tables, a matrix, lines for programs. Without a lake."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import pytest

from detector.posture.answer import Answer, Horizon, Source
from detector.posture.change import Change
from detector.posture.check import Status, load_checks
from detector.posture.device import Device, DeviceEvent
from detector.posture.lines import ANSWER_COLUMNS, answer_object, change_object, csv_lines, json_schema, jsonl
from detector.posture.posture import Posture
from detector.posture.show import WIDTH, change_table, matrix, table

CHECKS = load_checks()
ACCOUNT = "111122223333"
FIRST, LAST = datetime(2025, 3, 3, tzinfo=UTC), datetime(2025, 3, 5, 18, 2, 20, tzinfo=UTC)
HOSTILE = "arn:aws:iam::111122223333:mfa/\x1b]0;owned\x07"


def answers(account: str = ACCOUNT, *failed: str, status: Status = Status.UNKNOWN) -> list[Answer]:
    """One account's answers, in the order of the checks."""
    return [
        Answer(
            account, check, Status.FAIL if check.id in failed else status, f"{HOSTILE} used", LAST, LAST, Source.LOGS,
            ("event-1", "event-2"), check.next,
        )
        for check in CHECKS
    ]  # fmt: skip


def device(removed: bool = False) -> Device:
    event = DeviceEvent(ACCOUNT, HOSTILE, HOSTILE, "virtual", "used", LAST, "root", "203.0.113.9", "event-1")
    return Device(ACCOUNT, HOSTILE, HOSTILE, "virtual", None, event, event if removed else None)


def posture(*of: Answer, **more: object) -> Posture:
    horizon = Horizon(ACCOUNT, LAST, (FIRST, LAST))
    return replace(Posture(of, {ACCOUNT: [device()]}, {ACCOUNT: horizon}), **more)  # type: ignore[arg-type]


def lines_of(accounts: int, *failed: str) -> list[str]:
    """The matrix of so many accounts."""
    numbers = [f"{700_000_000_000 + number}" for number in range(accounts)]
    return list(matrix([answer for account in numbers for answer in answers(account, *failed)]))


def test_a_table_fits_a_terminal_and_names_root_devices() -> None:
    shown = list(table(posture(*answers(ACCOUNT, "root_mfa_on"))))
    assert max(map(len, shown)) <= WIDTH
    assert shown[0] == f"{ACCOUNT}  logs 2025-03-03T00:00:00Z to 2025-03-05T18:02:20Z"
    assert shown[1].startswith("  3   root MFA          off  ")
    text = " ".join(" ".join(shown).split())
    assert "enrolment not seen; used 2025-03-05T18:02:20Z by root from 203.0.113.9; no removal seen" in text
    removed = posture(*answers(), devices={ACCOUNT: [device(removed=True)]})
    assert "removed 2025-03-05T18:02:20Z by root" in " ".join(" ".join(table(removed)).split())


@pytest.mark.parametrize(
    ("sign_in", "asked", "heading"),
    [
        (None, False, f"{ACCOUNT}  logs to 2025-03-05T18:02:20Z, without root's logins"),
        ((FIRST, LAST), True, f"{ACCOUNT}  logs 2025-03-03T00:00:00Z to 2025-03-05T18:02:20Z; asked"),
    ],
)
def test_a_heading_says_what_the_answers_rest_on(
    sign_in: tuple[datetime, datetime] | None, asked: bool, heading: str
) -> None:
    of = posture(
        *answers(), horizons={ACCOUNT: Horizon(ACCOUNT, LAST, sign_in)}, asked={ACCOUNT: LAST} if asked else {}
    )
    assert next(iter(table(of))) == heading


def test_names_that_others_chose_cannot_move_the_cursor() -> None:
    of = posture(*answers())
    shown = ["\n".join(table(of)), "\n".join(matrix(of.answers))]
    shown += [*jsonl(answer_object(one, of.devices[ACCOUNT]) for one in of.answers)]
    change = Change(ACCOUNT, CHECKS[0], LAST, Status.UNKNOWN, Status.FAIL, HOSTILE, ("event-1",))
    shown += ["\n".join(change_table([change])), *csv_lines([answer_object(of.answers[0])], ANSWER_COLUMNS)]
    assert not any("\x1b" in one or "\x07" in one for one in shown)
    assert sum("owned" in one for one in shown) >= 3


def test_lines_of_json_satisfy_the_schema() -> None:
    for one in answers(status=Status.NOT_APPLICABLE):
        made = json.loads(next(jsonl([answer_object(one, [device()])])))
        jsonschema.validate(made, json_schema(), format_checker=jsonschema.FormatChecker())
        assert len(made["devices"]) == (one.check.id == "root_mfa_enabled")
    nothing = replace(answers()[0], as_of=None, seen_until=None, evidence=(), next=None)
    jsonschema.validate(answer_object(nothing), json_schema())


def test_csv_has_a_heading_and_a_line_for_each_answer() -> None:
    text = "".join(csv_lines([answer_object(one) for one in answers()], ANSWER_COLUMNS))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["check"] for row in rows] == [check.id for check in CHECKS]
    assert rows[0]["evidence"] == "event-1 event-2"


def test_a_change_names_what_was_before_and_its_events() -> None:
    change = Change(ACCOUNT, CHECKS[0], LAST, Status.UNKNOWN, Status.FAIL, "login", ("event-1",))
    assert list(change_table([change])) == [
        f"2025-03-05T18:02:20Z  {ACCOUNT}  root_mfa_on", "    unknown → off", "    login"
    ]  # fmt: skip
    assert change_object(change)["evidence"] == ["event-1"]


# The matrix ----------------------------------------------------------------------------------------------------------


def test_a_matrix_of_three_hundred_accounts_fits_a_terminal() -> None:
    shown = lines_of(300, "root_mfa_on")
    assert max(map(len, shown)) <= WIDTH
    assert shown[0] == "account      a b c d e f g h i j k l m n o p q r s t u v w x"
    assert shown[1] == "700000000000 !" + " ?" * (len(CHECKS) - 1)
    assert len([line for line in shown if line.startswith("7")]) == 300
    assert "a root_mfa_on                  300 fail" in shown
    assert "b root_mfa_enabled             300 unknown" in shown
    assert "+ pass, ! fail, ? unknown, - not applicable" in shown


def test_accounts_in_which_nothing_failed_share_a_line_where_they_are_alike() -> None:
    shown = lines_of(300)
    assert shown[1] == "300 accounts" + " ?" * len(CHECKS)
    assert not any(line.startswith("7") for line in shown)
    mixed = [
        *answers("700000000001"), *answers("700000000002", "root_mfa_on"), *answers("700000000003"),
        *answers("700000000004", status=Status.PASS),
    ]  # fmt: skip
    assert [line[:12] for line in list(matrix(mixed))[1:4]] == ["700000000002", "2 accounts  ", "700000000004"]


def test_accounts_that_fail_alike_are_each_named() -> None:
    assert [line[:12] for line in lines_of(2, "root_mfa_on")[1:3]] == ["700000000000", "700000000001"]
