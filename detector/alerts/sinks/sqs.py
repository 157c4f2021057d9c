"""A queue of SQS: one message for each alert, ten in a request.

Source: "SendMessageBatch", Amazon SQS API Reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from detector.alerts.sinks.aws import OPTIONS, AwsClients, batch_receipts, message_entry, within
from detector.alerts.sinks.loopback import is_this_machine
from detector.alerts.sinks.sink import Limits, Receipt
from detector.errors import UsageError
from detector.lake.ledger.outbox import Document
from detector.sources.aws_session import open_session
from detector.sources.sqs import options_for

_HINT = "the queue must exist, and sqs:SendMessage be allowed for who you are (aws sts get-caller-identity)"
_INVALID = ("BatchRequestTooLong", "InvalidMessageContents", "InvalidParameterValue", "ValidationException")


class SqsQueue:
    """Alerts as messages, with the attributes that SNS would give them."""

    limits = Limits(documents=10, size_bytes=240_000)  # 256 KiB, attributes included

    def __init__(self, output: str) -> None:
        """Take `sqs:URL`; nothing is sent yet.

        Raises:
            UsageError: it is not the URL of a queue, goes to another machine without TLS, or AWS is not set up.
        """
        self._url = output.removeprefix("sqs:")
        options = options_for(self._url, OPTIONS)
        parts = urlsplit(self._url)
        if parts.scheme == "http" and not is_this_machine(parts.hostname or ""):
            raise UsageError(
                f"--output: sqs:http:// to {parts.hostname} would send alerts in the clear", hint="write sqs:https://"
            )
        self._clients = AwsClients(open_session(options))
        self._client = self._clients.open("sqs", endpoint_url=options.endpoint_url)
        self._is_fifo = parts.path.endswith(".fifo")

    @property
    def name(self) -> str:
        """`sqs:URL`."""
        return f"sqs:{self._url}"

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:
        """Send a batch; those that failed are named in the answer, each with its reason."""
        entries = [self._entry(position, document) for position, document in enumerate(documents)]
        with within(seconds, "sqs:SendMessage", _HINT, _INVALID):
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        return batch_receipts(answer, len(documents))

    def close(self) -> None:
        """Close the connections."""
        self._clients.close()

    def _entry(self, position: int, document: Document) -> dict[str, Any]:
        message = {"MessageBody": document.line.decode().rstrip("\n")}
        return message_entry(position, document, is_fifo=self._is_fifo) | message
