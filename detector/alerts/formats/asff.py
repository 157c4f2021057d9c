"""AWS Security Finding Format, as Security Hub's BatchImportFindings takes it.

Source: AWS Security Hub User Guide, "Required top-level ASFF attributes" and "Optional top-level ASFF attributes".
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Any

from detector.alerts.alert import Alert
from detector.alerts.formats.json_line import TEXT_BYTES, cut
from detector.alerts.formats.siem_fields import (
    PRODUCT,
    VENDOR,
    Call,
    address_of,
    iso_milliseconds,
    page_of,
    references_of,
    subject_call,
    subject_location,
    suppression_of,
    user_name,
    without_unknown,
)
from detector.aws_regions import is_region, partition_of
from detector.rules.attack import tactic_name, technique_name
from detector.rules.rule import Confidence
from detector.severity import Severity

_LABEL = {severity: severity.upper() for severity in Severity} | {Severity.INFO: "INFORMATIONAL"}
_CONFIDENCE = {Confidence.LOW: 30, Confidence.MEDIUM: 60, Confidence.HIGH: 90}
_ACCOUNT = re.compile(r"[0-9]{12}")
_NO_ACCOUNT = "000000000000"
_NO_REGION = "us-east-1"
# What Security Hub allows, in characters.
_TITLE = 256
_DESCRIPTION = 1_024
_RECOMMENDATION = 512
_LONG_FIELDS = {"event_ids": 2_048, "references": 2_048}
_TYPES = 50


def to_asff(alert: Alert) -> dict[str, Any]:
    """Return the alert as a finding of the account it is about.

    Security Hub takes findings of the caller's account only: who imports one for another account has to make
    AwsAccountId and ProductArn its own. `Resources` says which account the finding is about, whoever imports it.
    `Id` is the alert's id, so that a second import updates the finding. Raw records stay behind: Security Hub has no
    place for them.
    """
    account = alert.account_id if _ACCOUNT.fullmatch(alert.account_id or "") else None
    region = alert.region if alert.region and is_region(alert.region) else _NO_REGION
    severity = {"Label": _LABEL[alert.severity], "Original": alert.severity}
    types = list(dict.fromkeys(_type(*pair) for pair in alert.attack))[:_TYPES] or ["TTPs"]
    provided = {"Severity": severity, "Confidence": _CONFIDENCE[alert.confidence], "Types": types}
    return without_unknown(
        {
            "Id": alert.alert_id,
            "SchemaVersion": "2018-10-08",
            "ProductArn": product_arn(account or _NO_ACCOUNT, region),
            "ProductName": PRODUCT,
            "CompanyName": VENDOR,
            "GeneratorId": alert.rule_id,
            "AwsAccountId": account or _NO_ACCOUNT,
            "CreatedAt": iso_milliseconds(alert.detected_at),
            "UpdatedAt": iso_milliseconds(alert.detected_at),
            "FirstObservedAt": iso_milliseconds(alert.event_time),
            "LastObservedAt": iso_milliseconds(alert.last_event_time),
            **provided,
            "FindingProviderFields": provided,
            "Title": _text(alert.title, _TITLE),
            "Description": _text(alert.summary, _DESCRIPTION),
            "Remediation": {"Recommendation": _recommendation(alert)},
            "Resources": [_resource(account, region)],
            "Action": _action(alert, subject_call(alert)),
            "Network": _network(alert),
            "ProductFields": _product_fields(alert),
            "RecordState": "ACTIVE",
            "Workflow": {"Status": "SUPPRESSED" if alert.suppressed_by else "NEW"},
        }
    )


def product_arn(account: str, region: str) -> str:
    """Return the ARN under which an account imports findings of its own."""
    return f"arn:{partition_of(region)}:securityhub:{region}:{account}:product/{account}/default"


def _type(tactic: str, technique: str) -> str:
    # A slash parts namespace, category and classifier.
    names = (tactic_name(tactic), technique_name(technique.partition(".")[0]))
    return "TTPs/" + "/".join(name.replace("/", "-") for name in names)


def _resource(account: str | None, region: str) -> dict[str, Any]:
    if account is None:
        return {"Type": "Other", "Id": "unknown account", "Partition": partition_of(region), "Region": region}
    resource = {"Type": "AwsAccount", "Id": f"AWS::::Account:{account}"}
    return resource | {"Partition": partition_of(region), "Region": region}


def _recommendation(alert: Alert) -> dict[str, Any]:
    text = _text(alert.response, _RECOMMENDATION) if alert.response else None
    return {"Text": text, "Url": page_of(alert)}


def _action(alert: Alert, call: Call) -> dict[str, Any]:
    if call.name is None:
        return {}
    address = address_of(alert.source_ip)
    by_address = address is not None or alert.source_ip is None
    return {
        "ActionType": "AWS_API_CALL",
        "AwsApiCallAction": {
            "Api": call.name,
            "ServiceName": call.service,
            "CallerType": "remoteIp" if by_address else "domain",
            "RemoteIpDetails": {"IpAddressV4": str(address) if isinstance(address, IPv4Address) else None},
            "DomainDetails": {"Domain": None if by_address else cut(alert.source_ip)},
            "FirstSeen": iso_milliseconds(alert.event_time),
            "LastSeen": iso_milliseconds(alert.last_event_time),
        },
    }


def _network(alert: Alert) -> dict[str, Any]:
    address = address_of(alert.source_ip)
    if address is None:
        return {}
    return {"Direction": "IN", f"SourceIpV{address.version}": str(address)}


def _product_fields(alert: Alert) -> dict[str, Any]:
    """Return what ASFF has no attribute for: text by name."""
    suppression = suppression_of(alert) or {}
    location = subject_location(alert)
    fields = {
        "confidence": alert.confidence,
        "attack": " ".join(f"{tactic}:{technique}" for tactic, technique in alert.attack),
        "event_count": str(alert.event_count),
        "event_ids": " ".join(alert.event_ids),
        "actor_type": alert.actor.type,
        "actor_arn": alert.actor.arn,
        "actor_name": user_name(alert.actor),
        "access_key_id": alert.actor.access_key_id,
        "session_issuer": alert.actor.session_issuer,
        "account_id": alert.account_id,
        "source": alert.source_ip,
        "user_agent": alert.user_agent,
        "mfa": alert.mfa,
        "log_file": location and location.log_file,
        "suppressed_by": " ".join(suppression.values()),
        "references": " ".join(references_of(alert)),
    }
    return {
        f"{PRODUCT}/{name}": cut(value, _LONG_FIELDS.get(name, TEXT_BYTES)) for name, value in fields.items() if value
    }


def _text(text: str, characters: int) -> str:
    short = cut(text, 2 * characters)
    return short if len(short) <= characters else short[: characters - 1] + "…"
