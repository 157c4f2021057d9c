"""The build hook: a wheel has a core where one can be compiled, and is a whole program where none can."""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder

from detector.records.core.library import load
from hatch_build import BUILT, FLAGS, FOLDER, WHY_NOT_BUILT, ZIGLANG, can_be_had, make_library, platform_tag

ROOT = Path(__file__).parents[2]
CORE = ROOT / FOLDER
COMPILERS = [name for name in ("g++", "clang++") if shutil.which(name)]

_PROJECT = """
[project]
name = "small"
version = "1"
requires-python = ">=3.11"
[tool.hatch.build.targets.wheel]
packages = ["detector"]
[tool.hatch.build.targets.wheel.hooks.custom]
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with this build hook and the smallest core there can be; neither CXX nor DETECTOR_PURE is set."""
    for variable in ("CXX", "CXXFLAGS", "LDFLAGS", "ARCHFLAGS", "DETECTOR_PURE"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "checkout"
    core = folder / FOLDER
    core.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(_PROJECT)
    (folder / "detector/__init__.py").touch()
    shutil.copy(ROOT / "hatch_build.py", folder)
    shutil.copy(CORE / "abi.cpp", core)
    return folder


@pytest.fixture
def with_compiler(checkout: Path) -> Path:
    if not shutil.which("c++"):
        pytest.skip("needs a C++ compiler")
    return checkout


@pytest.fixture
def without_compiler(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """And pip finds what lies in the folder `index`, and nothing else."""
    (tmp_path / "index").mkdir()
    for name, value in {"PATH": "/nowhere", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "index")}.items():
        monkeypatch.setenv(name, value)
    return checkout


def build(checkout: Path) -> Path:
    return Path(next(iter(WheelBuilder(str(checkout)).build(directory=str(checkout / "dist"), versions=["standard"]))))


def install_editable(checkout: Path) -> Path:
    """Where its core lies if there is one."""
    [hook] = WheelBuilder(str(checkout)).get_build_hooks(str(checkout / "dist")).values()
    hook.initialize("editable", {})
    hook.finalize("editable", {}, "")
    return checkout / FOLDER / BUILT


def unpacked(wheel: Path) -> Path:
    """The folder of the core in a wheel."""
    with ZipFile(wheel) as archive:
        archive.extractall(wheel.parent)
    return wheel.parent / FOLDER


def requirements(checkout: Path) -> list[str]:
    return list(WheelBuilder(str(checkout)).config.dependencies)


def test_a_wheel_has_a_core_for_every_python_of_its_platform(with_compiler: Path) -> None:
    wheel = build(with_compiler)
    assert wheel.name == f"small-1-py3-none-{platform_tag()}.whl"
    assert platform.machine() in wheel.name
    assert load(unpacked(wheel) / BUILT).state == "in use"
    assert requirements(with_compiler) == []
    assert not (with_compiler / FOLDER / BUILT).exists(), "a wheel leaves nothing behind in the checkout"


def test_an_editable_install_has_its_core_in_the_checkout(with_compiler: Path) -> None:
    (with_compiler / FOLDER / WHY_NOT_BUILT).write_text("no C++ compiler was found\n")
    assert load(install_editable(with_compiler)).state == "in use"
    assert not (with_compiler / FOLDER / WHY_NOT_BUILT).exists()


def test_who_wants_python_alone_gets_a_wheel_for_any_machine(
    with_compiler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETECTOR_PURE", "1")
    wheel = build(with_compiler)
    assert wheel.name == "small-1-py3-none-any.whl"
    assert load(unpacked(wheel) / BUILT).state == "not built: DETECTOR_PURE was set"
    assert requirements(with_compiler) == []


def test_without_a_compiler_the_wheel_is_python_alone(without_compiler: Path) -> None:
    wheel = build(without_compiler)
    assert wheel.name == "small-1-py3-none-any.whl"
    assert load(unpacked(wheel) / BUILT).state == "not built: no C++ compiler was found"


def test_a_former_core_goes_when_a_new_one_cannot_be_built(without_compiler: Path) -> None:
    (without_compiler / FOLDER / BUILT).write_bytes(b"of former sources")
    assert load(install_editable(without_compiler)).state == "not built: no C++ compiler was found"


def test_a_compiler_that_does_not_work_is_passed_over(with_compiler: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "false --of-no-use")
    assert load(unpacked(build(with_compiler)) / BUILT).state == "in use"


def test_the_build_goes_on_without_what_the_compiler_refuses(with_compiler: Path) -> None:
    (with_compiler / FOLDER / "refused.cpp").write_text(
        "int refused() { return a_name_that_is_not_there; }" + " " * 400
    )
    wheel = build(with_compiler)
    assert wheel.name == "small-1-py3-none-any.whl"
    state = load(unpacked(wheel) / BUILT).state
    assert state.startswith("not built: the C++ compiler failed: ")
    assert "a_name_that_is_not_there" in state


def test_what_whoever_builds_wants_of_the_compiler_comes_last(
    with_compiler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXXFLAGS", "-Ddetector_core_abi=another_name")
    assert "cannot be loaded" in load(unpacked(build(with_compiler)) / BUILT).state


@pytest.mark.slow  # it asks pip
def test_without_a_compiler_zigs_is_asked_for_if_it_can_be_had(without_compiler: Path, tmp_path: Path) -> None:
    assert requirements(without_compiler) == []
    other = ZIGLANG.replace("==", "-").rpartition(".")[0] + ".99"
    (tmp_path / "index" / f"{other}-py3-none-any.whl").touch()
    assert requirements(without_compiler) == []
    (tmp_path / "index" / f"{ZIGLANG.replace('==', '-')}-py3-none-any.whl").touch()
    assert requirements(without_compiler) == [ZIGLANG]


def test_an_installer_that_is_not_pip_knows_itself_what_it_can_get(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')  # without site-packages there is no pip
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    assert can_be_had(ZIGLANG)


@pytest.mark.slow
@pytest.mark.skipif(not COMPILERS, reason="needs a C++ compiler")
@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_core_compiles_without_a_warning(compiler: str, tmp_path: Path) -> None:
    assert {"-Wall", "-Wextra"} <= set(FLAGS)
    make_library([compiler, "-Werror"], sorted(CORE.glob("*.cpp")), tmp_path / BUILT)
    assert load(tmp_path / BUILT).state == "in use"
