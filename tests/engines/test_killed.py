from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.long import many


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "rounds"), [([], many(2, 20)), (["--stored"], many(1, 20))], ids=["folder", "bucket"]
)
def test_a_killed_engine_or_driver_loses_nothing_and_doubles_nothing(place: list[str], rounds: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.engines.rounds", "--rounds", str(rounds), *place],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert ended.returncode == 0, ended.stderr
    found = re.search(rf"{rounds} rounds, killed \{{.*\}}, 1936 rows and \d+ alerts each time", ended.stdout)
    assert found, ended.stdout
