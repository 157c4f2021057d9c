"""A small AWS for the vectors, and the environment of a person who uses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import aws_environment
from tests.verify.aws_server import AwsServer, serve_aws


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AwsServer]:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with serve_aws() as server:
        for name, value in (aws_environment(server.url, tmp_path) | server.variables).items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        yield server
