"""Answers as findings of compliance: OCSF 1.8.0, class Compliance Finding (2003), and ASFF.

Sources: schema.ocsf.io, "Compliance Finding [2003]", version 1.8.0; AWS Security Hub User Guide, "Compliance" in ASFF.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

from detector.alerts.formats.asff import product_arn
from detector.alerts.formats.json_line import cut
from detector.alerts.formats.siem_fields import (
    PRODUCT,
    VENDOR,
    VERSION,
    epoch_milliseconds,
    iso_milliseconds,
    without_unknown,
)
from detector.posture.answer import Answer
from detector.posture.check import Status
from detector.text import printable

_OCSF_STATUS: Final = {
    Status.PASS: (1, "Pass"),
    Status.FAIL: (3, "Fail"),
    Status.UNKNOWN: (0, "Unknown"),
    Status.NOT_APPLICABLE: (99, "Not applicable"),
}
_ASFF_STATUS: Final = {
    Status.PASS: "PASSED",
    Status.FAIL: "FAILED",
    Status.UNKNOWN: "WARNING",  # "some information is missing"
    Status.NOT_APPLICABLE: "NOT_AVAILABLE",
}
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_NO_ACCOUNT: Final = "000000000000"
_REGION: Final = "us-east-1"
_TEXT_BYTES: Final = 1_000
_EVENTS: Final = 20


def to_ocsf(answer: Answer, written: datetime) -> dict[str, Any]:
    """Return the answer as a Compliance Finding; the same account and check have the same `finding_info.uid`.

    Args:
        answer: the answer.
        written: now; the time of an answer that has none of its own.
    """
    status_id, status = _OCSF_STATUS[answer.status]
    is_failed = answer.status is Status.FAIL
    return without_unknown(
        {
            "metadata": {
                "uid": _uid(answer),
                "version": "1.8.0",
                "profiles": ["cloud"],
                "event_code": answer.check.id,
                "logged_time": epoch_milliseconds(written),
                "product": {"name": PRODUCT, "vendor_name": VENDOR, "version": VERSION},
            },
            "activity_id": 1,
            "activity_name": "Create",
            "category_uid": 2,
            "category_name": "Findings",
            "class_uid": 2003,
            "class_name": "Compliance Finding",
            "type_uid": 200301,
            "type_name": "Compliance Finding: Create",
            "severity_id": 3 if is_failed else 1,
            "severity": "Medium" if is_failed else "Informational",
            "time": epoch_milliseconds(answer.as_of or answer.seen_until or written),
            "message": _text(f"{answer.value}: {answer.detail}"),
            "compliance": {
                "control": answer.check.id,
                "desc": _text(answer.check.title),
                "requirements": list(answer.check.known_as),
                "standards": ["AWS Root Account MFA"],
                "status_id": status_id,
                "status": status,
                "status_details": [_text(answer.detail)],
            },
            "finding_info": {
                "uid": _uid(answer),
                "title": _text(answer.check.title),
                "desc": _text(answer.check.why),
                "data_sources": [answer.source],
                "related_events": [{"uid": cut(printable(one), 200)} for one in answer.evidence[:_EVENTS]],
            },
            "remediation": {"desc": _text(answer.next)} if answer.next else None,
            "cloud": {
                "provider": "AWS",
                "account": {"uid": _text(answer.account_id), "type_id": 10, "type": "AWS Account"},
            },
            "resources": [{"uid": _text(answer.account_id), "type": "AWS Account"}],
        }
    ) | {"status_id": 1, "status": "New"}


def to_asff(answer: Answer, written: datetime) -> dict[str, Any]:
    """Return the answer as a finding of its account; the next import updates it.

    Args:
        answer: the answer.
        written: now.
    """
    account = answer.account_id if _ACCOUNT.fullmatch(answer.account_id) else _NO_ACCOUNT
    severity = {"Label": "MEDIUM" if answer.status is Status.FAIL else "INFORMATIONAL"}
    types = ["Software and Configuration Checks/AWS Security Best Practices"]
    return without_unknown(
        {
            "Id": _uid(answer),
            "SchemaVersion": "2018-10-08",
            "ProductArn": product_arn(account, _REGION),
            "ProductName": PRODUCT,
            "CompanyName": VENDOR,
            "GeneratorId": answer.check.id,
            "AwsAccountId": account,
            "CreatedAt": iso_milliseconds(written),
            "UpdatedAt": iso_milliseconds(written),
            "LastObservedAt": iso_milliseconds(answer.as_of) if answer.as_of else None,
            "Severity": severity,
            "Types": types,
            "FindingProviderFields": {"Severity": severity, "Types": types},
            "Title": _text(answer.check.title)[:256],
            "Description": _text(f"{answer.value}: {answer.detail}"),
            "Remediation": {"Recommendation": {"Text": _text(answer.next)[:512]}} if answer.next else None,
            "Compliance": {
                "Status": _ASFF_STATUS[answer.status],
                "RelatedRequirements": list(answer.check.known_as),
            },
            "Resources": [{"Type": "AwsAccount", "Id": f"AWS::::Account:{account}", "Region": _REGION}],
            "ProductFields": {"detector/evidence": " ".join(map(printable, answer.evidence[:_EVENTS]))[:2_048]},
            "RecordState": "ACTIVE",
            "Workflow": {"Status": "RESOLVED" if answer.status is Status.PASS else "NEW"},
        }
    )


def _uid(answer: Answer) -> str:
    return f"posture/{printable(answer.account_id)[:64]}/{answer.check.id}"


def _text(text: str) -> str:
    return cut(printable(" ".join(text.split())), _TEXT_BYTES)
