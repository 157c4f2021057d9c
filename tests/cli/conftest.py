"""The command line as a person meets it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from detector import cli

from .running import Result, Run


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
