"""`scan`, `ingest` and `detect`, `run`, `watch`: the same alerts, whatever logs hold and however they arrive."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.long import many

from .cases import case_of
from .paths import Folder, by_scan
from .rounds import fewest, make_round, told

_CASES = many(60, 500)  # more by hand: `python -m tests.differential --cases 50000`


@pytest.mark.long
@pytest.mark.slow
def test_every_way_gives_the_same_alerts() -> None:
    assert (trouble := told(make_round(1, _CASES))) is None, trouble


@pytest.mark.slow
def test_the_cases_have_nearly_every_rule_speak(tmp_path: Path) -> None:
    folder = Folder(tmp_path, make_round(1, _CASES))
    folder.arrive(0)
    found = by_scan(folder, tmp_path)
    assert len({seen.rule_id for seen in found.values()}) >= 40


def test_a_case_that_was_written_down_is_read_as_it_was() -> None:
    for case in make_round(2, 20):
        assert case_of(json.loads(json.dumps(case.to_json()))) == case


def test_what_differs_is_reduced_to_the_records_that_it_takes() -> None:
    records = [(case, file, record) for case in range(9) for file in range(3) for record in range(4)]
    needed = {(2, 1, 3), (7, 0, 0)}
    assert set(fewest(records, lambda some: needed <= set(some))) == needed
