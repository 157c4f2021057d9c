"""S3 and Security Hub, as moto plays them, behind a front that fails."""

from __future__ import annotations

import io
import json
import ssl
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
import trustme

from detector.alerts.delivery import Delivery
from detector.alerts.sinks.opening import open_outputs
from detector.alerts.sinks.s3 import S3Folder
from detector.alerts.sinks.security_hub import SecurityHub
from detector.alerts.sinks.sink import Limits
from detector.errors import UsageError
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.outbox import Document, OutboxCount

from .aws_front import Front, Unreliable, answer, body_of, cut, send, serving_aws, settle
from .conftest import alerts
from .endpoints import first_times

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


@dataclass
class UnreliableHub(Unreliable):
    """Refuses one finding for good, and others for now."""

    poison: str = ""

    def pass_on(
        self, environ: WSGIEnvironment, start_response: StartResponse, *, is_lost: bool
    ) -> Iterable[bytes] | None:
        findings = json.loads(body_of(environ))["Findings"]
        failed = {self.poison: "InvalidInput"} | {
            one["Id"]: "InternalException" for one in findings if self.random.random() < 0.05
        }
        passed = [one for one in findings if one["Id"] not in failed]
        body = json.dumps({"Findings": passed}).encode()
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        list(self.front.moto(environ, lambda *_: lambda _: None))
        self.taken += [one["Id"].encode() for one in passed]
        if is_lost:
            return cut(environ)
        reasons = [
            {"Id": one["Id"], "ErrorCode": failed[one["Id"]], "ErrorMessage": "no"}
            for one in findings
            if one["Id"] in failed
        ]
        reply = {"FailedCount": len(reasons), "SuccessCount": len(passed), "FailedFindings": reasons}
        return answer(start_response, "200 OK", json.dumps(reply).encode())


# S3 -------------------------------------------------------------------------------------------------------------------


def objects_in(prefix: str) -> dict[str, bytes]:
    with closing(boto3.client("s3")) as s3:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="alerts", Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return {key: s3.get_object(Bucket="alerts", Key=key)["Body"].read() for key in keys}


@pytest.mark.slow
def test_ten_thousand_alerts_arrive_in_a_bucket_that_fails_three_times_out_of_ten(ledger: Ledger, front: Front) -> None:
    documents = alerts(10_000)
    front.fault = unreliable = Unreliable(front, "PUT")
    sink = S3Folder("s3://alerts/many", ".jsonl")
    sink.limits = Limits(100, 500_000)
    assert settle(ledger, sink, documents) == Delivery(accepted=10_000)
    assert unreliable.faults == {"", "busy", "later", "reset", "lost"}
    assert first_times(unreliable.taken) == [one.line for one in documents]
    stored = objects_in("many/")
    assert len(stored) == 100  # none twice: what was written before the answer was lost is recognised
    assert sorted(b"".join(stored.values()).splitlines(keepends=True)) == sorted(one.line for one in documents)


def test_an_object_is_named_after_its_day_and_content_and_written_once(front: Front) -> None:
    for _ in range(2):
        assert send(S3Folder("s3://alerts/once/", ".jsonl"), alerts(3)) == Delivery(accepted=3)
    assert send(S3Folder("s3://alerts/once/", ".jsonl"), alerts(2)) == Delivery(accepted=2)
    keys = sorted(objects_in("once/"))
    assert len(keys) == 2
    for key in keys:
        year, month, day, name = key.removeprefix("once/").split("/")
        assert (len(year), len(month), len(day)) == (4, 2, 2)
        assert name.startswith("alerts-")
        assert name.endswith(".jsonl")
    assert front.url


@pytest.mark.parametrize(
    ("url", "status", "code", "reason", "hint"),
    [
        ("s3://no-such-bucket/x/", None, None, "s3:PutObject: NoSuchBucket", "the bucket must exist"),
        ("s3://alerts/x/", "403 Forbidden", "AccessDenied", "s3:PutObject: AccessDenied: no", "s3:PutObject"),
        ("s3://alerts/x/", "403 Forbidden", "ExpiredToken", "the AWS credentials have expired", "renew"),
        ("s3://alerts/x/", "503 Slow Down", "SlowDown", "s3:PutObject: SlowDown", ""),
    ],
)
def test_a_bucket_that_takes_nothing_is_explained(
    front: Front, url: str, status: str | None, code: str, reason: str, hint: str
) -> None:
    if status:
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        front.fault = lambda _, start_response: answer(start_response, status, body, "application/xml")
    [undelivered] = send(S3Folder(url, ".jsonl"), alerts(3)).undelivered
    assert undelivered.alerts == 3
    assert reason in undelivered.reason
    assert hint in undelivered.hint


def test_a_bucket_that_is_not_reached_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    [undelivered] = send(S3Folder("s3://alerts", ".jsonl"), alerts(1)).undelivered
    assert "s3:PutObject: no answer" in undelivered.reason


def test_over_tls_the_authority_of_the_aws_configuration_is_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serving_aws(context) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", front.url)
        [undelivered] = send(S3Folder("s3://alerts", ".jsonl"), alerts(1)).undelivered
        assert "CERTIFICATE_VERIFY_FAILED" in undelivered.reason
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        with closing(boto3.client("s3")) as s3:
            s3.create_bucket(Bucket="alerts")
            assert send(S3Folder("s3://alerts/tls", ".jsonl"), alerts(3)) == Delivery(accepted=3)
            [item] = s3.list_objects_v2(Bucket="alerts", Prefix="tls/")["Contents"]
            body = s3.get_object(Bucket="alerts", Key=item["Key"])["Body"].read()
    assert body == b"".join(one.line for one in alerts(3))


def test_a_bundle_that_is_not_there_is_bad_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/ca.pem")
    with pytest.raises(UsageError, match="AWS_CA_BUNDLE=/nowhere/ca"):
        S3Folder("s3://alerts", ".jsonl")


# Security Hub ---------------------------------------------------------------------------------------------------------


def findings(count: int) -> list[Document]:
    """Findings of another account than the caller's."""
    return [
        Document(
            f"id-{number}",
            json.dumps(
                {
                    "SchemaVersion": "2018-10-08",
                    "Id": f"id-{number}",
                    "ProductArn": "arn:aws:securityhub:eu-west-3:444455556666:product/444455556666/default",
                    "GeneratorId": "rule",
                    "AwsAccountId": "444455556666",
                    "CreatedAt": "2025-03-04T09:52:10.000Z",
                    "UpdatedAt": "2025-03-04T09:52:10.000Z",
                    "Severity": {"Label": "HIGH"},
                    "Title": "title",
                    "Description": "what",
                    "Resources": [{"Type": "AwsAccount", "Id": "AWS::::Account:444455556666"}],
                }
            ).encode(),
        )
        for number in range(count)
    ]


@pytest.mark.slow
def test_ten_thousand_findings_arrive_in_a_security_hub_that_fails_three_times_out_of_ten(
    ledger: Ledger, front: Front
) -> None:
    documents = findings(10_000)
    front.fault = hub = UnreliableHub(front, "/findings/import", poison="id-4321")
    delivery = settle(ledger, SecurityHub("securityhub:"), documents)
    assert [(one.alert_id, one.reason) for one in delivery.refused] == [("id-4321", "InvalidInput: no")]
    assert delivery.undelivered == []
    assert ledger.outbox.counts() == [OutboxCount("securityhub:us-east-1", 9_999, 0, 1)]
    assert hub.faults == {"", "busy", "later", "reset", "lost"}
    taken = [int(one.removeprefix(b"id-")) for one in first_times(hub.taken)]
    assert len(taken) == 9_999
    # One call holds a hundred; those that it did not take come again before the next hundred.
    assert [number // 100 for number in taken] == sorted(number // 100 for number in taken)


def test_a_finding_belongs_to_who_imports_it_and_says_who_acted(front: Front) -> None:
    assert send(SecurityHub("securityhub:eu-central-1"), findings(2)) == Delivery(accepted=2)
    with closing(boto3.client("securityhub", region_name="eu-central-1")) as hub:
        found = hub.get_findings()["Findings"]
    [finding] = [one for one in found if one["Id"] == "id-0"]
    assert finding["AwsAccountId"] == "123456789012"
    assert finding["ProductArn"] == "arn:aws:securityhub:eu-central-1:123456789012:product/123456789012/default"
    assert finding["Resources"][0]["Id"] == "AWS::::Account:444455556666"
    assert front.url


@pytest.mark.parametrize(
    ("status", "code", "reason", "hint"),
    [
        ("401 No", "InvalidAccessException", "InvalidAccessException: no", "turn on Security Hub"),
        ("403 No", "AccessDeniedException", "AccessDeniedException: no", "securityhub:BatchImportFindings"),
        ("403 No", "UnrecognizedClientException", "AWS does not accept the session token", "renew"),
        ("500 No", "InternalException", "InternalException: no", ""),
    ],
)
def test_a_security_hub_that_takes_nothing_is_explained(
    front: Front, status: str, code: str, reason: str, hint: str
) -> None:
    def refuse(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        if environ["PATH_INFO"] != "/findings/import":
            return None
        return answer(start_response, status, json.dumps({"__type": code, "message": "no"}).encode())

    front.fault = refuse
    [undelivered] = send(SecurityHub("securityhub:"), findings(3)).undelivered
    assert undelivered.alerts == 3
    assert reason in undelivered.reason
    assert hint in undelivered.hint


def test_a_finding_that_makes_a_whole_call_invalid_is_found(front: Front) -> None:
    documents = findings(5)
    documents[2] = replace(documents[2], line=documents[2].line.replace(b'"Title": "title"', b'"Title": 7'))

    def picky(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        if environ["PATH_INFO"] != "/findings/import" or b'"id-3"' not in body_of(environ):
            return None
        return answer(start_response, "400 No", b'{"__type":"InvalidInputException","message":"id-3 is bad"}')

    front.fault = picky
    delivery = send(SecurityHub("securityhub:"), documents)
    assert [one.alert_id for one in delivery.refused] == ["id-2", "id-3"]
    assert delivery.accepted == 3


def test_without_a_region_there_is_no_security_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(UsageError, match="names no region"), open_outputs(["securityhub:"]):
        pass
    with open_outputs(["securityhub:eu-west-1"]) as [output]:
        assert output.sink.name == "securityhub:eu-west-1"
    with pytest.raises(UsageError, match="securityhub:nowhere!"), open_outputs(["securityhub:nowhere!"]):
        pass
