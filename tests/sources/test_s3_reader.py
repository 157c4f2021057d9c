"""How objects are read when S3 throttles, refuses, breaks off, or has nothing to give."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from detector.errors import CredentialsError
from detector.sources import s3_reader
from detector.sources.aws_options import AwsOptions
from detector.sources.aws_session import AccessKey
from detector.sources.log_source import LogObject, Unreadable
from detector.sources.opening import open_source
from detector.sources.s3_reader import S3Reader
from detector.sources.s3_store import fits_obstore
from tests.loopback import serve

# Their classes live in conftest.py, which cannot be imported.
FakeS3 = Any
Handler = Any

KMS_KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture(autouse=True)
def fresh_clients() -> Iterator[None]:
    yield
    s3_reader._fetcher.cache_clear()


def log_object(key: str, size_bytes: int = 1) -> LogObject:
    return LogObject(f"s3://trail/{key}", size_bytes, "etag", None)


def listed(fake: FakeS3, *keys: str) -> list[LogObject]:
    return [log_object(key, len(fake.objects.get(key, b""))) for key in keys]


def read(fake: FakeS3, *keys: str) -> dict[str, bytes | Unreadable]:
    reader = pickle.loads(pickle.dumps(open_source("s3://trail", fake.options).reader()))
    return {item.uri.removeprefix("s3://trail/"): got for item, got in reader.read(listed(fake, *keys))}


def reason(fake: FakeS3, key: str) -> str:
    got = read(fake, key, "good")
    assert got["good"] == b"good"
    failure = got[key]
    assert isinstance(failure, Unreadable)
    assert failure.uri == f"s3://trail/{key}"
    return failure.reason


@pytest.fixture
def fake(fake_s3: FakeS3) -> FakeS3:
    fake_s3.objects = {"good": b"good", "bad": b"bad", "a//bad": b"odd bad"}
    return fake_s3


def test_many_objects_come_back_each_with_its_own_bytes(fake: FakeS3) -> None:
    fake.objects = {f"{number}.json.gz": b"content of %d" % number for number in range(100)}
    assert read(fake, *fake.objects) == fake.objects
    assert len(fake.asked("GET")) == 100


def test_an_empty_object_is_empty_bytes(fake: FakeS3) -> None:
    fake.objects["empty"] = b""
    assert read(fake, "empty") == {"empty": b""}


def test_no_objects_are_read_from_an_empty_batch(fake: FakeS3) -> None:
    assert read(fake) == {}


@pytest.mark.parametrize("key", ["bad", "a//bad"])
def test_a_throttled_object_is_asked_for_until_it_comes(fake: FakeS3, key: str) -> None:
    fake.fail("GET", key, 503, "SlowDown", times=4 if key == "bad" else 1)
    assert read(fake, key) == {key: fake.objects[key]}


def test_fewer_requests_are_made_at_a_time_once_s3_says_slow_down(fake: FakeS3) -> None:
    slow = [f"slow{number}" for number in range(4)]
    fake.objects = {key: key.encode() for key in [*slow, "1", "2", "3", "4"]}
    for key in slow:
        fake.fail("GET", key, 503, "SlowDown", times=3)  # all that obstore asks
    reader = open_source("s3://trail", fake.options).reader()
    assert len(list(reader.read(listed(fake, *slow)))) == 4
    two_at_once = threading.Barrier(2, timeout=0.3)

    def meet(operation: str, _name: str, _handler: Handler) -> None:
        if operation == "GET":
            with suppress(threading.BrokenBarrierError):
                two_at_once.wait()

    fake.faults.append(meet)
    got = dict(reader.read(listed(fake, "1", "2", "3", "4")))
    assert set(got.values()) == {b"1", b"2", b"3", b"4"}
    assert two_at_once.broken  # nobody came to meet the first


def test_the_pace_is_taken_up_again() -> None:
    rate_limiter = s3_reader._Pace()
    for _ in range(9):
        rate_limiter.note(slow_down=True)
    assert rate_limiter.requests == 1
    paces: list[int] = []
    for _ in range(600):
        rate_limiter.note(slow_down=False)
        paces.append(rate_limiter.requests)
    assert paces == sorted(paces)
    assert paces[-1] == s3_reader.PARALLEL_GETS


def test_an_object_throttled_for_ever_is_unreadable_and_its_neighbour_is_read(fake: FakeS3) -> None:
    fake.fail("GET", "bad", 503, "SlowDown", "Please reduce your request rate.")
    assert reason(fake, "bad") == "SlowDown: Please reduce your request rate."


def test_an_object_that_is_gone_since_the_listing_says_so(fake: FakeS3) -> None:
    assert reason(fake, "never-there") == "listed, but gone since"


def test_a_denied_object_names_the_permission(fake: FakeS3) -> None:
    fake.fail("GET", "bad", 403, "AccessDenied", "User: arn:aws:iam::111122223333:user/x is not authorized")
    assert reason(fake, "bad") == "access denied: s3:GetObject is not allowed"


@pytest.mark.parametrize(
    ("code", "message", "named"),
    [
        ("AccessDenied", f"User: x is not authorized to perform: kms:Decrypt on resource: {KMS_KEY} because", KMS_KEY),
        ("AccessDenied", "The ciphertext refers to a customer master key that does not exist", "its key"),
        ("KMS.DisabledException", f"{KMS_KEY} is disabled.", KMS_KEY),
    ],
)
def test_an_object_denied_by_kms_names_kms_and_the_key(fake: FakeS3, code: str, message: str, named: str) -> None:
    fake.fail("GET", "bad", 403, code, message)
    assert reason(fake, "bad") == f"encrypted with KMS, and kms:Decrypt is refused for {named} ({code})"


@pytest.mark.parametrize(
    ("more", "named"),
    [("", "Glacier"), ("</Message><StorageClass>DEEP_ARCHIVE</StorageClass><Message>", "DEEP_ARCHIVE")],
)
def test_an_archived_object_says_so(fake: FakeS3, more: str, named: str) -> None:
    body = f"<Error><Code>InvalidObjectState</Code><Message>no{more}</Message></Error>".encode()
    fake.faults.append(lambda operation, name, _: (403, body) if (operation, name) == ("GET", "bad") else None)
    assert reason(fake, "bad") == f"archived ({named}): restore it first"


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_refused_credentials_end_the_batch(fake: FakeS3, code: str) -> None:
    fake.objects = {f"{number}": b"x" for number in range(200)}
    fake.fail("GET", "1", 400, code)
    with pytest.raises(CredentialsError, match=code) as caught:
        read(fake, *fake.objects)
    assert len(set(fake.asked("GET"))) < 100
    assert "the-secret-of-the-tests" not in str(caught.value)
    copy = pickle.loads(pickle.dumps(caught.value))  # it travels from the worker to the parent
    assert (str(copy), copy.hint) == (str(caught.value), caught.value.hint)


def test_a_signature_broken_by_an_odd_key_is_that_objects_failure_alone(fake: FakeS3) -> None:
    fake.fail("GET", "a//bad", 403, "SignatureDoesNotMatch")
    assert reason(fake, "a//bad").startswith("SignatureDoesNotMatch")


def break_off(fake: FakeS3, key: str, times: int) -> None:
    """Send half of the body of `key` and hang up, the first few times."""
    left = [None] * times
    lock = threading.Lock()

    def fault(_operation: str, name: str, handler: Handler) -> tuple[int, bytes] | None:
        with lock:
            if name != key or not left:
                return None
            left.pop()
        body = fake.objects[key]
        handler.reply(200, body[: len(body) // 2], promised=len(body))
        return HUNG_UP

    fake.faults.append(fault)


HUNG_UP = (0, b"")


@pytest.mark.parametrize("key", ["bad", "a//bad"])
def test_a_body_that_breaks_off_is_fetched_once_more(fake: FakeS3, key: str) -> None:
    break_off(fake, key, times=1)
    assert read(fake, key) == {key: fake.objects[key]}


@pytest.mark.parametrize("key", ["bad", "a//bad"])
def test_a_body_that_always_breaks_off_is_unreadable(fake: FakeS3, key: str) -> None:
    break_off(fake, key, times=1000)
    assert "incomplete" in reason(fake, key).lower()


def test_objects_are_fetched_by_boto3_alone_once_obstore_only_fails(
    fake: FakeS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"{number}" for number in range(20)]
    fake.objects = dict.fromkeys(keys, b"x")
    asked_by_obstore = []

    def fault(_operation: str, name: str, handler: Handler) -> tuple[int, bytes] | None:
        if "Boto3" in handler.headers["User-Agent"]:
            return None
        asked_by_obstore.append(name)
        return 400, b"<Error><Code>InvalidRequest</Code></Error>"

    fake.faults.append(fault)
    monkeypatch.setattr(s3_reader, "_OBSTORE_FAILURES", 3)
    monkeypatch.setattr(s3_reader, "PARALLEL_GETS", 1)
    assert read(fake, *keys) == fake.objects
    assert asked_by_obstore == keys[:3]


def test_objects_are_read_even_where_obstore_cannot_start(fake: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    import obstore.store

    def refuse(*_arguments: object, **_options: object) -> None:
        raise ValueError("no such option")

    monkeypatch.setattr(obstore.store, "S3Store", refuse)
    assert read(fake, "good") == {"good": b"good"}


def test_large_objects_are_not_fetched_all_at_once(fake: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.objects = {f"{number}": b"x" * 1000 for number in range(20)}
    monkeypatch.setattr(s3_reader, "BYTES_IN_FLIGHT", 3000)
    reader = open_source("s3://trail", fake.options).reader()
    sizes = [5000] + [1000] * 19  # the first alone is above the cap, and is read nevertheless
    stream = reader.read([log_object(f"{number}", size) for number, size in enumerate(sizes)])
    assert next(stream)[0].size_bytes == 5000
    assert fake.asked("GET") == ["0"]
    taken = 1
    for _ in stream:
        taken += 1
        assert len(fake.asked("GET")) <= taken + 3
    assert taken == 20


def test_room_is_made_as_objects_are_taken(fake: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.objects = {f"{number}": b"x" for number in range(6)}
    three_at_once = threading.Barrier(3, timeout=10)

    def meet(operation: str, _name: str, _handler: Handler) -> None:
        if operation == "GET":
            three_at_once.wait()

    fake.faults.append(meet)
    monkeypatch.setattr(s3_reader, "BYTES_IN_FLIGHT", 3000)
    reader = open_source("s3://trail", fake.options).reader()
    got = dict(reader.read([log_object(key, 1000) for key in fake.objects]))
    assert set(got.values()) == {b"x"}
    assert not three_at_once.broken


@pytest.mark.parametrize("meta", [{"size": 4, "path": "other"}, {"size": 3, "path": "good"}])
def test_what_obstore_fetched_otherwise_than_asked_is_fetched_by_boto3(
    fake: FakeS3, monkeypatch: pytest.MonkeyPatch, meta: dict[str, object]
) -> None:
    import obstore

    class Answer:
        def __init__(self) -> None:
            self.meta = meta

        def bytes(self) -> bytes:
            return b"evil"

    monkeypatch.setattr(obstore, "get", lambda _store, _key: Answer())
    assert read(fake, "good") == {"good": b"good"}


def test_a_batch_that_is_abandoned_stops_fetching(fake: FakeS3) -> None:
    fake.objects = {f"{number}": b"x" for number in range(500)}
    reader = open_source("s3://trail", fake.options).reader()
    stream = reader.read([log_object(key) for key in fake.objects])
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    for thread in threading.enumerate():
        if thread.name.startswith("s3-get"):
            thread.join(timeout=10)
    assert len(fake.asked("GET")) < 250


def test_connections_and_clients_outlive_a_batch(fake: FakeS3) -> None:
    def one() -> S3Reader:
        return S3Reader("trail", "us-east-1", fake.url, AccessKey("AKIA", "secret", None))

    assert s3_reader._fetcher(one()) is s3_reader._fetcher(one())


def test_environment_variables_that_only_obstore_reads_change_nothing(
    fake: FakeS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def note(_operation: str, _name: str, handler: Handler) -> None:
        seen.append((handler.path, handler.headers))

    fake.faults.append(note)
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true")
    reader = S3Reader("trail", "eu-west-1", fake.url, AccessKey("AKIAREADER", "secret", None))
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-token-of-another-key")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert [got for _, got in reader.read([log_object("good", 4)])] == [b"good"]
    [(path, headers)] = seen
    assert path == "/trail/good"
    assert "Boto3" not in headers["User-Agent"]
    assert "AKIAREADER" in headers["Authorization"]
    assert "/eu-west-1/s3/" in headers["Authorization"]
    assert "x-amz-security-token" not in headers


def read_with_limits(fake: FakeS3, *objects: LogObject) -> dict[str, bytes | Unreadable]:
    """Read in few seconds, or not at all."""
    reader = S3Reader("trail", "us-east-1", fake.url, AccessKey("AKIAREADER", "secret", None), grace_seconds=0.4)
    return {item.uri.removeprefix("s3://trail/"): got for item, got in reader.read(objects)}


def reason_of(got: bytes | Unreadable) -> str:
    assert isinstance(got, Unreadable)
    return got.reason


def answer_by_itself(fake: FakeS3, key: str, send: Callable[[Handler], None]) -> None:
    def fault(operation: str, name: str, handler: Handler) -> tuple[int, bytes] | None:
        if (operation, name) != ("GET", key):
            return None
        with suppress(OSError):  # the reader has hung up
            send(handler)
        handler.close_connection = True
        return HUNG_UP

    fake.faults.append(fault)


def head(handler: Handler, **headers: str) -> None:
    handler.send_response(200)
    for name, value in {"ETag": '"etag"', "Last-Modified": "Sun, 01 Mar 2026 00:00:00 GMT", **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


@pytest.mark.parametrize("key", ["bad", "a//bad"])
def test_a_body_without_an_end_is_given_up_at_its_listed_size(fake: FakeS3, key: str) -> None:
    sent = []

    def endless(handler: Handler) -> None:
        head(handler, Transfer_Encoding="chunked")
        while True:
            handler.wfile.write(b"100000\r\n" + b"x" * (1 << 20) + b"\r\n")
            sent.append(1 << 20)

    answer_by_itself(fake, key, endless)
    got = read(fake, key, "good")
    assert got["good"] == b"good"
    assert reason_of(got[key]) == f"holds more than the {len(fake.objects[key])} bytes that were listed"
    assert sum(sent) < 64 << 20


@pytest.mark.parametrize("key", ["bad", "a//bad"])
def test_an_object_longer_than_listed_is_unreadable(fake: FakeS3, key: str) -> None:
    got = read_with_limits(fake, log_object(key, 2), log_object("good", 4))
    assert got["good"] == b"good"
    assert reason_of(got[key]) == "holds more than the 2 bytes that were listed"


def test_an_object_larger_than_any_log_file_is_not_asked_for(fake: FakeS3) -> None:
    got = read_with_limits(fake, log_object("bad", 2 << 40), log_object("good", 4))
    assert got["good"] == b"good"
    assert "more than the cap" in reason_of(got["bad"])
    assert fake.asked("GET") == ["good"]


@pytest.mark.parametrize("key", ["bad", "a//bad"])
@pytest.mark.parametrize("has_length", [True, False])
def test_a_body_that_trickles_is_given_up(fake: FakeS3, key: str, has_length: bool) -> None:
    gone = threading.Event()

    def trickle(handler: Handler) -> None:
        head(handler, **({"Content_Length": "600"} if has_length else {"Connection": "close"}))
        while not gone.wait(0.1):
            handler.wfile.write(b"x")

    answer_by_itself(fake, key, trickle)
    try:
        got = read_with_limits(fake, log_object(key, 600), log_object("good", 4))
    finally:
        gone.set()
    assert got["good"] == b"good"
    assert "did not come whole within" in reason_of(got[key])


def test_a_large_object_is_read_whole(fake: FakeS3) -> None:
    fake.objects["large"] = bytes(range(256)) * (3 << 13)
    assert read(fake, "large") == {"large": fake.objects["large"]}


@pytest.mark.parametrize("token", [None, "the-token-of-the-tests"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_credentials_go_where_another_server_redirects(fake: FakeS3, status: int, token: str | None) -> None:
    seen = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers)
            self.send_error(404)

    with serve(Elsewhere) as port:

        def redirect(handler: Handler) -> None:
            handler.send_response(status)
            handler.send_header("Location", f"http://127.0.0.1:{port}/latest/meta-data")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        answer_by_itself(fake, "bad", redirect)
        reader = S3Reader("trail", "us-east-1", fake.url, AccessKey("AKIAREADER", "secret", token))
        got = {item.uri: content for item, content in reader.read(listed(fake, "bad", "good"))}
    assert got["s3://trail/good"] == b"good"
    assert isinstance(got["s3://trail/bad"], Unreadable)
    assert not any("Authorization" in headers or "x-amz-security-token" in headers for headers in seen)


def test_only_keys_that_obstore_takes_literally_go_through_it() -> None:
    assert all(map(fits_obstore, ["a", "a/b.json", "a b+%2F=é", "...", "a/.b"]))
    assert not any(map(fits_obstore, ["", "/a", "a/", "a//b", "./a", "a/../b", "..", "a/."]))


def test_a_reader_without_a_listing_asks_where_the_bucket_is(fake: FakeS3) -> None:
    fake.region = "ap-southeast-2"
    assert open_source("s3://trail", fake.options).reader().region == "ap-southeast-2"  # type: ignore[attr-defined]
    assert fake.asked("HEAD") == [""]


def test_a_bucket_that_may_not_be_asked_still_says_where_it_is(fake: FakeS3) -> None:
    fake.region = "ap-southeast-2"
    fake.fail("HEAD", "", 403, "AccessDenied")
    source = open_source("s3://trail", fake.options)
    assert source.reader().region == "ap-southeast-2"  # type: ignore[attr-defined]
    assert source.reader().region == "ap-southeast-2"  # type: ignore[attr-defined]
    assert fake.asked("HEAD") == [""]


def test_where_nobody_answers_the_reader_keeps_the_region_it_was_given() -> None:
    options = AwsOptions(region="eu-west-3", endpoint_url="http://127.0.0.1:9")
    assert open_source("s3://trail", options).reader().region == "eu-west-3"  # type: ignore[attr-defined]
