"""Every record that Python's own json finds in a file is a row, rejected by name, or in a file that has failed."""

from __future__ import annotations

import json

import pytest

from .files import File
from .rounds import FILES_OF_A_ROUND, play
from .walk import event_ids

_ROUNDS = 2_000 // FILES_OF_A_ROUND


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, _ROUNDS))])
def test_nothing_is_lost_without_a_word(seed: int) -> None:
    assert play(seed) == []


def test_the_walk_finds_records_wherever_they_lie() -> None:
    inner = json.dumps({"eventSource": 1, "eventTime": 2, "eventID": "2"})
    text = b'{"Records":[{"eventSource":"s","eventTime":"t","eventID":"1"}]} ' + json.dumps({"a": [inner]}).encode()
    assert event_ids(text) == {"1", "2"}
    assert event_ids(File("x", b"[1, {").content) == set()
