"""A vector that arrives in two halves."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from detector.lake.integrity import lake_verdicts
from tests.running import Result
from tests.verify.aws_server import AwsServer
from tests.verify.test_command import not_verified
from tests.verify.vectors import Vector, digest_verdicts, log_verdicts


def assert_judged_in_halves(case: str, aws: AwsServer, lake: Path, take: Callable[[Vector], Result]) -> None:
    """Require the verdicts of a vector when what takes its bucket to the lake finds half of it there, and then all."""
    vector = Vector(case)
    aws.hold(vector)
    everything = aws.objects
    first = random.Random(case).sample(sorted(everything), len(everything) // 2)
    aws.objects = {place: everything[place] for place in first}
    before = take(vector)
    aws.objects = everything

    after = take(vector)

    verdicts = lake_verdicts(lake, vector.asked())
    assert not_verified(digest_verdicts(verdicts)) == not_verified(vector.expected_digests())
    assert not_verified(log_verdicts(verdicts)) == not_verified(vector.expected_logs())
    # Only where digests arrive is judged: what is damaged is told when the digests come that show it.
    assert vector.expected["exit_code"] != 5 or 5 in (before.code, after.code)
