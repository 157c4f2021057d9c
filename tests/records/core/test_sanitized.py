"""The compiled core under AddressSanitizer and UBSan."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from detector.records.core.library import BUILT
from tests.long import many
from tests.records.core.sanitized import COMPILER, build_sanitized, copy_checkout, run_sanitized, runtimes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which(COMPILER) or not all(path.is_absolute() for path in runtimes()),
        reason="needs g++ and its sanitizers",
    ),
]

FILES = many(1_000, 5_000)
_FUNCTION = """extern "C" __attribute__((visibility("default"))) int faulty(const char *data, long size) {
    static_cast<void>(data);
    FAULT
}
"""
_FAULTS = {
    "read_behind": "return data[size];",
    "overflow": "return static_cast<int>(size) + 2147483647;",
    "use_after_free": "int *gone = new int[size]; delete[] gone; return gone[0];",
}


@pytest.mark.long
def test_the_core_reads_and_writes_where_it_may_whatever_a_file_holds(tmp_path: Path) -> None:
    fuzzer = ["python", "-m", "tests.records.core.fuzz", "--alone", "--files", str(FILES)]
    done = run_sanitized(fuzzer, copy_checkout(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{FILES:,} files of seed 0: ")


@pytest.mark.parametrize("fault", _FAULTS)
def test_a_fault_ends_the_process(fault: str, tmp_path: Path) -> None:
    source = tmp_path / "faulty.cpp"
    source.write_text(_FUNCTION.replace("FAULT", _FAULTS[fault]))
    build_sanitized([source], tmp_path / BUILT.name)
    call = f"import ctypes; print(ctypes.CDLL({str(tmp_path / BUILT.name)!r}).faulty(b'a short text', 13))"
    done = run_sanitized(["python", "-c", call], tmp_path)
    assert done.returncode != 0
    assert "faulty.cpp:3" in done.stderr
    assert "AddressSanitizer" in done.stderr or "runtime error" in done.stderr
