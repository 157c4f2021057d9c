"""Lakes to publish, and tables read back by pyiceberg alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table

from detector.lake.place import LakePlace
from detector.lake.writer import open_to_write
from detector.publish.address import parse_address
from detector.publish.publish import Publication, publish
from detector.sources.aws_options import AwsOptions
from tests.lake.samples import compact, log, put, record

NAME = "security.cloudtrail"
# One event more, and two copies: one hides behind an event that is in, and one takes the place of another.
COPIES = {"s3://b/a": log(record(2)), "s3://b/z": log(record(1), record(4))}


def fill(lake: Path | LakePlace, **files: bytes) -> None:
    """Commit log files; the name of each is the end of its URI."""
    with open_to_write(lake) as writer:
        put(writer, {f"s3://b/{name}": content for name, content in files.items()})


def compact_all(lake: Path | LakePlace) -> None:
    with open_to_write(lake) as writer:
        compact(writer)


def fill_first(lake: Path | LakePlace) -> None:
    """Three events of two days."""
    fill(lake, m=log(record(1), record(2)), n=log(record(3, day=2)))


def fill_copies(lake: Path | LakePlace) -> None:
    with open_to_write(lake) as writer:
        put(writer, COPIES)


def publish_to(folder: Path, lake: Path | LakePlace, to: str | None = None, *, replaces: bool = False) -> Publication:
    """Publish to a catalogue in a file of SQLite."""
    return publish(lake, parse_address(f"sqlite:{folder}/catalog.db/{NAME}"), to, AwsOptions(), replaces=replaces)


@contextmanager
def open_table(folder: Path, **properties: str) -> Iterator[Table]:
    catalog = SqlCatalog("detector", uri=f"sqlite:///{folder}/catalog.db", **properties)
    try:
        yield catalog.load_table(NAME)
    finally:
        catalog.close()


def read(folder: Path) -> pa.Table:
    with open_table(folder) as table:
        return table.scan().to_arrow()


def rows(folder: Path, filter_: str = "True", **properties: str) -> list[tuple[str, int]]:
    """`logFile` and `logFileIndex` of all rows, or of some, in order."""
    with open_table(folder, **properties) as table:
        found = table.scan(row_filter=filter_ if filter_ != "True" else "logFileIndex >= 0").to_arrow()
    return sorted(zip(found["logFile"].to_pylist(), found["logFileIndex"].to_pylist(), strict=True))


def snapshots(folder: Path) -> int:
    with open_table(folder) as table:
        return len(table.snapshots())
