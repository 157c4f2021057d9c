"""Splunk's HTTP Event Collector.

Source: "Format events for HTTP Event Collector" and "Troubleshoot HTTP Event Collector" (its codes), Splunk
Enterprise, Getting Data In.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detector.alerts.sinks.http import Endpoint
from detector.alerts.sinks.sink import ACCEPTED, BatchRefused, Limits, NotDelivered, Receipt
from detector.errors import UsageError
from detector.lake.ledger.outbox import Document

TOKEN_VARIABLE = "DETECTOR_HEC_TOKEN"  # noqa: S105 - its name
_URL_HINT = "check the URL: is it the collector's, and its port 8088?"
_SUCCESS = 0
_PATH = "/services/collector/event"
_TOKEN_HINT = f"{TOKEN_VARIABLE} holds the token; Settings > Data inputs > HTTP Event Collector shows its state"
# What is wrong with the token, the index or the collector, not with an event.
_SET_UP_OTHERWISE: Mapping[int | None, str] = {
    1: _TOKEN_HINT,
    2: _TOKEN_HINT,
    3: _TOKEN_HINT,
    4: _TOKEN_HINT,
    7: "allow the token to write to the index that the events name, or to its default index",
    10: "turn off indexer acknowledgement for this token",
    11: "turn off indexer acknowledgement for this token",
    14: "turn off indexer acknowledgement for this token",
    16: _TOKEN_HINT,
}


@dataclass(frozen=True, slots=True)
class _Reply:
    """The reply of a collector; None where it says nothing of the kind."""

    code: int | None = None
    text: str = ""
    invalid_event_number: int | None = None


class SplunkCollector:
    """Alerts as events of the collector's JSON form, one after the other in a request."""

    limits = Limits(documents=500, size_bytes=512_000)  # Splunk Cloud takes 1 MB

    def __init__(self, url: str) -> None:
        """Take the URL (`hec+https://HOST[:PORT][/PATH]`), and the token from the environment.

        Raises:
            UsageError: there is no token, or something is wrong with the URL.
        """
        self._endpoint = _open_endpoint(url)
        self._token = os.environ.get(TOKEN_VARIABLE, "").strip()
        if not self._token.isascii() or not self._token.isprintable() or not self._token:
            raise UsageError(f"--output {self.name}: {TOKEN_VARIABLE} holds no token", hint=_TOKEN_HINT)

    @property
    def name(self) -> str:
        """The URL."""
        return f"hec+{self._endpoint.shown}"

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:
        """POST the events; a code that names one of them, or blames their form, is a refusal of the batch."""
        answer = self._endpoint.post(
            b"".join(document.line for document in documents),
            {"Authorization": f"Splunk {self._token}", "Content-Type": "application/json"},
            seconds,
        )
        reply = _parse_reply(answer.body)
        if answer.is_success and reply.code == _SUCCESS:
            return [ACCEPTED] * len(documents)
        reason = f"HTTP {answer.status}" + (f", code {reply.code}: {reply.text}" if reply.code is not None else "")
        if answer.is_success:  # a proxy's page, or a collector that is busy: none of the events is known to be taken
            raise NotDelivered(f"{reason}, not code {_SUCCESS}", hint=_URL_HINT, wait_seconds=answer.wait_seconds)
        if answer.may_recover:
            raise NotDelivered(reason, wait_seconds=answer.wait_seconds)
        if answer.status in (400, 413) and reply.code not in _SET_UP_OTHERWISE:
            raise BatchRefused(reason, suspect=reply.invalid_event_number)
        hint = _TOKEN_HINT if answer.status in (401, 403) else _URL_HINT
        raise NotDelivered(reason, hint=_SET_UP_OTHERWISE.get(reply.code, hint), may_recover=False)

    def close(self) -> None:
        """Close the connections."""
        self._endpoint.close()


def _open_endpoint(url: str) -> Endpoint:
    plain = url.removeprefix("hec+")
    scheme, _, rest = plain.partition("://")
    host, _, path = rest.partition("/")
    return Endpoint(plain if path else f"{scheme}://{host}{_PATH}")


def _parse_reply(body: bytes) -> _Reply:
    """Return what a collector says; of whatever else comes, nothing."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return _Reply()
    if not isinstance(said, dict):
        return _Reply()
    code, number = said.get("code"), said.get("invalid-event-number")
    return _Reply(
        code if type(code) is int else None,
        " ".join(str(said.get("text", "")).split())[:200],
        number if type(number) is int else None,
    )
