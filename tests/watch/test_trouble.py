"""What goes wrong: objects that are not there, messages that nobody understands, a queue that does not answer."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from random import Random
from typing import Any

import pytest

from detector.alerts.sinks.opening import open_outputs
from detector.backoff import Backoff
from detector.errors import (
    CredentialsError,
    DetectorError,
    LakeError,
    OutputClosed,
    SinkError,
    SourceError,
    SourceUnavailable,
    UsageError,
)
from detector.ingest.ingest import ingest
from detector.lake.quarantine import Quarantine
from detector.lake.writer import open_to_write
from detector.sources.aws_options import AwsOptions
from detector.sources.sqs import Message, Queue, VisibilityExtender
from detector.times import utc_now
from detector.watch.heartbeat import Heartbeat
from detector.watch.outage import Outage, may_pass
from detector.watch.progress import Totals
from detector.watch.queue_feed import QueueFeed, QueueSettings
from detector.watch.rule_schedule import load_watch_rules
from detector.watch.settings import WatchSettings
from detector.watch.watch import Watch
from tests.loopback import serve
from tests.running import LOGIN, Run, write_log

from .trail import Trail, alert_ids, bundled_files, rows, watch_command, watch_once

pytestmark = pytest.mark.usefixtures("few_rules")


def eventually(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.1)
    return False


def one_file(number: int = 0) -> tuple[str, bytes]:
    return list(bundled_files("compromised_root").items())[number]


@pytest.mark.slow
def test_an_object_that_comes_later_is_tried_again(
    run: Run, s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.watch.queue_feed._RETRY", Backoff(1, 900))
    trail = Trail.make(s3_url, by="nothing")
    key, content = one_file()
    trail.send(trail.created(key), {"s3Bucket": trail.bucket, "s3ObjectKey": [key]})
    early = watch_once(run, trail, tmp_path)
    assert early.code == 4
    assert f"failed: s3://{trail.bucket}/{key}: " in early.err
    assert trail.left == 2
    trail.put({key: content})
    assert eventually(lambda: watch_once(run, trail, tmp_path).code == 0 and trail.left == 0)
    assert {row[0] for row in rows(tmp_path / "lake")} == {f"s3://{trail.bucket}/{key}"}
    trail.close()


def test_cloudtrails_own_messages_name_objects_without_their_etags(run: Run, s3_url: str, tmp_path: Path) -> None:
    trail = Trail.make(s3_url, by="nothing")
    files = dict(list(bundled_files("compromised_root").items())[:4])
    trail.put(files)
    trail.send({"s3Bucket": trail.bucket, "s3ObjectKey": list(files)}, "CloudTrail validation message.")
    assert watch_once(run, trail, tmp_path).code == 0
    assert trail.left == 0
    assert {row[0] for row in rows(tmp_path / "lake")} == {f"s3://{trail.bucket}/{key}" for key in files}
    trail.close()


@pytest.mark.slow
def test_what_is_not_understood_stays_in_the_queue_and_is_kept_once(run: Run, trail: Trail, tmp_path: Path) -> None:
    key, content = one_file()
    trail.put({key: content})
    trail.send("what is this?", "what is this?", {"Records": [{"eventSource": "aws:sqs", "body": "\x1b[31m"}]})
    ended = watch_once(run, trail, tmp_path)
    assert ended.code == 4
    assert ended.err.count("not understood: message ") == 3
    assert trail.left == 3
    kept = list((tmp_path / "lake" / "rejected").glob("message-*.json"))
    assert len(kept) == 2
    assert all(json.loads(path.read_text())["reason"] == "not JSON" for path in kept)
    trail.send("what is this?")
    assert watch_once(run, trail, tmp_path, "--on-poison", "quarantine").code == 4
    assert trail.left == 3
    assert len(list((tmp_path / "lake" / "rejected").glob("message-*.json"))) == 2


def test_nobody_fills_the_disk_with_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.lake.quarantine._MOST_KEPT", 2)
    (tmp_path / "rejected").mkdir()
    quarantine = Quarantine(tmp_path)
    assert [quarantine.keep(body, "why", utc_now()) for body in "aabbc"] == [True, True, True, True, False]
    assert quarantine.is_full
    monkeypatch.setattr("detector.lake.quarantine._MOST_KEPT", 9)
    monkeypatch.setattr("detector.lake.quarantine._MOST_BYTES", 1_000)
    again = Quarantine(tmp_path)
    assert again.keep("a" * 400, "why", utc_now())
    assert not again.keep("b" * 400, "why", utc_now())
    assert again.keep("c", "why", utc_now())


@pytest.mark.slow
def test_a_record_that_an_event_carries_is_ingested_once(run: Run, trail: Trail, tmp_path: Path) -> None:
    event = {"id": "e-1", "detail-type": "AWS Console Sign In via CloudTrail", "source": "aws.signin",
             "time": "2025-03-04T09:53:00Z", "detail": LOGIN}  # fmt: skip
    trail.send(event, event)
    assert watch_once(run, trail, tmp_path).code == 0
    first = alert_ids(tmp_path)
    assert first
    log = write_log(tmp_path / "log.json.gz", LOGIN)
    trail.put({"AWSLogs/a.json.gz": log.read_bytes()})
    assert watch_once(run, trail, tmp_path).code == 0
    assert alert_ids(tmp_path) == first
    carried, logged = (row[0] for row in rows(tmp_path / "lake"))
    assert carried.startswith("eventbridge:e-1/")
    assert logged == f"s3://{trail.bucket}/AWSLogs/a.json.gz"
    assert trail.left == 0


def test_other_buckets_and_empty_notes_are_passed_over(run: Run, trail: Trail, tmp_path: Path) -> None:
    trail.send({"s3Bucket": "another-bucket", "s3ObjectKey": [one_file()[0]]})
    trail.put({"notes.json": b""})
    assert watch_once(run, trail, tmp_path, "--bucket", trail.bucket).code == 0
    assert trail.left == 0
    assert not (tmp_path / "lake").exists(), "nothing came in"


@pytest.mark.slow
def test_a_full_disk_deletes_no_message(trail: Trail, tmp_path: Path) -> None:
    random = Random(1)
    records = [{"eventTime": "2025-03-04T09:00:00Z", "requestID": random.randbytes(500).hex()} for _ in range(1_000)]
    trail.put({"AWSLogs/large.json": json.dumps({"Records": records}).encode()})
    before = trail.left
    command = watch_command(trail.queue_url, tmp_path, "--once")

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    full = subprocess.run(command, preexec_fn=small_files, capture_output=True, text=True, check=False)
    assert full.returncode == 2
    assert "error: cannot write" in full.stderr
    assert trail.visible == before
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert trail.left == 0
    assert len(rows(tmp_path / "lake")) == 1_000


def test_messages_taken_when_the_end_comes_are_handed_back(trail: Trail, tmp_path: Path) -> None:
    trail.put(dict([one_file(0), one_file(1)]))
    before = trail.visible
    stop = threading.Event()

    class StopsWhenReceiving(Queue):
        def receive(self, wait_seconds: int) -> list[Message]:
            received = super().receive(wait_seconds)
            assert trail.visible < before
            stop.set()
            return received

    queue = StopsWhenReceiving(trail.queue_url, AwsOptions())
    with open_to_write(tmp_path / "lake") as lake, VisibilityExtender(queue) as extender:
        feed = QueueFeed(
            queue,
            extender,
            AwsOptions(),
            QueueSettings(),
            Quarantine(tmp_path / "lake"),
            Totals(),
            stop,
            lambda _: None,
        )
        assert feed.next(lake.ledger) is None
    assert trail.visible == before


def test_a_message_that_is_held_stays_hidden_and_comes_back_when_nobody_holds_it(s3_url: str) -> None:
    trail = Trail.make(s3_url, visibility_timeout=1, by="nothing")
    trail.send("work")
    queue = Queue(trail.queue_url, AwsOptions())
    queue.ask_visibility_timeout()
    assert queue.visibility_timeout == 1
    with VisibilityExtender(queue) as extender:
        extender.hold(queue.receive(1))
        assert queue.receive(3) == []
        extender.let_go(extender._held.copy().values())
        [again] = queue.receive(3)
    assert again.receive_count == 2
    trail.close()


# A queue that does not answer as it should ---------------------------------------------------------------------------

GONE = (400, "com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist.")
DENIED = (403, "com.amazonaws.sqs#AccessDeniedException", "no identity-based policy allows it")
EXPIRED = (
    403,
    "com.amazon.coral.service#ExpiredTokenException",
    "The security token included in the request is expired",
)
THROTTLED = (400, "com.amazonaws.sqs#RequestThrottled", "Rate exceeded")


@dataclass
class FakeQueue:
    """Answers requests with the errors that are waiting, then as an empty queue."""

    errors: list[tuple[int, str, str]] = field(default_factory=list)
    odd_answer: bytes = b""  # in place of an empty queue's
    requests: int = 0
    url: str = ""


@pytest.fixture
def fake() -> Iterator[FakeQueue]:
    fake = FakeQueue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            fake.requests += 1
            action = self.headers["X-Amz-Target"].partition(".")[2]
            if fake.errors:
                status, code, message = fake.errors.pop(0) if len(fake.errors) > 1 else fake.errors[0]
                self.reply(status, {"__type": code, "message": message})
            elif action == "GetQueueAttributes":
                self.reply(200, {"Attributes": {"VisibilityTimeout": "30"}})
            elif fake.odd_answer:
                self.send(200, fake.odd_answer)
            else:
                time.sleep(0.2)
                self.reply(200, {})

        def reply(self, status: int, answer: dict[str, Any]) -> None:
            self.send(status, json.dumps(answer).encode())

        def send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if body.startswith(b"<") else "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serve(Handler) as port:
        fake.url = f"http://127.0.0.1:{port}/111122223333/trail"
        yield fake


@pytest.mark.parametrize(
    ("error", "says"),
    [(GONE, "does not exist"), (DENIED, "access denied: sqs:GetQueueAttributes")],
    ids=["gone", "denied"],
)
def test_a_queue_that_cannot_be_used_ends_it(
    run: Run, fake: FakeQueue, tmp_path: Path, error: tuple[int, str, str], says: str
) -> None:
    fake.errors = [error]
    ended = run("watch", "--queue", fake.url, "--lake", tmp_path / "lake")
    assert ended.code == 2
    assert says in ended.err
    assert fake.requests <= 2


@pytest.mark.parametrize("error", [EXPIRED, THROTTLED], ids=["expired", "throttled"])
def test_with_once_nothing_is_waited_out(
    run: Run, fake: FakeQueue, tmp_path: Path, error: tuple[int, str, str]
) -> None:
    fake.errors = [error]
    ended = run("watch", "--queue", fake.url, "--lake", tmp_path / "lake", "--once")
    assert ended.code == 2
    assert "error: " in ended.err


@pytest.mark.slow
def test_what_may_pass_is_waited_out_and_told_once(fake: FakeQueue, tmp_path: Path) -> None:
    fake.errors = [EXPIRED, EXPIRED, THROTTLED]
    process = subprocess.Popen(watch_command(fake.url, tmp_path), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "RequestThrottled" in line:
            requests = fake.requests
            fake.errors.clear()
        if "working again" in line:
            break
    assert requests <= 6
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 0, rest
    told = [line for line in said if line.startswith("waiting: ")]
    assert len(told) == 2
    assert "the AWS credentials have expired" in told[0]
    assert "does not answer" in told[1]


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>log in</html>",
        b"[1]",
        b'{"Messages": 1}',
        b'{"Messages": [{"MessageId": "m", "Body": "{}"}]}',
        b'{"Messages": [["m"]]}',
    ],
    ids=["html", "list", "number", "no-receipt", "list-for-message"],
)
def test_what_is_no_answer_of_sqs_is_none(fake: FakeQueue, answer: bytes) -> None:
    queue = Queue(fake.url, AwsOptions())
    queue.ask_visibility_timeout()
    fake.odd_answer = answer
    with pytest.raises(SourceUnavailable, match=r"sqs:ReceiveMessage.*not SQS's|does not answer"):
        queue.receive(0)


@pytest.mark.parametrize("number", ["0", "x", "-1", "٣", "9" * 30, "99999999999999999"])
def test_numbers_of_a_message_that_are_none_are_left_out(fake: FakeQueue, number: str) -> None:
    attributes = {"SentTimestamp": number, "ApproximateReceiveCount": number}
    message = {"MessageId": "m", "ReceiptHandle": "r", "Body": "{}", "Attributes": attributes}
    fake.odd_answer = json.dumps({"Messages": [message]}).encode()
    [received] = Queue(fake.url, AwsOptions()).receive(0)
    assert received.receive_count == 1
    assert received.sent_at is None


def test_no_network_is_said_to_be_none(run: Run, tmp_path: Path) -> None:
    ended = run("watch", "--queue", "http://127.0.0.1:9/1/trail", "--lake", tmp_path / "lake", "--once")
    assert ended.code == 2
    assert "does not answer" in ended.err


def test_a_lake_that_is_being_written_is_waited_for(run: Run, trail: Trail, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch, open_to_write(tmp_path / "lake"):
        patch.setattr("detector.watch.watch._LOCK_SECONDS", 0.1)
        busy = watch_once(run, trail, tmp_path)
    assert busy.code == 2
    assert "is being written by" in busy.err
    assert trail.left


def test_patience_grows_and_speaks_when_something_changes() -> None:
    stop = threading.Event()
    stop.set()  # ends each wait at once
    said: list[str] = []
    outage = Outage(stop, said.append)
    outage.end()
    for error in (SourceUnavailable("no answer"), SourceUnavailable("no answer"), LakeError("full", hint="make room")):
        outage.wait(error)
    outage.end()
    outage.end()
    assert [line.partition(";")[0] for line in said] == [
        "waiting: no answer",
        "waiting: full (make room)",
        "working again after 3 failed attempts",
    ]


@pytest.mark.parametrize(
    ("error", "may"),
    [
        (SourceUnavailable("x"), True),
        (CredentialsError("x"), True),
        (LakeError("x"), True),
        (SinkError("x"), True),
        (OutputClosed("x"), False),
        (SourceError("x"), False),
        (UsageError("x"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_may_pass_at_the_start(error: DetectorError, *, may: bool) -> None:
    assert may_pass(error, has_worked=False) is may


def test_a_source_that_worked_may_come_back() -> None:
    assert may_pass(SourceError("access denied"), has_worked=True)
    assert not may_pass(UsageError("x"), has_worked=True)
    assert not may_pass(OutputClosed("x"), has_worked=True)


@pytest.mark.slow
def test_a_lake_that_fails_is_opened_again_and_read_anew(
    trail: Trail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a full disk: the message stays, and when there is room, its alerts are written."""
    trail.put({"AWSLogs/1.json.gz": write_log(tmp_path / "log", LOGIN).read_bytes()})
    stop = threading.Event()
    said: list[str] = []

    def tell(line: str) -> None:
        said.append(line)
        if line.startswith("waiting: no space"):
            assert trail.left == 2
            monkeypatch.setattr("detector.watch.watch.ingest", ingest)
        if line.startswith("working again"):
            stop.set()

    def full(*_arguments: object, **_more: object) -> None:
        raise LakeError("no space left")

    monkeypatch.setattr("detector.watch.watch.ingest", full)
    queue = Queue(trail.queue_url, AwsOptions())
    with open_outputs([str(tmp_path / "alerts.jsonl")]) as outputs, VisibilityExtender(queue) as extender:
        watch = Watch(WatchSettings(load_watch_rules([]), outputs), Heartbeat(None, tell), stop, tell)
        quarantine = Quarantine(tmp_path / "lake")
        feed = QueueFeed(
            queue, extender, AwsOptions(), QueueSettings(0.1), quarantine, watch.watched.totals, stop, tell
        )
        watch.run(tmp_path / "lake", lambda: feed)
    assert [line.partition(":")[0] for line in said] == ["waiting", "working again after 1 failed attempts"]
    assert alert_ids(tmp_path)
    assert trail.left == 0


def test_an_output_that_takes_nothing_holds_up_no_other(run: Run, trail: Trail, tmp_path: Path) -> None:
    trail.put({"AWSLogs/1.json.gz": write_log(tmp_path / "log", LOGIN).read_bytes()})
    away = ["--output", "https://127.0.0.1:9/alerts", "--delivery-seconds", "1"]
    ended = watch_once(run, trail, tmp_path, *away)
    assert ended.code == 4
    assert ended.err.count("error: https://127.0.0.1:9/~") == 1
    assert alert_ids(tmp_path)
    assert trail.left == 0  # the alerts wait in the lake
    assert f"{len(alert_ids(tmp_path))}" in run("outbox", "--lake", tmp_path / "lake").out
