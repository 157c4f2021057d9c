"""Log files like an organisation's: deterministic, realistic, and written once per size.

DATA/NAME/AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/….json.gz    as CloudTrail delivers them
DATA/NAME.json                                                      what is in, and made by which version of this
"""

from __future__ import annotations

import gzip
import json
import math
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Final

from benchmarks.events import FileMaker
from benchmarks.fill import Filler

VERSION: Final = 1  # one more whenever the same arguments give other bytes
ACCOUNTS: Final = ("111122223333", "444455556666", "777788889999", "123456789012")
REGIONS: Final = ("us-east-1", "eu-west-1", "ap-southeast-2")
DAYS: Final = 14
ROOT_SHARE: Final = 0.0002
FIRST_DAY: Final = datetime(2026, 3, 1)  # noqa: DTZ001 - UTC, written without a zone
_MOST_RECORDS: Final = 4_000
_ORGANISATION: Final = "o-benchmarks1"
_SIGMA: Final = 1.55  # of the logarithm of a file's records
_GZIP_LEVEL: Final = 6  # as CloudTrail's files have it
_WORTH_A_PROCESS: Final = 20_000  # events


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to generate. `part` numbers fortnights: no two parts share a day, an id or a file name."""

    events: int
    part: int = 0
    mean_records: int = 187  # of a file

    @property
    def name(self) -> str:
        """A folder's name."""
        return f"logs-{self.events}-{self.mean_records}-{self.part}"


@dataclass(frozen=True, slots=True)
class LogFiles:
    """A folder of generated log files."""

    path: Path
    files: int
    events: int
    root_events: int
    raw_bytes: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class _File:
    number: int
    records: int
    root_places: frozenset[int]
    account: str
    region: str
    delivered: datetime
    seed: str

    @property
    def key(self) -> str:
        day = f"{self.delivered:%Y/%m/%d}"
        name = f"{self.account}_CloudTrail_{self.region}_{self.delivered:%Y%m%dT%H%MZ}_{self.number:016X}.json.gz"
        return f"AWSLogs/{self.account}/CloudTrail/{self.region}/{day}/{name}"


def log_files(data: Path, wanted: Wanted, processes: int = 2) -> LogFiles:
    """Return the wanted files below `data`; they are made when they are not there yet."""
    return _made(data, wanted.name, {"wanted": asdict(wanted)}, lambda: list(_plan(wanted)), processes)


def one_large_file(data: Path, events: int) -> LogFiles:
    """Return a folder with a single log file of so many events: larger than CloudTrail's own, as merged ones are."""
    file = _File(0, events, frozenset({0}), ACCOUNTS[0], REGIONS[0], FIRST_DAY + timedelta(hours=1), "large")
    return _made(data, f"large-{events}", {"large": events}, lambda: [file], 1)


def delivered_twice(data: Path, logs: LogFiles) -> LogFiles:
    """Return the same log files as an account's trail and an organisation's deliver them: every event comes twice."""
    target, finished = data / f"{logs.path.name}-twice", data / f"{logs.path.name}-twice.made"
    if not finished.exists():
        shutil.rmtree(target, ignore_errors=True)
        for path in sorted(logs.path.rglob("*.json.gz")):
            _, *places, name = path.relative_to(logs.path).parts
            account, digits = Path("AWSLogs", *places), name.replace("Z_", "Z_F")
            for copy in (account / name, Path("organisation", "AWSLogs", _ORGANISATION, *places, digits)):
                (target / copy).parent.mkdir(parents=True, exist_ok=True)
                (target / copy).hardlink_to(path)
        finished.touch()
    return replace(
        logs,
        path=target,
        files=logs.files * 2,
        events=logs.events * 2,
        root_events=logs.root_events * 2,
        raw_bytes=logs.raw_bytes * 2,
        stored_bytes=logs.stored_bytes * 2,
    )


def _made(data: Path, name: str, what: dict[str, object], plan: Callable[[], list[_File]], processes: int) -> LogFiles:
    # Beside the folder, not in it: a manifest is no log file.
    manifest, target = data / f"{name}.json", data / name
    stamp = {"version": VERSION, **what}
    if manifest.exists():
        known = json.loads(manifest.read_text())
        if known["stamp"] == stamp:
            return LogFiles(target, **known["totals"])
    manifest.unlink(missing_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    files = plan()
    for folder in {Path(file.key).parent for file in files}:
        (target / folder).mkdir(parents=True)
    shares = [(target, files[first::16]) for first in range(16)]
    if processes > 1 and sum(file.records for file in files) > _WORTH_A_PROCESS:
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            sizes = list(pool.map(_write_files, shares))
    else:
        sizes = list(map(_write_files, shares))
    totals = {
        "files": len(files),
        "events": sum(file.records for file in files),
        "root_events": sum(len(file.root_places) for file in files),
        "raw_bytes": sum(raw for raw, _ in sizes),
        "stored_bytes": sum(stored for _, stored in sizes),
    }
    manifest.write_text(json.dumps({"stamp": stamp, "totals": totals}))
    return LogFiles(target, **totals)


def _plan(wanted: Wanted) -> Iterator[_File]:
    """Yield the files to make: sizes log-normal, root anywhere."""
    random = Random(f"{VERSION} {wanted}")  # noqa: S311 - test data
    sizes = list(_sizes(random, wanted))
    root_events = max(1, round(wanted.events * ROOT_SHARE))
    root_places = sorted(random.sample(range(wanted.events), root_events))
    for number, (size, end) in enumerate(zip(sizes, accumulate(sizes), strict=True)):
        minutes = wanted.part * DAYS * 1440 + int(random.random() * DAYS * 1440)
        yield _File(
            number,
            size,
            frozenset(place - end + size for place in root_places if end - size <= place < end),
            random.choice(ACCOUNTS),
            random.choice(REGIONS),
            FIRST_DAY + timedelta(minutes=minutes),
            f"{wanted.name} {number}",
        )


def _sizes(random: Random, wanted: Wanted) -> Iterator[int]:
    # The cut at 4,000 takes away some of the mean.
    mu = math.log(wanted.mean_records * 1.18) - _SIGMA**2 / 2
    left = wanted.events
    while left:
        size = min(left, _MOST_RECORDS, max(1, round(random.lognormvariate(mu, _SIGMA))))
        left -= size
        yield size


def _write_files(share: tuple[Path, list[_File]]) -> tuple[int, int]:
    """Write files; return their size decompressed, and as stored."""
    target, files = share
    raw_bytes = stored_bytes = 0
    for file in files:
        maker = FileMaker(Filler(file.account, file.region, file.delivered, file.seed), file.records)
        records = [maker.record(by_root=place in file.root_places) for place in range(file.records)]
        raw = f'{{"Records":[{",".join(records)}]}}'.encode()
        stored = gzip.compress(raw, _GZIP_LEVEL, mtime=0)
        (target / file.key).write_bytes(stored)
        raw_bytes += len(raw)
        stored_bytes += len(stored)
    return raw_bytes, stored_bytes
