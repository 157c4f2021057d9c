"""The job whose every event is a candidate: how the memory and the time of `detect` grow with them."""

from __future__ import annotations

from pathlib import Path

from benchmarks import lakes
from benchmarks.flood import flood
from benchmarks.measure import BenchmarkError, Command, compare
from benchmarks.result import JobResult, Row
from benchmarks.workshop import Workshop, detector

_TEN_MILLION = 10_000_000


def candidates(shop: Workshop) -> JobResult:
    """Detect over a flood, and over five of them on days of their own."""
    result = JobResult("candidates", "Detect: nothing but candidates")
    events = shop.events * 5 // 2
    one, five = shop.scratch("flood-lake"), shop.scratch("flood-lakes")
    compare([Command("ingest", [*detector(), "ingest", str(flood(shop.data, events)), "--lake", str(one)])], 1)
    lakes.multiply(one, five, 0, 4, processes=1)
    smaller, larger = _detect(f"detect {events}", one), _detect(f"detect {5 * events}", five)
    costs = compare([smaller, larger], 1)  # once: minutes each, and it is memory that is asked about
    few, many = costs[smaller.name], costs[larger.name]
    for count, cost in ((events, few), (5 * events, many)):
        result.rows.append(Row("detector detect", cost, count))
        result.growth.append(("detect, all candidates", count, cost))
    a_row = (many.peak_bytes - few.peak_bytes) / (4 * events)
    result.figures["kB a candidate"] = a_row / 1e3
    result.figures["MB, ten million"] = (many.peak_bytes + a_row * max(0, _TEN_MILLION - 5 * events)) / 1e6
    result.figures["CPU growth"] = many.cpu_seconds / few.cpu_seconds / 5
    for lake in (one, five):
        Workshop.clear(lake)
    return result


def _detect(name: str, lake: Path) -> Command:
    def check(output: str) -> None:
        if "trail_stopped_or_deleted" not in output:
            raise BenchmarkError("the trail was stopped, and nothing says so")

    # No rule is stopped for its time: one that is would take less memory.
    return Command(name, [*detector(), "detect", "--lake", str(lake), "--rule-seconds", "3600"], check=check)
