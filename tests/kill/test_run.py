from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.long import many


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(("rounds", "options"), [(many(3, 20), []), (many(2, 20), ["--stored"])], ids=["folder", "s3"])
def test_a_killed_run_leaves_nothing_that_a_rerun_does_not_mend(rounds: int, options: list[str]) -> None:
    script = Path(__file__).with_name("rounds.py")
    command = [sys.executable, str(script), "--rounds", str(rounds), *options]
    environment = os.environ | {"PYTHONPATH": str(script.parents[2])}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=script.parents[2], env=environment)
    assert ended.returncode == 0, ended.stderr
    found = re.search(rf"{rounds} rounds, \d killed, 1936 rows and \d+ alerts each time", ended.stdout)
    assert found, ended.stdout
