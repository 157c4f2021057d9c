"""What 1, 10 and 100 TB take: reckoned from rates that were measured, the same that `plan` uses."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from benchmarks import model, scale_jobs, table
from benchmarks.generate import LogFiles
from benchmarks.measure import Cost
from benchmarks.result import JobResult
from detector.doctor.rates import DOCUMENTED, Rates, Work

PAGE = (Path(__file__).parents[2] / "docs/performance.md").read_text(encoding="utf-8")
CELL = r"([\d,.]+)"


def section_of(page: str) -> str:
    found = re.search(rf"^## {model.TITLE}\n.*?(?=^## )", page, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[0]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows(section: str, first: str) -> list[list[str]]:
    return [cells(line) for line in section.splitlines() if line.startswith(f"| {first} |")]


def measured(section: str) -> dict[str, float]:
    """Return the rates that a section says."""
    found = {}
    for one in fields(Rates):
        what, unit = model.WHAT[one.name]
        [row] = rows(section, what)
        assert row[2] == unit
        found[one.name] = float(row[1].replace(",", "")) / (1e6 if unit.startswith("µs") else 1)
    return found


@pytest.mark.parametrize("name", [one.name for one in fields(Rates)])
def test_plan_reckons_with_the_rates_that_the_page_says(name: str) -> None:
    assert getattr(DOCUMENTED, name) == pytest.approx(measured(section_of(PAGE))[name], rel=0.25)


def test_the_tables_are_reckoned_from_the_rates_beside_them() -> None:
    figures = asdict(DOCUMENTED)
    written = "\n".join(model.section(JobResult(model.NAME, model.TITLE, figures=figures)))
    assert measured(written) == pytest.approx(figures, rel=0.01)
    hours, dollars = rows(written, "10 TB")
    work = Work(1e8, 1e13)
    assert float(hours[3].replace(",", "")) == pytest.approx(work.scan_hours(DOCUMENTED), rel=0.05)
    assert float(hours[4].replace(",", "")) == pytest.approx(work.ingest_hours(DOCUMENTED), rel=0.05)
    # However many cores: one process lists and commits.
    assert float(hours[9].replace(",", "")) == pytest.approx(work.alone_hours(DOCUMENTED), rel=0.05)
    assert dollars[1:3] == ["$40", "$300"]


def logs(files: int, events: int) -> LogFiles:
    return LogFiles(Path(), files, events, 0, 0, 0)


def test_what_is_done_once_is_in_no_rate() -> None:
    few, many, small = logs(1, 100), logs(1, 500), logs(50, 200)

    def seconds(event: float, an_object: float) -> Callable[[str], float]:
        sizes = {"few": (100, 0), "many": (500, 0), "small": (200, 50)}
        return lambda name: 7.0 + sizes[name.split()[1]][0] * event + sizes[name.split()[1]][1] * an_object

    def cost(value: float) -> Cost:
        return Cost(0, value, 0, 3)

    names = [f"{act} {size}" for act in ("scan", "ingest", "compact") for size in ("few", "many", "small")]
    of = {"scan": seconds(0.2, 0.3), "ingest": seconds(0.5, 0.7), "compact": seconds(0.4, 0)}
    own: Any = scale_jobs.Readings()
    for size in ("few", "many", "small"):
        own.of(f"ingest {size}")(f"said by detector\n{seconds(0.1, 0.05)(f'ingest {size}')}\n")

    found = scale_jobs.rates_between({name: cost(of[name.split()[0]](name)) for name in names}, own, few, many, small)

    assert found == pytest.approx(
        {
            "scan_event": 0.2,
            "ingest_event": 0.5,
            "compact_event": 0.4,
            "scan_object": 0.3,
            "ingest_object": 0.7,
            "commit_event": 0.1,
            "commit_object": 0.05,
        }
    )


def test_a_section_is_written_into_a_page_and_the_others_stay() -> None:
    result = JobResult(model.NAME, model.TITLE, figures=asdict(DOCUMENTED))
    page = "# Performance\n\n## Bars\n\nbars\n\n## Growth\n\nseconds\n"

    once = table.updated(page, [result], ["2026-11-29", "two cores"], loose=False)
    assert once.startswith("# Performance\n\n## Bars\n\nbars\n\n## How large")
    assert once.endswith("\n\n## Growth\n\nseconds\n")
    assert "Measured by itself: 2026-11-29; two cores." in once
    twice = table.updated(once, [result], ["2026-11-30"], loose=False)
    assert twice.count(f"## {model.TITLE}") == 1
    assert "2026-11-30" in twice
    assert "two cores" not in twice


def test_the_bars_of_a_page_are_those_of_the_jobs_that_ran_last() -> None:
    of_help, of_sql = (
        JobResult("help", "Start", figures={"seconds": 0.1}),
        JobResult("sql", "SQL", figures={"seconds": 1}),
    )
    page = table.document([of_help, of_sql], ["2026-11-29"], loose=False)
    slow = JobResult("help", "Start", figures={"seconds": 9})
    rows = [line for line in table.updated(page, [slow], ["2026-11-30"], loose=False).splitlines() if "≤" in line]
    assert rows[0] == next(line for line in page.splitlines() if line.startswith("| sql,"))
    assert rows[1] == "| detector --help | ≤ 0.15 s | 9.00 s | **missed** |"
    assert len(rows) == 2
