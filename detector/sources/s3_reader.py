"""Bulk GET of small S3 objects in a worker process: obstore for speed, boto3 for what obstore cannot say or do."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from threading import Condition, Lock, RLock
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from detector.sources.aws_errors import denial_reason, error_code, refusal
from detector.sources.aws_options import AwsOptions
from detector.sources.aws_session import AccessKey, open_session, s3_client
from detector.sources.log_source import MAX_OBJECT_BYTES, LogObject, Stored, Unreadable, too_large
from detector.sources.s3_body import RefusedBody, read_body, too_long
from detector.sources.s3_store import fits_obstore, open_store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from obstore.store import S3Store

PARALLEL_GETS: Final = 16
BYTES_IN_FLIGHT: Final = 64 << 20
_SHARE_OF_BYTES: Final = 64  # so small a part of these is handed over at a time
_ANSWERS_A_STEP: Final = 4  # rounds of good answers until one more request is made at a time
_SLOW_DOWN: Final = re.compile(r"\b503\b|SlowDown")
# So many failures in a row that boto3 did not have: a proxy or certificate that only boto3 knows of.
_OBSTORE_FAILURES: Final = 32
# obstore has one time limit for all objects: it is for those that come within it by any connection.
_OBSTORE_BYTES: Final = 1 << 20
_GRACE_SECONDS: Final = 20.0
Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What S3 answered to a GET."""

    content: bytes
    metadata: Callable[[], Mapping[Any, Any]]  # asks for the user's metadata
    etag: str | None
    version_id: str | None


@dataclass(frozen=True, slots=True)
class S3Reader:
    """Reads objects of one bucket with a key as of now; picklable, and shows nothing of the key."""

    bucket: str
    region: str
    endpoint_url: str
    key: AccessKey
    profile: str | None = None
    grace_seconds: float = _GRACE_SECONDS  # for a body, beyond what its size takes at the slowest rate

    def read(self, objects: Sequence[LogObject]) -> Iterator[tuple[LogObject, bytes | Unreadable]]:
        """Yield the bytes of each object as they arrive; at most 64 MiB, or one object, wait to be taken.

        Raises:
            CredentialsError: AWS refuses the credentials as a whole.
        """
        fetcher = _fetcher(self)
        return self._arrive(_Arriving(fetcher.fetch, fetcher.pace, objects), len(objects))

    def read_with_metadata(self, objects: Sequence[LogObject]) -> Iterator[tuple[LogObject, Stored | Unreadable]]:
        """Yield each object with its metadata, as `read` does.

        Raises:
            CredentialsError: AWS refuses the credentials as a whole.
        """
        fetcher = _fetcher(self)
        return self._arrive(_Arriving(fetcher.fetch_stored, fetcher.pace, objects), len(objects))

    def _arrive(self, arriving: _Arriving[Content], left: int) -> Iterator[tuple[LogObject, Content | Unreadable]]:
        """Yield so many objects as they arrive."""
        pool = ThreadPoolExecutor(PARALLEL_GETS, thread_name_prefix="s3-get")
        try:
            for _ in range(min(PARALLEL_GETS, left)):
                pool.submit(arriving.fetch_all).add_done_callback(arriving.end)
            while left:
                taken = arriving.take()
                left -= len(taken)
                yield from taken
        finally:
            arriving.stop()
            pool.shutdown(wait=False)


class _Pace:
    """The number of requests that may be under way: half as many when S3 says SlowDown, then slowly more again.

    Additive increase, multiplicative decrease, as AWS advises for S3 and TCP does it: D.-M. Chiu, R. Jain, "Analysis of
    the Increase and Decrease Algorithms for Congestion Avoidance" (1989).
    """

    def __init__(self) -> None:
        self._requests = float(PARALLEL_GETS)

    @property
    def requests(self) -> int:
        """The number; at least one."""
        return int(self._requests)

    def note(self, *, slow_down: bool) -> None:
        """Learn from an answer."""
        if not slow_down and self._requests >= PARALLEL_GETS:
            return
        changed = self._requests / 2 if slow_down else self._requests + 1 / (_ANSWERS_A_STEP * self._requests)
        self._requests = min(float(PARALLEL_GETS), max(1.0, changed))


class _Arriving(Generic[Content]):
    """Objects on their way from several threads to one reader, not too many bytes or requests at a time.

    Beside somebody who decodes, each turn of Python that a thread has to wait for costs more than the request. So a
    thread takes one object after the other, with one turn of the lock for each; the reader takes all that is there.
    """

    def __init__(
        self, fetch: Callable[[LogObject], Content | Unreadable], pace: _Pace, objects: Sequence[LogObject]
    ) -> None:
        self._fetch = fetch
        self._pace = pace
        self._requests = 0
        self._waiting = deque(objects)
        self._arrived: deque[tuple[LogObject, Content | Unreadable]] = deque()
        self._bytes_in_flight = 0
        self._error: BaseException | None = None
        lock = RLock()
        self._has_room = Condition(lock)
        self._has_arrived = Condition(lock)

    def fetch_all(self) -> None:
        """Fetch objects until none is waiting: what a thread does."""
        item = self._next(None)
        while item is not None:
            item = self._next((item, self._fetch(item)))

    def end(self, thread: Future[None]) -> None:
        """Note that a thread has ended; when an error ended it, the others end after the object that they are at."""
        if error := thread.exception():
            with self._has_arrived:
                self._error = error
                self._waiting.clear()
                self._has_room.notify_all()
                self._has_arrived.notify()

    def take(self) -> Sequence[tuple[LogObject, Content | Unreadable]]:
        """Return what has arrived, if it is not too much; at least one object. Raise what ended a thread."""
        with self._has_arrived:
            while not self._arrived:
                if self._error:
                    raise self._error
                self._has_arrived.wait()
            taken, size_bytes = [], 0
            while self._arrived and size_bytes < BYTES_IN_FLIGHT // _SHARE_OF_BYTES:
                taken.append(self._arrived.popleft())
                size_bytes += taken[-1][0].size_bytes
            self._bytes_in_flight -= size_bytes
            self._has_room.notify()
        return taken

    def stop(self) -> None:
        """Let the threads end after the object that they are at."""
        with self._has_room:
            self._waiting.clear()
            self._has_room.notify_all()

    def _next(self, arrived: tuple[LogObject, Content | Unreadable] | None) -> LogObject | None:
        """Hand over what has arrived; return the next object to fetch, or None when there is none."""
        with self._has_room:
            if arrived is not None:
                self._requests -= 1
                self._arrived.append(arrived)
                self._has_arrived.notify()
            while self._waiting:
                size = self._waiting[0].size_bytes
                fits = self._bytes_in_flight == 0 or self._bytes_in_flight + size <= BYTES_IN_FLIGHT
                if fits and self._requests < self._pace.requests:
                    self._bytes_in_flight += size
                    self._requests += 1
                    self._has_room.notify()  # perhaps for another one, too
                    return self._waiting.popleft()
                self._has_room.wait()
            self._has_room.notify_all()
            return None


# A reader is sent with each batch; connections outlive batches, and a renewed key starts afresh.
@lru_cache(maxsize=4)
def _fetcher(reader: S3Reader) -> _Fetcher:
    return _Fetcher(reader)


class _Fetcher:
    """The two clients of one process for one bucket."""

    def __init__(self, reader: S3Reader) -> None:
        self._reader = reader
        self._key_at = len(f"s3://{reader.bucket}/")
        self._options = AwsOptions(profile=reader.profile, region=reader.region, endpoint_url=reader.endpoint_url)
        self._obstore_failures = 0
        self.pace = _Pace()
        self._lock = Lock()
        self._store = open_store(
            reader.bucket, reader.region, reader.endpoint_url, reader.key, timeout_seconds=reader.grace_seconds
        )

    def fetch(self, item: LogObject) -> bytes | Unreadable:
        answer = self._fetch(item)
        return answer if isinstance(answer, Unreadable) else answer.content

    def fetch_stored(self, item: LogObject) -> Stored | Unreadable:
        answer = self._fetch(item)
        if isinstance(answer, Unreadable):
            return answer
        metadata = {str(name).lower(): str(value) for name, value in answer.metadata().items()}
        etag = answer.etag and answer.etag.strip('"')
        return Stored(answer.content, metadata, self._reader.bucket, item.last_modified, etag, answer.version_id)

    def _fetch(self, item: LogObject) -> _Answer | Unreadable:
        if item.size_bytes > MAX_OBJECT_BYTES:
            return too_large(item.uri, item.size_bytes)
        if item.storage is not None and item.storage.archived:
            return Unreadable(item.uri, item.storage.archived)
        key = item.uri[self._key_at :]
        try:
            if (
                self._store is None
                or self._obstore_failures >= _OBSTORE_FAILURES
                or item.size_bytes > _OBSTORE_BYTES
                or not fits_obstore(key)
            ):
                return self._get_surely(item, key)
            answer = self._get_fast(self._store, key, item.size_bytes)
            if answer is not None:
                self._obstore_failures = 0
                return answer
            answer_or_reason = self._get_surely(item, key)
        except RefusedBody as refused:
            return Unreadable(item.uri, str(refused))
        if not isinstance(answer_or_reason, Unreadable):
            self._obstore_failures += 1
        return answer_or_reason

    def _get_fast(self, store: S3Store, key: str, size_bytes: int) -> _Answer | None:
        """Return the object, or None when obstore fails for whatever reason: boto3 says why."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            answer = obstore.get(store, key)
            meta = answer.meta
            if meta["size"] > size_bytes:  # as promised by the server, and no more will come
                raise RefusedBody(too_long(size_bytes))
            content = bytes(answer.bytes())
        except (BaseError, OSError, ValueError) as error:
            if _SLOW_DOWN.search(str(error)):
                self.pace.note(slow_down=True)
            return None
        self.pace.note(slow_down=False)
        # object_store normalises paths: what it asked for must be what we meant.
        is_whole = len(content) == meta["size"] and meta["path"] == key
        return _Answer(content, lambda: answer.attributes, meta["e_tag"], meta["version"]) if is_whole else None

    def _get_surely(self, item: LogObject, key: str) -> _Answer | Unreadable:
        from botocore import exceptions

        try:
            with self._lock:
                client = self._client
            try:
                return self._get_object(client, key, item.size_bytes)
            except exceptions.ReadTimeoutError:
                raise
            except (exceptions.IncompleteReadError, exceptions.HTTPClientError):
                # The body broke off; botocore repeats only the request itself.
                return self._get_object(client, key, item.size_bytes)
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            refused = refusal(error, self._options)
            # A proxy may rewrite an odd key and so break its signature, and no other's.
            if refused is not None and (fits_obstore(key) or error_code(error) != "SignatureDoesNotMatch"):
                raise refused from error
            broke_off = "incomplete: " if isinstance(error, exceptions.IncompleteReadError) else ""
            return Unreadable(item.uri, broke_off + denial_reason(error, "s3:GetObject"))

    def _get_object(self, client: S3Client, key: str, size_bytes: int) -> _Answer:
        answer = client.get_object(Bucket=self._reader.bucket, Key=key)
        content = read_body(answer["Body"], size_bytes, self._reader.grace_seconds)
        return _Answer(content, lambda: answer["Metadata"], answer.get("ETag"), answer.get("VersionId"))

    @cached_property
    def _client(self) -> S3Client:
        session = open_session(self._options, self._reader.key)
        return s3_client(session, self._options)
