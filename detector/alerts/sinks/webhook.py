"""Any HTTPS address that takes lines of JSON.

The body is signed when there is a secret: `X-Detector-Signature: sha256=HEX` is the HMAC-SHA-256 of the value of
`X-Detector-Timestamp` (seconds since 1970), a full stop, and the body. A receiver refuses old timestamps.
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Sequence

from detector.alerts.sinks.http import Endpoint
from detector.alerts.sinks.sink import ACCEPTED, BatchRefused, Limits, NotDelivered, Receipt
from detector.lake.ledger.outbox import Document
from detector.text import url_without_path

SECRET_VARIABLE = "DETECTOR_WEBHOOK_SECRET"  # noqa: S105 - its name
# What a server answers when something in the body is not to its liking.
_BODY_REFUSED = (400, 409, 413, 422)


class Webhook:
    """Alerts as newline-delimited JSON."""

    limits = Limits(documents=500, size_bytes=512_000)

    def __init__(self, url: str) -> None:
        """Take the URL, and the secret, when there is one, from the environment.

        Raises:
            UsageError: something is wrong with the URL.
        """
        secret = os.environ.get(SECRET_VARIABLE, "")
        self._endpoint = Endpoint(url, secret)
        self._secret = secret.encode()

    @property
    def name(self) -> str:
        """The URL, of whose path only a fingerprint: for many receivers it is the secret."""
        return url_without_path(self._endpoint.shown, hides_query=True)

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:
        """POST the lines; any 2xx means that all of them are taken."""
        body = b"".join(document.line for document in documents)
        headers = {"Content-Type": "application/x-ndjson"}
        if self._secret:
            headers |= signature_headers(self._secret, int(time.time()), body)
        answer = self._endpoint.post(body, headers, seconds)
        if answer.is_success:
            return [ACCEPTED] * len(documents)
        reason = f"HTTP {answer.status}" + (f": {answer.said}" if answer.said else "")
        if answer.may_recover:
            raise NotDelivered(reason, wait_seconds=answer.wait_seconds)
        if answer.status in _BODY_REFUSED:
            raise BatchRefused(reason)
        hint = f"check the URL, and the secret in {SECRET_VARIABLE}" if answer.status in (401, 403) else "check the URL"
        raise NotDelivered(reason, hint=hint, may_recover=False)

    def close(self) -> None:
        """Close the connections."""
        self._endpoint.close()


def signature_headers(secret: bytes, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that let a receiver check who sent the body, and when."""
    digest = hmac.digest(secret, f"{timestamp}.".encode() + body, "sha256").hex()
    return {"X-Detector-Timestamp": str(timestamp), "X-Detector-Signature": f"sha256={digest}"}
