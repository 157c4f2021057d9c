"""Buckets on moto's server, and a small S3 server of our own that can be told to fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

from detector.sources.aws_options import AwsOptions
from tests.loopback import serve

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(autouse=True)
def aws_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTING")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-secret-of-the-tests")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")


@dataclass(frozen=True)
class Bucket:
    """A bucket of its own on moto's server."""

    name: str
    client: S3Client
    options: AwsOptions

    def put(self, *keys: str, body: bytes = b"{}") -> None:
        for key in keys:
            self.client.put_object(Bucket=self.name, Key=key, Body=body)


_bucket_numbers = count()


@pytest.fixture
def bucket(s3_url: str, aws_environment: None) -> Iterator[Bucket]:  # noqa: ARG001
    import boto3

    name = f"trail-{next(_bucket_numbers)}"
    client = boto3.client("s3", endpoint_url=s3_url)
    client.create_bucket(Bucket=name)
    yield Bucket(name, client, AwsOptions(endpoint_url=s3_url))
    client.close()


Answer = tuple[int, bytes]
Fault = Callable[[str, str, "Handler"], Answer | None]


@dataclass
class FakeS3:
    """One bucket, `trail`: ListObjectsV2, GetObject and HeadBucket, with faults on demand."""

    objects: dict[str, bytes] = field(default_factory=dict)
    storage: dict[str, str] = field(default_factory=dict)  # XML about how an object is kept, by key
    page_size: int = 1000
    region: str = "us-east-1"  # empty: it does not say, as S3 always does
    requests: list[tuple[str, str]] = field(default_factory=list)  # (operation, prefix or key)
    faults: list[Fault] = field(default_factory=list)
    url: str = ""

    @property
    def options(self) -> AwsOptions:
        return AwsOptions(endpoint_url=self.url)

    def asked(self, operation: str) -> list[str]:
        return [name for asked, name in self.requests if asked == operation]

    def fail(
        self, operation: str, name: str, status: int, code: str, message: str = "no", *, times: int | None = None
    ) -> None:
        """Answer `operation` on keys or prefixes that start with `name` with an error, for ever or a few times."""
        left = iter(range(times)) if times is not None else count()
        lock = threading.Lock()

        def fault(asked: str, asked_name: str, handler: Handler) -> Answer | None:  # noqa: ARG001
            if asked != operation or not asked_name.startswith(name):
                return None
            with lock:
                if next(left, None) is None:
                    return None
            return status, f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>".encode()

        self.faults.append(fault)

    def list_page(self, query: dict[str, str]) -> Answer:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("continuation-token") or query.get("start-after", "")
        size = min(self.page_size, int(query.get("max-keys", "1000")))
        entries: dict[str, bool] = {}  # key or common prefix: is it a prefix
        for key in sorted(self.objects):
            if not key.startswith(prefix):
                continue
            rest, slash, _ = key.removeprefix(prefix).partition("/") if delimiter else ("", "", "")
            name = prefix + rest + "/" if slash else key
            if name > after:
                entries[name] = bool(slash)
        page = dict(list(entries.items())[:size])
        body = "".join(
            f"<CommonPrefixes><Prefix>{quote(name)}</Prefix></CommonPrefixes>"
            if is_prefix
            else f"<Contents><Key>{quote(name)}</Key><LastModified>2026-03-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;etag-{len(self.objects[name])}&quot;</ETag><Size>{len(self.objects[name])}</Size>"
            f"{self.storage.get(name, '')}</Contents>"
            for name, is_prefix in page.items()
        )
        more = len(entries) > size
        token = f"<NextContinuationToken>{escape(list(page)[-1])}</NextContinuationToken>" if more else ""
        head = f"<EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>{token}"
        return 200, f"<ListBucketResult>{head}{body}</ListBucketResult>".encode()


class Handler(BaseHTTPRequestHandler):
    fake: FakeS3

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        key = unquote(url.path).removeprefix("/trail").removeprefix("/")
        is_list = "list-type" in query
        operation, name = ("LIST", query.get("prefix", "")) if is_list else ("GET", key)
        self.fake.requests.append((operation, name))
        for fault in self.fake.faults:
            if (answer := fault(operation, name, self)) is not None:
                return self.reply(*answer) if answer[0] else None  # 0: the fault has answered by itself
        if is_list:
            return self.reply(*self.fake.list_page(query))
        if key not in self.fake.objects:
            return self.reply(404, b"<Error><Code>NoSuchKey</Code><Message>no</Message></Error>")
        return self.reply(200, self.fake.objects[key])

    def do_HEAD(self) -> None:
        self.fake.requests.append(("HEAD", ""))
        refused = any(fault("HEAD", "", self) for fault in self.fake.faults)
        self.reply(403 if refused else 200, b"")

    def reply(self, status: int, body: bytes, *, promised: int | None = None) -> None:
        """Send an answer; with `promised`, fewer bytes than its Content-Length says, and hang up."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if promised is None else promised))
        self.send_header("ETag", '"etag"')
        self.send_header("Last-Modified", "Sun, 01 Mar 2026 00:00:00 GMT")
        if self.fake.region:
            self.send_header("x-amz-bucket-region", self.fake.region)
        self.end_headers()
        self.wfile.write(body)
        if promised is not None:
            self.close_connection = True


@pytest.fixture
def fake_s3() -> Iterator[FakeS3]:
    fake = FakeS3()
    with serve(Handler, fake=fake) as port:
        fake.url = f"http://127.0.0.1:{port}"
        yield fake
