"""Log files made of a few words, brought into a lake without a source."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from detector.ingest.worker import Batch, StagedBatch, stage
from detector.lake.compaction import Candidates, Compacted
from detector.lake.ledger.ledger import Ledger
from detector.lake.place import LakePlace, lake_at
from detector.lake.reader import read_lake
from detector.lake.stored_lake import StoredLake
from detector.lake.writer import LakeWriter, Staged, open_to_write
from detector.lake_layout import LEDGER, PartKind
from detector.sources.log_source import LogObject, Unreadable

ACCOUNT = "111122223333"


def event_id(number: int) -> str:
    return str(uuid.UUID(int=number))


def record(number: int, *, account: str | None = ACCOUNT, day: int = 1, **fields: object) -> dict[str, object]:
    base = {
        "eventVersion": "1.08",
        "eventTime": f"2024-05-{day:02d}T07:08:{number % 60:02d}Z",
        "eventName": f"Call{number}",
        "eventID": event_id(number),
        **({} if account is None else {"recipientAccountId": account}),
    }
    return base | fields


def log(*records: object) -> bytes:
    return json.dumps({"Records": records}).encode()


@dataclass(frozen=True)
class MemoryReader:
    """Hands out what it was given."""

    contents: Mapping[str, bytes]

    def read(self, objects: Sequence[LogObject]) -> Iterator[tuple[LogObject, bytes | Unreadable]]:
        for one in objects:
            yield one, self.contents[one.uri]


def put(writer: LakeWriter, files: Mapping[str, bytes], replaced: Sequence[str] = ()) -> int:
    """Stage and commit log files in one batch; return how many further copies it made."""
    commit(writer, staged(writer, files), replaced)
    return writer.find_copies(jobs=1)


@contextmanager
def parts_of_days(most: int) -> Iterator[None]:
    """Give no more days of a batch parts of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("detector.lake.part_writer._THIN_DAYS", most)
        patch.setattr("detector.lake.part_writer._THIN_DAYS_A_FILE", 0)
        yield


def staged(writer: LakeWriter, files: Mapping[str, bytes]) -> StagedBatch:
    objects = tuple(LogObject(uri, len(content), f"{hash(content):x}", None) for uri, content in files.items())
    return stage(Batch(objects, MemoryReader(files), writer.staging, uuid.uuid4().hex))


def commit(writer: LakeWriter, batch: StagedBatch, replaced: Sequence[str] = ()) -> None:
    writer.commit(Staged(tuple(batch.objects), tuple(batch.parts)), replaced)


# What `record` calls Call1 and Call2 stands for what detection looks at.
CANDIDATES = Candidates(
    "digest",
    "CREATE TABLE wanted_rows AS SELECT * FROM parts ANTI JOIN duplicates USING (logFile, logFileIndex)"
    " WHERE eventName IN ('Call1', 'Call2')",
)


def compact(writer: LakeWriter) -> list[Compacted]:
    return list(writer.compact(CANDIDATES, jobs=1))


def shown(lake: Path | LakePlace, columns: str = "logFile, logFileIndex") -> list[tuple[Any, ...]]:
    """The rows that `events` shows."""
    with duckdb.connect() as connection:
        read_lake(lake).attach(connection)
        query = f"SELECT {columns} FROM parts ANTI JOIN duplicates USING (logFile, logFileIndex) ORDER BY ALL"
        return connection.sql(query).fetchall()


def files_of(lake: Path | LakePlace) -> set[str]:
    """Every file, or object, below a lake's folders of parts, also of what is being staged."""
    place = lake_at(lake)
    if isinstance(place, StoredLake):
        return {name for name in place._store.list_all() if name.partition("/")[0] in set(PartKind)}
    found = (path for kind in PartKind for path in (place.directory / kind).rglob("*") if path.is_file())
    return {str(path.relative_to(place.directory)) for path in found}


def read_ledger(lake: LakePlace) -> bytes:
    """The ledger that lies there, as a backup has it."""
    lake.refresh()
    return (lake.directory / LEDGER).read_bytes()


def put_back_ledger(lake: LakePlace, content: bytes | None) -> None:
    """Put another ledger in the place of a lake's, or none."""
    if isinstance(lake, StoredLake):
        lake._store.remove([LEDGER])
        if content is not None:
            lake._store.create(LEDGER, content)
        return
    for path in lake.directory.glob(f"{LEDGER}*"):
        path.unlink()
    if content is not None:
        (lake.directory / LEDGER).write_bytes(content)


def listed(lake: Path | LakePlace) -> set[str]:
    """Every part that the ledger lists."""
    place = lake_at(lake)
    place.refresh()
    ledger = Ledger.open(place.directory, writable=False)
    try:
        return {str(part.path) for part in ledger.parts()}
    finally:
        ledger.close()


def age_dropped(lake: LakePlace) -> None:
    """Let a quarter of an hour pass since parts were replaced, and the next writer come by."""
    with open_to_write(lake) as writer:
        writer.ledger._connection.execute("UPDATE dropped_parts SET dropped_at = dropped_at - 901")
    with open_to_write(lake):
        pass
