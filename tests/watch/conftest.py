from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector import cli

from .trail import Result, Run, Trail, environment


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, s3_url: str) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment(s3_url, tmp_path).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def trail(s3_url: str) -> Iterator[Trail]:
    made = Trail.make(s3_url)
    yield made
    made.close()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    def run_main(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["detector", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        code = ended.value.code
        assert code is None or isinstance(code, int)
        return Result(code or 0, out, err)

    return run_main
