"""An account that tests of this room ask about, its clients made once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from detector.posture.live import ask_about_account
from detector.sources.account_calls import AccountCalls
from detector.sources.aws_options import AwsOptions
from detector.sources.aws_session import AccessKey, open_session
from tests.account_server import ACCOUNT, AccountServer, serve_account


def account_calls() -> AccountCalls:
    """Return what asks, as the command has it."""
    options = AwsOptions(region="eu-central-1")
    session = open_session(options, AccessKey("AKIATESTING", "the-secret-of-the-tests", None))
    return AccountCalls(session, "aws", options)


@pytest.fixture(scope="package")
def running() -> Iterator[AccountServer]:
    with serve_account() as server:
        yield server


@pytest.fixture(scope="package")
def calls(running: AccountServer) -> AccountCalls:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", running.url)
        made = account_calls()
        ask_about_account(made, ACCOUNT, "aws")  # makes the clients, while the variable is there
    return made


@pytest.fixture
def server(running: AccountServer, monkeypatch: pytest.MonkeyPatch) -> AccountServer:
    """The account as it should be; clients that a test makes find it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", running.url)
    running.reset()
    return running
