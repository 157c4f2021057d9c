"""Take many cases at once through every way from log files to alerts, and reduce what differs.

Exit codes: 0 all ways give the same alerts, 1 they do not.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from .cases import ALL_ODDITIES, STEPS, Case, Oddity, case_of, make_case, number_of_account
from .paths import AT_ONCE, STEP_BY_STEP, Folder, Found, Seen, Way

_ROUND = 500  # cases of a round: to run all rules once costs as much as a hundred cases
_TRIES = 100  # rounds that one reduction may take

Place = tuple[int, int, int]  # number of a case, file, record


@dataclass(frozen=True, slots=True)
class Difference:
    """What the scan and another way say of one alert; None where they do not have it."""

    way: Way
    alert_id: str
    scanned: Seen | None
    found: Seen | None
    error: str | None = None  # what ended the way; it is compared no further

    @property
    def kind(self) -> tuple[Way, str | None]:
        """What stays the same while cases are left out: the way and the rule."""
        seen = self.scanned or self.found
        return self.way, None if seen is None else seen.rule_id

    @property
    def case_number(self) -> int | None:
        """The case that the alert is about."""
        seen = self.scanned or self.found
        return None if seen is None else number_of_account(seen.account_id)

    def __str__(self) -> str:
        told = self.error or f"alert {self.alert_id}: {self.found}; by_scan: {self.scanned}"
        return f"{self.way.__name__}: {told}"


def make_round(seed: int, cases: int, oddities: frozenset[Oddity] = ALL_ODDITIES) -> list[Case]:
    """Return cases that are the same for the same seed."""
    return [make_case(number, Random(f"{seed}/{number}"), oddities) for number in range(cases)]


def differences(cases: Sequence[Case], ways: Sequence[Way] = (*AT_ONCE, *STEP_BY_STEP)) -> list[Difference]:
    """Take cases through every way; return where one differs from the first."""
    with tempfile.TemporaryDirectory() as directory:
        return list(_differences(cases, ways, Path(directory)))


def _differences(cases: Sequence[Case], ways: Sequence[Way], directory: Path) -> Iterator[Difference]:
    arrived = Folder(directory / "arrived", cases)
    for step in range(STEPS):
        arrived.arrive(step)
    expected: Found | None = None
    for way in ways:
        folder = arrived if way in AT_ONCE else Folder(directory / way.__name__, cases)
        try:
            found = way(folder, directory / f"lake-{way.__name__}")
        except Exception as error:  # noqa: BLE001 - whatever ends a way is a fault of it
            yield Difference(way, "", None, None, f"{type(error).__name__}: {error}")
            continue
        expected = found if expected is None else expected
        for alert_id in sorted(expected.keys() | found.keys()):
            if expected.get(alert_id) != found.get(alert_id):
                yield Difference(way, alert_id, expected.get(alert_id), found.get(alert_id))


# Reduction ------------------------------------------------------------------------------------------------------------


def reduced(cases: Sequence[Case], difference: Difference) -> list[Case]:
    """Return cases with the fewest records found that still show a difference of this kind."""
    ways = list(dict.fromkeys((AT_ONCE[0], difference.way)))

    def differs(some: Sequence[Case]) -> bool:
        return any(one.kind == difference.kind for one in differences(some, ways))

    suspects = [case for case in cases if case.number == difference.case_number]
    chosen = suspects if suspects and differs(suspects) else cases
    places = [
        (case.number, at, record)
        for case in chosen
        for at, one in enumerate(case.files)
        for record in range(len(one.records))
    ]
    return _only(chosen, fewest(places, lambda some: differs(_only(chosen, some))))


def _only(cases: Sequence[Case], places: Sequence[Place]) -> list[Case]:
    """Return the cases with some of their records, and without what is empty then."""
    kept = set(places)
    left = []
    for case in cases:
        files = [
            replace(one, records=tuple(record for i, record in enumerate(one.records) if (case.number, at, i) in kept))
            for at, one in enumerate(case.files)
        ]
        left.append(replace(case, files=tuple(one for one in files if one.records)))
    return [case for case in left if case.files]


def fewest(places: Sequence[Place], differs: Callable[[Sequence[Place]], bool]) -> list[Place]:
    """Leave out halves, quarters, … as long as it differs without them."""
    left = list(places)
    size, tries = (len(left) + 1) // 2, 0
    while size and tries < _TRIES:
        for start in range(0, len(left), size):
            without = [*left[:start], *left[start + size :]]
            tries += 1
            if without and differs(without):
                left = without
                break
        else:
            size //= 2
        size = min(size, len(left) // 2)
    return left


def told(cases: Sequence[Case]) -> str | None:
    """Return the first difference with the cases that show it, as a file that `--again` reads; None without any."""
    found = differences(cases)
    if not found:
        return None
    kinds = sorted({f"{way.__name__} {rule_id}" for way, rule_id in (one.kind for one in found)})
    left = reduced(cases, found[0])
    return json.dumps({"all": kinds, "difference": str(found[0]), "cases": [case.to_json() for case in left]}, indent=1)


# By hand --------------------------------------------------------------------------------------------------------------


def main() -> int:
    """Run rounds until there are enough cases, or one differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; the next has the next")
    parser.add_argument("--without", choices=[*Oddity], action="append", default=[], help="an oddity to leave out")
    parser.add_argument("--again", type=Path, help="a file that was printed", metavar="FILE")
    arguments = parser.parse_args()
    if arguments.again:
        found = differences([case_of(saved) for saved in json.loads(arguments.again.read_text())["cases"]])
        print(*found, sep="\n")  # noqa: T201
        return int(bool(found))
    oddities = ALL_ODDITIES - set(arguments.without)
    started = time.process_time()
    for number, start in enumerate(range(0, arguments.cases, _ROUND)):
        cases = make_round(arguments.seed + number, min(_ROUND, arguments.cases - start), oddities)
        trouble = told(cases)
        if trouble is not None:
            print(trouble)  # noqa: T201
            return 1
        done = start + len(cases)
        rate = done / (time.process_time() - started)
        sys.stderr.write(f"seed {arguments.seed + number}: {done:,} cases, {rate:.0f} in a CPU second\n")
    return 0
