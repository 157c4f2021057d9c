"""What the jobs work on and with: generated data, lakes made from them, and the programs to run."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final, TypeVar

from benchmarks import lakes
from benchmarks.digests import HOURS_OF_A_YEAR, Digests, SignedLogs, quiet_account, sign
from benchmarks.digests import REGIONS as DIGEST_REGIONS
from benchmarks.generate import ACCOUNTS, DAYS, REGIONS, LogFiles, Wanted, delivered_twice, log_files, one_large_file
from benchmarks.measure import BenchmarkError

ROOT: Final = Path(__file__).parents[1]
_PEERS: Final = ROOT / ".venv" / "peers" / "bin" / "python"
_Wanted = TypeVar("_Wanted")
# Records of an object of about 2 kB. (No object has less than one, so that the mean comes out higher than asked.)
_SMALL_OBJECT_RECORDS: Final = 8


def peer_python() -> str:
    """Return the interpreter that has the peers' packages.

    They are kept out of detector's own environment: chDB brings numpy, which pyarrow and duckdb would import too.
    """
    return str(_PEERS) if _PEERS.exists() else sys.executable


@dataclass(frozen=True)
class Workshop:
    """Data of one size below one folder. Everything is made when it is first asked for, and kept."""

    data: Path
    events: int  # of the data that most jobs read
    runs: int
    say: Callable[[str], None]

    @property
    def is_small(self) -> bool:
        """True when start-up outweighs the work, so that ratios mean nothing."""
        return self.events < 200_000

    @property
    def several(self) -> int:
        """How many times as many events `scan` reads."""
        return 2 if self.is_small else 5

    @property
    def large(self) -> int:
        """How many times as many events a large lake has."""
        return 3 if self.is_small else 10

    @property
    def larger(self) -> int:
        """How many times as many events the largest lake has."""
        return 5 if self.is_small else 25

    # Data.

    def logs(self, part: int = 0) -> LogFiles:
        """Return log files of `events` events."""
        return self._making(f"{self.events:,} events, part {part}", log_files, Wanted(self.events, part))

    def parts(self, count: int) -> list[LogFiles]:
        """Return `count` times as many events, a folder each."""
        return [self.logs(part) for part in range(count)]

    def dense(self) -> LogFiles:
        """Return ten times the events in the same fortnight; three times at a small size."""
        return self._making(f"{self.events * self.large:,} events", log_files, Wanted(self.events * self.large))

    def twice(self, logs: LogFiles) -> LogFiles:
        """Return log files with every event a second time."""
        return delivered_twice(self.data, logs)

    def quarter(self) -> LogFiles:
        """Return a quarter of the events."""
        return self._making("a quarter of the events", log_files, Wanted(self.events // 4))

    def small_objects(self) -> LogFiles:
        """Return objects of about 2 kB, 10,000 of them at full scale."""
        wanted = Wanted(self.events // 40 * _SMALL_OBJECT_RECORDS, mean_records=_SMALL_OBJECT_RECORDS - 1)
        return self._making("small objects", log_files, wanted)

    def large_object(self) -> LogFiles:
        """Return one object; 300 MB decompressed at full scale."""
        return self._making("one large object", one_large_file, self.events * 3 // 5)

    def tiny_files(self) -> Path:
        """Return a folder of files that nobody has to read: 100,000 at full scale."""
        folder = self.data / f"tiny-{self.events // 4}"
        finished = self.data / f"tiny-{self.events // 4}.made"
        if not finished.exists():
            self.say(f"making {self.events // 4:,} tiny files")
            shutil.rmtree(folder, ignore_errors=True)
            for number in range(self.events // 4):
                account, region = ACCOUNTS[number % 4], REGIONS[number // 4 % 3]
                day, minute = number // 12 % DAYS + 1, number // 12 // DAYS % 1440
                place = folder / f"AWSLogs/{account}/CloudTrail/{region}/2026/03/{day:02}"
                if number < 12 * DAYS:
                    place.mkdir(parents=True, exist_ok=True)
                time = f"202603{day:02}T{minute // 60:02}{minute % 60:02}Z"
                name = f"{account}_CloudTrail_{region}_{time}_{number:016X}.json.gz"
                (place / name).write_bytes(b"not looked at")
            finished.touch()
        return folder

    def digests(self, regions: int) -> Digests:
        """Return a year of digests of so many regions; some days at a small size."""
        hours = 72 if self.is_small else HOURS_OF_A_YEAR
        self.data.mkdir(parents=True, exist_ok=True)
        self.say(f"digests of {hours:,} hours and {regions} regions: minutes, when they have to be made")
        return quiet_account(self.data, hours, DIGEST_REGIONS[:regions])

    def signed_logs(self) -> SignedLogs:
        """Return the log files that most jobs read, with digests of them."""
        return sign(self.data, self.logs())

    # Lakes.

    def lake(self, copies: int) -> Path:
        """Return a lake of `copies` times the events; made by this version of detector, or again."""
        target = self._lakes / f"lake-{self.events}-{copies}"
        if not (target / "finished").exists():
            shutil.rmtree(target, ignore_errors=True)
            if copies == 1:
                self._ingest(self.logs(), target / "lake")
            else:
                self._multiply(copies, target / "lake")
            if has_command("compact"):
                _require([*detector(), "compact", "--lake", str(target / "lake")])
            (target / "finished").touch()
        return target / "lake"

    def quarter_lake(self) -> Path:
        """Return a lake of a quarter of the events."""
        target = self._lakes / f"lake-{self.events // 4}"
        if not (target / "finished").exists():
            shutil.rmtree(target, ignore_errors=True)
            self._ingest(self.quarter(), target / "lake")
            (target / "finished").touch()
        return target / "lake"

    def scratch(self, name: str) -> Path:
        """Return a path that nothing lies at, below the data."""
        path = self.data / "scratch" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.clear(path)
        return path

    @staticmethod
    def clear(path: Path) -> None:
        """Remove a file or folder."""
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)

    @cached_property
    def _lakes(self) -> Path:
        # What an earlier version of the program wrote says nothing about this one.
        folder = self.data / f"lakes-{_digest_of_detector()}"
        for old in self.data.glob("lakes-*"):
            if old != folder:
                shutil.rmtree(old)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _ingest(self, logs: LogFiles, lake: Path) -> None:
        lake.parent.mkdir(parents=True, exist_ok=True)
        _require([*detector(), "ingest", str(logs.path), "--lake", str(lake)])

    def _multiply(self, copies: int, lake: Path) -> None:
        base = self.lake(1)
        self.say(f"making a lake of {self.events * copies:,} events")
        smaller = [
            other
            for other in (self.large,)
            if other < copies and (self._lakes / f"lake-{self.events}-{other}").exists()
        ]
        if smaller:
            lakes.clone(self.lake(smaller[0]), lake)
        lake.parent.mkdir(parents=True, exist_ok=True)
        lakes.multiply(base, lake, smaller[0] if smaller else 0, copies - 1, processes=1 if self.is_small else 2)

    def _making(self, what: str, make: Callable[[Path, _Wanted], LogFiles], wanted: _Wanted) -> LogFiles:
        self.data.mkdir(parents=True, exist_ok=True)
        before = set(self.data.glob("*.json"))
        made = make(self.data, wanted)
        if set(self.data.glob("*.json")) - before:
            sizes = f"{made.raw_bytes / 1e6:,.0f} MB, {made.stored_bytes / 1e6:,.0f} MB as gzip"
            self.say(f"generated {what}: {made.files:,} files, {sizes}")
        return made


def detector() -> list[str]:
    """Return the beginning of a command line: the installed program, or the module."""
    program = Path(sys.executable).parent / "detector"
    return [str(program)] if program.exists() else [sys.executable, "-m", "detector"]


def peer(module: str, *arguments: object, python: str | None = None) -> list[str]:
    """Return the command line of a peer."""
    return [python or peer_python(), "-m", f"benchmarks.peers.{module}", *map(str, arguments)]


@cache
def has_command(name: str) -> bool:
    """Say whether detector has this command already."""
    return _succeeds([*detector(), name, "--help"])


@cache
def peer_has(module: str) -> bool:
    """Say whether the peers' environment has a module."""
    return _succeeds([peer_python(), "-c", f"import {module}"])


def prints(count: int) -> Callable[[str], None]:
    """Return a check that a command's output is one number, this one."""

    def check(output: str) -> None:
        if output.strip() != str(count):
            raise BenchmarkError(f"{count} expected, got {output[:200]!r}")

    return check


def _succeeds(arguments: Sequence[str]) -> bool:
    ended = subprocess.run(arguments, cwd=ROOT, capture_output=True, check=False)  # noqa: S603
    return ended.returncode == 0


def _require(arguments: Sequence[str]) -> None:
    ended = subprocess.run(arguments, cwd=ROOT, capture_output=True, check=False, text=True)  # noqa: S603
    if ended.returncode:
        raise BenchmarkError(f"{' '.join(arguments)} ended with {ended.returncode}: {ended.stderr[-2000:]}")


def _digest_of_detector() -> str:
    digest = hashlib.sha256()
    for path in sorted((ROOT / "detector").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
