"""A bus of EventBridge: one event for each alert, ten in a request.

Source: "PutEvents", Amazon EventBridge API Reference; "Calculating PutEvents event entry size", its User Guide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from detector.alerts.sinks.aws import OPTIONS, AwsClients, receipt, within
from detector.alerts.sinks.sink import ACCEPTED, Limits, NotDelivered, Receipt
from detector.errors import UsageError
from detector.lake.ledger.outbox import Document
from detector.sources.aws_session import open_session
from detector.text import one_line

SOURCE = "detector"
_DETAIL_TYPES = {"detector.digest/1": "Digest", "detector.withdrawn/1": "Withdrawn alert"}
_NAME = re.compile(r"[A-Za-z0-9._/-]{1,256}")
_ARN = re.compile(r"arn:aws[a-z-]*:events:([a-z0-9-]{1,40}):[0-9]{12}:event-bus/([A-Za-z0-9._/-]{1,256})")
_HINT = "the bus must exist, and events:PutEvents be allowed for who you are (aws sts get-caller-identity)"
_INVALID = ("ValidationException", "InvalidArgument", "RequestEntityTooLarge", "PutEventsRequestEntryTooLarge")


class EventBus:
    """Alerts as events with the source `detector`; patterns match what the native format says, under `detail`."""

    limits = Limits(documents=10, size_bytes=240_000)  # 256 KiB, the words around each event included

    def __init__(self, output: str) -> None:
        """Take `events:BUS`, a name or an ARN; nothing is sent yet.

        Raises:
            UsageError: it is none, there is no region, or AWS is not set up.
        """
        from botocore.exceptions import BotoCoreError

        self._bus = output.removeprefix("events:")
        found = _ARN.fullmatch(self._bus)
        if not found and not _NAME.fullmatch(self._bus):
            raise UsageError("--output events: needs a bus", hint="write events:NAME or events:ARN")
        session = open_session(replace(OPTIONS, region=found[1] if found else None))
        if session.region_name is None:
            raise UsageError(f"--output {output} names no region", hint="set AWS_REGION, or write events:ARN")
        self._region = session.region_name
        self._clients = AwsClients(session)
        try:
            self._client = self._clients.open("events")
        except (BotoCoreError, ValueError) as error:
            raise UsageError(f"--output {output}: {one_line(error)}", hint="check AWS_REGION") from error

    @property
    def name(self) -> str:
        """`events:ARN`, or `events:NAME` and the region in parentheses: a bus of the same name is in each."""
        return f"events:{self._bus}" if self._bus.startswith("arn:") else f"events:{self._bus} ({self._region})"

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:
        """Put the events; the answer has an entry for each, in their order."""
        with within(seconds, "events:PutEvents", _HINT, _INVALID):
            answer = self._client.put_events(Entries=[self._entry(document) for document in documents])
        entries: list[dict[str, Any]] = answer.get("Entries", [])
        if len(entries) != len(documents):
            raise NotDelivered(f"events:PutEvents: {len(entries)} answers for {len(documents)} events")
        return [
            receipt(entry["ErrorCode"], entry.get("ErrorMessage", "")) if entry.get("ErrorCode") else ACCEPTED
            for entry in entries
        ]

    def close(self) -> None:
        """Close the connections."""
        self._clients.close()

    def _entry(self, document: Document) -> dict[str, Any]:
        said = json.loads(document.line)
        return {
            "EventBusName": self._bus,
            "Source": SOURCE,
            "DetailType": _DETAIL_TYPES.get(said.get("schema"), "Alert"),
            "Detail": document.line.decode().rstrip("\n"),
        }
