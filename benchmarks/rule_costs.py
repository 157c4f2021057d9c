"""What the rules cost after the one scan of a lake, as `detect` runs them. Argument: LAKE. Prints JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from detector.detect.running import runs
from detector.lake.reader import read_lake
from detector.rules.candidates import candidates
from detector.rules.engine import RULES_AT_A_TIME, Engine
from detector.rules.needed_events import may_find, needed_by
from detector.rules.rule import Rule, load_rules, shipped_rules_directory


def main() -> None:
    """Time the scan and all rules, side by side; then, after another scan, each of them by itself."""
    lake = Path(sys.argv[1])
    with _scanned(lake) as (engine, rules, scan):
        started = perf_counter()
        engine.prepare(*rules)
        with ThreadPoolExecutor(RULES_AT_A_TIME) as pool:
            for _ in runs(engine, rules, pool):
                pass
        every = perf_counter() - started
    seconds: dict[str, float] = {}
    with _scanned(lake) as (engine, rules, _):
        for rule in rules:
            started = perf_counter()
            engine.run(rule)  # and what it is the first to read
            seconds[rule.id] = perf_counter() - started
    costliest = max(seconds, key=lambda name: seconds[name])
    figures = {
        "rules": len(seconds),
        "scan": scan,
        "all_rules": every,
        "costliest": costliest,
        "costliest_seconds": seconds[costliest],
    }
    sys.stdout.write(json.dumps(figures) + "\n")


@contextmanager
def _scanned(lake: Path) -> Iterator[tuple[Engine, list[Rule], float]]:
    """Hand out candidates, the rules that may find something among them, and how long the scan took."""
    directory = shipped_rules_directory()
    with Engine(read_lake(lake, candidates().digest)) as engine:
        started = perf_counter()
        engine.prepare()
        scan = perf_counter() - started
        occurring = engine.occurring()
        needs = needed_by(directory, load_rules(directory).rules)
        yield engine, [rule for rule, needed in needs if may_find(needed, occurring)], scan


if __name__ == "__main__":
    main()
