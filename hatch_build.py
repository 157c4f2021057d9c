"""The build hook: compile the core where that can be done, else build a package that does everything in Python.

The compiler is $CXX, c++, g++ or clang++, whichever works first; without any it is zig's, from PyPI's `ziglang`.
DETECTOR_PURE=1 builds without. No build fails for want of a core: a line in the package says why it has none.
docs/decisions/0061-the-core-is-built-or-left-out.md has the reasons.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.macos import process_macos_plat_tag
from packaging.requirements import Requirement
from packaging.tags import platform_tags

ZIGLANG = "ziglang==0.17.1"  # 101 MB, asked for only where no compiler works
FOLDER = "detector/records/core"
BUILT, WHY_NOT_BUILT = "_core.so", "_not_built.txt"

WARNINGS = ("-Wall", "-Wextra")  # errors in our tests; here a newer compiler may have one that we have not met
FLAGS = ("-O3", "-std=c++17", "-fPIC", "-fvisibility=hidden", *WARNINGS)
# zig compiles for the very processor that it runs on unless it is told otherwise; an image is run elsewhere.
ZIG = [sys.executable, "-m", "ziglang", "c++", "-mcpu=baseline"]


class CannotBuildError(Exception):
    """There is to be no core; the message says why in one line."""


class CoreHook(BuildHookInterface[BuilderConfig]):
    """What hatchling calls before it packs a wheel, also an editable one."""

    def dependencies(self) -> list[str]:
        """Ask for zig's compiler if there is no other and it can be had."""
        sources = self._sources()
        needs_zig = not _is_pure() and find_compiler(sources) is None and can_be_had(ZIGLANG)
        return [ZIGLANG] if needs_zig else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Leave a core, or why there is none, in the checkout (`version` "editable") or in the wheel."""
        if version == "editable":
            self._leave_core(Path(self.root, FOLDER))
            return
        self._packed = TemporaryDirectory()
        left = self._leave_core(Path(self._packed.name))
        build_data["force_include"][str(left)] = f"{FOLDER}/{left.name}"
        if left.name == BUILT:
            build_data |= {"pure_python": False, "tag": f"py3-none-{platform_tag()}"}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove what was packed."""
        if version != "editable":
            self._packed.cleanup()

    def _leave_core(self, folder: Path) -> Path:
        left = leave_core(self._sources(), folder)
        if left.name == WHY_NOT_BUILT:
            self.app.display_warning(f"built without the compiled core: {left.read_text(encoding='utf-8').strip()}")
        return left

    def _sources(self) -> list[Path]:
        return sorted(Path(self.root, FOLDER).glob("*.cpp"))


def leave_core(sources: list[Path], folder: Path) -> Path:
    """Compile the core into a folder, and return its file; or the file there that says why there is none."""
    built, why_not = folder / BUILT, folder / WHY_NOT_BUILT
    try:
        make_library(wanted_compiler(sources), sources, built)
    except CannotBuildError as error:
        built.unlink(missing_ok=True)
        why_not.write_text(f"{error}\n", encoding="utf-8")
        return why_not
    why_not.unlink(missing_ok=True)
    return built


def wanted_compiler(sources: list[Path]) -> list[str]:
    """Return the beginning of a compiler's command line.

    Raises:
        CannotBuildError: nobody wants a core, or there is no compiler.
    """
    if _is_pure():
        raise CannotBuildError("DETECTOR_PURE was set")
    if compiler := find_compiler(sources):
        return compiler
    if importlib.util.find_spec("ziglang"):
        return ZIG
    raise CannotBuildError("no C++ compiler was found")


def find_compiler(sources: list[Path]) -> list[str] | None:
    """Return the machine's first C++ compiler that makes a library of the smallest source; None if there is none.

    It is tried, for a name proves little: macOS has a c++ that only offers to install one, others lack C++'s headers.
    """
    smallest = min(sources, key=lambda path: path.stat().st_size)
    for command in (_words("CXX"), ["c++"], ["g++"], ["clang++"]):
        if command and shutil.which(command[0]):
            with TemporaryDirectory() as scratch, suppress(CannotBuildError):
                make_library(command, [smallest], Path(scratch, BUILT))
                return command
    return None


def make_library(compiler: list[str], sources: list[Path], target: Path) -> None:
    """Make one library of C++ files; CXXFLAGS, LDFLAGS and ARCHFLAGS of the environment come after our own flags.

    Raises:
        CannotBuildError: the compiler failed. `target` is then what it was before.
    """
    asked = [word for name in ("CXXFLAGS", "LDFLAGS", "ARCHFLAGS") for word in shlex.split(os.environ.get(name, ""))]
    # Stripped, but for who asks for names; Apple's linker warns of it.
    stripped = [] if sys.platform == "darwin" or "-g" in [*compiler, *asked] else ["-s"]
    with TemporaryDirectory() as scratch, ThreadPoolExecutor(os.cpu_count()) as threads:
        run = partial(_run, [*compiler, *FLAGS], asked, scratch)
        parts = [Path(scratch, f"{source.stem}.o") for source in sources]
        for _ in threads.map(lambda source, part: run(["-c", str(source), "-o", str(part)]), sources, parts):
            pass  # but raise what was raised
        made = Path(scratch, target.name)
        run(["-shared", *stripped, *map(str, parts), "-o", str(made)])
        beside = target.with_name(f"{target.name}.new")
        shutil.copyfile(made, beside)
        beside.replace(target)  # at once: a process that runs has the former one mapped


def _run(compiler: list[str], asked: list[str], scratch: str, arguments: list[str]) -> None:
    caches = dict.fromkeys(("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"), scratch)
    command = [*compiler, *arguments, *asked]
    done = subprocess.run(  # noqa: S603 - whoever builds chooses the compiler
        command, env=os.environ | caches, capture_output=True, text=True, errors="replace", check=False
    )
    sys.stderr.write(done.stderr)
    if done.returncode:
        raise CannotBuildError(f"the C++ compiler failed: {_first_error(done.stderr)}")


def can_be_had(requirement: str) -> bool:
    """Tell whether pip finds a release for this machine; a requirement that it does not find would fail the install.

    True where pip cannot be asked: another installer knows its own indexes.
    """
    wanted = Requirement(requirement)
    pip = [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "--retries", "1", "--timeout", "10"]
    question = [*pip, "index", "versions", wanted.name]
    asked = subprocess.run(question, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if "No module named pip" in asked.stderr:
        return True
    return any(wanted.specifier.contains(word.strip(",")) for word in asked.stdout.split() if word[0].isdigit())


def platform_tag() -> str:
    """Return the platform of a wheel's name for this machine; `auditwheel` makes a manylinux one of linux."""
    plain = next(tag for tag in platform_tags() if not tag.startswith(("manylinux", "musllinux")))
    return process_macos_plat_tag(plain, compat=False) if sys.platform == "darwin" else plain


def _is_pure() -> bool:
    return os.environ.get("DETECTOR_PURE") == "1"


def _words(variable: str) -> list[str]:
    return shlex.split(os.environ.get(variable, ""))


def _first_error(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line), lines[0] if lines else "it says nothing")[:300]
