"""A prefix of an S3 bucket as a lake needs it: objects that are written once, and one that is compared and swapped.

S3 has done so since 2024: "How to prevent object overwrites with conditional writes", Amazon S3 User Guide. The
answers are a server's words: sizes are checked, bodies are cut, and names are looked at by whoever makes paths of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from detector.errors import LakeError
from detector.lake.disk import disk_errors
from detector.sources.aws_errors import denial_reason, error_code, refusal
from detector.sources.aws_options import AwsOptions
from detector.sources.aws_session import open_session, s3_client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MOST_BYTES: Final = 5 << 30  # of one PUT, and so of the ledger
_AT_ONCE: Final = 8
_PIECE: Final = 1 << 20
_DELETE_AT_ONCE: Final = 1_000  # S3's own limit
_CONFLICT_TRIES: Final = 5  # S3 answers 409 when two conditional writes meet, and wants the request again
_OPTIONS: Final = AwsOptions()  # as of outputs: the environment and its profile; options speak of where logs lie
_HINT: Final = "the bucket must exist, and who you are (aws sts get-caller-identity) be allowed to do it"


_ABSENT: Final = frozenset({"NoSuchKey", "404"})
_UNCHANGED: Final = frozenset({"NotModified", "304"})
_DIFFERENT: Final = frozenset({"PreconditionFailed", "412"}) | _ABSENT  # from what a condition asks for
_MEETING: Final = frozenset({"ConditionalRequestConflict", "409"})


class _ExpectedAnswer(Exception):  # noqa: N818 - no error
    """One of S3's codes that whoever asked knows what to make of."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object, as it was listed."""

    size_bytes: int
    last_modified: datetime  # aware


class ObjectStore:
    """The objects below one prefix, named by what follows it.

    Args:
        bucket: its name.
        prefix: empty, or with a slash at its end.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix

    def __str__(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}"

    def __reduce__(self) -> tuple[Callable[[str, str], ObjectStore], tuple[str, str]]:
        """Cross to another process without the client, which holds the credentials of this one."""
        return _known_store, (self._bucket, self._prefix)

    def list_all(self) -> dict[str, StoredObject]:
        """Return all objects by name, in order.

        Raises:
            LakeError: S3 refuses, or does not answer.
        """
        found = {}
        with self._errors("list", str(self), "s3:ListBucket"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            for page in pages:
                for one in page.get("Contents", ()):
                    name = one["Key"].removeprefix(self._prefix)
                    found[name] = StoredObject(int(one["Size"]), one["LastModified"])
        return found

    def read(self, name: str, path: Path, most_bytes: int, etag: str | None = None) -> str | None:
        """Write an object to a file that is whole or not there.

        Args:
            name: of the object.
            path: of the file.
            most_bytes: of the object.
            etag: of what the file has already.

        Returns:
            The ETag, that of before when nothing has changed, or None when there is no such object.

        Raises:
            LakeError: S3 refuses or does not answer, the body breaks off, or has more bytes; or the disk refuses.
        """
        condition: Any = {} if etag is None else {"IfNoneMatch": etag}
        beside = path.with_name(f".{path.name}.incoming")
        try:
            with self._errors("read", f"{self}{name}", "s3:GetObject", _ABSENT | _UNCHANGED):
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name, **condition)
                with disk_errors(path):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with beside.open("wb") as file:
                        _copy(answer["Body"], file, most_bytes, f"{self}{name}")
                    beside.rename(path)
                return answer["ETag"]
        except _ExpectedAnswer as expected:
            return etag if expected.code in _UNCHANGED else None

    def fetch(self, objects: Mapping[str, int], folder: Path) -> None:
        """Write objects to files of their names in a folder; those that are not there are left out.

        Args:
            objects: their sizes.
            folder: where the files go.

        Raises:
            LakeError: as of `read`.
        """
        self._in_threads(lambda name: self.read(name, folder / name, objects[name]), list(objects))

    def create(self, name: str, content: bytes | Path) -> None:
        """Write an object whose name nobody has used.

        Raises:
            LakeError: S3 refuses, or somebody has.
        """
        if self._put(name, content, IfNoneMatch="*") is None:
            raise LakeError(f"{self}{name} is there already", hint="run the same command again")

    def create_all(self, files: Mapping[str, Path]) -> None:
        """Write files as objects whose names nobody has used.

        Raises:
            LakeError: as of `create`.
        """
        self._in_threads(lambda name: self.create(name, files[name]), list(files))

    def swap(self, name: str, path: Path, etag: str | None) -> str | None:
        """Replace an object by a file, if it is still as it was.

        Args:
            name: of the object.
            path: of the file.
            etag: of the object as it was; None: there was none.

        Returns:
            The new ETag; None when it is no longer as it was.

        Raises:
            LakeError: S3 refuses, or the server does not do conditional writes.
        """
        if etag is not None:
            return self._put(name, path, IfMatch=etag)
        made = self._put(name, path, IfNoneMatch="*")
        if made is not None and not self._is_conditional(name, path):
            raise LakeError(
                f"the server of {self} ignores If-None-Match or If-Match: two writers would undo each other's work",
                hint="keep the lake on a disk, or use a server that has conditional writes, as S3 has",
            )
        return made

    def remove(self, names: Collection[str]) -> None:
        """Remove objects; those that are not there are none.

        Raises:
            LakeError: S3 refuses.
        """
        waiting = list(names)
        with self._errors("remove parts of", str(self), "s3:DeleteObject"):
            for start in range(0, len(waiting), _DELETE_AT_ONCE):
                some = waiting[start : start + _DELETE_AT_ONCE]
                answer = self._client.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": [{"Key": self._prefix + name} for name in some], "Quiet": True},
                )
                for error in answer.get("Errors", ()):
                    raise LakeError(f"cannot remove {self}…: {error.get('Code')}", hint=_HINT)

    def _is_conditional(self, name: str, path: Path) -> bool:
        """Tell whether the server refuses what it has to refuse."""
        return self._put_once(name, path, IfNoneMatch="*") is None and self._put_once(name, path, IfMatch='"0"') is None

    def _put(self, name: str, content: bytes | Path, **condition: str) -> str | None:
        """Write an object under a condition; return its ETag, or None when the condition did not hold.

        An answer may be lost on its way, and the request be sent again: then it is our own object that is in the way.
        """
        made = self._put_once(name, content, **condition)
        return self._etag_of_same(name, content) if made is None else made

    def _put_once(self, name: str, content: bytes | Path, **condition: str) -> str | None:
        extra: Any = condition
        for _ in range(_CONFLICT_TRIES):
            try:
                with (
                    self._errors("write", f"{self}{name}", "s3:PutObject", _DIFFERENT | _MEETING),
                    _opened(content) as body,
                ):
                    answer = self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=body, **extra)
                    return answer["ETag"]
            except _ExpectedAnswer as expected:
                if expected.code in _DIFFERENT:
                    return None
        return None

    def _etag_of_same(self, name: str, content: bytes | Path) -> str | None:
        """Return the ETag of an object that has just this content, else None."""
        try:
            with self._errors("read", f"{self}{name}", "s3:GetObject", _ABSENT), _opened(content) as expected:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
                is_same = all(piece == expected.read(len(piece)) for piece in answer["Body"].iter_chunks(_PIECE))
                return answer["ETag"] if is_same and not expected.read(1) else None
        except _ExpectedAnswer:
            return None

    def _in_threads(self, work: Callable[[str], object], names: Sequence[str]) -> None:
        if len(names) < 2:
            for name in names:
                work(name)
            return
        _ = self._client  # made once
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="lake") as pool:
            try:
                for _ in pool.map(work, names):
                    pass
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    @cached_property
    def _client(self) -> S3Client:
        return s3_client(open_session(_OPTIONS), _OPTIONS)

    @contextmanager
    def _errors(self, verb: str, what: str, action: str, expected: Collection[str] = ()) -> Iterator[None]:
        """Turn refusals into LakeErrors, but for codes that are expected."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            if error_code(error) in expected:
                raise _ExpectedAnswer(error_code(error)) from error
            if refused := refusal(error, _OPTIONS):
                raise refused from error
            raise LakeError(f"cannot {verb} {what}: {denial_reason(error, action)}", hint=_HINT) from error


@lru_cache(maxsize=4)
def _known_store(bucket: str, prefix: str) -> ObjectStore:
    """Return the store of an executor, whose tasks, one after the other, need the same: a client takes long to make."""
    return ObjectStore(bucket, prefix)


@contextmanager
def _opened(content: bytes | Path) -> Iterator[IO[bytes]]:
    from io import BytesIO

    if isinstance(content, bytes):
        yield BytesIO(content)
        return
    with disk_errors(content), content.open("rb") as file:
        if os.fstat(file.fileno()).st_size > MOST_BYTES:
            raise LakeError(
                f"{content.name} has more than 5 GiB, the most that S3 takes at once", hint="use more lakes"
            )
        yield file


def _copy(body: Any, file: IO[bytes], most_bytes: int, name: str) -> None:  # noqa: ANN401 - botocore's own
    written = 0
    for piece in body.iter_chunks(_PIECE):
        written += file.write(piece)
        if written > most_bytes:
            raise LakeError(f"{name} has more bytes than were listed", hint="run the same command again")
