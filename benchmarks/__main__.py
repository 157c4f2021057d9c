"""Runs the jobs, prints the tables, says whether every bar is met."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from benchmarks import flood_jobs, lake_jobs, machine, raw_jobs, report_jobs, scale_jobs, table, verify_jobs, watch_jobs
from benchmarks.bars import BARS, Verdict
from benchmarks.measure import BenchmarkError
from benchmarks.result import JobResult
from benchmarks.workshop import Workshop

EVENTS: Final = 400_000
JOBS: Final[dict[str, Callable[[Workshop], JobResult]]] = {
    "help": lake_jobs.help_,
    "ingest": raw_jobs.ingest,
    "copies": raw_jobs.copies,
    "scan": raw_jobs.scan,
    "scan many": raw_jobs.scan_many,
    "s3": raw_jobs.s3,
    "detect": lake_jobs.detect,
    "candidates": flood_jobs.candidates,
    "sql": lake_jobs.sql,
    "rerun": lake_jobs.rerun,
    "report": report_jobs.report,
    "memory": raw_jobs.memory,
    "watch": watch_jobs.watch,
    "verify": verify_jobs.verify,
    "verified ingest": verify_jobs.verified_ingest,
    "scale": scale_jobs.scale,
}
_HELP: Final = """\
Run the benchmarks. Exit codes: 0 every bar that was measured is met, 1 one is missed or a job failed, 2 bad usage.

The peers live in an environment of their own, since chDB brings numpy, which detector would then import too:

    python3 -m venv .venv/peers && .venv/peers/bin/pip install --constraint constraints.txt '.[bench]'
    apt-get install nginx-light jq

A peer that is not installed is left out, and its row says so."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for and return the exit code."""
    options = _parser().parse_args(arguments)
    events = options.events if options.scale is None else round(EVENTS * options.scale)
    shop = Workshop(options.data, events, options.runs, _say)
    started = time.perf_counter()
    load = machine.load()
    results = [_run(name, shop) for name in options.only or JOBS]
    minutes = (time.perf_counter() - started) / 60
    about = [*machine.describe(), f"{events:,} events, medians of {options.runs} runs, {minutes:.1f} minutes in all"]
    if load > 0.5:
        about.append(f"the machine was busy with other work: load {load:.1f} before the first run")
    _show([*table.bars(results, loose=shop.is_small), "", *table.growth(results)])
    if options.markdown:
        page = options.markdown.read_text(encoding="utf-8") if options.only and options.markdown.exists() else ""
        text = (
            table.updated(page, results, about, loose=shop.is_small)
            if page
            else table.document(results, about, loose=shop.is_small)
        )
        options.markdown.write_text(text, encoding="utf-8")
    return _judge(results, loose=shop.is_small)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=_HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--events", type=int, default=EVENTS, help="events of the data most jobs read (%(default)s)")
    size.add_argument("--scale", type=float, help=f"the same as a share of {EVENTS:,}; small scales have loose bars")
    parser.add_argument("--runs", type=int, default=3, help="timed runs of each contender (%(default)s)")
    parser.add_argument("--only", action="append", choices=JOBS, help="only this job; repeat for more")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(tempfile.gettempdir()) / "detector-benchmarks",
        help="where data is generated, and found again by the next run (%(default)s)",
    )
    parser.add_argument(
        "--markdown",
        type=Path,
        metavar="FILE",
        help="write the tables here as well; with --only into the page that is there",
    )
    return parser


def _run(name: str, shop: Workshop) -> JobResult:
    _say(f"job {name}")
    try:
        result = JOBS[name](shop)
    except BenchmarkError as error:
        _say(f"job {name} failed: {error}")
        result = JobResult(name, name, failure=str(error))
    # At once: whoever interrupts a long run keeps what it found.
    _show(table.section(result))
    return result


def _judge(results: Sequence[JobResult], *, loose: bool) -> int:
    by_name = {result.name: result.figures for result in results}
    verdicts = [bar.judge(by_name[bar.job], loose=loose) for bar in BARS if bar.job in by_name]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict.value}" for verdict in Verdict)
    _say(f"bars: {counts}")
    return 1 if Verdict.MISSED in verdicts or any(result.failure for result in results) else 0


def _show(lines: Iterable[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n\n")
    sys.stdout.flush()


def _say(message: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {message}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
