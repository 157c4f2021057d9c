"""SIGKILL at any step of a delivery loses no alert."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_a_delivery_that_is_killed_at_any_step_loses_nothing(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    buckets = [request.getfixturevalue("lake_bucket")] if kind == "s3" else []
    script = Path(__file__).with_name("crash.py")
    environment = os.environ | {"PYTHONPATH": str(script.parents[2]), "TMPDIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, script, tmp_path, *buckets], capture_output=True, text=True, check=False, env=environment
    )
    assert ended.returncode == 0, ended.stderr
    lives = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(lives) > (15 if buckets else 25)  # requests, or changes of the ledger
    assert [life["killed"] for life in lives] == [True] * (len(lives) - 1) + [False]
    expected = [f"id-{number}" for number in range(6)]
    # The batch that it died with comes twice; from a lake in S3 all that it sent since others were told what it sends.
    twice = 4 if buckets else 2
    for life in lives:
        for name in ("one", "two"):
            assert list(dict.fromkeys(life[name])) == expected, life
            assert len(life[name]) <= len(expected) + twice, life
        assert list(dict.fromkeys(one for digest in life["digests"] for one in digest)) == expected, life
        assert len(life["digests"]) <= 3, life  # that of the one that died may come twice
    assert lives[-1]["digests"] == [expected[:4], expected[4:]]
    assert (lives[-1]["one"], lives[-1]["two"]) == (expected, expected)
