"""Webhooks of Slack, Teams and PagerDuty: one message in a request, and answers in each one's own manner.

Source: Slack, "Handling errors" of incoming webhooks; Microsoft, "Create incoming webhooks with Workflows"; PagerDuty,
"Events API v2", response codes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from detector.alerts.formats.names import NoticeFormat
from detector.alerts.sinks.http import Answer, Endpoint
from detector.alerts.sinks.sink import ACCEPTED, BatchRefused, Limits, NotDelivered, Receipt
from detector.errors import UsageError
from detector.lake.ledger.outbox import Document
from detector.text import url_without_path

PAGERDUTY_KEY_VARIABLE = "DETECTOR_PAGERDUTY_KEY"
PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BODY_REFUSED = (400, 409, 413, 422)
# What Slack says of the message; all else that it answers to a POST is about the webhook or its channel.
_SLACK_BLAMES_THE_MESSAGE = ("invalid_payload", "invalid_blocks", "no_text", "msg_too_long", "too_many_attachments")


@dataclass(frozen=True, slots=True)
class _Verdict:
    """The meaning of an answer that is not a plain failure of HTTP."""

    is_taken: bool = False
    is_refused: bool = False  # because of the message
    may_recover: bool = False
    hint: str = ""


class ChatHook:
    """Messages to people, one in a request."""

    limits = Limits(documents=1, size_bytes=32_000)

    def __init__(self, output: str, form: NoticeFormat) -> None:
        """Take the URL, `slack+https://…`, `teams+https://…` or `pagerduty+https://…`, or `pagerduty:VARIABLE`.

        Raises:
            UsageError: something is wrong with the URL, or there is no routing key in the environment.
        """
        self._form = form
        self._judge = _JUDGES[form]
        self._key = _routing_key(output) if form is NoticeFormat.PAGERDUTY else None
        self._name = output if output.startswith("pagerduty:") else ""
        url = PAGERDUTY_URL if self._name else output.partition("+")[2]
        self._endpoint = Endpoint(url, self._key or "", shows_path=form is NoticeFormat.PAGERDUTY)

    @property
    def name(self) -> str:
        """The URL with a fingerprint in place of its path; the variable of PagerDuty's key."""
        if self._name:
            return self._name
        return url_without_path(f"{self._form}+{self._endpoint.shown}", hides_query=True)

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:
        """POST one message."""
        [document] = documents
        body = document.line
        if self._key is not None:
            event: dict[str, Any] = json.loads(body)
            body = json.dumps({"routing_key": self._key} | event).encode()
        answer = self._endpoint.post(body, {"Content-Type": "application/json"}, seconds)
        verdict = self._judge(answer)
        if verdict.is_taken:
            return [ACCEPTED]
        reason = f"HTTP {answer.status}" + (f": {answer.said}" if answer.said else "")
        if not answer.is_whole:
            reason += ", and no end of the answer"
        if verdict.is_refused:
            raise BatchRefused(reason)
        raise NotDelivered(reason, hint=verdict.hint, may_recover=verdict.may_recover, wait_seconds=answer.wait_seconds)

    def close(self) -> None:
        """Close the connections."""
        self._endpoint.close()


def _routing_key(output: str) -> str:
    """Return PagerDuty's key of an integration.

    Raises:
        UsageError: the variable holds none.
    """
    named = output.removeprefix("pagerduty:") if output.startswith("pagerduty:") else ""
    if named and not _VARIABLE.fullmatch(named):
        raise UsageError("--output pagerduty: names no variable", hint="write pagerduty:VARIABLE, which holds the key")
    variable = named or PAGERDUTY_KEY_VARIABLE
    key = os.environ.get(variable, "").strip()
    if not _KEY.fullmatch(key):
        # The name is not repeated: somebody may have written the key itself.
        what = PAGERDUTY_KEY_VARIABLE if variable == PAGERDUTY_KEY_VARIABLE else "the variable that it names"
        raise UsageError(f"--output pagerduty: {what} holds no routing key", hint="an integration key of Events API v2")
    return key


def _judge_slack(answer: Answer) -> _Verdict:
    """Judge by the word that Slack says; a page of somebody in between says another."""
    said = answer.text
    if answer.is_success and said == "ok" and answer.is_whole:
        return _Verdict(is_taken=True)
    if said.startswith(_SLACK_BLAMES_THE_MESSAGE) or answer.status == 413:
        return _Verdict(is_refused=True)
    return _Verdict(
        may_recover=answer.is_success or answer.may_recover,
        hint="is this Slack's webhook, and its channel still there?",
    )


def _judge_teams(answer: Answer) -> _Verdict:
    """Judge by the status; connectors of old say `1`, or with 200 what went wrong behind them."""
    said = answer.text
    if answer.is_success and said in ("", "1") and answer.is_whole:
        return _Verdict(is_taken=True)
    if answer.status == 202:
        return _Verdict(is_taken=True)
    if answer.is_success:
        return _Verdict(is_refused="HTTP error 413" in said or "too large" in said, may_recover=True, hint=_TEAMS_HINT)
    if answer.status in _BODY_REFUSED:
        return _Verdict(is_refused=True)
    return _Verdict(may_recover=answer.may_recover, hint=_TEAMS_HINT)


def _judge_pagerduty(answer: Answer) -> _Verdict:
    if answer.status == 202:
        return _Verdict(is_taken=True)
    if answer.status == 400 and "routing_key" in answer.body.decode("utf-8", "replace"):
        return _Verdict(hint="the routing key is 32 characters, of an integration with Events API v2")
    if answer.status in _BODY_REFUSED:
        return _Verdict(is_refused=True)
    return _Verdict(
        may_recover=answer.is_success or answer.may_recover, hint="check the routing key and the region of the account"
    )


_TEAMS_HINT = "is the workflow turned on, and does it take requests from anyone?"
_JUDGES: dict[NoticeFormat, Callable[[Answer], _Verdict]] = {
    NoticeFormat.SLACK: _judge_slack,
    NoticeFormat.TEAMS: _judge_teams,
    NoticeFormat.PAGERDUTY: _judge_pagerduty,
}
