"""The log files that an S3 Inventory names: `inventory:s3://bucket/…/manifest.json`, or the folder with the newest.

S3 writes such a list of a bucket once a day or a week; a hundred million names are read from it without a request for
each thousand. It knows what was there when it was begun, and nothing since: neither objects that came or went, nor
archived ones that were restored. That it does not name an object proves nothing.

Source: "Amazon S3 Inventory", Amazon S3 User Guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from detector.errors import SourceError, UsageError
from detector.reasons import Reason
from detector.scope import Scope
from detector.sources.aws_options import AwsOptions
from detector.sources.inventory_manifest import Manifest
from detector.sources.inventory_rows import Row, rows
from detector.sources.inventory_store import InventoryStore
from detector.sources.keys import Exclusion, exclusion, is_digest, parse_folder, skip_reason
from detector.sources.log_source import LeftOut, Limit, Listed, LogObject, Skipped, Unreadable
from detector.sources.s3 import S3Source, open_s3
from detector.sources.s3_own_role import OwnRoleReader
from detector.sources.s3_reader import S3Reader
from detector.sources.storage import storage_in_inventory
from detector.times import utc_now

SCHEME: Final = "inventory:"
_LONGEST_KEY: Final = 1_024  # bytes, as S3 has it
_DAY: Final = timedelta(days=1)


def open_inventory(spec: str, options: AwsOptions) -> InventorySource:
    """Return the source that `inventory:s3://bucket/…` names; nothing is sent to AWS yet.

    Raises:
        UsageError: it names no place in S3.
    """
    place = spec.removeprefix(SCHEME)
    if not place.startswith("s3://"):
        raise UsageError(
            f"{spec!r} names no inventory", hint="write inventory:s3://BUCKET/PREFIX/manifest.json, or the folder above"
        )
    open_s3(place, options)  # refuses what can be no bucket
    bucket, _, key = place.removeprefix("s3://").partition("/")
    return InventorySource(InventoryStore(bucket, key, options), spec, options)


class InventorySource:
    """The log files of one bucket, as an inventory names them."""

    def __init__(self, store: InventoryStore, spec: str, options: AwsOptions) -> None:
        self._store = store
        self._spec = spec
        self._options = options
        self._manifest: Manifest | None = None
        self._bucket: S3Source | None = None

    @property
    def root(self) -> str:
        """The inventory itself: what it does not name may lie in the bucket nevertheless."""
        return self._spec

    @property
    def caveat(self) -> str:
        """What cannot be in it, how old it is, and how to get the rest."""
        return _unknown(self._opened(), self.bucket.root).reason

    @property
    def begun(self) -> datetime:
        """When S3 began the inventory; aware, UTC."""
        return self._opened().begun

    @property
    def files(self) -> int:
        """How many files it has."""
        return len(self._opened().files)

    @property
    def bucket(self) -> S3Source:
        """The bucket that it lists."""
        name = self._opened().source_bucket
        if self._bucket is None or self._bucket.root != f"s3://{name}/":
            self._bucket = S3Source(name, "", self._options)
        return self._bucket

    def list(self, scope: Scope) -> Iterator[Listed]:
        """Yield what the newest inventory names within `scope`, and until when it can have known it.

        Raises:
            SourceError: there is no inventory, or it is not as S3 wrote it.
            UsageError: it lacks a column that is needed.
            CredentialsError: AWS refuses the credentials as a whole.
        """
        self._manifest = manifest = self._store.manifest()
        if scope.until is None or scope.until > manifest.begun:
            yield _unknown(manifest, self.bucket.root)
        named: set[tuple[str, Limit]] = set()  # folders that are left out
        for file in manifest.files:
            uri = self._store.uri_of(file)
            with self._store.fetched(file) as path:
                for row in rows(path, manifest, uri):
                    key = _key_of(row, manifest, uri)
                    if excluded := exclusion(scope, key):
                        folder = f"{self.bucket.root}{_up_to_region(key.rpartition('/')[0])}"
                        if (folder, excluded.limit) not in named:
                            named.add((folder, excluded.limit))
                            yield _left_out(folder, excluded, scope)
                    else:
                        yield _judge(row, key, f"{self.bucket.root}{key}")

    def covers(self, uri: str, scope: Scope) -> bool:  # noqa: ARG002 - an older list closes nothing
        """Tell that only the inventory itself was read to its end: the bucket may hold more."""
        return uri == self.root

    def reader(self) -> S3Reader | OwnRoleReader:
        """Return a reader of the bucket that is listed.

        Raises:
            CredentialsError: there are no credentials, or they cannot be renewed.
        """
        return self.bucket.reader()

    def digest_reader(self) -> S3Reader:
        """Return a reader that brings the metadata with each object if it is asked to.

        Raises:
            CredentialsError: there are no credentials, or they cannot be renewed.
        """
        return self.bucket.digest_reader()

    def delivered(self, log_object: LogObject) -> datetime | None:
        """Return when S3 took an object, if the inventory says so."""
        return log_object.last_modified

    def _opened(self) -> Manifest:
        if self._manifest is None:
            self._manifest = self._store.manifest()
        return self._manifest


def _unknown(manifest: Manifest, bucket: str) -> LeftOut:
    """Say what cannot be in an inventory, how old it is, and how to get the rest."""
    hours = max(0, round((utc_now() - manifest.begun).total_seconds() / 3_600))
    age = f"{hours} h old" if hours < 72 else f"{hours // 24} days old"
    # What was put just before may be missing, too.
    day = f"{manifest.begun - _DAY:%Y-%m-%d}"
    begun = f"{manifest.begun:%Y-%m-%dT%H:%MZ}"
    return LeftOut(bucket, Reason.AFTER_INVENTORY.of(moment=begun, age=age, source=bucket, day=day))


def _key_of(row: Row, manifest: Manifest, uri: str) -> str:
    if row.bucket != manifest.source_bucket:
        raise SourceError(
            f"{uri} names an object of {str(row.bucket)[:80]!r}, and its manifest the bucket {manifest.source_bucket}",
            hint="name another inventory, or the bucket itself",
        )
    if not row.key or len(row.key.encode("utf-8", "surrogatepass")) > _LONGEST_KEY:
        raise SourceError(f"{uri} names an object by no key that S3 could have: {str(row.key)[:80]!r}")
    return row.key


def _judge(row: Row, key: str, uri: str) -> Listed:
    """Return what a row names, as the listing of a bucket would have it."""
    if row.is_delete_marker:
        return Skipped(uri, Reason.DELETE_MARKER.of())
    if row.is_latest is False:
        return Skipped(uri, Reason.OLDER_VERSION.of())
    found = _log_object(row, uri)
    if reason := skip_reason(key):
        return Skipped(uri, reason, found if is_digest(key) and isinstance(found, LogObject) else None)
    return found


def _log_object(row: Row, uri: str) -> LogObject | Unreadable:
    if row.etag is None or row.size_bytes is None or row.size_bytes < 0:
        return Unreadable(uri, "listed without its size or its ETag")
    storage = storage_in_inventory(row.storage_class, row.tier, row.encryption, row.bucket_key)
    return LogObject(uri, row.size_bytes, row.etag.strip('"'), row.last_modified, storage)


def _left_out(folder: str, excluded: Exclusion, scope: Scope) -> LeftOut:
    """Name a folder once, however many objects of it are left out."""
    if excluded.limit is not Limit.WINDOW:
        return excluded.of(folder)
    days = f"{f'from {scope.first_day}' if scope.first_day else ''}{f' to {scope.last_day}' if scope.last_day else ''}"
    return LeftOut(folder, Reason.OTHER_DAYS.of(days=days.strip()), Limit.WINDOW)


@lru_cache(maxsize=8192)
def _up_to_region(folder: str) -> str:
    """Return the folder of the region that a folder lies in, with a slash at its end; itself, where there is none."""
    region = parse_folder(folder).region
    if region is None:
        return f"{folder}/" if folder else ""
    segments = folder.split("/")
    return "/".join(segments[: len(segments) - segments[::-1].index(region)]) + "/"
