"""On what, with what and when a benchmark ran."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.workshop import ROOT, peer_python


def describe() -> list[str]:
    """Return lines about the machine, the date and the versions."""
    cores = len(os.sched_getaffinity(0))
    memory = int(_first(r"MemTotal:\s+(\d+)", Path("/proc/meminfo")) or 0) / (1 << 20)
    model = _first(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo")) or platform.machine()
    ours = ", ".join(f"{name} {_version(name)}" for name in ("duckdb", "pyarrow", "msgspec", "isal", "obstore"))
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, commit {_commit()}",
        f"{cores} cores of {model}, {memory:.0f} GB of memory, Linux {platform.release()}",
        f"Python {platform.python_version()}, {ours}",
        f"peers: {_peer_versions()}",
    ]


def load() -> float:
    """Return how many processes wanted a core in the last minute."""
    return os.getloadavg()[0]


def _peer_versions() -> str:
    script = (
        "from importlib.metadata import distributions as d; "
        "print(', '.join(sorted({f'{x.name} {x.version}' for x in d() if x.name in ('chdb', 'pysimdjson', 'boto3')})))"
    )
    found = [_output([peer_python(), "-c", script]), _output(["jq", "--version"])]
    return ", ".join(text for text in found if text) or "none"


def _commit() -> str:
    return _output(["git", "-C", str(ROOT), "describe", "--always", "--dirty"]) or "unknown"


def _output(arguments: list[str]) -> str:
    try:
        return subprocess.run(arguments, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    except FileNotFoundError:
        return ""


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _first(pattern: str, path: Path) -> str | None:
    found = re.search(pattern, path.read_text())
    return found[1] if found else None
