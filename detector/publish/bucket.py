"""A folder in S3 as the place of a table: parts are copied there."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from detector.errors import LakeError, TableError, UsageError
from detector.lake.place import S3, LakePlace
from detector.lake_layout import is_part_key
from detector.publish.table_files import SHOWN, repair_hint, require_undamaged, write_shown
from detector.sources.aws_errors import denial_reason, error_code, refusal
from detector.sources.aws_session import frozen_key, open_session, s3_client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

    from detector.publish.table_files import TableFile
    from detector.sources.aws_options import AwsOptions

_UPLOADS: Final = 8  # at once
_PLAIN_SEGMENT: Final = re.compile(r"(?!\.\.?$)[A-Za-z0-9._=,+@-]+")
_HINT: Final = "the bucket must exist, and s3:PutObject be allowed for who you are (aws sts get-caller-identity)"


def open_bucket(lake: LakePlace, to: str, options: AwsOptions) -> Bucket:
    """Return the place that `--to` names.

    Raises:
        UsageError: it is no folder in S3.
        CredentialsError: AWS refuses them.
        TableError: there is no such bucket.
    """
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

    lake: LakePlace
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
        if self.lake.is_elsewhere and file.hidden is None:
            self._copy_within_s3(file)
            return
        self.lake.fetch([file.part.path])
        require_undamaged(self.lake, file)
        if file.hidden is None:
            self._put(self.lake.directory / file.part.path, file)
            return
        shown = write_shown(self.lake.directory, file, staging)
        self._put(shown, file)
        shown.unlink()

    def _copy_within_s3(self, file: TableFile) -> None:
        """Have S3 copy a part: its bytes do not pass through this machine."""
        require_undamaged(self.lake, file)
        bucket, _, prefix = self.lake.full_name.removeprefix(S3).partition("/")
        source: CopySourceTypeDef = {"Bucket": bucket, "Key": f"{prefix}/{file.part.path}".lstrip("/")}
        with self._writing(file) as key:
            self.client.copy_object(Bucket=self.name, Key=key, CopySource=source, IfNoneMatch="*")

    def _put(self, path: Path, file: TableFile) -> None:
        with self._writing(file) as key, path.open("rb") as body:
            self.client.put_object(Bucket=self.name, Key=key, Body=body, IfNoneMatch="*")

    @contextmanager
    def _writing(self, file: TableFile) -> Iterator[str]:
        from botocore.exceptions import BotoCoreError, ClientError

        key = f"{self.prefix}/{file.path}".lstrip("/")
        try:
            yield key
        except ClientError as error:
            if error_code(error) == "NoSuchKey":
                raise LakeError(f"{self.lake}/{file.part.path} is missing", hint=repair_hint(self.lake)) from error
            if error_code(error) != "PreconditionFailed":  # else an earlier try brought it: no name is used twice
                raise self._refused(error, key) from error
            if file.hidden is None:
                self._require_size(file.part.size_bytes, key)
        except BotoCoreError as error:
            raise self._refused(error, key) from error

    def _require_size(self, size_bytes: int, key: str) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            size = self.client.head_object(Bucket=self.name, Key=key)["ContentLength"]
        except (ClientError, BotoCoreError) as error:
            raise self._refused(error, key) from error
        if size != size_bytes:
            raise TableError(
                f"s3://{self.name}/{key} is there, and is not what the lake has under this name",
                hint="has somebody else written to the folder? publish to another one with --to",
            )

    def _refused(self, error: Exception, key: str) -> Exception:
        reason = denial_reason(error, "s3:PutObject")
        return refusal(error, self.options) or TableError(f"cannot write s3://{self.name}/{key}: {reason}", hint=_HINT)
