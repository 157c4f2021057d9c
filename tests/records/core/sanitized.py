"""Run something over a copy of the checkout whose compiled core has sanitizers in it.

They end the process at the first byte that the core reads or writes where it must not, and at the first operation of
which C++ does not say what it does. Without a command of its own it is the fuzzer that runs:

    python -m tests.records.core.sanitized
    python -m tests.records.core.sanitized python -m pytest -n 0 -m "not slow" tests/records
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from detector.records.core.library import BUILT, PURE_VARIABLE
from hatch_build import FLAGS, FOLDER, make_library

ROOT = Path(__file__).parents[3]
COMPILER = "g++"
FUZZER = ("python", "-m", "tests.records.core.fuzz", "--alone", "--files", "40000")

_SANITIZERS = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
_COPIED = "detector"  # all else is linked to: the core is not looked for there
_SETTINGS = {
    # Python and its libraries leave memory to the end of the process.
    "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "PYTHONMALLOC": "malloc",  # else what lies behind a short text is Python's, and nobody notices who reads it
}


def copy_checkout(folder: Path) -> Path:
    """Copy what is needed to run and to test the program, and build its core with sanitizers."""
    checkout = folder / "checkout"
    checkout.mkdir()
    shutil.copytree(ROOT / _COPIED, checkout / _COPIED, ignore=shutil.ignore_patterns(BUILT.name, "__pycache__"))
    for path in ROOT.iterdir():
        if path.name != _COPIED and not path.name.startswith("."):
            (checkout / path.name).symlink_to(path)
    core = checkout / FOLDER
    build_sanitized(sorted(core.glob("*.cpp")), core / BUILT.name)
    return checkout


def build_sanitized(sources: list[Path], target: Path) -> None:
    """Make a library that ends the process where C++ would let it go on with anything at all."""
    with mock.patch("hatch_build.FLAGS", [flag.replace("-O3", "-O1") for flag in FLAGS]):  # what their manuals advise
        make_library([COMPILER, *_SANITIZERS], sources, target)


def run_sanitized(command: Sequence[str], checkout: Path) -> subprocess.CompletedProcess[str]:
    """Run a command, whose `python` is this one, in such a copy; it and its children import the package from there."""
    program = [sys.executable, *command[1:]] if command[0] == "python" else [*command]
    runtime = " ".join(map(str, runtimes()))
    environment = os.environ | _SETTINGS | {"LD_PRELOAD": runtime, "PYTHONPATH": str(checkout), PURE_VARIABLE: ""}
    return subprocess.run(program, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def runtimes() -> list[Path]:
    """Return what a Python that knows nothing of sanitizers has to load first; throwing, too, is watched."""
    asked = ([COMPILER, f"-print-file-name={name}"] for name in ("libasan.so", "libstdc++.so.6"))
    return [Path(subprocess.run(one, capture_output=True, text=True, check=True).stdout.strip()) for one in asked]


def main() -> int:
    """Run the command of the command line, or the fuzzer; its exit code, and what it wrote."""
    with TemporaryDirectory() as folder:
        done = run_sanitized(sys.argv[1:] or FUZZER, copy_checkout(Path(folder)))
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
