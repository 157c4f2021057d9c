"""A lake in S3 whose writers race."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from detector.errors import LakeBusy
from detector.lake.check import differences
from detector.lake.stored_lake import StoredLake
from detector.lake.writer import open_to_write

from .samples import log, put, record, shown

Machines = Callable[[], StoredLake]


@pytest.mark.long
@pytest.mark.slow
def test_of_two_writers_that_race_one_wins_each_time_and_nothing_is_lost(machine: Machines) -> None:
    rounds = 50
    barrier = Barrier(2)
    kept: set[int] = set()

    def race(number: int) -> bool:
        try:
            with open_to_write(machine()) as writer:
                put(writer, {f"s3://b/{number}": log(record(number))})
                barrier.wait()  # both have begun with the same ledger
        except LakeBusy:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        for first in range(0, 2 * rounds, 2):
            won = list(pool.map(race, (first, first + 1)))
            assert sum(won) == 1
            kept.add(first + won.index(True))
    assert shown(machine(), "logFile") == [(f"s3://b/{number}",) for number in sorted(kept, key=str)]
    orphans = list(differences(machine()))
    assert orphans == []  # what the others left is explained
    with open_to_write(machine()) as writer:
        assert writer.ledger.object_count() == rounds
