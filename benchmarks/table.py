"""The tables, as Markdown."""

# ruff: noqa: RUF001 - these signs are meant
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from benchmarks import model
from benchmarks.bars import BARS, Verdict
from benchmarks.result import JobResult, Row

_GROWTH = "## Growth"
_NOTES = """\
Wall is the clock from start to end of fresh processes, start-up included; CPU is user and system time of all of them,
and of what they waited for. Both are medians. Memory is the largest sum of PSS of all processes seen, sampled every
20 ms in a run that is not timed. MB are 10⁶ bytes of decompressed JSON. "× detector" is how many times as
long a contender takes for an event as detector does; "× floor" is against one core that only gunzips and parses."""


def document(results: Sequence[JobResult], machine: Iterable[str], *, loose: bool) -> str:
    """Return the whole report."""
    lines = [
        "# Performance",
        "",
        "Written by `python -m benchmarks --markdown docs/performance.md`; do not edit.",
        "",
        *(f"- {line}" for line in machine),
        "",
        _NOTES,
        "",
        "## Bars",
        "",
        *bars(results, loose=loose),
    ]
    for result in results:
        lines += ["", *section(result)]
    lines += ["", _GROWTH, "", *growth(results)]
    return "\n".join(lines) + "\n"


def bars(results: Sequence[JobResult], *, loose: bool) -> Iterator[str]:
    """Yield the table of the bars of the jobs that ran."""
    yield from _head("bar", "wanted", "measured", "")
    by_name = {result.name: result for result in results}
    for bar in BARS:
        if bar.job in by_name:
            figures = by_name[bar.job].figures
            measured = f"{figures[bar.figure]:.2f} {bar.unit}" if bar.figure in figures else "–"
            verdict = bar.judge(figures, loose=loose)
            yield _line(
                bar.text, bar.wanted, measured, f"**{verdict.value}**" if verdict is Verdict.MISSED else verdict.value
            )


def updated(page: str, results: Sequence[JobResult], about: Sequence[str], *, loose: bool) -> str:
    """Return a page with some jobs written anew: their bars and their sections, each with what it was measured on.

    What grows is told of these jobs alone; the rest of the page stays.
    """
    page = _with_bars(page, results, loose=loose)
    for result in results:
        heading, *lines = section(result)
        written = "\n".join([heading, "", f"Measured by itself: {'; '.join(about)}.", *lines]) + "\n\n"
        found = re.search(rf"^{re.escape(heading)}\n.*?(?=^## )", page, re.DOTALL | re.MULTILINE)
        at, end = found.span() if found else (page.index(_GROWTH), page.index(_GROWTH))
        page = page[:at] + written + page[end:]
    grows = any(result.growth for result in results)
    return "\n".join([page[: page.index(_GROWTH)] + _GROWTH, "", *growth(results), ""]) if grows else page


def _with_bars(page: str, results: Sequence[JobResult], *, loose: bool) -> str:
    """Return a page with the bars of some jobs in the place of what it says of them; bars that are no more go."""
    found = re.search(r"(?<=^## Bars\n\n)(?:\|.*\n)+", page, re.MULTILINE)
    if found is None:
        return page
    head = list(_head("bar", "wanted", "measured", ""))
    rows = {row.split(" | ")[0]: row for row in found[0].splitlines()[len(head) :]}
    rows |= {row.split(" | ")[0]: row for row in list(bars(results, loose=loose))[len(head) :]}
    kept = [rows[name] for bar in BARS if (name := _line(bar.text, "").split(" | ")[0]) in rows]
    return page[: found.start()] + "".join(f"{row}\n" for row in [*head, *kept]) + page[found.end() :]


def section(result: JobResult) -> Iterator[str]:
    """Yield what one job found, under its title."""
    if result.name == model.NAME and not result.failure:
        yield from model.section(result)
        return
    yield from (f"## {result.title}", "")
    if result.failure:
        yield f"Failed: {result.failure}"
        return
    yield from _head("", "events", "wall s", "CPU s", "memory MB", "MB/s", "events/s", "× detector", "× floor", "")
    ours = next((row for row in result.rows if row.cost and _is_ours(row)), None)
    floor = next((row for row in result.rows if row.what.startswith("floor") and row.cost), None)
    for row in result.rows:
        if row.cost is None:
            yield _line(row.what, f"{row.events:,}", *["–"] * 7, f"**{row.note}**")
            continue
        seconds = row.cost.wall_seconds
        yield _line(
            row.what,
            f"{row.events:,}" if row.events else "",
            f"{seconds:.2f}",
            f"{row.cost.cpu_seconds:.2f}" if row.cost.cpu_seconds else "",
            f"{row.cost.peak_bytes / 1e6:,.0f}" if row.cost.peak_bytes else "",
            f"{row.raw_bytes / seconds / 1e6:,.0f}" if row.raw_bytes else "",
            f"{row.events / seconds:,.0f}" if row.events else "",
            _times(row, None if _is_ours(row) else ours),
            _times(row, floor),
            row.note,
        )


def growth(results: Sequence[JobResult]) -> Iterator[str]:
    """Yield how cost grows with the number of events."""
    points = [point for result in results for point in result.growth]
    if not points:
        yield "Nothing was measured at more than one size."
        return
    sizes = sorted({events for _, events, _ in points})
    seconds = {(what, events): cost.wall_seconds for what, events, cost in points}
    yield from _head("seconds for", *(f"{events:,}" for events in sizes))
    for what in dict.fromkeys(what for what, _, _ in points):
        yield _line(what, *(f"{seconds[what, events]:.2f}" if (what, events) in seconds else "" for events in sizes))


def _is_ours(row: Row) -> bool:
    return row.what.startswith("detector")


def _times(row: Row, other: Row | None) -> str:
    """Return how many times as long a contender takes for an event as another one."""
    if other is None or other.cost is None or row.cost is None or not row.raw_bytes:
        return ""
    return f"{(row.cost.wall_seconds / row.events) / (other.cost.wall_seconds / other.events):.2f}"


def _head(*names: str) -> Iterator[str]:
    yield _line(*names)
    yield "|" + " --- |" * len(names)


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
