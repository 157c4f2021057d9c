"""S3 Inventories as S3 writes them: a file of rows, a manifest that names it, and the manifest's checksum."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq

BEGUN = datetime(2026, 11, 28, 1, tzinfo=UTC)
_TYPES: Mapping[str, pa.DataType] = {
    "size": pa.int64(),
    "last_modified_date": pa.timestamp("ms", "UTC"),
    "is_latest": pa.bool_(),
    "is_delete_marker": pa.bool_(),
}
_IN_CSV = {"e_tag": "ETag"}


@dataclass(frozen=True)
class Inventory:
    """The columns and the format of an inventory."""

    form: str = "Parquet"
    columns: Sequence[str] = (
        "bucket", "key", "size", "last_modified_date", "e_tag", "storage_class", "encryption_status",
    )  # fmt: skip
    begun: datetime = BEGUN
    source: str = "trail"

    @property
    def with_versions(self) -> Inventory:
        more = ("version_id", "is_latest", "is_delete_marker")
        return Inventory(self.form, (*self.columns, *more), self.begun, self.source)

    def of(self, rows: Iterable[Mapping[str, Any]], folder: str = "inv/") -> dict[str, bytes]:
        """Return the objects of it, by key: its file, its manifest, and the manifest's checksum."""
        content = self.encoded([{"bucket": self.source} | dict(row) for row in rows])
        data = f"{folder}data/0f3c.{self.form.lower()}"
        manifest = json.dumps(self.manifest(data, content)).encode()
        dated = f"{folder}{self.begun:%Y-%m-%dT%H-%MZ}/"
        checksum = hashlib.md5(manifest).hexdigest().encode()
        return {data: content, f"{dated}manifest.json": manifest, f"{dated}manifest.checksum": checksum}

    def manifest(self, data: str, content: bytes) -> dict[str, Any]:
        return {
            "sourceBucket": self.source,
            "destinationBucket": "arn:aws:s3:::inventories",
            "version": "2016-11-30",
            "creationTimestamp": str(int(self.begun.timestamp() * 1000)),
            "fileFormat": self.form,
            "fileSchema": ", ".join(map(_in_csv, self.columns)) if self.form == "CSV" else "message s3.inventory {}",
            "files": [{"key": data, "size": len(content), "MD5checksum": hashlib.md5(content).hexdigest()}],
        }

    def encoded(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        if self.form == "CSV":
            return self._csv(rows)
        names = self.columns
        arrays = [pa.array([row.get(name) for row in rows], _TYPES.get(name, pa.string())) for name in names]
        table, written = pa.table(arrays, list(names)), io.BytesIO()
        if self.form == "ORC":
            pyarrow.orc.write_table(table, written)
        else:
            pq.write_table(table, written)
        return written.getvalue()

    def _csv(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([_text(name, row.get(name)) for name in self.columns] for row in rows)
        return gzip.compress(text.getvalue().encode(), mtime=0)


def _in_csv(name: str) -> str:
    return _IN_CSV.get(name) or "".join(word.capitalize() for word in name.split("_"))


def _text(name: str, value: object) -> str:
    if name == "key":
        return quote_plus(str(value), safe="/")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.000Z"
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def rows_of(client: Any, bucket: str) -> list[dict[str, Any]]:  # noqa: ANN401 - boto3's
    """Return what is in a bucket, as rows of an inventory."""
    return [
        {
            "key": item["Key"],
            "size": item["Size"],
            "last_modified_date": item["LastModified"],
            "e_tag": item["ETag"].strip('"'),
            "storage_class": item.get("StorageClass", "STANDARD"),
            "encryption_status": "SSE-S3",
        }
        for item in client.list_objects_v2(Bucket=bucket).get("Contents", [])
    ]
