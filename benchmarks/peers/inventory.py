"""An S3 Inventory of a trail, made up, and listed as a source is. Arguments: FOLDER OBJECTS."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from detector.scope import Scope
from detector.sources.aws_options import AwsOptions
from detector.sources.inventory import InventorySource
from detector.sources.inventory_manifest import FileFormat, InventoryFile, Manifest
from detector.sources.inventory_store import InventoryStore

_BUCKET: Final = "trail-bucket"
_REGIONS: Final = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1")
_BEGUN: Final = datetime(2026, 3, 1, tzinfo=UTC)
_OBJECTS_OF_AN_ACCOUNT: Final = 400


class _OneFile(InventoryStore):
    """An inventory of one file on a disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(_BUCKET, "", AwsOptions())
        self._path = path

    def manifest(self) -> Manifest:
        return Manifest(_BUCKET, _BEGUN, FileFormat.PARQUET, (), (InventoryFile("file", 1, ""),))

    @contextmanager
    def fetched(self, file: InventoryFile) -> Iterator[Path]:  # noqa: ARG002 - there is one
        yield self._path


def main() -> None:
    """Print the CPU seconds of listing, without making the file."""
    folder, objects = Path(sys.argv[1]), int(sys.argv[2])
    path = folder / f"inventory-{objects}.parquet"
    if not path.exists():
        _write(path, objects)
    began = process_time()
    listed = sum(1 for _ in InventorySource(_OneFile(path), "inventory:", AwsOptions()).list(Scope(until=_BEGUN)))
    seconds = process_time() - began
    if listed != objects:
        raise SystemExit(f"{objects} objects expected, {listed} listed")
    sys.stdout.write(f"{seconds:.4f}\n")


def _write(path: Path, objects: int) -> None:
    named = {
        "bucket": [_BUCKET] * objects,
        "key": [_key(number) for number in range(objects)],
        "size": [100_000] * objects,
        "e_tag": [f"{number:032x}" for number in range(objects)],
        "last_modified_date": pa.array([_BEGUN] * objects, pa.timestamp("ms", "UTC")),
        "storage_class": ["STANDARD"] * objects,
        "encryption_status": ["SSE-KMS"] * objects,
    }
    pq.write_table(pa.table(named), path)


def _key(number: int) -> str:
    account, region = f"{100_000_000_000 + number // _OBJECTS_OF_AN_ACCOUNT}", _REGIONS[number % len(_REGIONS)]
    time = _BEGUN - timedelta(days=365) + timedelta(minutes=5 * (number % 100_000))
    name = f"{account}_CloudTrail_{region}_{time:%Y%m%dT%H%MZ}_{number:016X}.json.gz"
    return f"AWSLogs/o-abc1234567/{account}/CloudTrail/{region}/{time:%Y/%m/%d}/{name}"


if __name__ == "__main__":
    main()
