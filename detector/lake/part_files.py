"""Parts written and read: Parquet, and JSON lines for what is no row.

Arrow's Parquet and its functions are imported where they are needed: DuckDB reads parts without them.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from isal import isal_zlib

from detector.errors import LakeError
from detector.lake.disk import disk_errors
from detector.lake.footer import Footer, pack_footer, unpack_footer
from detector.lake.part import Part
from detector.lake_layout import PartKind
from detector.records.coverage import coverage_of
from detector.records.schema import EVENTS, UNIQUE

if TYPE_CHECKING:
    from detector.records.log_file import KeptRecord

# The columns of now, and no rows. DuckDB takes the columns of the first file that it is given, and fills in what others
# lack: behind this one, parts of earlier versions are read like those of today. It says that it has some
# rows, for by it DuckDB reckons how many there are in all. `python -m fixtures.columns` writes it.
COLUMNS = Path(__file__).with_name("columns.parquet")
_ROW_GROUP_ROWS = 100_000
_WRITE_BATCH_ROWS = 65_536  # Arrow's own 1,024 cost a tenth of the time of writing
# Lengths apart from the texts are packed well when all texts are of one length: a part is a fortieth smaller.
_UNIQUE_ENCODING = "DELTA_LENGTH_BYTE_ARRAY"
_DAMAGED = "is the file missing or damaged? `detector lake check` compares all, `lake repair` sets it aside"
_OTHER_BYTES = "is damaged: its bytes are not those that were written"
_READ_BYTES = 1 << 20
_MAGIC = b"PAR1"  # at both ends of a Parquet file
# Texts by whose smallest and largest value nobody looks; they would be kept in full.
_JSON_COLUMNS = ("requestParameters", "responseElements", "additionalEventData", "serviceEventDetails", "resources")

DUPLICATES: pa.Schema = pa.schema(
    [
        pa.field("recipientAccountId", pa.string()),
        pa.field("eventKey", pa.string(), nullable=False),
        pa.field("logFile", pa.string(), nullable=False),
        pa.field("logFileIndex", pa.int32(), nullable=False),
        # The row that it is a copy of; that one may have become a copy itself of one that came later.
        pa.field("shownLogFile", pa.string(), nullable=False),
        pa.field("shownLogFileIndex", pa.int32(), nullable=False),
    ]
)


def write_part(
    rows: pa.Table,
    kind: PartKind,
    event_date: str,
    folder: Path,
    stem: str,
    footer: Footer,
) -> Part:
    """Write one Parquet file below `folder` and fsync it; the caller moves it to its place.

    Raises:
        LakeError: the disk refuses, for example because it is full.
    """
    import pyarrow.parquet as pq

    path = folder / f"{stem}.parquet"
    # What never repeats has no dictionary, and no smallest and largest value, which would rule out nothing.
    repetitive = [name for name in _leaves(rows.schema) if name not in UNIQUE]
    with disk_errors(path), path.open("wb") as file:
        with pq.ParquetWriter(
            file,
            rows.schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=repetitive,
            write_statistics=[name for name in repetitive if name not in _JSON_COLUMNS],
            column_encoding={name: _UNIQUE_ENCODING for name in UNIQUE if name in rows.column_names},
            write_batch_size=_WRITE_BATCH_ROWS,
            write_page_checksum=True,
            store_schema=False,  # how Arrow held the rows is of no interest: texts may have been in dictionaries
        ) as writer:
            writer.write_table(rows, row_group_size=_ROW_GROUP_ROWS)
            # As metadata of the schema they would be written twice.
            writer.add_key_value_metadata(pack_footer(replace(footer, place=place_of(kind, event_date))))
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    return Part(
        kind,
        event_date,
        path.name,
        rows.num_rows,
        size,
        footer.classified_by,
        footer.has_candidates,
        coverage_of(rows) if kind is PartKind.EVENTS else None,
        crc32_of(path),
    )


def write_rejected(records: Iterable[tuple[str, KeptRecord]], folder: Path, stem: str) -> Part:
    """Write kept records as JSON lines, their bytes in base64: nothing in them may reach a terminal or a path."""
    path = folder / f"{stem}.jsonl"
    count = 0
    with disk_errors(path), path.open("w", encoding="utf-8") as file:
        for log_file, record in records:
            line = {
                "log_file": log_file,
                "index": record.index,
                "rejected": record.rejected,
                "reason": record.reason,
                "bytes_base64": b64encode(record.raw).decode(),
            }
            file.write(json.dumps(line) + "\n")
            count += 1
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    return Part(PartKind.REJECTED, "", path.name, count, size)


def read_part(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read one Parquet file, or some of its columns; events of earlier versions in the columns of now.

    Raises:
        LakeError: it is missing or damaged.
    """
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(
            path, columns=columns and list(columns), partitioning=None, page_checksum_verification=True
        ).replace_schema_metadata()
        return rows.cast(EVENTS) if rows.column_names == EVENTS.names else rows
    except (OSError, pa.ArrowException) as error:
        raise LakeError(f"cannot read {path}: {error}", hint=_DAMAGED) from error


def rows_without(path: Path, uris: Sequence[str]) -> pa.Table:
    """Read a file with events without those of some log objects.

    Raises:
        LakeError: it is missing or damaged.
    """
    import pyarrow.compute as pc

    table = read_part(path)
    return table.filter(pc.invert(pc.is_in(table.column("logFile"), value_set=pa.array(uris, pa.string()))))


def damage(part: Part, path: Path, crc32: int | None = None) -> str | None:
    """Say what is wrong with the file of a part, as far as its size, its end and, where given, its CRC-32 tell.

    Returns:
        None when it is as listed.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size != part.size_bytes:
                return f"has {size:,} bytes, the ledger says {part.size_bytes:,}"
            if part.kind is PartKind.REJECTED:
                return None
            file.seek(max(0, size - len(_MAGIC)))
            if file.read() != _MAGIC:
                return "is damaged: it does not end as Parquet does"
        return None if crc32 is None or crc32 == crc32_of(path) else _OTHER_BYTES
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def crc32_of(path: Path) -> int:
    """Return the CRC-32 of a file.

    Raises:
        LakeError: it cannot be read.
    """
    checksum = 0
    with disk_errors(path), path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            checksum = isal_zlib.crc32(piece, checksum)  # zlib's, at a fifth of its price
    return checksum


def require_intact(path: Path) -> None:
    """Read a Parquet file page by page, and compare each with its checksum.

    Raises:
        LakeError: a page is not as it was written, or cannot be read.
    """
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for _ in file.iter_batches():
                pass
    except (OSError, pa.ArrowException) as error:
        raise LakeError(f"cannot read {path}: {error}", hint=_DAMAGED) from error


def place_of(kind: PartKind, event_date: str) -> str:
    """Return what a part says of where it belongs."""
    return f"{kind} {event_date}"


def read_footer(path: Path) -> tuple[int, Footer | None]:
    """Return how many rows a Parquet file has, and what it says of itself, or None where it says nothing.

    Raises:
        LakeError: it is missing or damaged, or of a later version.
    """
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(path)
    except (OSError, pa.ArrowException) as error:
        raise LakeError(f"cannot read {path}: {error}", hint=_DAMAGED) from error
    return metadata.num_rows, unpack_footer(metadata.metadata)


def _leaves(schema: pa.Schema) -> list[str]:
    """Return the Parquet column paths of a schema: `userIdentity.sessionContext.assumedRoot`, …"""

    def below(prefix: str, kind: pa.DataType) -> Iterator[str]:
        if not pa.types.is_struct(kind):
            yield prefix
            return
        for index in range(kind.num_fields):
            member = kind.field(index)
            yield from below(f"{prefix}.{member.name}", member.type)

    return [leaf for member in schema for leaf in below(member.name, member.type)]
