"""What AWS's refusals mean to the user."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError

from detector.errors import CredentialsError, UsageError
from detector.scope import Scope
from detector.sources.aws_errors import denial_reason, error_code, refusal
from detector.sources.aws_options import AwsOptions
from detector.sources.aws_session import open_session, s3_client
from detector.sources.opening import open_source


def client_error(code: str, operation: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "login"),
    [
        (exceptions.UnauthorizedSSOTokenError(), True),
        (exceptions.SSOTokenLoadError(error_msg="none"), True),
        (exceptions.TokenRetrievalError(provider="sso", error_msg="expired"), True),
        (exceptions.CredentialRetrievalError(provider="custom-process", error_msg="exit 1"), True),
        (exceptions.NoCredentialsError(), False),
    ],
)
def test_credentials_that_cannot_be_had_are_answered_with_a_remedy(error: Exception, login: bool) -> None:
    failure = refusal(error, AwsOptions(profile="audit"))
    assert isinstance(failure, CredentialsError)
    assert ("aws sso login --profile audit" in failure.hint) == login
    assert failure.hint


def test_without_a_profile_the_login_names_none() -> None:
    failure = refusal(exceptions.UnauthorizedSSOTokenError(), AwsOptions())
    assert failure is not None
    assert "`aws sso login`" in failure.hint


def test_a_role_that_cannot_be_assumed_is_named() -> None:
    role = "arn:aws:iam::111122223333:role/reader"
    failure = refusal(client_error("AccessDenied", "AssumeRole"), AwsOptions(role_arn=role))
    assert isinstance(failure, CredentialsError)
    assert f"cannot assume {role}" in str(failure)
    assert "trust policy" in failure.hint


def test_an_expired_session_while_assuming_a_role_is_an_expired_session() -> None:
    failure = refusal(client_error("ExpiredToken", "AssumeRole"), AwsOptions())
    assert "have expired" in str(failure)


def test_a_refusal_on_the_way_to_credentials_is_about_credentials() -> None:
    failure = refusal(client_error("UnauthorizedException", "GetRoleCredentials"), AwsOptions())
    assert isinstance(failure, CredentialsError)


def test_a_refusal_of_one_object_is_not_about_credentials() -> None:
    assert refusal(client_error("AccessDenied", "GetObject"), AwsOptions()) is None
    assert refusal(exceptions.ReadTimeoutError(endpoint_url="x"), AwsOptions()) is None


def test_a_profile_lost_midway_is_a_usage_error() -> None:
    assert isinstance(refusal(exceptions.ProfileNotFound(profile="x"), AwsOptions()), UsageError)


def test_reasons_stay_on_one_line_of_bounded_length() -> None:
    reason = denial_reason(client_error("Odd", "GetObject", "a\nb\r\n" + "x" * 10_000), "s3:GetObject")
    assert reason.startswith("Odd: a b x")
    assert len(reason) < 600


def test_an_error_without_an_answer_has_no_code() -> None:
    assert error_code(ValueError()) == ""


def test_a_configuration_that_cannot_be_read_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "aws-config").write_text("no section\n")
    with pytest.raises(UsageError, match="aws-config"):
        open_session(AwsOptions())


@pytest.mark.parametrize(("attempts", "expected"), [(None, 8), ("3", 3)])
def test_the_users_number_of_attempts_wins_over_ours(
    monkeypatch: pytest.MonkeyPatch, attempts: str | None, expected: int
) -> None:
    monkeypatch.delenv("AWS_MAX_ATTEMPTS")
    if attempts:
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", attempts)
    client = s3_client(open_session(AwsOptions()), AwsOptions())
    retries = client.meta.config.retries  # type: ignore[attr-defined]
    assert (retries["mode"], retries["total_max_attempts"]) == ("standard", expected)


def test_credentials_whose_program_fails_are_an_error_of_the_listing_and_of_the_reader(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "aws-config").write_text("[default]\ncredential_process = false\n")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    source = open_source("s3://trail", AwsOptions(endpoint_url="http://127.0.0.1:9"))
    for act in (lambda: list(source.list(Scope())), source.reader):
        with pytest.raises(CredentialsError, match="custom-process"):
            act()


def test_a_role_without_credentials_to_assume_it_with_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    options = AwsOptions(role_arn="arn:aws:iam::111122223333:role/reader", endpoint_url="http://127.0.0.1:9")
    with pytest.raises(CredentialsError, match="no AWS credentials"):
        list(open_source("s3://trail", options).list(Scope()))


def test_answers_are_parsed_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parsers: Any = open_session(AwsOptions(region="eu-west-1"))._session.get_component("response_parser_factory")

    def parse(_parser: object, response: str, _shape: None) -> None:
        if response == "first":
            beside.start()
            beside.join(0.05)  # long enough for what need not wait
        parsed.append(response)

    monkeypatch.setattr("botocore.parsers.RestXMLParser.parse", parse)
    beside = Thread(target=parsers.create_parser("rest-xml").parse, args=("second", None))
    parsers.create_parser("rest-xml").parse("first", None)
    beside.join()
    assert parsed == ["first", "second"]


def test_the_region_is_that_of_aws_region_before_aws_default_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert open_session(AwsOptions()).region_name == "us-east-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    assert open_session(AwsOptions()).region_name == "eu-west-3"
    assert open_session(AwsOptions(region="eu-west-1")).region_name == "eu-west-1"
