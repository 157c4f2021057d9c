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
from detector.lake.place import LakePlace
from detector.lake.reader import read_lake
from detector.lake.writer import LakeWriter, Staged
from detector.lake_layout import PartKind
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


def files_of(lake: Path) -> set[str]:
    """Every file below a lake's folders of parts, and what is being staged."""
    found = (path for kind in PartKind for path in (lake / kind).rglob("*") if path.is_file())
    return {str(path.relative_to(lake)) for path in found}
