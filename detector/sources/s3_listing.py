"""The listing of one bucket: folders in parallel, each as deep as the scope asks for, pages as they arrive."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date
from queue import Full, Queue
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Final

from detector.errors import DetectorError, SourceError, SourceUnavailable
from detector.reasons import Reason
from detector.scope import Scope
from detector.sources.aws_errors import denial_reason, error_code, is_servers_fault, is_unreachable, refusal
from detector.sources.aws_options import AwsOptions
from detector.sources.aws_session import CONNECTIONS
from detector.sources.keys import (
    before_day,
    before_moment,
    exclusion,
    folder_exclusion,
    in_layout,
    is_digest,
    other_service,
    parse_folder,
    skip_reason,
)
from detector.sources.log_source import LeftOut, Limit, Listed, LogObject, Skipped, Unreadable
from detector.sources.s3_pages import only_news
from detector.sources.storage import storage_of
from detector.text import one_line

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef, ObjectTypeDef

_PAGES_WAITING: Final = 16  # of 1,000 keys each; the listing waits when nobody takes them
_DEPTH_WITHOUT_LAYOUT: Final = 5
# botocore asks again in the right region by itself; these are left when nobody tells it which that is.
_WRONG_REGION_CODES: Final = frozenset(
    {"PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)


class S3Listing:
    """One walk over a bucket, for one call of `S3Source.list`.

    Folders are found by delimiter, in parallel, down to the regions; a region's files are listed flat. Given dates,
    a region costs only the pages of those days: the listing starts at the first and ends after the last, so in
    CloudTrail's own layout nothing outside of its YYYY/MM/DD folders is looked for then.
    """

    # A bucket full of delete markers does have empty pages, if rarely so many one after the other.
    most_empty_pages = 1_000

    def __init__(self, client: S3Client, bucket: str, prefix: str, scope: Scope, options: AwsOptions) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._root = prefix
        self._scope = scope
        self._options = options
        # Whoever names a folder inside another service's tree wants it read: names are judged from there on.
        self._judged_from = (
            len(prefix) if parse_folder(prefix.rpartition("/")[0]).kind not in (None, "CloudTrail") else 0
        )
        self._pages: Queue[list[Listed] | BaseException | None] = Queue(_PAGES_WAITING)
        self._abandoned = Event()
        self._open_folders = 0
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="s3-list")
        self.region: str | None = None  # the bucket's, once AWS has said it

    def run(self) -> Iterator[Listed]:
        """Yield what lies below the prefix.

        Raises:
            SourceError: the bucket or the prefix cannot be listed at all.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            try:
                root, named_object = self._find_root()
            except (BotoCoreError, ClientError) as error:
                raise self._fatal(error) from error
            if named_object is not None:
                yield named_object
                return
            if excluded := folder_exclusion(self._scope, root) if root.endswith("/") else None:
                yield excluded.of(self._uri(root))
                return
            self._root = root
            self._submit(root, 0)
            is_empty = True
            while (page := self._pages.get()) is not None:
                if isinstance(page, BaseException):
                    raise page
                is_empty = is_empty and not page
                yield from page
            if is_empty:
                yield from self._beside()
        finally:
            self._abandoned.set()
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _find_root(self) -> tuple[str, LogObject | Unreadable | None]:
        """Return the folder that the prefix names, or the one object; failing both, the prefix as it stands."""
        if not self._prefix or self._prefix.endswith("/"):
            return self._prefix, None
        # The folder first: a policy may allow to list below `AWSLogs/1/` and not `AWSLogs/1` itself.
        if self._first_page(self._prefix + "/").get("Contents"):
            return self._prefix + "/", None
        for item in self._first_page(self._prefix).get("Contents", []):
            if item["Key"] == self._prefix:
                return "", self._log_object(item)
        return self._prefix, None

    def _beside(self) -> Iterator[LeftOut]:
        """Yield the folders beside a prefix under which there is nothing, or beside the first above it that exists."""
        from botocore.exceptions import BotoCoreError, ClientError

        above = self._prefix
        while above:
            above = above.rstrip("/").rpartition("/")[0]
            above += "/" if above else ""
            try:
                page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=above, Delimiter="/")
            except (BotoCoreError, ClientError):
                return  # whoever may list the prefix need not be allowed to list what is beside it
            folders = [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
            yield from (LeftOut(self._uri(folder), Reason.BESIDE_PREFIX.of()) for folder in folders)
            if folders:
                return

    def _first_page(self, prefix: str) -> ListObjectsV2OutputTypeDef:
        page = self._client.list_objects_v2(
            Bucket=self._bucket, Prefix=prefix, MaxKeys=1, OptionalObjectAttributes=["RestoreStatus"]
        )
        self._note_region(page)
        return page

    def _submit(self, folder: str, depth: int) -> None:
        with self._lock:
            self._open_folders += 1
        self._pool.submit(self._visit, folder, depth).add_done_callback(self._close_folder)

    def _close_folder(self, visit: Future[None]) -> None:
        with self._lock:
            self._open_folders -= 1
            last = self._open_folders == 0
        if not visit.cancelled() and (error := visit.exception()):
            self._give(error)
        elif last:
            self._give(None)

    def _give(self, page: list[Listed] | BaseException | None) -> None:
        while not self._abandoned.is_set():
            with suppress(Full):
                self._pages.put(page, timeout=0.1)
                return

    def _visit(self, folder: str, depth: int) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            if self._is_listed_flat(folder, depth):
                self._list_flat(folder)
            else:
                self._list_level(folder, depth)
        except (BotoCoreError, ClientError) as error:
            if folder == self._root or is_unreachable(error) or refusal(error, self._options):
                raise self._fatal(error) from error
            self._give([Unreadable(self._uri(folder), denial_reason(error, "s3:ListBucket"))])

    def _is_listed_flat(self, folder: str, depth: int) -> bool:
        if depth >= _DEPTH_WITHOUT_LAYOUT or in_layout(folder):
            return True
        has_dates = self._scope.first_day is not None or self._scope.last_day is not None
        return parse_folder(folder).region is not None and not has_dates

    def _list_level(self, folder: str, depth: int) -> None:
        """List one level and submit the folders below it."""
        for page in self._list(folder, delimiter="/"):
            found = [self._judge(item) for item in page.get("Contents", [])]
            for entry in page.get("CommonPrefixes", []):
                below = entry["Prefix"]
                if excluded := folder_exclusion(self._scope, below):
                    found.append(excluded.of(self._uri(below)))
                elif reason := other_service(below[self._judged_from :]):
                    found.append(LeftOut(self._uri(below), reason))
                else:
                    self._submit(below, 0 if below.endswith("/AWSLogs/") else depth + 1)
            self._give(found)

    def _list_flat(self, folder: str) -> None:
        """List everything below a folder; in CloudTrail's layout only the days of the scope."""
        first, last = (self._scope.first_day, self._scope.last_day) if in_layout(folder) else (None, None)
        if first or last:
            days = f"{f'from {first}' if first else ''}{f' to {last}' if last else ''}".strip()
            self._give([LeftOut(self._uri(folder), Reason.OTHER_DAYS.of(days=days), Limit.WINDOW)])
        for page in self._list(folder, start_after=self._start_after(folder, first) if first else ""):
            found: list[Listed] = []
            for item in page.get("Contents", []):
                # Only days of folders are in the order of the keys; a file's own name may lie anywhere.
                day = parse_folder(item["Key"].rpartition("/")[0]).first_day if last else None
                if last and day and day > last:
                    return self._give(found)
                found.append(self._judge(item))
            self._give(found)
        return None

    def _start_after(self, folder: str, first: date) -> str:
        since = self._scope.delivered_since
        return before_moment(folder, since) if since and since.date() == first else before_day(folder, first)

    def _list(self, prefix: str, *, delimiter: str = "", start_after: str = "") -> Iterator[ListObjectsV2OutputTypeDef]:
        options: dict[str, Any] = {"OptionalObjectAttributes": ["RestoreStatus"]}
        if delimiter:
            options["Delimiter"] = delimiter
        if start_after:
            options["StartAfter"] = start_after
        pages = self._client.get_paginator("list_objects_v2")
        for page in only_news(
            pages.paginate(Bucket=self._bucket, Prefix=prefix, **options), prefix, self.most_empty_pages
        ):
            if self._abandoned.is_set():
                return
            self._note_region(page)
            yield page

    def _judge(self, item: ObjectTypeDef) -> Listed:
        key = item["Key"]
        if excluded := exclusion(self._scope, key):
            return excluded.of(self._uri(key))
        if reason := skip_reason(key[self._judged_from :]):
            digest = self._log_object(item) if is_digest(key) else None
            return Skipped(self._uri(key), reason, digest if isinstance(digest, LogObject) else None)
        return self._log_object(item)

    def _log_object(self, item: ObjectTypeDef) -> LogObject | Unreadable:
        uri, modified = self._uri(item["Key"]), item.get("LastModified")
        if "ETag" not in item or item.get("Size", -1) < 0:
            return Unreadable(uri, "listed without its size or its ETag")
        # S3 itself says where the bucket is. Other servers may give these names to classes that are read at once.
        storage = storage_of(item) if self.region else None
        return LogObject(uri, item["Size"], item["ETag"].strip('"'), modified and modified.astimezone(UTC), storage)

    def _uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"

    def _note_region(self, page: ListObjectsV2OutputTypeDef) -> None:
        if self.region is None:
            self.region = page["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")

    def _fatal(self, error: Exception) -> DetectorError:
        """Return what to raise when the listing as a whole ends with `error`."""
        if refused := refusal(error, self._options):
            return refused
        uri, code = self._uri(self._prefix), error_code(error)
        if is_unreachable(error):
            return SourceUnavailable(
                f"cannot reach S3 to list {uri}: {one_line(error)}",
                hint="check the network, the proxy, AWS_REGION and --endpoint-url",
            )
        if code == "NoSuchBucket":
            return SourceError(f"bucket {self._bucket} does not exist", hint="check its name, and --endpoint-url")
        if code in ("AccessDenied", "AllAccessDisabled", "403"):
            return SourceError(
                f"access denied: cannot list {uri}",
                hint=f"allow s3:ListBucket on arn:aws:s3:::{self._bucket}, or name a prefix that you may list",
            )
        if code in _WRONG_REGION_CODES:
            return SourceError(
                f"bucket {self._bucket} is in another region: {one_line(error)}", hint="set AWS_REGION to the bucket's"
            )
        if is_servers_fault(error):
            return SourceUnavailable(f"S3 does not list {uri} now: {denial_reason(error, 's3:ListBucket')}")
        return SourceError(f"cannot list {uri}: {denial_reason(error, 's3:ListBucket')}")
