"""What Lambda calls for the messages of an SQS queue: `detector watch --once` over them.

Every option of `watch` is set by its variable: DETECTOR_LAKE, DETECTOR_WATCH_OUTPUT, DETECTOR_MIN_SEVERITY, ….
"""

from __future__ import annotations

from typing import Any

from detector.cli.app import app
from detector.cli.terminal import say_error
from detector.errors import DetectorError
from detector.sources.given_messages import GivenMessages


def handle(event: dict[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Bring what the messages name into the lake and write alerts; name the messages that must come again.

    An event without messages, such as a schedule's, lets rules run and sends what an output did not take.

    Raises:
        DetectorError: nothing could be done, the lake is held by another or AWS refuses; all messages come again.
    """
    messages = GivenMessages.of_event(event)
    try:
        app(["watch", "--once"], obj=messages, standalone_mode=False)
    except DetectorError as error:
        say_error(error)  # with its hint, which the function's own error lacks
        raise
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in messages.left]}
