from __future__ import annotations

import json

import pyarrow as pa
import pytest

from detector.engines.preflight import asking, installed_here, require_same
from detector.errors import DetectorError


def said_by(**changed: str) -> bytes:
    return json.dumps({**installed_here(), **changed}).encode()


def test_executors_with_the_same_are_taken() -> None:
    require_same([said_by(), said_by()])


@pytest.mark.parametrize("name", ["detector", "python", "pyarrow"])
def test_one_executor_with_something_else_is_refused(name: str) -> None:
    expected = f"the executors have {name} 0.0.9, this is {installed_here()[name]}"
    with pytest.raises(DetectorError, match=expected) as raised:
        require_same([said_by(), said_by(**{name: "0.0.9"})])
    assert "same image" in raised.value.hint


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said_by(missing="No module named 'detector'"), "detector is not installed on the executors: No module"),
        (b"{}", "have detector of no version"),
        (b"[1]", "do not say what is installed"),
        (b"\x80\x05", "do not say what is installed"),
    ],
)
def test_what_executors_may_say_instead_is_refused(answer: bytes, expected: str) -> None:
    with pytest.raises(DetectorError, match=expected):
        require_same([answer])


def test_the_question_is_answered_once_for_each_task() -> None:
    tasks = pa.record_batch({"place": pa.array([4, 2], pa.int32()), "task": pa.array([b"", b""])})
    answers = [batch.to_pylist()[0] for batch in asking()(iter([tasks]))]
    assert [(one["place"], one["at"]) for one in answers] == [(4, 0), (2, 0)]
    require_same([one["piece"] for one in answers])
