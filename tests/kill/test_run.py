from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_killed_run_leaves_nothing_that_a_rerun_does_not_mend() -> None:
    script = Path(__file__).with_name("rounds.py")
    ended = subprocess.run(
        [sys.executable, script, "--rounds", "6"], capture_output=True, text=True, check=False, cwd=script.parents[2]
    )
    assert ended.returncode == 0, ended.stderr
    found = re.search(r"6 rounds, \d killed, 1936 rows and \d+ alerts each time", ended.stdout)
    assert found, ended.stdout
