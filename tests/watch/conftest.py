from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import aws_environment

from .trail import Trail


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, s3_url: str) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in aws_environment(s3_url, tmp_path).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def trail(s3_url: str) -> Iterator[Trail]:
    made = Trail.make(s3_url)
    yield made
    made.close()
