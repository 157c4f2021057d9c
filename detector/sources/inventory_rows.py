"""The rows of one file of an S3 Inventory: Parquet, ORC, or CSV in gzip. Nothing of a file is in memory as a whole.

Source: "Amazon S3 Inventory list", Amazon S3 User Guide: the columns, and that keys in CSV are URL-encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote_plus

from detector.errors import SourceError, UsageError
from detector.sources.inventory_manifest import FileFormat, Manifest
from detector.text import one_line

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_ONCE: Final = 20_000
_CSV_BLOCK_BYTES: Final = 4 << 20
_MAX_COLUMNS: Final = 200
_LONGEST_TEXT: Final = 4_096  # bytes; a key has 1,024 at the most
# As S3 writes them in the manifest of a CSV; Parquet and ORC have them as last_modified_date.
_COLUMNS: Final = (
    "Bucket",
    "Key",
    "Size",
    "ETag",
    "LastModifiedDate",
    "StorageClass",
    "IntelligentTieringAccessTier",
    "EncryptionStatus",
    "BucketKeyStatus",
    "IsLatest",
    "IsDeleteMarker",
)
_NEEDED: Final = ("Bucket", "Key", "Size", "ETag")
_NEEDED_WITH_VERSIONS: Final = ("IsLatest", "IsDeleteMarker")


class Row(NamedTuple):
    """One object, version or delete marker; None: a column is not there, or has no value."""

    bucket: str | None
    key: str | None
    size_bytes: int | None
    etag: str | None
    last_modified: datetime | None  # aware, UTC
    storage_class: str | None
    tier: str | None
    encryption: str | None
    bucket_key: str | None
    is_latest: bool | None
    is_delete_marker: bool | None


def rows(path: Path, manifest: Manifest, uri: str) -> Iterator[Row]:
    """Yield the rows of one file.

    Args:
        path: where it lies on this machine.
        manifest: that names it.
        uri: where it lies in S3, for errors.

    Raises:
        UsageError: the inventory lacks a column that is needed.
        SourceError: the file cannot be read.
    """
    import pyarrow as pa

    is_csv = manifest.format is FileFormat.CSV
    convert = _FROM_TEXT if is_csv else _FROM_VALUES
    try:
        names, batches = _open(path, manifest)
        there = _places(names)
        for batch in batches(list(there.values())):
            nothing = [None] * batch.num_rows
            columns = [convert[name](batch.column(there[name])) if name in there else nothing for name in _COLUMNS]
            yield from map(Row._make, zip(*columns, strict=True))
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise SourceError(
            f"{uri} cannot be read as {manifest.format}: {one_line(error)[:200]}",
            hint="name another inventory, or the bucket itself",
        ) from error


Opened = tuple[Sequence[str], Callable[[list[str]], "Iterator[pa.RecordBatch]"]]


def _open(path: Path, manifest: Manifest) -> Opened:
    """Return the names of the columns, and what yields some of them in batches."""
    match manifest.format:
        case FileFormat.CSV:
            return _open_csv(path, manifest.columns)
        case FileFormat.ORC:
            return _open_orc(path)
        case FileFormat.PARQUET:
            return _open_parquet(path)


def _open_parquet(path: Path) -> Opened:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    # A value that many rows share is held once, until it is known to be short: a kilobyte can name 20 GB of text.
    texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_binary(field.type)]
    # Buffered before it is read, a whole row group would be held.
    file = pq.ParquetFile(path, pre_buffer=False, read_dictionary=texts)

    def batches(columns: list[str]) -> Iterator[pa.RecordBatch]:
        with file:
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=columns, use_threads=False):
                for column in batch.columns:
                    if pa.types.is_dictionary(column.type):
                        _require_short(column.dictionary)
                yield batch

    return schema.names, batches


def _require_short(values: pa.Array) -> None:
    """Refuse texts that no column of an inventory has."""
    import pyarrow.compute as pc

    longest = pc.max(pc.binary_length(values)).as_py() or 0
    if longest > _LONGEST_TEXT:
        raise ValueError(f"it has a value of {longest:,} bytes")


def _open_orc(path: Path) -> Opened:
    import pyarrow.dataset as ds

    dataset = ds.dataset(path, format="orc")  # whose batches are smaller than stripes

    def batches(columns: list[str]) -> Iterator[pa.RecordBatch]:
        scanner = dataset.scanner(
            columns=columns, batch_size=_ROWS_AT_ONCE, batch_readahead=1, fragment_readahead=1, use_threads=False
        )
        yield from scanner.to_batches()

    return dataset.schema.names, batches


def _open_csv(path: Path, names: tuple[str, ...]) -> Opened:
    import pyarrow as pa
    from pyarrow import csv

    def batches(columns: list[str]) -> Iterator[pa.RecordBatch]:
        # Arrow calls a file without any bytes an error.
        with pa.input_stream(path, compression="gzip") as probe:
            if not probe.read(1):
                return
        with (
            pa.input_stream(path, compression="gzip") as stream,
            csv.open_csv(
                stream,
                csv.ReadOptions(use_threads=False, block_size=_CSV_BLOCK_BYTES, column_names=list(names)),
                csv.ParseOptions(newlines_in_values=False),
                csv.ConvertOptions(
                    include_columns=columns,
                    column_types=dict.fromkeys(columns, pa.string()),
                    strings_can_be_null=False,
                ),
            ) as reader,
        ):
            yield from reader

    return names, batches


def _places(names: Sequence[str]) -> Mapping[str, str]:
    """Return what the file calls the columns that are of use.

    Raises:
        UsageError: one that is needed is not there.
        ValueError: they are too many, or two have one name.
    """
    if len(names) > _MAX_COLUMNS:
        raise ValueError(f"it has {len(names):,} columns")
    written: dict[str, str] = {}
    for name in names:
        plain = name.replace("_", "").casefold()
        if plain in written:
            raise ValueError(f"two of its columns are called {name[:40]!r}")
        written[plain] = name
    needed = _NEEDED + (_NEEDED_WITH_VERSIONS if "versionid" in written else ())
    if lacking := [name for name in needed if name.casefold() not in written]:
        raise UsageError(
            f"the inventory has no column {lacking[0]}",
            hint="add it to the optional fields of the inventory's configuration, or name the bucket itself",
        )
    return {name: written[name.casefold()] for name in _COLUMNS if name.casefold() in written}


def _as(type_name: str) -> Callable[[pa.Array], list[Any]]:
    """Return what gives the values of a column as those of a type."""
    return lambda column: list(column.cast(type_name).to_pylist())


def _moments(column: pa.Array) -> list[datetime | None]:
    import pyarrow as pa

    # Without a zone: Arrow would look for the machine's database of zones.
    naive = column.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us")).to_pylist()
    return [moment and moment.replace(tzinfo=UTC) for moment in naive]


def _each(convert: Callable[[str], Any]) -> Callable[[pa.Array], list[Any]]:
    """Return what converts the texts of a column; an empty one is no value."""
    return lambda column: [convert(text) if text else None for text in column.to_pylist()]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text[:40]!r} is neither true nor false")
    return text.lower() == "true"


_FROM_VALUES: Final[Mapping[str, Callable[[Any], list[Any]]]] = {
    **dict.fromkeys(_COLUMNS, _as("string")),
    "Size": _as("int64"),
    "LastModifiedDate": _moments,
    "IsLatest": _as("bool"),
    "IsDeleteMarker": _as("bool"),
}
_FROM_TEXT: Final[Mapping[str, Callable[[Any], list[Any]]]] = {
    **dict.fromkeys(_COLUMNS, _each(str)),
    "Key": _each(unquote_plus),
    "Size": _each(int),
    "LastModifiedDate": _each(_moment),
    "IsLatest": _each(_flag),
    "IsDeleteMarker": _each(_flag),
}
