"""One bag of the trail `compromised_root`, made once; each test has a copy of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bundle.signed_trail import SOURCE, hold_signed_trail
from tests.running import Result, Run, aws_environment
from tests.verify.aws_server import AwsServer, serve_aws
from tests.verify.conftest import aws

__all__ = ["aws"]


@dataclass(frozen=True)
class Case:
    """A lake of the trail, and a bag of what its alerts name."""

    lake: Path
    bag: Path
    server: AwsServer
    environment: dict[str, str]

    def make(self, *arguments: object, code: int = 0) -> None:
        command = [sys.executable, "-m", "detector", *map(str, arguments)]
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert ended.returncode == code, ended.stderr


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    folder = tmp_path_factory.mktemp("case")
    with serve_aws() as server:
        hold_signed_trail(server)
        made = Case(
            folder / "lake", folder / "case.bag", server, aws_environment(server.url, folder) | server.variables
        )
        made.make("ingest", SOURCE, "--lake", made.lake, "--verify", "complete", "--jobs", 1, code=4)
        made.make("bundle", "--lake", made.lake, "--output", made.bag)
        yield made


@pytest.fixture
def detector(run: Run, case: Case, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command line in this process, with the case's AWS; asserts the exit code."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in case.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)

    def call(*arguments: object, code: int = 0) -> Result:
        result = run(*arguments)
        assert result.code == code, result.err
        return result

    return call


@pytest.fixture
def bag(case: Case, tmp_path: Path) -> Path:
    return Path(shutil.copytree(case.bag, tmp_path / "copy.bag", symlinks=True))
