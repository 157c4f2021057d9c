"""Answers as findings, held against what receives them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from detector.posture.answer import Answer, Source
from detector.posture.check import Status, load_checks
from detector.posture.findings import to_asff, to_ocsf

CHECKS = {check.id: check for check in load_checks()}
NOW = datetime(2026, 3, 8, 9, tzinfo=UTC)
THEN = datetime(2026, 3, 4, 10, 11, 12, tzinfo=UTC)


def an_answer(status: Status, detail: str = "login", account: str = "111122223333", **more: Any) -> Answer:  # noqa: ANN401
    known: dict[str, Any] = {
        "as_of": THEN, "seen_until": NOW, "source": Source.LOGS, "evidence": ("event-1", "event-2"), "next": "do it",
    }  # fmt: skip
    return Answer(account, CHECKS["root_mfa_on"], status, detail, **known | more)


@cache
def ocsf() -> Draft202012Validator:
    schemas = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.8.0"))
    return Draft202012Validator(schemas.get_class_schema("compliance_finding", profiles=["cloud"]))


@cache
def import_findings() -> Any:  # noqa: ANN401 - botocore's
    model = botocore.session.Session().get_service_model("securityhub")
    return model.operation_model("BatchImportFindings").input_shape


HOSTILE = "x\n\x1b]0;" + "é" * 50_000
ANSWERS = [
    *(an_answer(status) for status in Status),
    an_answer(Status.UNKNOWN, as_of=None, seen_until=None, evidence=(), next=None, source=Source.LIVE),
    an_answer(Status.FAIL, HOSTILE, account=HOSTILE, evidence=tuple(f"{HOSTILE}{n}" for n in range(100)), next=HOSTILE),
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_compliance_finding_is_one_of_ocsf(answer: Answer) -> None:
    finding = json.loads(json.dumps(to_ocsf(answer, NOW)))
    assert [f"{error.json_path}: {error.message}" for error in ocsf().iter_errors(finding)] == []
    assert finding["type_uid"] == finding["class_uid"] * 100 + finding["activity_id"] == 200301
    assert len(json.dumps(finding)) < 32_000


@pytest.mark.parametrize("answer", ANSWERS)
def test_security_hub_takes_a_finding(answer: Answer) -> None:
    finding = to_asff(answer, NOW)
    report = ParamValidator().validate({"Findings": [finding]}, import_findings())
    assert not report.has_errors(), report.generate_report()
    for key, most in {"Id": 512, "Title": 256, "Description": 1_024, "GeneratorId": 512}.items():
        assert 0 < len(finding[key]) <= most
    assert json.dumps(finding).isprintable()


@pytest.mark.parametrize(
    ("status", "status_id", "word"),
    [("pass", 1, "PASSED"), ("fail", 3, "FAILED"), ("unknown", 0, "WARNING"), ("not_applicable", 99, "NOT_AVAILABLE")],
)
def test_unknown_is_no_pass_in_the_receivers_words_either(status: str, status_id: int, word: str) -> None:
    answer = an_answer(Status(status))
    assert to_ocsf(answer, NOW)["compliance"]["status_id"] == status_id
    assert to_asff(answer, NOW)["Compliance"]["Status"] == word


def test_a_finding_says_what_when_and_by_which_events() -> None:
    finding = to_ocsf(an_answer(Status.FAIL), NOW)
    assert finding["time"] == int(THEN.timestamp()) * 1_000
    assert finding["message"] == "off: login"
    assert finding["finding_info"]["uid"] == "posture/111122223333/root_mfa_on"
    assert finding["finding_info"]["related_events"] == [{"uid": "event-1"}, {"uid": "event-2"}]
    assert finding["compliance"]["requirements"][0] == "CIS 1.5"
    assert finding["remediation"] == {"desc": "do it"}
    asff = to_asff(an_answer(Status.FAIL), NOW)
    assert (asff["AwsAccountId"], asff["Severity"]) == ("111122223333", {"Label": "MEDIUM"})
    assert asff["Workflow"] == {"Status": "NEW"}
    assert to_asff(an_answer(Status.PASS), NOW)["Workflow"] == {"Status": "RESOLVED"}
