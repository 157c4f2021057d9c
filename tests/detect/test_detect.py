"""From events to alerts that are written once."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from detector.alerts.alert import Alert
from detector.alerts.delivery import Delivery, Undelivered
from detector.alerts.formats.names import AlertFormat
from detector.alerts.sinks.local import AlertFile
from detector.alerts.sinks.opening import Output
from detector.alerts.sinks.sink import ACCEPTED, Limits, NotDelivered, Receipt
from detector.detect.detect import Detection, detect, detect_through
from detector.detect.emission import write_alerts, write_new_alerts
from detector.detect.selection import Selection
from detector.lake.ledger.outbox import Document, Outbox
from detector.lake.remembered import read_emitted, read_outbox
from detector.lake.writer import open_to_write
from detector.records.log_file import decode_log_file
from detector.rules.engine import Engine
from detector.rules.events import TableEvents
from detector.rules.finding import Finding
from detector.rules.query_errors import OutOfMemory
from detector.rules.rule import shipped_rules_directory
from detector.severity import Severity
from detector.text import counted
from tests.places import Place, slow_in_s3

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LOGIN = {
    "eventVersion": "1.08",
    "userIdentity": {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333"},
    "eventTime": "2024-05-06T07:08:09Z",
    "eventSource": "signin.amazonaws.com",
    "eventName": "ConsoleLogin",
    "awsRegion": "us-east-1",
    "sourceIPAddress": "198.51.100.7",
    "userAgent": "Mozilla",
    "requestParameters": None,
    "responseElements": {"ConsoleLogin": "Success"},
    "additionalEventData": {"MFAUsed": "No"},
    "eventID": "00000000-0000-4000-8000-000000000001",
    "eventType": "AwsConsoleSignIn",
    "recipientAccountId": "111122223333",
}


def events_of(*records: Mapping[str, object]) -> TableEvents:
    return TableEvents(decode_log_file(json.dumps({"Records": records}).encode(), "s3://b/k").table)


def detection_of(*records: Mapping[str, object], rules: Iterable[Path] = ()) -> Detection:
    return detect(events_of(*records), list(rules), NOW)


@cache
def of_one_login() -> Detection:
    return detection_of(LOGIN)


@dataclasses.dataclass(frozen=True)
class Runs:
    """Runs over one lake, each of them by a process that has nothing of it yet."""

    place: Place

    def write(self, alerts: Sequence[Alert], *outputs: Output) -> tuple[list[Alert], Delivery]:
        with open_to_write(self.place()) as writer:
            return write_new_alerts(alerts, outputs, writer.ledger)


@pytest.fixture
def runs(place: Place) -> Runs:
    return Runs(place)


class MemorySink:
    """Keeps lines; breaks when told to."""

    name = "memory"
    limits = Limits(3, 100_000)

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.is_broken = False

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:  # noqa: ARG002
        if self.is_broken:
            raise NotDelivered("gone", may_recover=False)
        self.lines += [document.line for document in documents]
        return [ACCEPTED] * len(documents)

    def close(self) -> None:
        """Stay."""

    @property
    def ids(self) -> list[str]:
        return [json.loads(line)["alert_id"] for line in self.lines]


def rule_file(folder: Path, name: str, sql: str, more: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    shipped = (shipped_rules_directory() / "root_console_login.sql").read_text()
    header = shipped[: shipped.index("-- ///\n") + len("-- ///\n")]
    (folder / f"{name}.sql").write_text(header.replace("-- ///\n", f"{more}-- ///\n") + sql)
    return folder


COUNT_SQL = "SELECT account_id, event_time, [event_id] AS event_ids, 's' AS summary FROM candidates"


def test_alerts_are_oldest_first_and_carry_the_event() -> None:
    later = LOGIN | {"eventTime": "2024-05-07T00:00:00Z", "eventID": "00000000-0000-4000-8000-000000000002"}
    detection = detection_of(later, LOGIN)
    logins = [alert for alert in detection.alerts if alert.rule_id == "root_console_login_without_mfa"]
    assert [alert.event_ids for alert in logins] == [(LOGIN["eventID"],), (later["eventID"],)]
    assert [alert.event_time for alert in detection.alerts] == sorted(alert.event_time for alert in detection.alerts)
    (first, second) = logins
    assert first.detected_at == NOW
    assert (first.account_id, first.source_ip, first.mfa) == ("111122223333", "198.51.100.7", "no")
    assert [json.loads(bytes(record)) for record in first.records] == [LOGIN]
    assert [(one.log_file, one.index) for one in second.evidence] == [("s3://b/k", 0)]
    assert detection.errors == []


def test_calls_as_long_as_can_be_logged_hide_no_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [
        LOGIN
        | {"eventName": "CreateAccessKey", "eventSource": "iam.amazonaws.com", "eventType": "AwsApiCall"}
        | {"eventID": event_id(number), "requestParameters": {"x": "x" * 95_000}}
        for number in range(60)
    ]
    few = [call | {"requestParameters": {}} for call in calls]
    monkeypatch.setattr("detector.rules.sandbox._TABLE_MEMORY", "24MB")  # else thousands would be needed
    with monkeypatch.context() as scarce:
        scarce.setattr("detector.rules.memory._ALL", "SET memory_limit = '24MB'")
        with pytest.raises(OutOfMemory, match="need more memory"), Engine(events_of(*calls)) as engine:
            engine.prepare()
    found = detection_of(*calls)
    assert not found.errors
    assert {one.alert_id for one in found.alerts} == {one.alert_id for one in detection_of(*few).alerts}
    assert found.alerts


def test_a_broken_rule_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = rule_file(tmp_path / "rules", "broken_binding", "SELECT no_such_column FROM candidates")
    rule_file(folder, "good", COUNT_SQL)
    (folder / "broken_file.sql").write_text("no block")
    detection = detection_of(LOGIN, rules=[folder])
    assert {alert.rule_id for alert in detection.alerts} >= {"good", "root_console_login_without_mfa"}
    assert sorted(Path(str(error).partition(".sql")[0]).name for error in detection.errors) == [
        "broken_binding",
        "broken_file",
    ]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT error('no such thing') AS logFile, 0 AS logFileIndex FROM candidates", "no such thing"),
        ("SELECT '' AS logFile, count(*) AS logFileIndex FROM range(1000000) a, range(1000000) b", "stopped after 2 "),
    ],
)
def test_what_rules_read_and_cannot_be_made_is_an_error_of_those_that_read_it(
    sql: str, why: str, tmp_path: Path
) -> None:
    definitions = tmp_path / "queries"
    shutil.copytree(shipped_rules_directory(), definitions)
    (definitions / "_views" / "58_told_sign_in_failures.table.sql").write_text(sql)
    failed = LOGIN | {"eventID": event_id(1), "responseElements": {"ConsoleLogin": "Failure"}}
    with Engine(events_of(LOGIN, failed), definitions=definitions, time_limit_seconds=2) as engine:
        detection = detect_through(engine, [], NOW)
    [error] = detection.errors
    assert "root_login_failed.sql" in str(error)
    assert why in str(error)
    assert "root_console_login_without_mfa" in {alert.rule_id for alert in detection.alerts}


def flood_of(findings: int, folder: Path) -> Path:
    many = f", 'k' || i AS dedup_key FROM candidates, range({findings}) AS many (i)"
    return rule_file(
        folder / "rules", "flood", COUNT_SQL.replace("FROM candidates", many).replace("summary ,", "summary,")
    )


def test_too_many_findings_are_cut_and_said(tmp_path: Path) -> None:
    detection = detect(events_of(LOGIN), [flood_of(30, tmp_path)], NOW, rule_findings=10)
    assert any("flood" in str(error) and "10" in str(error) for error in detection.errors)
    assert sum(alert.rule_id == "flood" for alert in detection.alerts) == 10
    assert any(alert.rule_id == "root_console_login_without_mfa" for alert in detection.alerts)


def test_each_finding_is_judged_once_though_there_are_too_many_to_be_taken(tmp_path: Path) -> None:
    asked: list[str | None] = []

    def is_among_the_first(finding: Finding) -> bool:  # as in a report, which takes only so many of an account
        if finding.rule.id == "flood":
            asked.append(finding.dedup_key)
        return finding.rule.id == "flood" and len(asked) <= 5

    folder = flood_of(30, tmp_path)
    detection = detect(events_of(LOGIN), [folder], NOW, rule_findings=10, is_of_interest=is_among_the_first)
    assert len(detection.alerts) == 5
    assert len(asked) == len(set(asked)) == 30


def test_an_alert_about_many_events_names_the_oldest_hundred(tmp_path: Path) -> None:
    records = [
        LOGIN
        | {
            "eventTime": f"2024-05-06T07:{n // 60:02}:{n % 60:02}Z",
            "eventID": f"00000000-0000-4000-8000-{n * 7919 % 150:012}",
        }
        for n in range(150)
    ]
    grouped = "SELECT account_id, min(event_time) AS event_time, list(event_id) AS event_ids, 's' AS summary"
    folder = rule_file(tmp_path / "rules", "grouped", f"{grouped} FROM candidates GROUP BY account_id")
    [alert] = [alert for alert in detection_of(*reversed(records), rules=[folder]).alerts if alert.rule_id == "grouped"]
    assert alert.event_ids == tuple(record["eventID"] for record in records[:100])
    assert [location.event_id for location in alert.evidence] == list(alert.event_ids)
    assert (alert.event_count, alert.records_truncated) == (150, True)
    assert alert.subject.event_id == records[-1]["eventID"]
    assert json.loads(bytes(alert.records[-1])) == records[-1]


def test_an_alert_about_many_events_may_be_about_any_of_them(tmp_path: Path) -> None:
    records = [
        LOGIN | {"eventTime": f"2024-05-06T08:{n // 60:02}:{n % 60:02}Z", "eventID": event_id(n)} for n in range(150)
    ]
    grouped = "SELECT account_id, min(event_time) AS event_time, list(event_id) AS event_ids, 's' AS summary"
    named = f"{grouped}, '{event_id(120)}' AS subject_event_id FROM candidates GROUP BY account_id"
    folder = rule_file(tmp_path / "rules", "grouped", named)
    [alert] = [alert for alert in detection_of(*records, rules=[folder]).alerts if alert.rule_id == "grouped"]
    assert alert.subject.event_id == json.loads(bytes(alert.records[-1]))["eventID"] == event_id(120)
    assert alert.event_ids == tuple(event_id(n) for n in range(100))


def test_alerts_about_many_events_name_them_whatever_part_of_the_lake_their_rules_read(tmp_path: Path) -> None:
    alice = {"type": "IAMUser", "accountId": "111122223333", "userName": "alice"}
    other: dict[str, object] = {"eventName": "GetObject", "eventSource": "s3.amazonaws.com", "userIdentity": alice}
    records: list[dict[str, object]] = [
        {**LOGIN, **(other if n >= 150 else {}), "eventID": event_id(n)}
        | {"eventTime": f"2024-05-06T08:{n // 60:02}:{n % 60:02}Z"}
        for n in range(300)
    ]
    grouped = "SELECT account_id, min(event_time) AS event_time, list(event_id) AS event_ids, 's' AS summary FROM "
    folder = rule_file(tmp_path / "rules", "a_of_candidates", f"{grouped} candidates GROUP BY account_id")
    of_all = f"{grouped} all_events WHERE event_name = 'GetObject' GROUP BY account_id"
    rule_file(folder, "b_of_all", of_all, '-- reads = "events"\n')
    alerts = {alert.rule_id: alert for alert in detection_of(*records, rules=[folder]).alerts}
    assert alerts["a_of_candidates"].event_ids == tuple(event_id(n) for n in range(100))
    assert alerts["b_of_all"].event_ids == tuple(event_id(n) for n in range(150, 250))
    assert len(alerts["b_of_all"].evidence) == 100


def test_a_subject_that_is_none_of_the_events_is_a_fault_of_the_rule(tmp_path: Path) -> None:
    found = "SELECT account_id, event_time, [event_id] AS event_ids, 's' AS summary, 'x' AS subject_event_id"
    detection = detection_of(LOGIN, rules=[rule_file(tmp_path / "rules", "strange", f"{found} FROM candidates")])
    [error] = detection.errors
    assert "subject_event_id is none of its event_ids" in str(error)


def event_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def call(number: int, **fields: object) -> dict[str, object]:
    """A call of root's, one a minute, each from an address of its own."""
    own = {
        "eventTime": f"2024-05-06T09:{number:02}:00Z",
        "eventID": event_id(number),
        "sourceIPAddress": f"192.0.2.{number}",
    }
    return LOGIN | own | fields


FAILED = {"responseElements": {"ConsoleLogin": "Failure"}, "errorMessage": "Failed authentication"}
STOP = {"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "requestParameters": {"name": "main"}}
IAM = {"eventSource": "iam.amazonaws.com", "responseElements": None, "additionalEventData": None}
CLI = {
    "eventName": "CreateOAuth2Token",
    "responseElements": None,
    "additionalEventData": None,
    "userIdentity": {
        "type": "Root",
        "arn": "arn:aws:iam::111122223333:root",
        "accountId": "111122223333",
        "accessKeyId": "ASIA1",
    },
}
FORGOTTEN = {"eventName": "PasswordRecoveryRequested", "responseElements": None, "additionalEventData": None}


@pytest.mark.parametrize(
    ("rule_id", "about", "records"),
    [
        ("root_login_after_failures", 4, [call(n, **FAILED) for n in range(1, 4)] + [call(4)]),
        ("root_login_brute_force", 5, [call(n, **FAILED) for n in range(1, 6)]),
        ("root_login_after_recovery", 2, [call(1, **FORGOTTEN), call(2)]),
        (
            "root_login_after_mfa_removed",
            2,
            [call(1, **IAM, eventName="DeactivateMFADevice", requestParameters={}), call(2)],
        ),
        (
            "root_persistence_burst",
            1,
            [call(1), call(2, **IAM, eventName="CreateUser"), call(3, **IAM, eventName="CreateAccessKey")],
        ),
        (
            "trail_stopped_then_restarted",
            1,
            [
                call(1, **STOP, responseElements=None),
                call(2, **IAM, eventName="CreateUser"),
                call(3, **(STOP | {"eventName": "StartLogging"}), responseElements=None),
            ],
        ),
        ("root_cli_login", 1, [call(n, **CLI) for n in (1, 2)]),
        (
            "root_password_recovery_requested",
            2,
            [call(1, **FORGOTTEN), call(2, **FORGOTTEN), call(3, **FORGOTTEN, errorMessage="No")],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_event_that_a_rule_is_about_speaks(rule_id: str, about: int, records: list[dict[str, object]]) -> None:
    [alert] = [alert for alert in detection_of(*records).alerts if alert.rule_id == rule_id]
    assert (alert.subject.event_id, alert.source_ip) == (event_id(about), f"192.0.2.{about}")
    assert f"09:{about:02}:00" in alert.summary


def test_accounts_without_their_sign_in_region_are_a_warning() -> None:
    elsewhere = [LOGIN | {"awsRegion": "eu-west-1", "recipientAccountId": account} for account in ("2" * 12, "1" * 12)]
    (warning,) = detection_of(LOGIN | {"recipientAccountId": "3" * 12}, *elsewhere).warnings
    assert "for 111111111111, 222222222222: no alert about them" in warning
    assert of_one_login().warnings == []


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "2013-10-31T23:59:59Z", "9999-12-31T23:59:59Z"])
def test_events_before_cloudtrail_or_in_the_future_are_a_warning(time: str) -> None:
    [warning] = detection_of(LOGIN, LOGIN | {"eventTime": time, "eventID": "x"}).warnings
    assert time in warning
    assert "2024" not in warning


def test_a_clock_that_is_hours_ahead_is_no_warning() -> None:
    assert detection_of(LOGIN | {"eventTime": "2026-03-02T11:00:00Z"}).warnings == []


@pytest.mark.parametrize(
    ("selection", "is_taken"),
    [
        (Selection(), True),
        (Selection(min_severity=Severity.CRITICAL), True),
        (Selection(since=datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)), True),
        (Selection(since=datetime(2024, 5, 6, 7, 8, 10, tzinfo=UTC)), False),
        (Selection(until=datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)), True),
        (Selection(until=datetime(2024, 5, 6, 7, 8, 8, tzinfo=UTC)), False),
    ],
)
def test_a_selection_goes_by_the_last_event(selection: Selection, is_taken: bool) -> None:
    (alert,) = (one for one in of_one_login().alerts if one.rule_id == "root_console_login_without_mfa")
    assert selection.takes(alert) is is_taken


def test_a_selection_leaves_out_what_is_less_severe() -> None:
    alerts = detection_of(LOGIN | {"additionalEventData": {"MFAUsed": "Yes"}}).alerts
    severe = [alert for alert in alerts if Selection(min_severity=Severity.HIGH).takes(alert)]
    assert alerts
    assert all(alert.severity.is_at_least(Severity.HIGH) for alert in severe)
    assert len(severe) < len(alerts)


def test_alerts_are_written_once(runs: Runs) -> None:
    alerts, sink = of_one_login().alerts, MemorySink()
    output = Output(sink, AlertFormat.JSONL)
    assert runs.write(alerts, output)[0] == alerts
    assert runs.write(alerts, output)[0] == []
    assert sink.ids == [alert.alert_id for alert in alerts]
    assert {one.alert_id for one in read_emitted(runs.place())} == set(sink.ids)
    write_alerts(alerts, [output])
    assert len(sink.ids) == 2 * len(alerts)


def test_an_alert_that_was_not_delivered_is_delivered_next_time_before_others(runs: Runs) -> None:
    alerts, sink = detection_of(LOGIN, LOGIN | {"eventID": "2"}, LOGIN | {"eventID": "3"}).alerts, MemorySink()
    output = Output(sink, AlertFormat.JSONL)
    sink.is_broken = True
    written, delivery = runs.write(alerts[1:], output)
    assert written == alerts[1:]
    assert delivery.undelivered == [Undelivered("memory", len(alerts) - 1, "gone", "")]
    assert [entry[1] for entry in read_outbox(runs.place())[1]] == [alert.alert_id for alert in alerts[1:]]
    sink.is_broken = False
    written, delivery = runs.write(alerts, output)
    assert written == alerts[:1]
    assert not delivery.is_incomplete
    assert sink.ids == [alert.alert_id for alert in [*alerts[1:], alerts[0]]]


@slow_in_s3
def test_alerts_of_an_output_that_is_not_named_wait_with_a_warning(runs: Runs) -> None:
    alerts, sink, other = of_one_login().alerts, MemorySink(), MemorySink()
    other.name, other.is_broken = "other", True
    both = [Output(sink, AlertFormat.JSONL), Output(other, AlertFormat.JSONL)]
    runs.write(alerts, *both)
    assert sink.ids == [alert.alert_id for alert in alerts]
    _, delivery = runs.write([], both[0])
    assert not delivery.is_incomplete
    waiting = counted(len(alerts), "alert")
    assert delivery.warnings == [f"{waiting} waiting for other, which is not among the outputs of this run"]
    other.is_broken = False
    runs.write([], *both)
    assert (other.ids, len(sink.ids)) == (sink.ids, len(alerts))


@slow_in_s3
def test_a_crash_after_writing_repeats_the_alert_with_the_same_id(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts, path = of_one_login().alerts, tmp_path / "alerts.jsonl"
    output = Output(AlertFile(path), AlertFormat.JSONL)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "settle", crash)
        with pytest.raises(KeyboardInterrupt):
            runs.write(alerts, output)
    runs.write(alerts, output)
    runs.write(alerts, output)
    ids = [json.loads(line)["alert_id"] for line in path.read_text().splitlines()]
    assert len(ids) == 2 * len(alerts)
    assert set(ids) == {alert.alert_id for alert in alerts}


def with_severity(alert: Alert, severity: Severity) -> Alert:
    return dataclasses.replace(alert, severity=severity, detected_at=NOW + timedelta(days=1))


@slow_in_s3
def test_an_alert_comes_again_when_its_severity_has_risen_and_only_then(runs: Runs) -> None:
    alert, sink = of_one_login().alerts[0], MemorySink()
    levels = (Severity.MEDIUM, Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.MEDIUM, Severity.HIGH)
    output = Output(sink, AlertFormat.JSONL)
    written = [len(runs.write([with_severity(alert, level)], output)[0]) for level in levels]
    assert written == [1, 0, 0, 1, 0, 0]
    assert len(set(sink.ids)) == 1


def test_hostile_records_reach_the_rules_and_the_alert() -> None:
    hostile = [
        LOGIN | {"userAgent": "\x1b[31m\u202e\ud800" + "x" * 10_000, "extra": {"a": [float("nan"), 10**400]}},
        LOGIN | {"eventID": "1", "requestParameters": "not an object", "responseElements": [1], "readOnly": "True"},
        LOGIN | {"eventID": "2", "userIdentity": {"type": "Root", "arn": 7}, "additionalEventData": "prose"},
    ]
    content = json.dumps({"Records": hostile}).encode()
    deep = b'{"eventTime":"2024-05-06T07:08:09Z","eventName":"ConsoleLogin","eventSource":"signin.amazonaws.com",'
    deep += b'"userIdentity":{"type":"Root"},"responseElements":%s,"additionalEventData":%s,"requestParameters":%s}'
    nested = b'{"ConsoleLogin":' * 5_000 + b"1" + b"}" * 5_000
    content = content[:-2] + b"," + deep % (nested, nested, nested) + b"]}"
    detection = detect(TableEvents(decode_log_file(content, "s3://b/k").table), [], NOW)
    assert detection.errors == []
    sink = MemorySink()
    write_alerts(detection.alerts, [Output(sink, AlertFormat.JSONL)])
    assert len({key for alert in detection.alerts for key in alert.event_ids}) == 4
    for line in sink.lines:
        assert len(line) <= 32_000
        json.loads(line, parse_constant=pytest.fail)
