"""The compiled core as a loaded library, or why there is none; without it everything is done in Python."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ABI = 2  # of the functions and layouts of the core; the same number is in abi.cpp
PURE_VARIABLE = "DETECTOR_PURE"
BUILT = Path(__file__).with_name("_core.so")
WHY_NOT_BUILT = BUILT.with_name("_not_built.txt")  # one line, left by the build where it leaves no core


@dataclass(frozen=True, slots=True)
class Core:
    """The compiled core (`library`), or None, and what is said of it: "in use", or why it is not."""

    library: ctypes.CDLL | None
    state: str


def library() -> ctypes.CDLL | None:
    """Return the compiled core, the same in each call; None when this process is to do without."""
    return core().library


@cache
def core() -> Core:
    """Load the core that was built with this package, unless DETECTOR_PURE=1 asks for Python alone."""
    if os.environ.get(PURE_VARIABLE) == "1":
        return Core(None, f"not in use: {PURE_VARIABLE} is set")
    return load(BUILT)


def load(built: Path) -> Core:
    """Load the core in a file. None, and why, if there is no file, it is for another machine or of another version."""
    if not built.exists():
        return Core(None, f"not built: {_why_not_built(built)}")
    try:
        loaded = ctypes.CDLL(str(built))
        abi = loaded.detector_core_abi()
    except (OSError, AttributeError) as error:
        return Core(None, f"not in use: it cannot be loaded: {error}")
    if abi != ABI:
        return Core(None, f"not in use: it was built for another version of detector (interface {abi}, not {ABI})")
    return Core(loaded, "in use")


def _why_not_built(built: Path) -> str:
    try:
        return built.with_name(WHY_NOT_BUILT.name).read_text(encoding="utf-8").strip()
    except OSError:
        return "the package was installed without it"
