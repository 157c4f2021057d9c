"""An event that CloudTrail logged once more, with an addendum that names the first record, is one event."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pyarrow as pa
import pytest

from detector.alerts.alert import Alert
from detector.detect.detect import detect
from detector.records.log_file import decode_log_file
from detector.rules.engine import Engine
from detector.rules.events import TableEvents

Record = dict[str, Any]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
FIRST = "00000000-0000-4000-8000-000000000001"
LATER = "00000000-0000-4000-8000-000000000002"
LAST = "00000000-0000-4000-8000-000000000003"
LOGIN: Record = {
    "eventVersion": "1.11",
    "userIdentity": {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333"},
    "eventTime": "2025-03-04T09:00:00Z",
    "eventSource": "signin.amazonaws.com",
    "eventName": "ConsoleLogin",
    "awsRegion": "us-east-1",
    "sourceIPAddress": "198.51.100.7",
    "userAgent": "Mozilla/5.0",
    "requestParameters": None,
    "responseElements": {"ConsoleLogin": "Success"},
    "additionalEventData": {"MFAUsed": "No"},
    "eventID": FIRST,
    "eventType": "AwsConsoleSignIn",
    "recipientAccountId": "111122223333",
}


def edition(of: Mapping[str, Any], event_id: str = LATER, reason: str = "UPDATED_DATA", **fields: object) -> Record:
    """The record once more, with other values in some of its fields."""
    addendum = {"reason": reason, "updatedFields": ",".join(fields), "originalEventID": of["eventID"]}
    return {**of, "eventID": event_id, "addendum": addendum, **fields}


def rows(name: str, *records: Record) -> pa.Table:
    return decode_log_file(json.dumps({"Records": records}).encode(), name).table


def table(*records: Record) -> pa.Table:
    return pa.concat_tables([rows(f"{number}", record) for number, record in enumerate(records)])


def asked(events: pa.Table, sql: str) -> list[dict[str, Any]]:
    with Engine(TableEvents(events), threads=1) as engine:
        return list(engine.query(sql).read_all().to_pylist())


def shown(*records: Record) -> list[tuple[str, str]]:
    found = asked(table(*records), "SELECT event_key, eventID FROM candidates ORDER BY ALL")
    return [(row["event_key"], row["eventID"]) for row in found]


def alerts(*records: Record) -> list[Alert]:
    detection = detect(TableEvents(table(*records)), [], NOW)
    assert detection.errors == []
    return detection.alerts


def ids(found: Sequence[Alert]) -> dict[str, str]:
    return {alert.alert_id: alert.rule_id for alert in found}


def test_the_later_edition_speaks_under_the_first_ones_id() -> None:
    first = alerts(LOGIN)
    both = alerts(LOGIN, edition(LOGIN, sourceIPAddress="203.0.113.9"))
    assert ids(both) == ids(first)
    login = next(alert for alert in both if alert.rule_id == "root_console_login_without_mfa")
    assert login.source_ip == "203.0.113.9"
    assert login.event_ids == (FIRST,)
    assert {(place.log_file, place.event_id) for place in login.evidence} == {("0", FIRST), ("1", FIRST)}


def test_a_later_edition_that_comes_alone_has_the_first_ones_id_already() -> None:
    assert ids(alerts(edition(LOGIN))) == ids(alerts(LOGIN))


def test_failures_are_counted_once() -> None:
    failures = [
        LOGIN
        | {
            "eventTime": f"2025-03-04T09:0{number}:00Z",
            "eventID": f"00000000-0000-4000-8000-00000000001{number}",
            "responseElements": {"ConsoleLogin": "Failure"},
            "errorMessage": "Failed authentication",
        }
        for number in range(3)
    ]
    editions = [
        edition(one, f"00000000-0000-4000-8000-00000000002{number}", sourceIPAddress="203.0.113.9")
        for number, one in enumerate(failures)
    ]
    assert "root_login_brute_force" not in ids(alerts(*failures, *editions)).values()
    assert "root_login_brute_force" in ids(alerts(*failures, *[one | {"addendum": None} for one in editions])).values()


def test_the_earlier_edition_can_be_found() -> None:
    events = table(LOGIN, edition(LOGIN, sourceIPAddress="203.0.113.9"))
    assert asked(events, "SELECT event_key, source_ip, is_superseded FROM all_events ORDER BY source_ip") == [
        {"event_key": FIRST, "source_ip": "198.51.100.7", "is_superseded": True},
        {"event_key": FIRST, "source_ip": "203.0.113.9", "is_superseded": False},
    ]
    assert len(asked(events, "FROM events")) == 2


@pytest.mark.slow
def test_any_order_and_any_files_show_the_same() -> None:
    records = {
        "s3://b/1_CloudTrail_us-east-1_20250304T0905Z_a.json.gz": LOGIN,
        "s3://b/1_CloudTrail_us-east-1_20250304T0910Z_a.json.gz": edition(LOGIN, sourceIPAddress="203.0.113.9"),
        "s3://a/1_CloudTrail_us-east-1_20250305T0905Z_a.json.gz": edition(LOGIN, LAST, sourceIPAddress="203.0.113.10"),
        "s3://c/copy": LOGIN,
    }
    for order in permutations(records.items()):
        events = pa.concat_tables([rows(name, record) for name, record in order])
        assert asked(events, "SELECT event_key, eventID FROM candidates") == [{"event_key": FIRST, "eventID": LAST}]
        with Engine(TableEvents(events), threads=1) as engine:
            [found] = engine.evidence([FIRST])[FIRST]
        assert found.source_ip == "203.0.113.10"
        assert {copy.log_file for copy in found.copies} == records.keys()


def test_what_was_not_told_before_may_be_told_later() -> None:
    less = LOGIN | {"responseElements": None, "additionalEventData": None}
    more = edition(less, responseElements={"ConsoleLogin": "Success"}, additionalEventData={"MFAUsed": "Yes"})
    assert set(ids(alerts(less, more)).values()) == {"root_console_login"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "claim",
    [
        {"eventName": "CheckMfa"},
        {"eventSource": "iam.amazonaws.com"},
        {"eventTime": "2025-03-04T09:00:01Z"},
        {"awsRegion": "eu-west-1"},
        {"eventType": "AwsServiceEvent"},
        {"eventType": 1},
        {"readOnly": True},
        {"userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann", "accountId": "111122223333"}},
        {"userIdentity": LOGIN["userIdentity"] | {"invokedBy": "ec2.amazonaws.com"}},
        {"userIdentity": LOGIN["userIdentity"] | {"sessionContext": {"assumedRoot": True}}},
        {"userAgent": "console.amazonaws.com"},
        {"sessionCredentialFromConsole": "true"},
        {"errorCode": "AccessDenied"},
        {"errorMessage": "Failed authentication"},
        {"responseElements": {"ConsoleLogin": "Failure"}},
        {"responseElements": '{"ConsoleLogin": "Failure"}'},
        {"additionalEventData": {"MFAUsed": "Yes"}},
        {"additionalEventData": {"MFAUsed": "No", "MFAIdentifier": "arn:aws:iam::111122223333:mfa/x"}},
        {"requestParameters": {"userName": "x"}, "additionalEventData": {"MFAUsed": "Yes"}},
    ],
    ids=str,
)
def test_a_claim_that_says_otherwise_hides_nothing_and_is_an_event_of_its_own(claim: Record) -> None:
    claimed = edition(LOGIN, **claim)
    assert shown(LOGIN, claimed) == [(FIRST, FIRST), (LATER, LATER)]


def test_a_claim_that_comes_first_gives_way_to_the_record_that_it_names() -> None:
    claimed = edition(LOGIN, additionalEventData={"MFAUsed": "Yes"})
    assert shown(claimed) == [(FIRST, LATER)]
    assert shown(claimed, LOGIN) == [(FIRST, FIRST), (LATER, LATER)]
    assert ids(alerts(LOGIN)).items() <= ids(alerts(claimed, LOGIN)).items()


def test_parameters_that_were_told_stay() -> None:
    deactivation = LOGIN | {
        "eventSource": "iam.amazonaws.com",
        "eventName": "DeactivateMFADevice",
        "eventType": "AwsApiCall",
        "requestParameters": {"userName": "AWS ROOT USER"},
        "responseElements": None,
        "additionalEventData": None,
    }
    claimed = edition(deactivation, requestParameters={"userName": "ann"})
    assert "root_mfa_deactivated" in ids(alerts(deactivation, claimed)).values()
    assert len(shown(deactivation, edition(deactivation, sourceIPAddress="203.0.113.9"))) == 1


def test_a_third_edition_may_not_change_what_the_second_told() -> None:
    less = LOGIN | {"additionalEventData": None}
    second = edition(less, additionalEventData={"MFAUsed": "No"})
    forged = edition(less, LAST, additionalEventData={"MFAUsed": "Yes"})
    assert shown(less, second, forged) == [(FIRST, LATER), (LAST, LAST)]


def test_a_claim_on_another_accounts_event_hides_nothing() -> None:
    assert len(shown(LOGIN, edition(LOGIN, recipientAccountId="444455556666"))) == 2


def test_a_claim_on_an_event_id_that_different_records_share_hides_neither() -> None:
    other = LOGIN | {"sourceIPAddress": "203.0.113.1"}
    assert len(shown(LOGIN, other, edition(LOGIN))) == 3


def test_a_claim_on_what_is_a_later_edition_itself_is_an_event() -> None:
    second = edition(LOGIN)
    assert len(shown(LOGIN, second, edition(second, LAST))) == 2


@pytest.mark.parametrize("original", [None, "", 1, LATER, "sha256:0", f"{FIRST}#0123456789abcdef"])
def test_what_names_no_other_event_is_one_of_its_own(original: object) -> None:
    claimed = edition(LOGIN)
    claimed["addendum"] = {"reason": "UPDATED_DATA", "originalEventID": original}
    assert (LATER, LATER) in shown(LOGIN, claimed)


@pytest.mark.parametrize("reason", ["SERVICE_OUTAGE", "DELIVERY_DELAY", "updated", ""])
def test_an_addendum_for_another_reason_is_of_an_event_of_its_own(reason: str) -> None:
    assert shown(LOGIN, edition(LOGIN, reason=reason)) == [(FIRST, FIRST), (LATER, LATER)]


@pytest.mark.parametrize("addendum", ['"x', "[", 7, [], {"reason": ["UPDATED_DATA"]}, "\ud800"])
def test_an_addendum_of_any_form_is_survived(addendum: object) -> None:
    assert len(shown(LOGIN, LOGIN | {"eventID": LATER, "addendum": addendum})) == 2


def test_an_addendum_that_is_text_in_a_string_is_read() -> None:
    claimed = edition(LOGIN)
    claimed["addendum"] = json.dumps(claimed["addendum"])
    assert shown(LOGIN, claimed) == [(FIRST, LATER)]


def test_a_call_between_stopping_and_starting_a_trail_is_counted_once() -> None:
    def call(name: str, minute: int, number: int, source: str = "cloudtrail") -> Record:
        return LOGIN | {
            "userIdentity": {
                "type": "IAMUser",
                "arn": "arn:aws:iam::111122223333:user/ann",
                "accountId": "111122223333",
            },
            "eventTime": f"2025-03-04T09:{minute:02}:00Z",
            "eventSource": f"{source}.amazonaws.com",
            "eventName": name,
            "eventType": "AwsApiCall",
            "requestParameters": {"name": "main"},
            "responseElements": None,
            "additionalEventData": None,
            "readOnly": False,
            "eventID": f"00000000-0000-4000-8000-0000000001{number:02}",
        }

    between = call("CreateUser", 10, 2, "iam")
    records = [call("StopLogging", 0, 1), call("DeleteTrail", 9, 5), between, call("StartLogging", 30, 3)]
    records.append(edition(records[1], LAST, sourceIPAddress="203.0.113.9"))
    [alert] = [one for one in alerts(*records) if one.rule_id == "trail_stopped_then_restarted"]
    assert alert.event_count == 4
