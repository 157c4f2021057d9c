"""The job that measures the rates of the model: what an event and an object cost, apart from starting programs."""

from __future__ import annotations

import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import s3_server
from benchmarks.generate import LogFiles
from benchmarks.measure import Command, Cost, compare
from benchmarks.model import NAME, TITLE
from benchmarks.raw_jobs import S3_ENVIRONMENT, size_of
from benchmarks.result import JobResult, Row
from benchmarks.workshop import Workshop, detector, peer

_LEAST: Final = 1e-9  # at a small size noise outweighs the work


@dataclass(frozen=True, slots=True)
class Readings:
    """What programs print about themselves: the last line of their output is a number."""

    by_name: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def of(self, name: str) -> Callable[[str], None]:
        """Return a check that takes the number."""
        return lambda output: self.by_name[name].append(float(output.split()[-1]))

    def __getitem__(self, name: str) -> float:
        return median(self.by_name[name])


def scale(shop: Workshop) -> JobResult:
    """The rates by which hours are reckoned, from two sizes: what is done once is not in their difference."""
    result = JobResult(NAME, TITLE)
    few, many, small = shop.quarter(), shop.logs(), shop.small_objects()
    own = Readings()
    names = shop.events // 2
    with _small_source(small) as (place, options, environment):
        commands = [
            *_on(shop, "few", few, own),
            *_on(shop, "many", many, own),
            _ingest(shop, "small", [place, *options], own, environment),
            Command("scan small", [*detector(), "scan", place, *options], environment=environment),
            Command("list", peer("inventory", shop.data, names, python=sys.executable), check=own.of("list")),
        ]
        costs = compare(commands, shop.runs)
    result.figures.update(rates_between(costs, own, few, many, small))
    result.figures["list_object"] = own["list"] / names
    result.figures["stored_bytes"] = many.stored_bytes / many.events
    result.figures["lake_share"] = size_of(_scratch(shop, "ingest many")) / many.stored_bytes
    for name, cost in costs.items():
        logs = {"few": few, "many": many, "small": small}.get(name.rpartition(" ")[2])
        result.rows.append(
            Row(name, cost, logs.events if logs else names, note=f"{logs.files:,} files" if logs else "")
        )
    for path in (shop.data / "scratch").glob("scale-*"):
        shop.clear(path)
    return result


def _on(shop: Workshop, size: str, logs: LogFiles, own: Readings) -> Iterator[Command]:
    """Yield ingest, compaction and scan of log files on the disk."""
    yield _ingest(shop, size, [str(logs.path)], own, {})
    ingested, copy = _scratch(shop, f"ingest {size}"), _scratch(shop, f"compact {size}")

    def prepare() -> None:
        shop.clear(copy)
        shutil.copytree(ingested, copy)

    yield Command(f"compact {size}", [*detector(), "compact", "--lake", str(copy)], prepare)
    yield Command(f"scan {size}", [*detector(), "scan", str(logs.path)])


def _ingest(shop: Workshop, size: str, source: list[str], own: Readings, environment: Mapping[str, str]) -> Command:
    name = f"ingest {size}"
    lake = _scratch(shop, name)
    arguments = peer("own_cpu", "ingest", *source, "--lake", lake, python=sys.executable)
    return Command(name, arguments, lambda: shop.clear(lake), own.of(name), environment)


def _scratch(shop: Workshop, name: str) -> Path:
    """Return where the lake of a command lies."""
    return shop.data / "scratch" / f"scale-{name.replace(' ', '-')}"


def rates_between(
    costs: Mapping[str, Cost], own: Readings, few: LogFiles, many: LogFiles, small: LogFiles
) -> dict[str, float]:
    """Return CPU seconds of an event and of an object."""

    def of_event(name: str, cost: Callable[[str], float]) -> tuple[float, float]:
        """Return what an event costs, and what is done once."""
        at_few, at_many = cost(f"{name} few"), cost(f"{name} many")
        event = max(_LEAST, (at_many - at_few) / (many.events - few.events))
        return event, max(0.0, at_few - event * few.events)

    def of_object(name: str, cost: Callable[[str], float]) -> float:
        event, once = of_event(name, cost)
        return max(_LEAST, (cost(f"{name} small") - once - event * small.events) / small.files)

    def cpu(name: str) -> float:
        return costs[name].cpu_seconds

    return {
        "scan_event": of_event("scan", cpu)[0],
        "ingest_event": of_event("ingest", cpu)[0],
        "compact_event": of_event("compact", cpu)[0],
        "scan_object": of_object("scan", cpu),
        "ingest_object": of_object("ingest", cpu),
        "commit_event": of_event("ingest", own.__getitem__)[0],
        "commit_object": of_object("ingest", own.__getitem__),
    }


@contextmanager
def _small_source(small: LogFiles) -> Iterator[tuple[str, list[str], Mapping[str, str]]]:
    """Hand out where small objects are read from: an S3 server on loopback, or the disk where there is none."""
    if not s3_server.has_nginx():
        yield str(small.path), [], {}
        return
    with s3_server.serve(small.path) as url:
        yield f"s3://{s3_server.BUCKET}", ["--endpoint-url", url], S3_ENVIRONMENT
