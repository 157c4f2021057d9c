"""Splunk's HTTP Event Collector.

Where indexer acknowledgement is on for the token, events are accepted when they are indexed: what a collector has only
received is lost with it.

Source: "Format events for HTTP Event Collector", "About HTTP Event Collector indexer acknowledgment" and "Troubleshoot
HTTP Event Collector" (its codes), Splunk Enterprise, Getting Data In.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlsplit
from uuid import uuid4

from detector.alerts.sinks.http import Answer, Endpoint
from detector.alerts.sinks.sink import ACCEPTED, BatchRefused, Limits, NotDelivered, Receipt
from detector.backoff import Backoff
from detector.errors import UsageError
from detector.lake.ledger.outbox import Document

TOKEN_VARIABLE = "DETECTOR_HEC_TOKEN"  # noqa: S105 - its name
_URL_HINT = "check the URL: is it the collector's, and its port 8088?"
_SUCCESS = 0
_PATH = "/services/collector/event"
_TOKEN_HINT = f"{TOKEN_VARIABLE} holds the token; Settings > Data inputs > HTTP Event Collector shows its state"
_CHANNEL_HINT = "what stands before the collector must pass the header X-Splunk-Request-Channel on"
_EVENT, _ACK = "/event", "/ack"
_ACK_IDS = 2**63
_BACKOFF = Backoff(first_seconds=0.1, longest_seconds=2, least_share=0.5)
# What is wrong with the token, the index or the collector, not with an event.
_SET_UP_OTHERWISE: Mapping[int | None, str] = {
    1: _TOKEN_HINT,
    2: _TOKEN_HINT,
    3: _TOKEN_HINT,
    4: _TOKEN_HINT,
    7: "allow the token to write to the index that the events name, or to its default index",
    10: _CHANNEL_HINT,
    11: _CHANNEL_HINT,
    14: _CHANNEL_HINT,
    16: _TOKEN_HINT,
}


@dataclass(frozen=True, slots=True)
class _Reply:
    """The reply of a collector; None where it says nothing of the kind."""

    code: int | None = None
    text: str = ""
    invalid_event_number: int | None = None
    ack_id: int | None = None


class SplunkCollector:
    """Alerts as events of the collector's JSON form, one after the other in a request."""

    limits = Limits(documents=500, size_bytes=512_000)  # Splunk Cloud takes 1 MB

    def __init__(self, url: str, sleep: Callable[[float], None] = time.sleep) -> None:
        """Take the URL (`hec+https://HOST[:PORT][/PATH]`), and the token from the environment.

        Args:
            url: of the collector.
            sleep: waits between two questions after an acknowledgement.

        Raises:
            UsageError: there is no token, or something is wrong with the URL.
        """
        self._token = os.environ.get(TOKEN_VARIABLE, "").strip()
        self._endpoint = _open_endpoint(url, self._token)
        if not self._token.isascii() or not self._token.isprintable() or not self._token:
            raise UsageError(f"--output {self.name}: {TOKEN_VARIABLE} holds no token", hint=_TOKEN_HINT)
        self._channel = str(uuid4())  # acknowledgements are told to whoever sent on it
        path = urlsplit(url).path.rstrip("/") or _PATH
        self._ack_path = f"{path.removesuffix(_EVENT)}{_ACK}?channel={self._channel}"
        self._sleep = sleep

    @property
    def name(self) -> str:
        """The URL."""
        return f"hec+{self._endpoint.shown}"

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:
        """POST the events; a code that names one of them, or blames their form, is a refusal of the batch."""
        end = time.monotonic() + seconds
        answer = self._post(b"".join(document.line for document in documents), seconds)
        reply = _parse_reply(answer.body)
        if answer.is_success and reply.code == _SUCCESS:
            if reply.ack_id is not None:
                self._await_acknowledgement(reply.ack_id, end)
            return [ACCEPTED] * len(documents)
        reason = f"HTTP {answer.status}"
        if reply.code is not None:
            reason += f", code {reply.code}: {answer.shown(reply.text)}"
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

    def _post(self, body: bytes, seconds: float, path: str | None = None) -> Answer:
        headers = {
            "Authorization": f"Splunk {self._token}",
            "Content-Type": "application/json",
            "X-Splunk-Request-Channel": self._channel,
        }
        return self._endpoint.post(body, headers, seconds, path)

    def _await_acknowledgement(self, ack_id: int, end: float) -> None:
        """Ask until the events are indexed.

        Raises:
            NotDelivered: they are not in time, and are to be sent again.
        """
        question = json.dumps({"acks": [ack_id]}).encode()
        for attempt in count(1):
            left = end - time.monotonic()
            if left <= 0:
                raise NotDelivered("received, but not acknowledged in time", hint="are the indexers keeping up?")
            try:
                answer = self._post(question, left, self._ack_path)
            except NotDelivered as failure:
                if not failure.may_recover:
                    raise
            else:
                if answer.is_success and _is_acknowledged(answer.body, ack_id):
                    return
                if not answer.is_success and not answer.may_recover:
                    raise NotDelivered(
                        f"the acknowledgement of what it received cannot be asked for: HTTP {answer.status}",
                        hint=f"{_ACK} of the collector must be reached as {_EVENT} is",
                        may_recover=False,
                    )
            self._sleep(min(_BACKOFF.seconds(attempt), max(0.0, end - time.monotonic())))


def _open_endpoint(url: str, token: str) -> Endpoint:
    plain = url.removeprefix("hec+")
    scheme, _, rest = plain.partition("://")
    host, _, path = rest.partition("/")
    return Endpoint(plain if path else f"{scheme}://{host}{_PATH}", token, shows_path=True)


def _parse_reply(body: bytes) -> _Reply:
    """Return what a collector says; of whatever else comes, nothing."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return _Reply()
    if not isinstance(said, dict):
        return _Reply()
    code, number, ack_id = said.get("code"), said.get("invalid-event-number"), said.get("ackId")
    return _Reply(
        code if type(code) is int else None,
        " ".join(str(said.get("text", "")).split()),
        number if type(number) is int else None,
        ack_id if type(ack_id) is int and 0 <= ack_id < _ACK_IDS else None,
    )


def _is_acknowledged(body: bytes, ack_id: int) -> bool:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return False
    acks = said.get("acks") if isinstance(said, dict) else None
    return isinstance(acks, dict) and acks.get(str(ack_id)) is True
