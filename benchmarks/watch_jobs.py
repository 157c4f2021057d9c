"""The job that goes on for minutes: `detector watch` at the highest rate that it, and moto as S3 and SQS, sustain."""

from __future__ import annotations

import re
import sys
from typing import Final

from benchmarks.measure import BenchmarkError, Command, compare
from benchmarks.result import JobResult, Row
from benchmarks.workshop import Workshop

_SECONDS, _SECONDS_WHEN_SMALL = 300, 5
_STEP: Final = re.compile(r"^ *([\d.]+) s +([\d.]+) MB +(\d+) objects$", re.MULTILINE)
_RECORDS_AN_OBJECT: Final = 50


def watch(shop: Workshop) -> JobResult:
    """CandidateCache of `watch` from its start to its end; what is started beside it is not counted."""
    result = JobResult("watch", "Watch: a queue that is never empty, moto as S3 and SQS on the same cores")
    seconds = _SECONDS_WHEN_SMALL if shop.is_small else _SECONDS
    said: list[str] = []
    compare([Command("soak", [sys.executable, "-m", "tests.watch.soak", f"--seconds={seconds}"], check=said.append)], 1)
    steps = [(float(at), float(size), int(objects)) for at, size, objects in _STEP.findall(said[0])]
    if not steps:
        raise BenchmarkError(f"no figures in {said[0][:200]!r}")
    before = 0.0, 0
    for at, size, objects in steps:
        rate = (objects - before[1]) / (at - before[0])
        what = f"detector watch, after {at:g} s"
        note = f"{size:.0f} MB; {objects:,} objects, {rate:.0f} a second lately"
        result.rows.append(Row(what, None, objects * _RECORDS_AN_OBJECT, note=note))
        before = at, objects
    return result
