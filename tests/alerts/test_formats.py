"""Each format says the same, in its reader's own terms, and nothing in an alert can break a line."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.alerts.alert import Actor, Alert, Location, Suppression, make_alert
from detector.alerts.formats.formatting import header
from detector.alerts.formats.json_line import raw_json
from detector.alerts.formats.names import AlertFormat
from detector.rules.attack import TACTICS, TECHNIQUES
from detector.rules.rule import load_rules
from detector.severity import Severity
from fixtures.receivers import alert_id_of, read_line
from tests.alerts.samples import to_line

from .samples import NOW, QUERIES, event, finding

FORMATS = list(AlertFormat)
LOGIN = {
    "eventName": "ConsoleLogin",
    "eventSource": "signin.amazonaws.com",
    "responseElements": {"ConsoleLogin": "Failure"},
    "readOnly": False,
}


@lru_cache
def an_alert() -> Alert:
    return make_alert(finding(event_ids=("id-1",), context={"a": 1}), [event("id-1", LOGIN)], NOW)


def read(form: AlertFormat, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return read_line(form, to_line(dataclasses.replace(an_alert(), **changes), form))


def test_times_are_in_the_receivers_own_form() -> None:
    moment = datetime(2024, 5, 6, 7, 8, 9, 123_456, tzinfo=UTC)
    milliseconds = 1_714_979_289_123
    assert read(AlertFormat.JSONL, event_time=moment)["event_time"] == "2024-05-06T07:08:09.123456Z"
    assert read(AlertFormat.OCSF, event_time=moment)["time"] == milliseconds
    assert read(AlertFormat.ECS, event_time=moment)["@timestamp"] == "2024-05-06T07:08:09.123Z"
    assert read(AlertFormat.HEC, event_time=moment)["time"] == milliseconds / 1000
    assert read(AlertFormat.ASFF, event_time=moment)["FirstObservedAt"] == "2024-05-06T07:08:09.123Z"
    assert read(AlertFormat.CEF, event_time=moment)["start"] == str(milliseconds)
    assert read(AlertFormat.TABLE, event_time=moment)["time"] == "2024-05-06T07:08:09Z"


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("form", FORMATS)
def test_no_time_is_refused(form: AlertFormat, moment: datetime) -> None:
    read(form, event_time=moment, last_event_time=moment)


@pytest.mark.parametrize(
    ("level", "ocsf", "ecs", "hec", "asff", "cef"),
    [
        (Severity.INFO, 1, 1, "informational", "INFORMATIONAL", "|1|"),
        (Severity.LOW, 2, 21, "low", "LOW", "|3|"),
        (Severity.MEDIUM, 3, 47, "medium", "MEDIUM", "|5|"),
        (Severity.HIGH, 4, 73, "high", "HIGH", "|8|"),
        (Severity.CRITICAL, 5, 99, "critical", "CRITICAL", "|10|"),
    ],
)
def test_severity_is_in_the_receivers_own_words(
    level: Severity, ocsf: int, ecs: int, hec: str, asff: str, cef: str
) -> None:
    assert read(AlertFormat.OCSF, severity=level)["severity_id"] == ocsf
    assert read(AlertFormat.ECS, severity=level)["event"]["severity"] == ecs
    assert read(AlertFormat.HEC, severity=level)["event"]["severity"] == hec
    assert read(AlertFormat.ASFF, severity=level)["FindingProviderFields"]["Severity"]["Label"] == asff
    assert cef in to_line(dataclasses.replace(an_alert(), severity=level), AlertFormat.CEF).decode()


@pytest.mark.parametrize("source", ["cloudtrail.amazonaws.com", "AWS Internal", "10.0.0.256", "fe80::1%eth0", ""])
def test_what_is_no_address_is_in_no_address_field(source: str) -> None:
    ocsf, ecs = read(AlertFormat.OCSF, source_ip=source), read(AlertFormat.ECS, source_ip=source)
    hec, asff = read(AlertFormat.HEC, source_ip=source), read(AlertFormat.ASFF, source_ip=source)
    cef = read(AlertFormat.CEF, source_ip=source)
    assert ocsf["evidences"][0].get("src_endpoint", {}) == ({"svc_name": source} if source else {})
    assert [one["name"] for one in ocsf["observables"]] == ["evidences[0].actor.user.uid"]
    assert ecs.get("source", {}) == ({"address": source} if source else {})
    assert "ip" not in ecs["related"]
    assert "src_ip" not in hec["event"]
    assert "Network" not in asff
    assert "RemoteIpDetails" not in asff["Action"]["AwsApiCallAction"]
    assert not {"src", "c6a2"} & set(cef)
    assert cef.get("sourceServiceName", "") == source


@pytest.mark.parametrize(("source", "version"), [("198.51.100.7", 4), ("2001:DB8::0007", 6)])
def test_an_address_is_where_the_receiver_looks_for_it(source: str, version: int) -> None:
    address = source if version == 4 else "2001:db8::7"
    ocsf, ecs = read(AlertFormat.OCSF, source_ip=source), read(AlertFormat.ECS, source_ip=source)
    asff, cef = read(AlertFormat.ASFF, source_ip=source), read(AlertFormat.CEF, source_ip=source)
    assert ocsf["evidences"][0]["src_endpoint"] == {"ip": address}
    assert (ocsf["observables"][0]["type_id"], ocsf["observables"][0]["value"]) == (2, address)
    assert (ecs["source"]["ip"], ecs["source"]["address"], ecs["related"]["ip"]) == (address, source, [address])
    assert read(AlertFormat.HEC, source_ip=source)["event"]["src_ip"] == address
    assert asff["Network"] == {"Direction": "IN", f"SourceIpV{version}": address}
    assert cef["src" if version == 4 else "c6a2"] == address


def test_the_call_is_that_of_the_first_record() -> None:
    assert read(AlertFormat.OCSF)["api"]["operation"] == "ConsoleLogin"
    assert read(AlertFormat.ECS)["event"]["outcome"] == "failure"  # a failed sign-in has no errorCode
    assert read(AlertFormat.ASFF)["Action"]["AwsApiCallAction"]["ServiceName"] == "signin.amazonaws.com"
    assert (read(AlertFormat.CEF)["act"], read(AlertFormat.CEF)["outcome"]) == ("ConsoleLogin", "failure")


@pytest.mark.parametrize(
    ("record", "category", "kind", "outcome"),
    [
        (LOGIN, "authentication", "start", "failure"),
        ({"eventSource": "iam.amazonaws.com", "readOnly": False}, "iam", "change", "success"),
        ({"eventSource": "iam.amazonaws.com", "readOnly": True, "errorCode": "X"}, "iam", "info", "failure"),
        (
            {"eventSource": "s3.amazonaws.com", "readOnly": False, "errorMessage": "X"},
            "configuration",
            "change",
            "failure",
        ),
        ({"eventSource": 7, "readOnly": "no", "eventName": ["x"]}, "configuration", "info", "success"),
    ],
)
def test_elastic_is_told_what_kind_of_event_it_was(
    record: dict[str, Any], category: str, kind: str, outcome: str
) -> None:
    event = read(AlertFormat.ECS, records=(raw_json(record),))["event"]
    assert (event["category"], event["type"], event["outcome"]) == ([category], [kind], outcome)
    assert json.loads(event["original"]) == record


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("records", [(), (None,), ([1],), ("text",)])
def test_nothing_need_be_known(form: AlertFormat, records: tuple[Any, ...]) -> None:
    nothing = dataclasses.replace(
        an_alert(),
        account_id=None,
        region=None,
        source_ip=None,
        user_agent="by itself no evidence",
        mfa=None,
        actor=Actor(),
        attack=(),
        evidence=(),
        context={},
        response=None,
        references=(),
        records=() if form in (AlertFormat.JSONL, AlertFormat.HEC) else tuple(map(raw_json, records)),
    )
    document = read_line(form, to_line(nothing, form))
    assert alert_id_of(form, document) in (nothing.alert_id, None)


def test_what_has_been_answered_for_is_suppressed_in_the_receivers_own_terms() -> None:
    answered = Suppression("drill", "Monday = drill")
    assert read(AlertFormat.OCSF, suppressed_by=answered)["status"] == "Suppressed"
    assert read(AlertFormat.OCSF, suppressed_by=answered)["unmapped"]["suppressed_by"]["reason"] == "Monday = drill"
    assert read(AlertFormat.ECS, suppressed_by=answered)["detector"]["suppressed_by"]["id"] == "drill"
    assert read(AlertFormat.HEC, suppressed_by=answered)["event"]["suppressed_by"]["id"] == "drill"
    assert read(AlertFormat.ASFF, suppressed_by=answered)["Workflow"] == {"Status": "SUPPRESSED"}
    assert read(AlertFormat.CEF, suppressed_by=answered)["flexString1"] == "drill"
    assert read(AlertFormat.CSV, suppressed_by=answered)["suppressed_by"] == "drill"
    assert read(AlertFormat.TABLE, suppressed_by=answered)["summary"].startswith("[suppressed: drill] ")


PAGE, REFERENCES = "https://wiki.example.com/rules.md#root", ("Runbook 7", "https://docs.example.com/root")


def test_what_to_do_is_where_the_receiver_looks_for_it() -> None:
    advice = {"response": "1. Call.\n2. Lock.", "references": REFERENCES, "rule_url": PAGE}
    native, csv = read(AlertFormat.JSONL, **advice), read(AlertFormat.CSV, **advice)
    assert {key: native[key] for key in advice} == advice | {"references": list(REFERENCES)}
    assert read(AlertFormat.HEC, **advice)["event"]["response"] == advice["response"]
    assert read(AlertFormat.OCSF, **advice)["remediation"] == {
        "desc": advice["response"],
        "references": [PAGE, *REFERENCES],
    }
    assert read(AlertFormat.ECS, **advice)["rule"]["reference"] == PAGE
    assert read(AlertFormat.ECS, **advice)["detector"]["response"] == advice["response"]
    assert read(AlertFormat.ASFF, **advice)["Remediation"]["Recommendation"] == {
        "Text": advice["response"],
        "Url": PAGE,
    }
    assert read(AlertFormat.CEF, **advice)["flexString2"] == PAGE
    assert (csv["response"], csv["references"], csv["rule_url"]) == ("1. Call. 2. Lock.", " ".join(REFERENCES), PAGE)


def test_without_a_page_a_field_for_one_address_has_the_first_reference_that_is_one() -> None:
    advice: dict[str, Any] = {"references": REFERENCES, "rule_url": None}
    assert read(AlertFormat.JSONL, **advice)["rule_url"] is None
    assert read(AlertFormat.ECS, **advice)["rule"]["reference"] == REFERENCES[1]
    assert read(AlertFormat.ASFF, **advice)["Remediation"]["Recommendation"]["Url"] == REFERENCES[1]
    assert read(AlertFormat.CEF, **advice)["flexString2"] == REFERENCES[1]
    none: dict[str, Any] = {"references": ("Runbook 7",), "rule_url": None}
    assert "reference" not in read(AlertFormat.ECS, **none)["rule"]
    assert "Url" not in read(AlertFormat.ASFF, **none)["Remediation"]["Recommendation"]
    assert "flexString2" not in read(AlertFormat.CEF, **none)


def test_long_advice_is_cut_and_a_reference_is_whole_or_absent() -> None:
    references = tuple(f"https://docs.example.com/{number}{'x' * 400}" for number in range(9))
    advice: dict[str, Any] = {"response": "y" * 9_000, "references": references, "rule_url": None}
    native, asff = read(AlertFormat.JSONL, **advice), read(AlertFormat.ASFF, **advice)
    assert native["response"].endswith("y…")
    assert native["references"] == list(references[:2])
    assert len(asff["Remediation"]["Recommendation"]["Text"]) == 512
    assert asff["ProductFields"]["detector/references"].split() == list(references[:2])
    assert asff["Remediation"]["Recommendation"]["Url"] == references[0]


def test_security_hub_finds_the_account_and_the_partition() -> None:
    assert read(AlertFormat.ASFF)["Resources"][0]["Id"] == "AWS::::Account:111122223333"
    strange = read(AlertFormat.ASFF, account_id="nobody", region="us east/1")
    assert (strange["AwsAccountId"], strange["Resources"][0]["Type"]) == ("000000000000", "Other")
    for region, partition in (("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-1", "aws")):
        assert read(AlertFormat.ASFF, region=region)["ProductArn"].startswith(f"arn:{partition}:securityhub:{region}:")


def test_every_attack_id_of_a_shipped_rule_has_a_name() -> None:
    pairs = [entry.split(":") for rule in load_rules(QUERIES).rules for entry in rule.attack]
    assert {tactic for tactic, _ in pairs} <= set(TACTICS)
    # v19's T1685.002 is always named together with T1562.008, which it continues.
    techniques = {name for _, technique in pairs for name in (technique.split(".")[0], technique)}
    assert techniques - set(TECHNIQUES) == {"T1685", "T1685.002"}
    assert read(AlertFormat.OCSF, attack=(("TA0001", "T1078.004"),))["finding_info"]["attacks"] == [
        {
            "tactic": {"uid": "TA0001", "name": "Initial Access"},
            "technique": {"uid": "T1078", "name": "Valid Accounts"},
            "sub_technique": {"uid": "T1078.004", "name": "Cloud Accounts"},
        }
    ]


def test_records_fill_the_line_and_what_is_left_out_is_said() -> None:
    records = tuple(raw_json({"eventName": f"E{number}", "x": "y" * 12_000}) for number in range(3))
    ocsf, hec = read(AlertFormat.OCSF, records=records), read(AlertFormat.HEC, records=records)
    assert [one["data"]["eventName"] for one in ocsf["evidences"]] == ["E0", "E1"]
    assert ocsf["unmapped"]["records_truncated"] is True
    assert (len(hec["event"]["records"]), hec["event"]["records_truncated"]) == (2, True)
    assert read(AlertFormat.OCSF)["unmapped"]["records_truncated"] is False
    huge = (raw_json({"eventName": "E", "x": "y" * 40_000}),)
    assert "original" not in read(AlertFormat.ECS, records=huge)["event"]
    assert "data" not in read(AlertFormat.OCSF, records=huge)["evidences"][0]


INJECTIONS = [
    "x|9|CEF:0|evil src=10.0.0.1",
    "a\\ b\\= src=10.0.0.1 externalId=other",
    "line\nbreak\r\n<1>1 - - - - - - forged",
    "trailing\\",
    '","2024"\n=HYPERLINK("http://x")',
    "=cmd|'/c calc'!A1",
    "＝1+1;=2",  # noqa: RUF001
    "\x1b[2J\x9b\u202e\u2028\x00\ud800",
]


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("form", FORMATS)
def test_what_an_attacker_writes_stays_in_its_place(form: AlertFormat, text: str) -> None:
    alert = dataclasses.replace(
        an_alert(),
        summary=text,
        title=text,
        user_agent=text,
        actor=Actor("IAMUser", f"a/{text}"),
        response=text,
        references=(f"https://example.com/{text}", text),
    )
    document = read_line(form, to_line(alert, form))
    assert alert_id_of(form, document) in (alert.alert_id, None)
    match form:
        case AlertFormat.CEF:
            assert document["src"] == an_alert().source_ip
            assert re.sub(r"[\r\n]", "", document["msg"]).isprintable()
        case AlertFormat.CSV:
            assert document["summary"].startswith("'") == text.startswith(("=", "＝"))  # noqa: RUF001
        case AlertFormat.TABLE:
            assert document["rule"] == alert.rule_id


def test_cef_gives_back_what_went_in() -> None:
    summary = "key=value a\\b | c\nsecond\r"
    assert read(AlertFormat.CEF, summary=summary)["msg"] == summary


@pytest.mark.parametrize("form", FORMATS[:5])
def test_files_that_begin_with_different_alerts_differ_within_the_smallest_fingerprint(form: AlertFormat) -> None:
    other = "ffffffff-ffff-5fff-bfff-ffffffffffff"
    assert to_line(an_alert(), form)[:64] != to_line(dataclasses.replace(an_alert(), alert_id=other), form)[:64]


def test_only_csv_and_tables_have_a_header() -> None:
    headers = {form: header(form) for form in AlertFormat}
    assert {form for form, line in headers.items() if line} == {AlertFormat.CSV, AlertFormat.TABLE}
    assert read_line(AlertFormat.CSV, headers[AlertFormat.CSV] or b"")["alert_id"] == "alert_id"
    assert (headers[AlertFormat.TABLE] or b"").split() == [b"TIME", b"SEVERITY", b"ACCOUNT", b"RULE", b"SUMMARY"]


def the_largest(text: str) -> Alert:
    """Every part as large as it can be, filled with one text."""
    return dataclasses.replace(
        make_alert(finding(event_ids=tuple(f"{number}{text[:500]}" for number in range(300))), [], NOW),
        title=text,
        account_id=text,
        region=text,
        summary=text,
        source_ip=text,
        user_agent=text,
        actor=Actor(text, f"arn:aws:iam::1:user/{text}", text, text),
        attack=tuple((f"TA{number:04}", f"T{number:04}.001") for number in range(1_000)),
        context={f"key {number}": text for number in range(20)},
        evidence=tuple(Location(f"s3://{text[:900]}", number, text[:900]) for number in range(300)),
        records=tuple(
            raw_json({"eventName": text, "eventSource": text, "errorCode": text, "errorMessage": text, "n": n})
            for n in range(5)
        ),
        suppressed_by=Suppression(text, text),
        response=text,
        references=(text[:400],) * 20,
        rule_url=f"https://wiki.example.com/{'x' * 500}",
    )


@pytest.mark.parametrize("unit", ["x", '"', "\\", "\x00", "😀", "=|\n"])
@pytest.mark.parametrize("form", FORMATS)
def test_the_largest_alert_fits_into_a_line(form: AlertFormat, unit: str) -> None:
    alert = the_largest(unit * 20_000)
    document = read_line(form, to_line(alert, form))
    assert alert_id_of(form, document) in (alert.alert_id, None)


@pytest.mark.parametrize("form", [AlertFormat.JSONL, AlertFormat.OCSF, AlertFormat.ECS, AlertFormat.HEC])
def test_records_fill_a_line_to_its_end_and_no_further(form: AlertFormat) -> None:
    lines = [
        to_line(dataclasses.replace(an_alert(), records=(raw_json({"x": "y" * size}),)), form)
        for size in range(26_000, 32_000, 50)
    ]
    assert 31_900 < max(map(len, lines)) <= 32_000


texts = st.text(max_size=30) | st.sampled_from(INJECTIONS)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
records = st.dictionaries(
    texts | st.sampled_from(["eventName", "eventSource", "errorCode", "responseElements", "readOnly"]),
    json_values,
    max_size=4,
)


@given(
    names=st.tuples(*[st.none() | texts] * 8),
    summary=texts.filter(bool),
    severity=st.sampled_from(Severity),
    mfa=st.sampled_from([None, "yes", "no", "unknown"]),
    event_ids=st.lists(texts, min_size=1, max_size=3, unique=True),
    context=st.dictionaries(texts, json_values, max_size=3),
    shown=st.lists(records, max_size=3),
    repeat=st.sampled_from([1, 1, 400]),
)
@settings(deadline=None, max_examples=60)
def test_any_alert_is_a_valid_line_of_every_format(
    names: tuple[str | None, ...],
    summary: str,
    severity: Severity,
    mfa: str | None,
    event_ids: list[str],
    context: dict[str, Any],
    shown: list[dict[str, Any]],
    repeat: int,
) -> None:
    account, region, source, agent, kind, arn, key, issuer = (name and name * repeat for name in names)
    alert = dataclasses.replace(
        an_alert(),
        account_id=account,
        region=region,
        source_ip=source,
        user_agent=agent,
        actor=Actor(kind, arn, key, issuer),
        summary=summary * repeat,
        severity=severity,
        mfa=mfa,
        event_ids=tuple(event_ids),
        context=context,
        records=tuple(map(raw_json, shown)),
    )
    for form in AlertFormat:
        document = read_line(form, to_line(alert, form))
        assert alert_id_of(form, document) in (alert.alert_id, None)
