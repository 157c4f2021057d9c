from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.long
@pytest.mark.slow
def test_a_watch_that_is_killed_again_and_again_loses_nothing() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.watch.rounds", "--kills", "3", "--copies", "1", "--rate", "20", "--trails", "2"],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"[0-9]+ objects at 20/s, 3 kills: \d+ alerts in \d+ lines, queue empty", ended.stdout), (
        ended.stdout
    )
