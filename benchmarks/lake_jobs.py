"""Jobs on a lake: detect, sql, a second run, and the start of the program."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import lakes
from benchmarks.generate import ACCOUNTS
from benchmarks.measure import BenchmarkError, Command, Cost, compare
from benchmarks.result import JobResult, Row
from benchmarks.workshop import Workshop, detector

_QUESTION: Final = f"SELECT * FROM events WHERE userIdentity.type = 'Root' AND recipientAccountId = '{ACCOUNTS[0]}'"  # noqa: S608


def detect(shop: Workshop) -> JobResult:
    """All rules over large lakes."""
    result = JobResult("detect", "Detect: all rules over a lake")
    sizes = dict(_lakes(shop))
    costs = compare([_detect(shop, f"detect {events}", lake) for events, lake in sizes.items()], shop.runs)
    for events in sizes:
        cost = costs[f"detect {events}"]
        result.rows.append(Row("detector detect", cost, events))
        result.growth.append(("detect", events, cost))
    result.figures["seconds"] = costs[f"detect {shop.events * shop.large}"].wall_seconds
    result.figures["seconds, larger"] = costs[f"detect {shop.events * shop.larger}"].wall_seconds
    _add_rules(shop, result)
    return result


def sql(shop: Workshop) -> JobResult:
    """One selective question, all columns of the answer."""
    result = JobResult("sql", "SQL: root events of one account, all columns")
    sizes = dict(_lakes(shop))
    commands = [
        Command(
            f"sql {events}",
            [*detector(), "sql", _QUESTION, "--lake", str(lake), "--format", "jsonl"],
            check=_answer_check(shop),
        )
        for events, lake in sizes.items()
    ]
    costs = compare(commands, shop.runs)
    for events in sizes:
        cost = costs[f"sql {events}"]
        result.rows.append(Row("detector sql", cost, events))
        result.growth.append(("sql", events, cost))
    result.figures["seconds"] = costs[f"sql {shop.events * shop.large}"].wall_seconds
    return result


def rerun(shop: Workshop) -> JobResult:
    """`run` when the ledger knows every object."""
    result = JobResult("rerun", "Second run with nothing new")
    lake, report = shop.scratch("rerun"), shop.scratch("report.json")
    files = shop.tiny_files()
    lakes.clone(shop.lake(1), lake)
    known = lakes.know_all(lake, files)
    again = [*detector(), "run", str(files), "--lake", str(lake), "--report", str(report)]

    def check(_: str) -> None:
        objects = json.loads(report.read_text())["objects"]
        if objects["already_in"] != known:
            raise BenchmarkError(f"{known} objects should be in already: {objects}")

    once = Command("detector run", again, check=check)
    if shop.runs == 1:
        compare([once], 1)  # it writes the alerts that the later ones find written
    costs = compare([once, _detect(shop, "detector detect", lake)], shop.runs)
    result.rows.append(Row("detector run", costs["detector run"], shop.events, note=f"{known:,} objects known"))
    result.rows.append(Row("detector detect, the same lake", costs["detector detect"], shop.events))
    result.figures["seconds more"] = costs["detector run"].wall_seconds - costs["detector detect"].wall_seconds
    Workshop.clear(lake)
    return result


def help_(shop: Workshop) -> JobResult:
    """The start of the program."""
    result = JobResult("help", "Start")
    runs = shop.runs if shop.is_small else max(shop.runs, 9)
    commands = [
        Command("detector --help", [*detector(), "--help"]),
        Command("python -c pass", [sys.executable, "-c", "pass"]),
    ]
    costs = compare(commands, runs)
    result.rows += [Row(name, cost, 0) for name, cost in costs.items()]
    result.figures["seconds"] = costs["detector --help"].wall_seconds
    return result


def _lakes(shop: Workshop) -> list[tuple[int, Path]]:
    large = [(shop.events * copies, shop.lake(copies)) for copies in (shop.large, shop.larger)]
    if shop.is_small:
        return large
    return [(shop.events // 4, shop.quarter_lake()), (shop.events, shop.lake(1)), *large]


def _detect(shop: Workshop, name: str, lake: Path) -> Command:
    return Command(name, [*detector(), "detect", "--lake", str(lake)], check=_answer_check(shop))


def _answer_check(shop: Workshop) -> Callable[[str], None]:
    """Return a check that there is an answer; a small lake may hold nothing that is asked for."""
    return (lambda _: None) if shop.is_small else _has_lines


def _add_rules(shop: Workshop, result: JobResult) -> None:
    """Add what the scan costs, and each rule: inside one process, start-up left out."""
    seen: list[dict[str, float | str]] = []
    command = Command(
        "rules",
        [sys.executable, "-m", "benchmarks.rule_costs", str(shop.lake(shop.large))],
        check=lambda output: seen.append(json.loads(output)),
    )
    compare([command], shop.runs)
    scan, every, costliest = (
        median(float(one[name]) for one in seen) for name in ("scan", "all_rules", "costliest_seconds")
    )
    result.figures["all ÷ costliest"] = (scan + every) / (scan + costliest)
    events = shop.events * shop.large

    def row(what: str, seconds: float, note: str) -> Row:
        return Row(what, Cost(seconds, 0, 0, shop.runs), events, note=note)

    result.rows += [
        row("the one scan alone", scan, "inside one process"),
        row("all rules, after the scan", every, f"{seen[-1]['rules']} rules that may find something"),
        row("the costliest rule, after the scan", costliest, str(seen[-1]["costliest"])),
    ]


def _has_lines(output: str) -> None:
    if not output.strip():
        raise BenchmarkError("no output, though root was there")
