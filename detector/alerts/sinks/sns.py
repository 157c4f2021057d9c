"""A topic of SNS: one message for each alert.

Source: "PublishBatch" and "Amazon SNS message filtering", Amazon Simple Notification Service.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from detector.alerts.sinks.aws import OPTIONS, AwsClients, batch_receipts, message_entry, within
from detector.alerts.sinks.sink import Limits, Receipt
from detector.errors import UsageError
from detector.lake.ledger.outbox import Document
from detector.sources.aws_session import open_session

_ARN = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]{1,40}):[0-9]{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?")
_HINT = "the topic must exist, and sns:Publish be allowed for who you are (aws sts get-caller-identity)"
_INVALID = ("BatchRequestTooLong", "InvalidParameter", "InvalidParameterValue", "ValidationException")
_SUBJECT = 100
# What subscriptions by mail show where the severity and the title would be.
_OTHER = re.compile(r"[^ -~]")


class SnsTopic:
    """Alerts as messages with attributes, by which subscriptions filter."""

    limits = Limits(documents=10, size_bytes=240_000)  # 256 KiB, attributes included

    def __init__(self, output: str) -> None:
        """Take `sns:ARN`; nothing is sent yet.

        Raises:
            UsageError: it is not the ARN of a topic, or AWS is not set up.
        """
        self._arn = output.removeprefix("sns:")
        found = _ARN.fullmatch(self._arn)
        if not found:
            raise UsageError(
                "--output sns: needs the ARN of a topic", hint="write sns:arn:aws:sns:REGION:ACCOUNT:TOPIC"
            )
        self._clients = AwsClients(open_session(replace(OPTIONS, region=found[1])))
        self._client = self._clients.open("sns")

    @property
    def name(self) -> str:
        """`sns:ARN`."""
        return f"sns:{self._arn}"

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:
        """Publish a batch; those that failed are named in the answer, each with its reason."""
        entries = [self._entry(position, document) for position, document in enumerate(documents)]
        with within(seconds, "sns:Publish", _HINT, _INVALID):
            answer = self._client.publish_batch(TopicArn=self._arn, PublishBatchRequestEntries=entries)
        return batch_receipts(answer, len(documents))

    def close(self) -> None:
        """Close the connections."""
        self._clients.close()

    def _entry(self, position: int, document: Document) -> dict[str, Any]:
        message = {"Subject": _subject(document), "Message": document.line.decode().rstrip("\n")}
        return message_entry(position, document, is_fifo=self._arn.endswith(".fifo")) | message


def _subject(document: Document) -> str:
    """Return `[severity] title` in printable ASCII, as SNS demands of it."""
    said = json.loads(document.line)
    title = said.get("title") or (f"{said['alerts']:,} alerts" if "alerts" in said else "an alert is withdrawn")
    return _OTHER.sub("?", f"[{said.get('severity', 'info')}] {title}")[:_SUBJECT]
