"""Reference cycles and allocators: chosen for the command and its workers, left alone where detector is a library."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from detector.interpreter import collect_garbage_rarely
from detector.workers import run_in_workers


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def new_containers(_task: int) -> int:
    return gc.get_threshold()[0]


def looks_while(count: int) -> int:
    looks = 0

    def note(phase: str, _info: dict[str, int]) -> None:
        nonlocal looks
        looks += phase == "start"

    gc.callbacks.append(note)
    try:
        kept = [[number] for number in range(count)]
    finally:
        gc.callbacks.remove(note)
    assert len(kept) == count
    return looks


def test_containers_in_use_are_not_looked_through_again_and_again() -> None:
    gc.set_threshold(700, 10, 10)
    assert looks_while(20_000) > 10
    collect_garbage_rarely()
    assert looks_while(20_000) == 0


def test_cycles_are_still_found() -> None:
    collect_garbage_rarely()
    assert looks_while(250_000) >= 2


def test_workers_look_seldom() -> None:
    assert min(run_in_workers(new_containers, [1, 2, 3], jobs=2)) > gc.get_threshold()[0]


def test_the_command_looks_seldom_and_an_import_changes_nothing() -> None:
    script = """
import gc, detector.__main__
print(gc.get_threshold()[0])
try:
    detector.__main__.main()
finally:
    print(gc.get_threshold()[0])
"""
    run = subprocess.run([sys.executable, "-c", script, "--version"], capture_output=True, text=True, check=True)
    imported, *_, ran = run.stdout.splitlines()
    assert int(imported) < 10_000 < int(ran)


@pytest.mark.parametrize("chosen", [{}, {"ARROW_DEFAULT_MEMORY_POOL": "mimalloc"}])
def test_arrow_shares_the_heap_of_the_command_unless_somebody_chose(chosen: dict[str, str]) -> None:
    script = """
import detector.__main__
try:
    detector.__main__.main()
finally:
    import pyarrow
    print(pyarrow.default_memory_pool().backend_name)
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ARROW_")} | chosen
    command = [sys.executable, "-c", script, "--version"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.splitlines()[-1] == chosen.get("ARROW_DEFAULT_MEMORY_POOL", "system")


_ASK_ARROW = """
import pyarrow, sys
pyarrow.array([1])
print("pandas:", sys.modules.get("pandas") is not None)
"""
_AS_COMMAND = """
import detector.__main__, sys
try:
    detector.__main__.main()
except SystemExit:
    pass
"""


@pytest.mark.parametrize(("program", "imported"), [("import detector.api", True), (_AS_COMMAND, False)])
def test_the_command_imports_no_pandas_though_it_is_installed(tmp_path: Path, program: str, imported: bool) -> None:
    (tmp_path / "pandas.py").write_text("__version__ = '2.0.0'\n", encoding="utf-8")
    command = [sys.executable, "-c", program + _ASK_ARROW, "--version"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.splitlines()[-1] == f"pandas: {imported}"


def array_libraries(_task: int) -> list[str]:
    kept_out = []
    for name in ("numpy", "pandas"):
        try:
            import_module(name)
        except ModuleNotFoundError:
            kept_out.append(name)
    return kept_out


def test_workers_import_none_either() -> None:
    assert list(run_in_workers(array_libraries, [1, 2], jobs=2)) == [["numpy", "pandas"]] * 2


_PREPARED = """
from detector.workers import prestart_workers, run_in_workers

def found(_task):
    import needed
    return needed.found

if __name__ == "__main__":
    prestart_workers(2, "needed")
    print(list(run_in_workers(found, [1, 2], jobs=2)))
"""
_NEEDED = """
try:
    import pandas
except ImportError:
    pandas = None
found = pandas is not None
"""


def test_nor_does_what_workers_are_forked_from(tmp_path: Path) -> None:
    for name, text in (("pandas", "__version__ = '2.0.0'\n"), ("needed", _NEEDED), ("prepared", _PREPARED)):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "prepared.py"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert run.stdout.strip() == "[False, False]"


def test_they_are_not_kept_out_behind_the_back_of_arrow() -> None:
    ask = "from detector.interpreter import *; keep_out_array_libraries(); print('pandas' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", f"import pyarrow, sys; {ask}"], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "False"
