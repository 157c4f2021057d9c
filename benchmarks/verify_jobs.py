"""Jobs on digests: a year of them verified, and ingest that verifies what it reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.digests import Digests
from benchmarks.measure import BenchmarkError, Command, compare
from benchmarks.result import JobResult, Row
from benchmarks.workshop import Workshop, detector

# Of a plain copy the newest digest of each chain has no signature: nothing names it, and S3's metadata are lost.
_NOT_PROVEN: Final = frozenset({4})
_PLAIN, _DESCRIBED = "detector verify, a plain copy", "detector verify, a copy with S3's metadata"


def verify(shop: Workshop) -> JobResult:
    """Digests of a quiet account, one region and all of them."""
    result = JobResult("verify", "Verify: a year of digests of an account, one region and 17")
    one, all_of_them = shop.digests(1), shop.digests(17)
    commands = [
        Command(f"{_PLAIN}, one region", _verify(one, one.account), exit_codes=_NOT_PROVEN),
        Command(_PLAIN, _verify(all_of_them, all_of_them.account), exit_codes=_NOT_PROVEN),
        Command(_DESCRIBED, _verify(all_of_them, all_of_them.bucket)),
    ]
    costs = compare(commands, shop.runs)
    for name, cost in costs.items():
        count = one.count if name.endswith("one region") else all_of_them.count
        result.rows.append(Row(name, cost, 0, note=f"{count:,} digests, {cost.cpu_seconds / count * 1e6:.0f} µs each"))
    result.figures["CPU seconds"] = max(costs[name].cpu_seconds for name in (_PLAIN, _DESCRIBED))
    result.figures["growth"] = costs[_PLAIN].peak_bytes / costs[f"{_PLAIN}, one region"].peak_bytes
    return result


def verified_ingest(shop: Workshop) -> JobResult:
    """The same log files ingested without and with their digests."""
    result = JobResult("verified ingest", "Ingest that verifies the log files that are there")
    logs = shop.signed_logs()
    plain, verified = "detector ingest", "detector ingest --verify present"
    again = f"{verified}, nothing new"
    lakes = {name: shop.scratch(name.replace(" ", "-")) for name in (plain, verified, again)}
    report = shop.scratch("report.json")
    verifying = ["--verify", "present", "--keys", str(logs.keys)]
    ingest = [*detector(), "ingest", str(logs.bucket)]

    def check(_: str) -> None:
        found = json.loads(report.read_text())["integrity"]["log_files"]
        if found != {"verified": logs.files}:
            raise BenchmarkError(f"{logs.files} verified log files expected: {found}")

    reporting = ["--report", str(report)]
    commands = [
        Command(plain, [*ingest, "--lake", str(lakes[plain])], _remover(lakes[plain])),
        Command(
            verified,
            [*ingest, "--lake", str(lakes[verified]), *verifying, *reporting],
            _remover(lakes[verified]),
            check,
        ),
    ]
    costs = compare(commands, shop.runs)
    costs |= compare([Command(again, [*commands[1].arguments], check=check)], shop.runs)
    note = f"{logs.files:,} log files, {logs.digests:,} digests there"
    result.rows += [Row(name, cost, 0 if name == again else logs.events, note=note) for name, cost in costs.items()]
    result.figures["CPU, with ÷ without"] = costs[verified].cpu_seconds / costs[plain].cpu_seconds
    for path in (*lakes.values(), report):
        Workshop.clear(path)
    return result


def _verify(digests: Digests, place: Path) -> list[str]:
    return [*detector(), "verify", str(place), "--keys", str(digests.keys), "--until", digests.until]


def _remover(path: Path) -> Callable[[], None]:
    return lambda: Workshop.clear(path)
