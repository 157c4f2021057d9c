"""Rounds of files that are read: nothing in them may be lost without a word.

Run by hand for many: `python -m tests.slips --files 200000 --seed 1`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import duckdb

from detector.ingest.ingest import ingest
from detector.lake.reader import read_lake
from detector.lake.writer import open_to_write
from detector.run_report import RunReport
from detector.scope import Scope
from detector.sources.opening import open_source

from .files import File, make_file
from .walk import event_ids

FILES_OF_A_ROUND = 100


def lost(files: Mapping[str, File], report: RunReport, rows: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield what is wrong with the account of a round.

    Args:
        files: by URI.
        report: of the run that read them.
        rows: the eventIDs in the lake, by URI.
    """
    if report.listed != report.ingested + report.already_in + report.skipped + report.failed:
        yield f"{report.listed} listed, but {report.ingested} + {report.skipped} + {report.failed}"
    if report.records != report.rows + report.rejected:
        yield f"{report.records} records, but {report.rows} + {report.rejected}"
    if report.listed != len(files):
        yield f"{report.listed} listed of {len(files)}"
    failed = {one.uri for one in report.failures}
    rejected = Counter(one.uri for one in report.rejected_reasons)
    for uri, file in files.items():
        missing = event_ids(file.content) - rows.get(uri, set())
        if uri not in failed and len(missing) > rejected[uri]:
            yield f"{file.name}: {len(missing)} records missing, {rejected[uri]} rejected: {file.content!r}"


def play(seed: int, count: int = FILES_OF_A_ROUND) -> list[str]:
    """Make files from a seed, ingest them, and return what is wrong."""
    random = Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        logs, lake = Path(folder).resolve() / "logs", Path(folder) / "lake"
        logs.mkdir()
        files: dict[str, File] = {}
        for number in range(count):
            file = make_file(random, number)
            (logs / file.name).write_bytes(file.content)
            files[(logs / file.name).as_uri()] = file
        report = RunReport(datetime.now(UTC))
        with open_to_write(lake) as writer:
            ingest([open_source(str(logs))], writer, Scope(), report, jobs=1)
        return list(lost(files, report, _rows(lake)))


def _rows(lake: Path) -> dict[str, set[str]]:
    with duckdb.connect() as connection:
        read_lake(lake).with_copies().attach(connection)
        found = connection.sql("SELECT logFile, list(eventID) FROM parts GROUP BY ALL").fetchall()
    return {uri: set(ids) for uri, ids in found}


def main() -> int:
    """Play as many rounds as are asked for; print each loss with its seed."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--files", type=int, default=2_000)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    failures = 0
    for seed in range(options.seed, options.seed + -(-options.files // FILES_OF_A_ROUND)):
        for wrong in play(seed):
            failures += 1
            sys.stdout.write(f"seed {seed}: {wrong}\n")
    sys.stdout.write(f"{options.files:,} files, {failures} with something lost\n")
    return 1 if failures else 0
