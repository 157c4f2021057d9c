"""The bucket that an S3 Inventory was written to: its newest manifest, and its files, each as its checksum says.

Only this bucket is asked, whatever a manifest says about where it lies.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from detector.errors import DetectorError, SourceError, SourceUnavailable
from detector.sources.aws_errors import denial_reason, error_code, is_servers_fault, is_unreachable, refusal
from detector.sources.aws_options import AwsOptions
from detector.sources.aws_session import open_session, s3_client
from detector.sources.inventory_manifest import MAX_MANIFEST_BYTES, InventoryFile, Manifest, parse_manifest
from detector.sources.s3_body import RefusedBody, copy_body
from detector.sources.s3_pages import only_news
from detector.text import one_line

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MANIFEST: Final = "manifest.json"
_CHECKSUM: Final = "manifest.checksum"
_DATED: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}Z/")
_UNFINISHED: Final = 8  # folders without a manifest, the newest first: S3 writes it last
_EMPTY_PAGES: Final = 100
_MD5_BYTES: Final = 64
_GRACE_SECONDS: Final = 20.0
_HINT: Final = (
    "name the folder in which folders like 2026-03-01T01-00Z/ lie, or a manifest.json; S3 writes the first inventory "
    "within 48 hours"
)


class InventoryStore:
    """The inventories in one bucket, below one folder or with one manifest."""

    def __init__(self, bucket: str, key: str, options: AwsOptions) -> None:
        self._bucket = bucket
        self._key = key
        self._options = options

    def manifest(self) -> Manifest:
        """Return the manifest that is named, or the newest below the folder.

        Raises:
            SourceError: there is none, or it is not what S3 wrote.
            CredentialsError: AWS refuses the credentials as a whole.
        """
        for key in self._manifest_keys():
            text = self._get(key, MAX_MANIFEST_BYTES)
            if text is not None:
                self._check(text, key)
                return parse_manifest(text, self._uri(key))
        raise SourceError(f"there is no inventory at {self._uri(self._key)}", hint=_HINT)

    @contextmanager
    def fetched(self, file: InventoryFile) -> Iterator[Path]:
        """Hand out one file of an inventory on this machine's disk, for as long as the block lasts.

        Raises:
            SourceError: it is not there, or not what the manifest says.
        """
        with tempfile.TemporaryDirectory(prefix="detector-inventory-") as folder:
            path = Path(folder) / "file"
            with path.open("wb") as into:
                is_there = self._copy(file.key, into, file.size_bytes)
            if not is_there:
                raise SourceError(f"{self._uri(file.key)}, a file of the inventory, is not there", hint=_HINT)
            with path.open("rb") as written:
                md5 = hashlib.file_digest(written, _md5).hexdigest()
            if md5 != file.md5:
                raise _altered(self._uri(file.key), md5, file.md5)
            yield path

    def uri_of(self, file: InventoryFile) -> str:
        """Return where a file lies."""
        return self._uri(file.key)

    def _manifest_keys(self) -> Iterator[str]:
        """Yield where manifests may lie, the newest first."""
        if self._key.endswith(MANIFEST):
            yield self._key
            return
        folder = self._key.rstrip("/") + "/" if self._key else ""
        if _DATED.fullmatch(folder.rpartition("/")[0].rpartition("/")[2] + "/"):
            yield folder + MANIFEST
            return
        dated = [name for name in self._folders_below(folder) if _DATED.fullmatch(name.removeprefix(folder))]
        yield from (name + MANIFEST for name in sorted(dated, reverse=True)[:_UNFINISHED])

    def _folders_below(self, folder: str) -> Iterator[str]:
        from botocore.exceptions import BotoCoreError, ClientError

        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=folder, Delimiter="/"
        )
        try:
            for page in only_news(pages, folder, _EMPTY_PAGES):
                yield from (entry["Prefix"] for entry in page.get("CommonPrefixes", []))
        except (BotoCoreError, ClientError) as error:
            raise self._failure(error, folder, "s3:ListBucket") from error

    def _check(self, text: bytes, key: str) -> None:
        """Compare a manifest with the checksum beside it, if there is one.

        Raises:
            SourceError: they differ.
        """
        beside = self._get(key.removesuffix(MANIFEST) + _CHECKSUM, _MD5_BYTES)
        wanted = (beside or b"").decode("ascii", "replace").strip().lower()
        if wanted and wanted != (md5 := _md5(text).hexdigest()):
            raise _altered(self._uri(key), md5, wanted)

    def _get(self, key: str, most_bytes: int) -> bytes | None:
        """Return a small object; None when it is not there."""
        content = BytesIO()
        return content.getvalue() if self._copy(key, content, most_bytes) else None

    def _copy(self, key: str, into: BinaryIO, most_bytes: int) -> bool:
        """Write an object to a file; return whether it is there."""
        from botocore import exceptions

        try:
            try:
                self._copy_once(key, into, most_bytes)
            except (exceptions.IncompleteReadError, exceptions.HTTPClientError):
                # The body broke off; botocore repeats only the request itself.
                self._copy_once(key, into, most_bytes)
        except RefusedBody as refused:
            raise SourceError(f"{self._uri(key)} {refused}", hint=_HINT) from refused
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            if error_code(error) == "NoSuchKey":
                return False
            raise self._failure(error, key, "s3:GetObject") from error
        return True

    def _copy_once(self, key: str, into: BinaryIO, most_bytes: int) -> None:
        into.seek(0)
        into.truncate()
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        copy_body(body, into, most_bytes, _GRACE_SECONDS)

    def _failure(self, error: Exception, key: str, action: str) -> DetectorError:
        uri = self._uri(key)
        if refused := refusal(error, self._options):
            return refused
        if is_unreachable(error) or is_servers_fault(error):
            return SourceUnavailable(f"S3 does not give {uri} now: {one_line(error)}")
        return SourceError(
            f"cannot read the inventory at {uri}: {denial_reason(error, action)}",
            hint="reading an inventory needs s3:ListBucket and s3:GetObject on its bucket, and kms:Decrypt on its key",
        )

    def _uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"

    @cached_property
    def _client(self) -> S3Client:
        return s3_client(open_session(self._options), self._options)


def _md5(content: bytes = b"") -> hashlib._Hash:
    """Return what S3 tells changes by: none that somebody makes on purpose."""
    return hashlib.md5(content, usedforsecurity=False)


def _altered(uri: str, md5: str, wanted: str) -> SourceError:
    return SourceError(
        f"{uri} is not as S3 wrote it: its MD5 is {md5}, and should be {wanted[:32]}",
        hint="name another inventory, or the bucket itself",
    )
