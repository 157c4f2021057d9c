"""Where the files of the table lie: in the lake, or in a bucket that they are copied to."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from detector.errors import LakeError, TableError, UsageError
from detector.lake.disk import disk_errors, fsync_folder
from detector.lake.part_files import damage
from detector.lake_layout import is_part_key
from detector.publish.address import CatalogKind
from detector.publish.table_files import SHOWN, write_shown
from detector.sources.aws_errors import denial_reason, error_code, refusal
from detector.sources.aws_session import frozen_key, open_session, s3_client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from detector.publish.address import TableAddress
    from detector.publish.table_files import TableFile
    from detector.sources.aws_options import AwsOptions

_UPLOADS: Final = 8  # at once
# What no engine reads in another way than it was written.
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9._=,+@/-]+")
_PLAIN_SEGMENT: Final = re.compile(r"(?!\.\.?$)[A-Za-z0-9._=,+@-]+")
_HINT: Final = "the bucket must exist, and s3:PutObject be allowed for who you are (aws sts get-caller-identity)"


class Place(Protocol):
    """Where the files of a table lie."""

    @property
    def location(self) -> str:
        """The URI of the folder with what Iceberg itself writes."""

    @property
    def io_properties(self) -> Mapping[str, str]:
        """The way to reach it, as pyiceberg's FileIO takes it."""

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders that files of the table may lie in, as URIs; whatever a table says, no others are touched."""

    def uri(self, file: TableFile) -> str:
        """Return where a file lies, or will."""

    def is_ours(self, uri: str) -> bool:
        """Tell whether a file may have been put there by this program."""

    def bring(self, files: Iterable[TableFile]) -> None:
        """See to it that the files are there, whole."""


def open_place(lake: Path, address: TableAddress, to: str | None, options: AwsOptions) -> Place:
    """Return the place for a lake and a table; the one function that knows where parts can lie.

    Args:
        lake: resolved.
        address: of the table.
        to: `s3://BUCKET/PREFIX`; None: the table points at the files of the lake.
        options: the way to AWS.

    Raises:
        UsageError: other machines would be pointed at files of this one, or engines read a path differently.
        CredentialsError: AWS refuses them.
        TableError: there is no such bucket.
    """
    if address.kind is CatalogKind.SQLITE:
        _require_plain(Path(address.place).resolve())
    if to is not None:
        return _open_bucket(lake, to, options)
    if address.kind is not CatalogKind.SQLITE:
        raise UsageError(
            f"--table {address} is read by other machines, and the lake lies on this one",
            hint="copy its parts to where they can be read: --to s3://BUCKET/PREFIX",
        )
    folder = Path(address.place).resolve().parent / address.name
    _require_plain(lake)
    return LakeFolder(lake, folder)


def _require_plain(path: Path) -> None:
    if not _PLAIN_PATH.fullmatch(str(path)):
        raise UsageError(
            f"{path} has characters that engines read differently in a URI",
            hint="use folders of a-z, A-Z, 0-9, . _ - only",
        )


@dataclass(frozen=True, slots=True)
class LakeFolder:
    """The table points at the parts of a lake on this machine."""

    lake: Path
    folder: Path  # of the table

    @property
    def location(self) -> str:
        """The folder of the table."""
        return f"file://{self.folder}"

    @property
    def io_properties(self) -> Mapping[str, str]:
        """None are needed."""
        return {}

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders of the table and of the lake."""
        return self.location, f"file://{self.lake}"

    def uri(self, file: TableFile) -> str:
        """Return the URI of the part, or of what is shown of it, which lies with the table."""
        return f"file://{(self.lake if file.hidden is None else self.folder) / file.path}"

    def is_ours(self, uri: str) -> bool:
        """Tell whether a file is a part of the lake, or what was shown of one."""
        return (uri.startswith(f"file://{self.lake}/") and is_part_key(uri)) or uri.startswith(
            f"{self.location}/{SHOWN}/"
        )

    def bring(self, files: Iterable[TableFile]) -> None:
        """Write what is shown of parts that hold hidden rows.

        Raises:
            LakeError: a part is damaged, or the disk refuses.
        """
        for file in files:
            _require_undamaged(self.lake, file)
            target = self.folder / file.path
            if file.hidden is not None and not target.exists():
                with disk_errors(target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with tempfile.TemporaryDirectory(dir=self.folder) as staging:
                        write_shown(self.lake, file, Path(staging)).rename(target)
                    fsync_folder(target.parent)


def _open_bucket(lake: Path, to: str, options: AwsOptions) -> Bucket:
    from botocore.exceptions import BotoCoreError, ClientError

    name, _, prefix = to.removeprefix("s3://").removesuffix("/").partition("/")
    segments = [name, *prefix.split("/")] if prefix else [name]
    if not to.startswith("s3://") or not all(map(_PLAIN_SEGMENT.fullmatch, segments)):
        raise UsageError(f"--to {to} is no folder in S3", hint="write s3://BUCKET/PREFIX")
    session = open_session(options)
    client = s3_client(session, options)
    try:
        region = client.head_bucket(Bucket=name).get("BucketRegion", "") or client.meta.region_name
    except ClientError as error:
        if error_code(error) in ("404", "NoSuchBucket"):
            raise TableError(f"there is no bucket {name}", hint=_HINT) from error
        # Who may not look at the bucket may be allowed to write to a folder of it.
        region = client.meta.region_name
    except BotoCoreError as error:
        raise refusal(error, options) or TableError(denial_reason(error, "s3:ListBucket"), hint=_HINT) from error
    key = frozen_key(session, options)
    properties = {
        "s3.access-key-id": key.access_key_id,
        "s3.secret-access-key": key.secret_access_key,
        "s3.region": region,
    }
    if key.session_token:
        properties["s3.session-token"] = key.session_token
    if not client.meta.endpoint_url.endswith((".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu")):
        properties["s3.endpoint"] = client.meta.endpoint_url
    return Bucket(lake, client, name, prefix, options, properties)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Parts are copied to a folder in S3, each once, under the path that it has in the lake."""

    lake: Path
    client: S3Client
    name: str
    prefix: str  # without a slash at its end; may be empty
    options: AwsOptions
    io_properties: Mapping[str, str]

    @property
    def location(self) -> str:
        """The folder in S3."""
        return f"s3://{self.name}/{self.prefix}".rstrip("/")

    @property
    def roots(self) -> tuple[str, ...]:
        """The same."""
        return (self.location,)

    def uri(self, file: TableFile) -> str:
        """Return the URI of the copy."""
        return f"{self.location}/{file.path}"

    def is_ours(self, uri: str) -> bool:
        """Tell whether a file lies where copies are put."""
        path = uri.removeprefix(f"{self.location}/")
        return path != uri and (is_part_key(path) or path.startswith(f"{SHOWN}/"))

    def bring(self, files: Iterable[TableFile]) -> None:
        """Copy files that are not there yet.

        Raises:
            LakeError: a part is damaged.
            TableError: S3 refuses.
            CredentialsError: it refuses everything.
        """
        with tempfile.TemporaryDirectory(prefix="detector-publish-") as staging, ThreadPoolExecutor(_UPLOADS) as pool:
            for _ in pool.map(partial(self._copy, Path(staging)), files):
                pass

    def _copy(self, staging: Path, file: TableFile) -> None:
        _require_undamaged(self.lake, file)
        if file.hidden is None:
            self._put(self.lake / file.part.path, file)
            return
        shown = write_shown(self.lake, file, staging)
        self._put(shown, file)
        shown.unlink()

    def _put(self, path: Path, file: TableFile) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        key = f"{self.prefix}/{file.path}".lstrip("/")
        try:
            with path.open("rb") as body:
                self.client.put_object(Bucket=self.name, Key=key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            if error_code(error) != "PreconditionFailed":  # else an earlier try brought it: no name is used twice
                raise self._refused(error, key) from error
            if file.hidden is None:
                self._require_same(path, key)
        except BotoCoreError as error:
            raise self._refused(error, key) from error

    def _require_same(self, path: Path, key: str) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            size = self.client.head_object(Bucket=self.name, Key=key)["ContentLength"]
        except (ClientError, BotoCoreError) as error:
            raise self._refused(error, key) from error
        if size != path.stat().st_size:
            raise TableError(
                f"s3://{self.name}/{key} is there, and is not what the lake has under this name",
                hint="has somebody else written to the folder? publish to another one with --to",
            )

    def _refused(self, error: Exception, key: str) -> Exception:
        reason = denial_reason(error, "s3:PutObject")
        return refusal(error, self.options) or TableError(f"cannot write s3://{self.name}/{key}: {reason}", hint=_HINT)


def _require_undamaged(lake: Path, file: TableFile) -> None:
    path = lake / file.part.path
    if why := damage(file.part, path):
        raise LakeError(f"{path} {why}", hint=f"restore it, or set it aside: detector lake repair --lake {lake}")
