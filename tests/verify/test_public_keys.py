"""ListPublicKeys, as it answers and as it refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from detector.errors import CredentialsError
from detector.sources.aws_options import AwsOptions
from detector.sources.public_keys import PublicKeyAnswers, list_public_keys
from tests.verify.aws_server import AwsServer
from tests.verify.vectors import Vector

SPAN = (datetime(2025, 3, 4, tzinfo=UTC), datetime(2025, 3, 5, tzinfo=UTC))


def ask(*regions: str) -> PublicKeyAnswers:
    return list_public_keys(dict.fromkeys(regions, SPAN), AwsOptions())


def test_all_pages_are_one_answer(aws: AwsServer) -> None:
    aws.hold(Vector("two_keys"))

    answered = ask("us-east-1")

    assert len(answered.answers["us-east-1"]["PublicKeyList"]) == 2
    assert answered.answers["us-east-1"]["PublicKeyList"] == aws.keys["us-east-1"]
    assert [json.loads(page.body)["PublicKeyList"] for page in answered.pages] == [
        [key] for key in aws.keys["us-east-1"]
    ]
    assert [page.request.get("NextToken") for page in answered.pages] == [None, "1"]
    assert {(page.region, page.endpoint, page.request["StartTime"]) for page in answered.pages} == {
        ("us-east-1", aws.url, "2025-03-04T00:00:00Z")
    }
    assert all(page.date for page in answered.pages)


def test_nothing_is_asked_of_no_region(aws: AwsServer) -> None:
    assert ask() == PublicKeyAnswers()
    assert aws.key_requests == []


def test_one_region_that_refuses_does_not_keep_the_others_from_answering(aws: AwsServer) -> None:
    aws.hold(Vector("other_region"))
    aws.denied.append("us-east-1")

    answered = ask("us-east-1", "eu-west-1")

    assert list(answered.answers) == ["eu-west-1"]
    assert answered.refused["us-east-1"].startswith("access denied: cloudtrail:ListPublicKeys")


@pytest.mark.parametrize("code", ["UnrecognizedClientException", "InvalidTimeRangeException"])
def test_another_error_is_of_that_region_alone(aws: AwsServer, code: str) -> None:
    aws.key_error = code

    assert code in ask("us-east-1").refused["us-east-1"]


def test_a_region_that_cannot_be_reached_is_named(aws: AwsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert aws.url
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDTRAIL", "http://127.0.0.1:9")

    assert ask("us-east-1").refused["us-east-1"].startswith("cannot reach CloudTrail in us-east-1")


def test_pages_that_never_end_are_given_up(aws: AwsServer) -> None:
    aws.hold(Vector("two_keys"))
    aws.same_token = True

    assert "page after page" in ask("us-east-1").refused["us-east-1"]
    assert len(aws.key_requests) == 2


def test_without_credentials_nobody_is_asked(aws: AwsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)

    with pytest.raises(CredentialsError):
        ask("us-east-1")
    assert aws.key_requests == []


def test_times_are_those_that_were_asked(aws: AwsServer) -> None:
    ask("us-east-1")

    [(_, body)] = aws.key_requests
    assert timedelta(seconds=body["EndTime"] - body["StartTime"]) == timedelta(days=1)
