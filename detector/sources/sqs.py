"""An SQS queue: receive, keep hidden while work lasts, release, delete. The only module that reads from SQS."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self
from urllib.parse import urlsplit

from detector.errors import SourceError, SourceUnavailable, UsageError
from detector.sources.aws_errors import error_code, refusal
from detector.sources.aws_options import AwsOptions
from detector.sources.aws_session import open_session
from detector.text import one_line

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MOST_MESSAGES: Final = 10  # SQS's limit for one request
_LONGEST_HIDDEN_SECONDS: Final = 43_200
_AWS_HOST: Final = re.compile(r"(?:sqs\.)?([a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2})\.(?:queue\.)?amazonaws\.com(?:\.cn)?")
_GONE_CODES: Final = frozenset(
    {"AWS.SimpleQueueService.NonExistentQueue", "AWS.SimpleQueueService.QueueDeletedRecently", "QueueDoesNotExist"}
)
_DENIED_CODES: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "KMS.AccessDeniedException", "KmsAccessDenied", "InvalidAddress"}
)
# What botocore, or the reading below, raises on JSON of another shape: a list, HTML, a message that lacks its receipt.
_NOT_OF_SQS: Final = (AttributeError, KeyError, TypeError, ValueError)
_LATEST_SENT_MS: Final = 253_402_300_799_999  # the end of the year 9999
_MOST_RECEIVES: Final = 1_000_000
_LONGEST_NUMBER: Final = 20
_URL_HINT: Final = "`aws sqs get-queue-url --queue-name NAME` prints it: https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"


@dataclass(frozen=True, slots=True)
class Message:
    """One message, as received; hidden from others until its time is over."""

    message_id: str
    receipt: str
    body: str
    sent_at: datetime | None  # aware, UTC
    receive_count: int  # with this time


class Messages(Protocol):
    """What a consumer needs of a queue; `Queue` says what each method does."""

    visibility_timeout: int

    def ask_visibility_timeout(self) -> None: ...  # noqa: D102
    def receive(self, wait_seconds: int) -> list[Message]: ...  # noqa: D102
    def extend(self, messages: Iterable[Message]) -> None: ...  # noqa: D102
    def release(self, messages: Iterable[Message], seconds: int = 0) -> None: ...  # noqa: D102
    def delete(self, messages: Iterable[Message]) -> int: ...  # noqa: D102
    def forget_credentials(self) -> None: ...  # noqa: D102


class Queue:
    """One queue, by its URL. Not all of a queue's messages need to be there to be received: ask again."""

    def __init__(self, url: str, options: AwsOptions) -> None:
        self.url = url
        self._options = options_for(url, options)
        self.visibility_timeout = 30  # the queue's own VisibilityTimeout, once it has been asked

    def ask_visibility_timeout(self) -> None:
        """Ask for how long the queue hides a message that was received; also shows that the queue is there.

        Raises:
            SourceError: the queue does not exist, or may not be used.
            SourceUnavailable: it does not answer now.
            CredentialsError: AWS refuses the credentials.
        """
        with self._errors("sqs:GetQueueAttributes"):
            answer = self._client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["VisibilityTimeout"])
            self.visibility_timeout = _number(answer["Attributes"]["VisibilityTimeout"], _LONGEST_HIDDEN_SECONDS)

    def receive(self, wait_seconds: int) -> list[Message]:
        """Return up to ten messages; when there are none, wait so long for one.

        Raises:
            SourceError, SourceUnavailable, CredentialsError: as above.
        """
        with self._errors("sqs:ReceiveMessage"):
            answer = self._client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=MOST_MESSAGES,
                WaitTimeSeconds=wait_seconds,
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            )
            # botocore takes a page of HTML for an empty answer, and nobody would wait before the next request.
            kind = answer["ResponseMetadata"]["HTTPHeaders"].get("content-type", "json")
            if "json" not in kind:
                raise ValueError(kind)
            return [parse_message(found) for found in answer.get("Messages") or ()]

    def extend(self, messages: Iterable[Message]) -> None:
        """Hide messages for the queue's own time from now on, and no longer: those of a killed worker come back soon.

        Raises:
            SourceError, SourceUnavailable, CredentialsError: as above.
        """
        self.release(messages, self.visibility_timeout)

    def release(self, messages: Iterable[Message], seconds: int = 0) -> None:
        """Hand messages back, to be received again after so long. One that is no longer ours is left alone.

        Raises:
            SourceError, SourceUnavailable, CredentialsError: as above.
        """
        seconds = min(seconds, _LONGEST_HIDDEN_SECONDS)
        for some in _tens(messages):
            entries: list[Any] = [
                {"Id": str(number), "ReceiptHandle": one.receipt, "VisibilityTimeout": seconds}
                for number, one in enumerate(some)
            ]
            with self._errors("sqs:ChangeMessageVisibility"):
                self._client.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)

    def delete(self, messages: Iterable[Message]) -> int:
        """Delete messages; return how many are gone. One that is not comes back, and is known then.

        Raises:
            SourceError, SourceUnavailable, CredentialsError: as above.
        """
        gone = 0
        for some in _tens(messages):
            entries: list[Any] = [{"Id": str(number), "ReceiptHandle": one.receipt} for number, one in enumerate(some)]
            with self._errors("sqs:DeleteMessage"):
                answer = self._client.delete_message_batch(QueueUrl=self.url, Entries=entries)
                gone += len(answer.get("Successful") or ())
        return gone

    def forget_credentials(self) -> None:
        """Ask for credentials anew at the next request: those at hand were refused."""
        self.__dict__.pop("_client", None)

    @cached_property
    def _client(self) -> SQSClient:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        # Patience is the caller's part: it can be told to stop.
        config = Config(retries={"mode": "standard", "total_max_attempts": 2})
        try:
            session = open_session(self._options)
            return session.client(
                "sqs", region_name=self._options.region, endpoint_url=self._options.endpoint_url, config=config
            )
        except BotoCoreError as error:
            raise refusal(error, self._options) or UsageError(one_line(error), hint="check --queue") from error

    @contextmanager
    def _errors(self, action: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise self._failure(action, error) from error
        except _NOT_OF_SQS as error:
            raise SourceUnavailable(
                f"queue {self.url} gives an answer to {action} that is not SQS's: {one_line(error) or 'no object'}",
                hint="check --queue, and what lies between: a proxy or a captive portal",
            ) from error

    def _failure(self, action: str, error: Exception) -> SourceError | UsageError:
        if refused := refusal(error, self._options):
            return refused
        code = error_code(error)
        if code in _GONE_CODES:
            return SourceError(f"queue {self.url} does not exist", hint="check --queue, its region and account")
        if code in _DENIED_CODES:
            return SourceError(f"access denied: {action} on {self.url}: {one_line(error)}", hint=f"allow {action}")
        return SourceUnavailable(f"queue {self.url} does not answer: {code or one_line(error)}")


class VisibilityExtender:
    """Keeps messages hidden while they are worked on, from a thread of its own, by the queue's own time each time."""

    def __init__(self, queue: Messages) -> None:
        self._queue = queue
        self._held: dict[str, Message] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="sqs-extender", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def hold(self, messages: Iterable[Message]) -> None:
        """Keep these hidden from now on."""
        with self._lock:
            self._held.update((one.receipt, one) for one in messages)

    def let_go(self, messages: Iterable[Message]) -> None:
        """Care for these no longer."""
        with self._lock:
            for one in messages:
                self._held.pop(one.receipt, None)

    def _keep(self) -> None:
        while not self._ended.wait(max(0.2, self._queue.visibility_timeout / 3)):
            # Under the lock: a message that was let go must not be hidden again after its release.
            # What fails here the next request of the main thread tells; the messages come back early at worst.
            with self._lock, suppress(SourceError):
                self._queue.extend(self._held.values())


def options_for(url: str, options: AwsOptions) -> AwsOptions:
    """Return the options with the region, or the endpoint, that the queue's URL names.

    Raises:
        UsageError: it is not the URL of a queue, or holds credentials.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # its text may repeat a secret
        raise UsageError("not the URL of a queue", hint=_URL_HINT) from None
    if "@" in parts.netloc:
        raise UsageError(
            f"the URL of the queue at {parts.hostname} holds a user name or password",
            hint="credentials are taken from the environment and its profile",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or len(parts.path.strip("/").split("/")) < 2:
        raise UsageError(
            f"{url!r} is not the URL of a queue",
            hint=_URL_HINT,
        )
    found = _AWS_HOST.fullmatch(parts.hostname)
    if found:
        return replace(options, region=found[1], endpoint_url=None)
    return replace(options, endpoint_url=f"{parts.scheme}://{parts.netloc}")


def parse_message(found: Any) -> Message:  # noqa: ANN401 - boto3's dict
    """Return a message as SQS describes it.

    Raises:
        AttributeError, KeyError, TypeError: it is none.
    """
    attributes = found.get("Attributes", {})
    sent_ms = _number(attributes.get("SentTimestamp"), _LATEST_SENT_MS)
    return Message(
        found.get("MessageId", ""),
        found["ReceiptHandle"],
        found.get("Body", ""),
        datetime.fromtimestamp(sent_ms / 1000, UTC) if sent_ms else None,
        _number(attributes.get("ApproximateReceiveCount"), _MOST_RECEIVES) or 1,
    )


def _number(text: str | None, most: int) -> int:
    """Return a count as SQS writes it; 0 for what is none, or beyond what it can be."""
    if not (text and text.isascii() and text.isdigit() and len(text) < _LONGEST_NUMBER):
        return 0
    number = int(text)
    return number if number <= most else 0


def _tens(messages: Iterable[Message]) -> Iterator[Sequence[Message]]:
    waiting = list(messages)
    for start in range(0, len(waiting), MOST_MESSAGES):
        yield waiting[start : start + MOST_MESSAGES]
