"""The job that ends in a page: a report about a flood, in which one call matters."""

from __future__ import annotations

from benchmarks.flood import HIDDEN, flood
from benchmarks.measure import BenchmarkError, Command, compare
from benchmarks.result import JobResult, Row
from benchmarks.workshop import Workshop, detector

_FIRST_SCREEN = 20_000  # bytes behind the style sheet that hold the judgement and what to read first


def report(shop: Workshop) -> JobResult:
    """A report about two and a half times the events, all of them root's."""
    result = JobResult("report", "Report: a flood of root events")
    events = shop.events * 5 // 2
    lake, page = shop.scratch("report-lake"), shop.scratch("report.html")
    logs = flood(shop.data, events)
    compare([Command("ingest", [*detector(), "ingest", str(logs), "--lake", str(lake)])], 1)

    def check(_: str) -> None:
        text = page.read_text(encoding="utf-8").partition("</style>")[2]
        if "Trail stopped or deleted" not in text[:_FIRST_SCREEN]:
            raise BenchmarkError(f"{HIDDEN} is not on the first screen")

    costs = compare(
        [Command("detector report", [*detector(), "report", "--lake", str(lake), "--output", str(page)], check=check)],
        shop.runs,
    )
    size = page.stat().st_size
    result.rows.append(Row("detector report", costs["detector report"], events, note=f"{size / 1e6:.2f} MB"))
    result.figures["seconds"] = costs["detector report"].wall_seconds
    result.figures["MB"] = size / 1e6
    Workshop.clear(lake)
    return result
