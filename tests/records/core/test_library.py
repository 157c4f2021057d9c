"""Whether the compiled core is used, and what is said where it is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from detector.records.core.library import ABI, BUILT, PURE_VARIABLE, WHY_NOT_BUILT, core, load

SOURCE = BUILT.with_name("abi.cpp")


@pytest.fixture
def compiler() -> str:
    found = shutil.which("c++")
    if not found:
        pytest.skip("needs a C++ compiler")
    return found


def built(compiler: str, source: Path, folder: Path) -> Path:
    target = folder / "_core.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", target, source], check=True)
    return target


def test_a_core_with_the_interface_of_this_version_is_in_use(compiler: str, tmp_path: Path) -> None:
    found = load(built(compiler, SOURCE, tmp_path))
    assert found.state == "in use"
    assert found.library is not None
    assert found.library.detector_core_abi() == ABI


@pytest.mark.skipif(os.environ.get(PURE_VARIABLE) == "1", reason="these tests are to do without")
@pytest.mark.usefixtures("compiler")
def test_the_checkout_has_a_core_that_is_in_use_where_there_is_a_compiler() -> None:
    assert core().state == "in use", "scripts/venv builds it"


def test_a_core_of_another_version_is_not_used(compiler: str, tmp_path: Path) -> None:
    other = tmp_path / "abi.cpp"
    other.write_text(SOURCE.read_text().replace(f"return {ABI};", "return 0;"))
    found = load(built(compiler, other, tmp_path))
    assert found.library is None
    assert found.state == f"not in use: it was built for another version of detector (interface 0, not {ABI})"


def test_a_library_that_is_no_core_is_not_used(compiler: str, tmp_path: Path) -> None:
    other = tmp_path / "other.cpp"
    other.write_text('extern "C" int something_else() { return 1; }')
    found = load(built(compiler, other, tmp_path))
    assert found.library is None
    assert "cannot be loaded" in found.state


def test_a_core_of_another_machine_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "_core.so").write_bytes(b"\xcf\xfa\xed\xfe" + bytes(60))
    found = load(tmp_path / "_core.so")
    assert found.library is None
    assert found.state.startswith("not in use: it cannot be loaded: ")


def test_without_a_core_it_is_said_why_none_was_built(tmp_path: Path) -> None:
    (tmp_path / WHY_NOT_BUILT.name).write_text("no C++ compiler was found\n")
    found = load(tmp_path / "_core.so")
    assert found.library is None
    assert found.state == "not built: no C++ compiler was found"


def test_without_a_core_and_a_reason_it_is_said_that_there_is_none(tmp_path: Path) -> None:
    assert load(tmp_path / "_core.so").state == "not built: the package was installed without it"


@pytest.mark.parametrize(("value", "is_pure"), [("1", True), ("", False)])
def test_a_variable_asks_for_python_alone(value: str, is_pure: bool) -> None:
    asked = "from detector.records.core.library import core; print(core().state)"
    done = subprocess.run(
        [sys.executable, "-c", asked],
        env=os.environ | {"DETECTOR_PURE": value},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout == "not in use: DETECTOR_PURE is set\n") == is_pure
