"""Messages that arrive as an event, as Lambda hands them to a function, rather than by being received."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from detector.errors import UsageError
from detector.sources.sqs import MOST_MESSAGES, Message, parse_message

_MOST_GIVEN = 10_000  # Lambda's limit for one event


class GivenMessages:
    """A queue of the messages of one event. Whoever gave them deletes, and shows again, by what is left in the end."""

    visibility_timeout = 0  # not ours to change

    def __init__(self, messages: Iterable[Message]) -> None:
        self._waiting = list(messages)
        self._left = dict.fromkeys(message.message_id for message in self._waiting)

    @classmethod
    def of_event(cls, event: object) -> GivenMessages:
        """Return the messages of an event of Lambda's SQS trigger; none of one without records, such as a schedule's.

        Raises:
            UsageError: its records are not messages of a queue.
        """
        records = event.get("Records", []) if isinstance(event, Mapping) else None
        if not isinstance(records, list) or len(records) > _MOST_GIVEN or not all(map(_is_message, records)):
            raise UsageError(
                "the event does not hold messages of an SQS queue", hint="let an SQS queue, not the bucket, call it"
            )
        return cls(parse_message({_member(name): value for name, value in record.items()}) for record in records)

    @property
    def left(self) -> list[str]:
        """The ids of the messages that must come again, in the order in which they were given."""
        return list(self._left)

    def ask_visibility_timeout(self) -> None:
        """Do nothing: it is the trigger that hides messages."""

    def receive(self, wait_seconds: int) -> list[Message]:  # noqa: ARG002 - no more will come
        """Return the next ten messages; none when all were taken."""
        taken, self._waiting = self._waiting[:MOST_MESSAGES], self._waiting[MOST_MESSAGES:]
        return taken

    def extend(self, messages: Iterable[Message]) -> None:
        """Do nothing, as above."""

    def release(self, messages: Iterable[Message], seconds: int = 0) -> None:
        """Leave messages: they come again when the queue's visibility timeout is over, not after `seconds`."""

    def delete(self, messages: Iterable[Message]) -> int:
        """Count messages as done; return how many."""
        gone = [message for message in messages if message.message_id in self._left]
        for message in gone:
            self._left.pop(message.message_id, None)
        return len(gone)

    def forget_credentials(self) -> None:
        """Do nothing: no request is made."""


def _is_message(record: Any) -> bool:  # noqa: ANN401 - any JSON
    """Tell whether a record is a message; without its id Lambda could not be told that it failed."""
    return (
        isinstance(record, dict)
        and record.get("eventSource") == "aws:sqs"
        and all(isinstance(record.get(name), str) for name in ("messageId", "receiptHandle", "body"))
        and isinstance(record.get("attributes", {}), dict)
    )


def _member(name: str) -> str:
    """Return the name by which SQS itself knows a member of a message: `messageId` is MessageId."""
    return name[:1].upper() + name[1:]
