from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from detector.engines.wire import pack, unpack
from detector.errors import DetectorError, LakeBusy, UsageError
from tests.engines.work import Task, large, refuse, rows, square, undeclared, write


def test_a_result_comes_back_as_it_was() -> None:
    assert unpack(square, pack(square, 12)) == 144
    assert unpack(large, pack(large, 4096)) == large(4096)


def test_a_table_comes_back_with_its_nested_columns() -> None:
    assert unpack(rows, pack(rows, 5)).equals(rows(5))


@pytest.mark.parametrize(("kind", "named"), [("usage", UsageError), ("own", LakeBusy)])
def test_an_error_keeps_its_type_and_hint(kind: str, named: type[DetectorError]) -> None:
    with pytest.raises(named, match="cannot be done") as raised:
        unpack(refuse, pack(refuse, kind))
    assert type(raised.value) is named
    assert raised.value.hint == "do something else"


class Bomb:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return exec, ("raise SystemExit('the answer was run')",)


@pytest.mark.parametrize(
    "answer",
    [
        pickle.dumps(Bomb()),
        b"+" + pickle.dumps(Bomb()),
        b"-" + pickle.dumps(Bomb()),
        b"",
        b"+",
        b"+\xa3abc",  # text, where a number was promised
        pack(rows, 3),
        b"-\x83\xa4kind\xaaSystemExit\xa7message\xa1m\xa4hint\xa1h",
        b"-\x83\xa4kind\xa9Exception\xa7message\xa1m\xa4hint\xa1h",
    ],
)
def test_what_is_no_such_result_is_refused_and_never_run(answer: bytes) -> None:
    with pytest.raises(DetectorError, match="executor"):
        unpack(square, answer)


@pytest.mark.parametrize("stream", [b"", b"ARROW1", pack(rows, 300)[40:200]])
def test_what_is_no_table_is_refused(stream: bytes) -> None:
    with pytest.raises(DetectorError, match="executor"):
        unpack(rows, b"+\xc4" + bytes([len(stream)]) + stream)


def test_a_table_that_points_outside_its_bytes_is_refused() -> None:
    whole = pack(large_text, 3)
    offsets = pa.array([0, 1, 2, 3], pa.int32()).buffers()[1].to_pybytes()
    assert offsets in whole
    with pytest.raises(DetectorError, match="executor"):
        unpack(large_text, whole.replace(offsets, b"\0\0\0\0\1\0\0\0\2\0\0\0\xff\xff\xff\x7f"))


def large_text(count: int) -> pa.Table:
    return pa.table({"text": ["x"] * count})


def test_a_result_that_is_no_data_is_an_error_where_it_is_made() -> None:
    with pytest.raises(TypeError, match="no data"):
        pack(undeclared, 1)


def test_data_within_a_result_keep_their_types(tmp_path: Path) -> None:
    written = unpack(write, pack(write, Task(7, tmp_path)))
    assert (written.number, written.names) == (7, ("part",))
    assert (str(written.stopped_by), written.stopped_by.hint) == ("expired", "renew them")
