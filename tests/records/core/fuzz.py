"""Files that are not quite what CloudTrail writes, for the core: `python -m tests.records.core.fuzz --help`."""

from __future__ import annotations

import argparse
import ctypes
import sys
import time
from pathlib import Path
from random import Random

from detector.records.core.columns import Columns
from detector.records.core.glance import Glance
from detector.records.core.library import BUILT
from tests.records.core.differential import Comparison, is_wanted_of
from tests.records.core.mutated import mutated_file


def main() -> int:
    """Run as many files as asked for; 1 when the core makes something else of one than Python."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="other files for each (%(default)s)")
    parser.add_argument("--library", type=Path, default=BUILT, help="the built core, say one with sanitizers")
    parser.add_argument("--alone", action="store_true", help="do not compare with Python: as fast as can be")
    options = parser.parse_args()
    core = ctypes.CDLL(str(options.library))
    started = time.process_time()
    run = alone if options.alone else compared
    try:
        result = run(core, options.files, Random(options.seed))
    except AssertionError as difference:
        sys.stderr.write(f"the core and Python differ: {difference}\n")
        return 1
    seconds = time.process_time() - started
    sys.stdout.write(f"{options.files:,} files of seed {options.seed}: {result}; {seconds:.0f} CPU s\n")
    return 0


def compared(core: ctypes.CDLL, files: int, random: Random) -> str:
    comparison = Comparison(core)
    for _ in range(files):
        comparison.add(mutated_file(random))
    comparison.compare_rows()
    return f"{comparison.taken:,} taken as columns, {comparison.looked_at:,} looked at, all as Python has them"


def alone(core: ctypes.CDLL, files: int, random: Random) -> str:
    columns, glance = Columns(core), Glance(core, is_wanted_of)
    taken = looked_at = 0
    for number in range(files):
        data = mutated_file(random)
        taken += columns.add(data, f"{number % 100}") is not None
        looked_at += glance.look(data) is not None
        if number % 1_000 == 0:
            for _, batch in columns.take():
                batch.validate(full=True)
    return f"{taken:,} taken as columns, {looked_at:,} looked at"


if __name__ == "__main__":
    sys.exit(main())
