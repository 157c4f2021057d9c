"""What Lambda calls for the messages of an SQS queue: `detector watch --once` over them.

Every option of `watch` is set by its variable: DETECTOR_LAKE, DETECTOR_WATCH_OUTPUT, DETECTOR_MIN_SEVERITY, ….
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from detector.cli.app import app
from detector.cli.exit_codes import DAMAGED, ERROR, INCOMPLETE
from detector.cli.terminal import say_error
from detector.errors import DetectorError
from detector.sources.given_messages import GivenMessages


def handle(event: dict[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Bring what the messages name into the lake and write alerts; name the messages that must come again.

    An event without messages, such as a schedule's, lets rules run and sends what an output did not take.

    What failed and comes back with no message is a 1 of the metric Incomplete: an output that did not take alerts, a
    rule that did not run, a file that is not as AWS signed it.

    Raises:
        DetectorError: nothing could be done, the lake is held by another or AWS refuses; all messages come again.
    """
    messages = GivenMessages.of_event(event)
    try:
        code = app(["watch", "--once"], obj=messages, standalone_mode=False)
    except DetectorError as error:
        say_error(error)  # with its hint, which the function's own error lacks
        raise
    # Messages that come again are dead letters in the end, which has an alarm of its own.
    is_incomplete = code in (ERROR, DAMAGED) or (code == INCOMPLETE and not messages.left)
    print(_metric("Incomplete", int(is_incomplete)), flush=True)  # noqa: T201 - CloudWatch takes it from the log
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in messages.left]}


def _metric(name: str, value: int) -> str:
    """Return a line of CloudWatch's embedded metric format."""
    described = {
        "Namespace": "detector",
        "Dimensions": [["FunctionName"]],
        "Metrics": [{"Name": name, "Unit": "Count"}],
    }
    function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "detector")
    aws = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [described]}
    return json.dumps({"_aws": aws, "FunctionName": function, name: value})
