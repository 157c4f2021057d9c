"""Jobs that read log files: ingest, scan, small objects from S3, and what they take of memory."""

# ruff: noqa: RUF001 - these signs are meant
from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks import s3_server
from benchmarks.generate import LogFiles
from benchmarks.lakes import parts_of
from benchmarks.measure import BenchmarkError, Command, Cost, compare
from benchmarks.result import JobResult, Row
from benchmarks.workshop import Workshop, detector, has_command, peer, peer_has, prints

NOT_BUILT: Final = "not built"
NO_CHDB: Final = "peer not installed: chdb"
NO_SIMDJSON: Final = "peer not installed: pysimdjson, zlib-ng"
NO_JQ: Final = "peer not installed: jq"
NO_NGINX: Final = "nginx is not installed"
_JQ: Final = (
    "find {folder} -name '*.json.gz' -print0 | xargs -0 -P2 -n 32 sh -c "
    '\'zcat "$@" | jq -c ".Records[] | select(.userIdentity.type == \\"Root\\")"\' sh | wc -l'
)
_S3_ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "AKIABENCHMARK",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_SESSION_TOKEN": "",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


def ingest(shop: Workshop) -> JobResult:
    """Local gzip files to a lake: all columns, lossless, durable."""
    result = JobResult("ingest", "Ingest: local log files → lake")
    logs = shop.logs()
    lake, parquet = shop.scratch("ingest"), shop.scratch("peer.parquet")
    remove_parquet = _remover(parquet)
    commands = [
        Command("detector ingest", [*detector(), "ingest", str(logs.path), "--lake", str(lake)], _remover(lake)),
        Command(
            "DuckDB read_json → Parquet",
            peer("duckdb_parquet", logs.path, parquet, python=sys.executable),
            remove_parquet,
            prints(logs.events),
        ),
    ]
    if peer_has("chdb"):
        commands += [
            Command(
                f"chDB {name} → Parquet",
                peer("chdb_parquet", logs.path, parquet, way),
                remove_parquet,
                prints(logs.events),
            )
            for name, way in (("JSONExtract", "columns"), ("JSONEachRow, tuned", "typed"))
        ]
    costs = compare([*commands, *_floor(logs)], shop.runs)
    result.add(costs, "detector ingest", logs)
    result.add(costs, "DuckDB read_json → Parquet", logs)
    result.add(costs, "chDB JSONExtract → Parquet", logs, absent=NO_CHDB)
    result.add(costs, "chDB JSONEachRow, tuned → Parquet", logs, absent=NO_CHDB)
    _add_floor(result, costs, logs)
    ours = costs["detector ingest"]
    for figure, name in (("× duckdb", "DuckDB read_json → Parquet"), ("× chdb", "chDB JSONExtract → Parquet")):
        if name in costs:
            result.figures[figure] = costs[name].wall_seconds / ours.wall_seconds
    result.figures["lake ÷ gz"] = _size_of(lake) / logs.stored_bytes
    result.growth.append(("ingest", logs.events, ours))
    _clear(lake, parquet)
    return result


def copies(shop: Workshop) -> JobResult:
    """Ingest where every event comes twice, against the same events once."""
    result = JobResult("copies", "Ingest: an account's trail and an organisation's, every event twice")
    lake, report = shop.scratch("copies"), shop.scratch("copies.json")

    def command(logs: LogFiles, found: int) -> Command:
        def check(_: str) -> None:
            records = json.loads(report.read_text())["records"]
            if (records["rows"], records["duplicates"]) != (logs.events, found):
                raise BenchmarkError(f"{logs.events} records, {found} of them copies expected, not {records}")

        arguments = [*detector(), "ingest", str(logs.path), "--lake", str(lake), "--report", str(report)]
        return Command(f"detector ingest {logs.path.name}", arguments, _remover(lake), check)

    for logs, figure in ((shop.logs(), "twice ÷ once"), (shop.dense(), "twice ÷ once, larger")):
        twice = shop.twice(logs)
        commands = [command(logs, 0), command(twice, logs.events)]
        once, doubled = compare(commands, shop.runs).values()
        for name, of, cost in (("once", logs, once), ("twice", twice, doubled)):
            result.rows.append(Row(f"detector ingest, {name}", cost, of.events, of.raw_bytes))
            result.growth.append((f"ingest, every event {name}", of.events, cost))
        result.figures[figure] = doubled.cpu_seconds / once.cpu_seconds / 2
    _clear(lake, report)
    return result


def scan(shop: Workshop) -> JobResult:
    """All rules straight over local gzip files, no lake left behind."""
    result = JobResult("scan", "Scan: all rules straight over local log files")
    parts = shop.parts(shop.several)
    logs = _together(shop.data, parts)
    one = parts[0]
    commands: list[Command] = []
    if has_command("scan"):
        commands.append(
            Command("detector scan", [*detector(), "scan", *(str(part.path) for part in parts)], check=_has_lines)
        )
    if peer_has("chdb"):
        folder = f"{shop.data}/{one.path.name.removesuffix('-0')}-{{0..{shop.several - 1}}}"
        commands += [
            Command(f"chDB root filter, {name}", peer("chdb_root", folder, way), check=prints(logs.root_events))
            for name, way in (("JSONExtract", "columns"), ("JSONEachRow, tuned", "typed"))
        ]
    if shutil.which("jq"):
        # A fifth of the data: it is compared by MB/s, and slow.
        command = _JQ.format(folder=one.path)
        commands.append(Command("zcat | jq, 2 processes", ["sh", "-c", command], check=prints(one.root_events)))
    costs = compare([*commands, *_floor(one)], shop.runs)
    result.add(costs, "detector scan", logs, absent=NOT_BUILT)
    result.add(costs, "chDB root filter, JSONExtract", logs, absent=NO_CHDB)
    result.add(costs, "chDB root filter, JSONEachRow, tuned", logs, absent=NO_CHDB)
    result.add(costs, "zcat | jq, 2 processes", one, absent=NO_JQ)
    _add_floor(result, costs, one)
    ours = costs.get("detector scan")
    if ours:
        rate = logs.raw_bytes / ours.wall_seconds
        for figure, name, read in (
            ("× chdb", "chDB root filter, JSONExtract", logs),
            ("× jq", "zcat | jq, 2 processes", one),
        ):
            if name in costs:
                result.figures[figure] = rate / (read.raw_bytes / costs[name].wall_seconds)
        result.growth.append(("scan", logs.events, ours))
    return result


def s3(shop: Workshop) -> JobResult:
    """Objects of about 2 kB from an S3 server on loopback."""
    result = JobResult("s3", "Ingest of small objects from S3")
    logs = shop.small_objects()
    average = f"{logs.files:,} objects of {logs.stored_bytes / logs.files / 1000:.1f} kB"
    names = ("detector ingest s3://…", "boto3 in 16 threads, GET only")
    if not s3_server.has_nginx():
        result.rows += [Row(name, None, logs.events, logs.raw_bytes, NO_NGINX) for name in names]
        return result
    lake, keys = shop.scratch("s3"), shop.scratch("keys")
    keys.write_text("\n".join(path.relative_to(logs.path).as_posix() for path in sorted(logs.path.rglob("*.gz"))))
    with s3_server.serve(logs.path) as url:
        uri = f"s3://{s3_server.BUCKET}"
        ours = [*detector(), "ingest", uri, "--lake", str(lake), "--endpoint-url", url]
        theirs = peer("boto3_get", url, s3_server.BUCKET, keys, python=sys.executable)
        costs = compare(
            [
                Command(names[0], ours, _remover(lake), environment=_S3_ENVIRONMENT),
                Command(names[1], theirs, check=prints(logs.files), environment=_S3_ENVIRONMENT),
            ],
            shop.runs,
        )
    _require_rows(lake, logs.events)
    for name in names:
        rate = f"{average}; {logs.files / costs[name].wall_seconds:,.0f} objects/s"
        result.rows.append(Row(name, costs[name], logs.events, logs.raw_bytes, rate))
    result.figures["× boto3"] = costs[names[1]].wall_seconds / costs[names[0]].wall_seconds
    _clear(lake, keys)
    return result


def memory(shop: Workshop) -> JobResult:
    """Peak memory of all processes of an ingest, as the input grows in number and in size."""
    result = JobResult("memory", "Peak memory of ingest")
    lake = shop.scratch("memory")

    def ingested(what: str, *folders: LogFiles) -> Cost:
        sources = [str(folder.path) for folder in folders]
        command = Command("ingest", [*detector(), "ingest", *sources, "--lake", str(lake)], _remover(lake))
        cost = compare([command], 1)["ingest"]
        logs = _together(shop.data, folders)
        result.rows.append(Row(f"detector ingest{what}", cost, logs.events, logs.raw_bytes))
        _clear(lake)
        return cost

    parts, large = shop.parts(shop.large), shop.large_object()
    once, ten = ingested("", parts[0]), ingested(", ten times", *parts)
    one = ingested(", one large object", large)
    result.growth.append(("ingest", shop.events * shop.large, ten))
    if not shop.is_small:
        result.growth.append(("ingest", shop.events // 4, ingested(", a quarter", shop.quarter())))
    result.figures |= {
        "growth": ten.peak_bytes / once.peak_bytes,
        "peak MB": max(once.peak_bytes, ten.peak_bytes) / 1e6,
        "large, MB over 1.5 × size": (one.peak_bytes - 1.5 * large.raw_bytes) / 1e6,
    }
    return result


def _floor(logs: LogFiles) -> list[Command]:
    if not (peer_has("simdjson") and peer_has("zlib_ng")):
        return []
    return [Command("floor", peer("floor", logs.path), check=prints(logs.events))]


def _add_floor(result: JobResult, costs: dict[str, Cost], logs: LogFiles) -> None:
    result.add(costs, "floor: gunzip and simdjson, 1 core", logs, absent=NO_SIMDJSON, name="floor")
    if cost := costs.get("floor"):
        half = replace(cost, wall_seconds=cost.wall_seconds / 2)
        result.rows.append(Row("floor, 2 cores", half, logs.events, logs.raw_bytes, "half of the above"))


def _together(data: Path, parts: Sequence[LogFiles]) -> LogFiles:
    return LogFiles(
        data,
        sum(part.files for part in parts),
        sum(part.events for part in parts),
        sum(part.root_events for part in parts),
        sum(part.raw_bytes for part in parts),
        sum(part.stored_bytes for part in parts),
    )


def _has_lines(output: str) -> None:
    if not output.strip():
        raise BenchmarkError("no alerts, though root was there")


def _require_rows(lake: Path, events: int) -> None:
    import pyarrow.parquet as pq

    rows = sum(pq.read_metadata(path).num_rows for path in parts_of(lake))
    if rows != events:
        raise BenchmarkError(f"{events} rows expected in {lake}, found {rows}")


def _size_of(lake: Path) -> int:
    """Return the bytes of a lake, its ledger included."""
    return sum(path.stat().st_size for path in lake.rglob("*") if path.is_file())


def _remover(path: Path) -> Callable[[], None]:
    return lambda: Workshop.clear(path)


def _clear(*paths: Path) -> None:
    for path in paths:
        Workshop.clear(path)
