"""What each rule costs after the one scan of a lake. Argument: LAKE. Prints JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter

from detector.lake.reader import read_lake
from detector.rules.engine import Engine
from detector.rules.rule import load_rules, shipped_rules_directory


def main() -> None:
    """Time the scan, then rule after rule."""
    rules = load_rules(shipped_rules_directory()).rules
    with Engine(read_lake(Path(sys.argv[1]))) as engine:
        started = perf_counter()
        engine.accounts_without_sign_in_region()  # the views are made by whoever asks first
        scan = perf_counter() - started
        seconds: dict[str, float] = {}
        for rule in rules:
            started = perf_counter()
            engine.run(rule)
            seconds[rule.id] = perf_counter() - started
    costliest = max(seconds, key=lambda name: seconds[name])
    figures = {
        "rules": len(rules),
        "scan": scan,
        "all_rules": sum(seconds.values()),
        "costliest": costliest,
        "costliest_seconds": seconds[costliest],
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
