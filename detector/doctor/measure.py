"""The rates of this machine and these log files: a sample is read as `scan` and as `ingest` read it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import process_time
from typing import Final

from detector.doctor.rates import Rates, Work
from detector.ingest.worker import Batch, stage
from detector.scan.worker import ScanBatch, prefilter_batch
from detector.sources.log_source import LogObject, Reader, Unreadable

# Less is no measurement: what a process does once would be most of it.
_LEAST_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of reading a sample."""

    objects: int
    records: int
    size_bytes: int
    scan_seconds: float  # of CPU, getting the objects included
    ingest_seconds: float
    failures: Sequence[Unreadable] = field(default_factory=tuple)

    @property
    def says_enough(self) -> bool:
        """False when the sample was too small to tell anything of a machine."""
        return self.records > 0 and min(self.scan_seconds, self.ingest_seconds) >= _LEAST_SECONDS

    def rates(self, known: Rates) -> Rates:
        """Return rates by which the sample takes what it took: those known, times what this machine is slower."""
        sized = replace(known, stored_bytes=self.size_bytes / self.records)
        work = Work(self.objects, self.size_bytes)
        ingest = (self.records * known.ingest_event + self.objects * known.ingest_object) / 3_600
        return sized.of_machine(
            self.scan_seconds / 3_600 / work.scan_hours(sized), self.ingest_seconds / 3_600 / ingest
        )


def measure(reader: Reader, sample: Sequence[LogObject]) -> Measured:
    """Read a sample twice, in this process; nothing of it stays.

    Raises:
        CredentialsError: AWS refuses the credentials as a whole.
        LakeError: the disk for temporary files refuses.
    """
    readable = tuple(one for one in sample if one.storage is None or not one.storage.archived)
    with tempfile.TemporaryDirectory(prefix="detector-plan-") as folder:
        _ingest(reader, readable[:1], Path(folder), "first")  # imports, connections and caches are not in the rates
        _scan(reader, readable[:1])
        scanned = _scan(reader, readable)
        ingested = _ingest(reader, readable, Path(folder), "all")
    return Measured(
        len(readable) - len(scanned.failures),
        scanned.records,
        scanned.size_bytes,
        scanned.seconds,
        ingested,
        scanned.failures,
    )


@dataclass(frozen=True, slots=True)
class _Scanned:
    records: int
    size_bytes: int
    seconds: float
    failures: Sequence[Unreadable]


def _scan(reader: Reader, objects: Sequence[LogObject]) -> _Scanned:
    began = process_time()
    found = prefilter_batch(ScanBatch(tuple(objects), reader, ()))
    if found.stopped_by is not None:
        raise found.stopped_by
    return _Scanned(found.records, found.bytes_read, process_time() - began, tuple(found.failures))


def _ingest(reader: Reader, objects: Sequence[LogObject], folder: Path, stem: str) -> float:
    began = process_time()
    staged = stage(Batch(tuple(objects), reader, folder, stem))
    if staged.stopped_by is not None:
        raise staged.stopped_by
    return process_time() - began
