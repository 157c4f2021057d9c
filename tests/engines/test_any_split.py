"""Whatever lies in which file, in whatever order: an engine answers as this machine does."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.alerts.formats.json_line import json_line
from detector.alerts.formats.native import to_native
from detector.detect.detect import detect
from detector.engines.engine import Engine
from detector.engines.local import LOCAL
from detector.engines.spark import open_spark
from detector.ingest.ingest import ingest
from detector.lake.reader import read_lake
from detector.lake.writer import open_to_write
from detector.rules.candidates import candidates
from detector.rules.events import Events
from detector.run_report import RunReport
from detector.scan.scan import scan
from detector.scope import Scope
from detector.sources.local import open_local
from tests.engines.sail import Sail
from tests.trails.test_any_split import records

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FEW = settings(
    max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def engine(cluster: Sail) -> Iterator[Engine]:
    with open_spark(cluster.address, jobs=3) as engine:
        yield engine


def write_files(folder: Path, random: Random, count: int) -> None:
    """Write the records of the bundled trails to any files, some of them twice, and some that are no records."""
    contents: list[list[Any]] = [[] for _ in range(count)]
    for record in records():
        random.choice(contents).append(record)
        if random.random() < 0.2:
            random.choice(contents).append(dict(reversed(record.items())))
        if random.random() < 0.02:
            random.choice(contents).append({"eventID": "\ud800", "eventTime": random.choice(["no time", 5, None])})
    for number, content in enumerate(contents):
        random.shuffle(content)
        (folder / f"{number:03}.json.gz").write_bytes(gzip.compress(json.dumps({"Records": content}).encode()))


def alerts_of(events: Events, *, sees_all_events: bool = True) -> list[bytes]:
    alerts = detect(events, [], NOW, sees_all_events=sees_all_events).alerts
    return sorted(json_line(to_native(alert)) for alert in alerts)


def outcome(source: Path, lake: Path, engine: Engine, jobs: int) -> list[object]:
    """What the program says of the files, by every act that an engine takes part in; of the run reports, the counts."""
    scanned, ingested = RunReport(NOW), RunReport(NOW)
    events = scan([open_local(source)], Scope(), scanned, jobs=jobs, progress=lambda _: None, engine=engine)
    with open_to_write(lake) as writer:
        ingest([open_local(source)], writer, Scope(), ingested, jobs=jobs, engine=engine)
        before = alerts_of(read_lake(lake))
        days = [one.day.event_date for one in writer.compact(candidates(), jobs=jobs, engine=engine)]
    counts = [
        (one.listed, one.ingested, one.records, one.rows, one.rejected, one.failed, one.duplicates)
        for one in (scanned, ingested)
    ]
    after = alerts_of(read_lake(lake))
    return [alerts_of(events, sees_all_events=False), before, after, sorted(days), counts]


@given(seed=st.integers(0, 1 << 32), count=st.integers(1, 60))
@FEW
@pytest.mark.long
@pytest.mark.slow
def test_files_of_any_content_are_answered_alike(engine: Engine, seed: int, count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "logs").mkdir()
        write_files(folder / "logs", Random(seed), count)
        here = outcome(folder / "logs", folder / "here", LOCAL, 1)
        there = outcome(folder / "logs", folder / "there", engine, 3)
    assert here == there
    assert here[0]
