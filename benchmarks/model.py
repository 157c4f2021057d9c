"""Hours and money for much larger amounts than were measured, reckoned from rates that were: the model, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Final

from benchmarks.result import JobResult
from detector.doctor.prices import KMS_DOLLARS, VCPU_HOUR_DOLLARS, WHERE, WRITTEN_DOWN, price_of
from detector.doctor.rates import Rates, Work

NAME: Final = "scale"
TITLE: Final = "How large, how long, how much"
OBJECT_BYTES: Final = 100_000  # a mean log file of an organisation
TERABYTES: Final = (1, 10, 100)
BOX, CLUSTER = 64, 1_000  # cores
_MICRO: Final = 1e6
WHAT: Final[Mapping[str, tuple[str, str]]] = {
    "scan_event": ("`scan`, an event", "µs of CPU"),
    "ingest_event": ("`ingest`, an event", "µs of CPU"),
    "compact_event": ("compaction, an event", "µs of CPU"),
    "scan_object": ("`scan`, an object beyond its events", "µs of CPU"),
    "ingest_object": ("`ingest`, an object beyond its events", "µs of CPU"),
    "commit_event": ("of `ingest`, in the process that lists and commits: an event", "µs of CPU"),
    "commit_object": ("the same: an object", "µs of CPU"),
    "list_object": ("an object named by an inventory", "µs of CPU"),
    "stored_bytes": ("an event as stored", "bytes"),
    "lake_share": ("the lake, for each stored byte; up to twice that for a while after a compaction", "bytes"),
}


def rates_of(figures: Mapping[str, float]) -> Rates:
    """Return the rates that a job has measured."""
    return Rates(**{one.name: figures[one.name] for one in fields(Rates)})


def section(result: JobResult) -> Iterator[str]:
    """Yield the rates, which were measured, and what is reckoned from them."""
    rates = rates_of(result.figures)
    yield from (f"## {TITLE}", "", *_INTRODUCTION.splitlines(), "")
    yield from _head("measured", "", "")
    for one in fields(Rates):
        what, unit = WHAT[one.name]
        value = getattr(rates, one.name) * (_MICRO if unit.startswith("µs") else 1)
        yield _line(what, f"{value:.3g}", unit)
    yield ""
    yield from _head(
        "reckoned, stored", "objects", "events", "scan, core-hours", "ingest, core-hours", "one process alone, h",
        f"{BOX} vCPU: scan, h", "ingest, h", f"{CLUSTER:,} cores: scan, h", "ingest, h", "lake, TB",
    )  # fmt: skip
    for terabytes in TERABYTES:
        yield _hours(_work(terabytes), terabytes, rates)
    yield ""
    yield from _head(
        "reckoned, stored", "GET", "KMS at most", "GET and retrieval, if STANDARD_IA", "EC2: scan", "EC2: ingest"
    )
    for terabytes in TERABYTES:
        yield _dollars(_work(terabytes), terabytes, rates)


_INTRODUCTION: Final = f"""\
Measured are the rates in the first table: CPU seconds of all processes at two sizes, whose difference leaves out what a
program does once; objects are small ones from an S3 server on loopback. Everything in the other two tables is reckoned
from these by the model of `detector plan`, and has not been run at such sizes. Log files are taken to be of
{OBJECT_BYTES // 1_000} kB each, and no event to come twice. `ingest` includes the compaction of every day. The hours of
one process, which lists and commits, are the least that any number of cores takes; {CLUSTER:,} cores stand
for workers that are handed the same batches. A core is one vCPU of the machine; network and disk are not in the model
(10 TB in an hour are 22 Gbit/s). Money: list prices of {WHERE}, written down {WRITTEN_DOWN}; c7i on demand."""


def _work(terabytes: int) -> Work:
    return Work(terabytes * 1e12 / OBJECT_BYTES, terabytes * 1e12)


def _hours(work: Work, terabytes: int, rates: Rates) -> str:
    scan, ingest, alone = work.scan_hours(rates), work.ingest_hours(rates), work.alone_hours(rates)
    listing = work.listing_hours(rates)
    return _line(
        f"{terabytes} TB",
        f"{work.objects:,.0f}",
        f"{work.events(rates) / 1e9:,.1f}·10⁹",
        *map(_number, (scan, ingest, alone)),
        *(
            _number(hours)
            for cores in (BOX, CLUSTER)
            for hours in (max(scan / cores, listing), max(ingest / cores, alone))
        ),
        _number(work.lake_bytes(rates) / 1e12),
    )


def _dollars(work: Work, terabytes: int, rates: Rates) -> str:
    infrequent = price_of("STANDARD_IA")
    amounts = (
        work.objects * price_of("STANDARD").get_dollars,
        work.objects * KMS_DOLLARS,
        work.objects * infrequent.get_dollars + work.size_bytes / 1e9 * infrequent.retrieval_dollars,
        work.scan_hours(rates) * VCPU_HOUR_DOLLARS,
        work.ingest_hours(rates) * VCPU_HOUR_DOLLARS,
    )
    return _line(f"{terabytes} TB", *(f"${_number(amount)}" for amount in amounts))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _head(*names: str) -> Iterator[str]:
    yield _line(*names)
    yield "|" + " --- |" * len(names)


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
