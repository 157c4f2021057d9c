"""What a client of boto3 has signed, sent over connections that hold to one deadline.

boto3's own timeouts bound one wait each, and are fixed with the client. With `deadline` and `http` the only module that
knows urllib3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, HTTPClientError, ReadTimeoutError
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError

from detector.alerts.sinks.deadline import hold_to_deadline, seconds_left
from detector.alerts.sinks.http import open_pool, trusted

if TYPE_CHECKING:
    import ssl

    from botocore.awsrequest import AWSPreparedRequest

_CONNECT_SECONDS = 5
_ANSWER_BYTES = 1_000_000  # of a hundred findings that were all refused, each with a reason


class AwsTransport:
    """Sends requests in place of botocore, which signs them and reads the answers."""

    def __init__(self, ca_bundle: str | None) -> None:
        """Take the file or folder of authorities that the AWS configuration names.

        Raises:
            UsageError: it cannot be read.
        """
        self._context: ssl.SSLContext = trusted(ca_bundle, "AWS_CA_BUNDLE")
        self._pools: dict[str, urllib3.PoolManager] = {}

    def send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:  # noqa: ANN401 - botocore's own
        """Send one request: a handler of botocore's `before-send`.

        Raises:
            HTTPClientError, EndpointConnectionError: of botocore, as its own sender does.
        """
        seconds = seconds_left()
        try:
            response = self._pool(request.url).urlopen(
                request.method,
                request.url,
                body=request.body,
                headers=request.headers,
                timeout=urllib3.Timeout(connect=min(_CONNECT_SECONDS, seconds), read=seconds),
                chunked=_is_chunked(request),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                content = _read(response)
            finally:
                response.release_conn()
        except (NewConnectionError, NameResolutionError) as error:
            raise EndpointConnectionError(endpoint_url=request.url, error=error) from error
        except (TimeoutError, urllib3.exceptions.TimeoutError) as error:
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except (HTTPError, ValueError) as error:
            raise HTTPClientError(error=error) from error
        headers: Any = response.headers
        return AWSResponse(request.url, response.status, headers, _Content(content))

    def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.clear()

    def _pool(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        place = f"{parts.scheme}://{parts.netloc}"
        if place not in self._pools:
            self._pools[place] = open_pool(parts, self._context)
            hold_to_deadline(self._pools[place])
        return self._pools[place]


class _Content:
    """What botocore reads an answer from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def _is_chunked(request: AWSPreparedRequest) -> bool:
    encoding: str | bytes = request.headers.get("Transfer-Encoding", "")
    return encoding in ("chunked", b"chunked")


def _read(response: urllib3.BaseHTTPResponse) -> bytes:
    """Return a whole answer.

    Raises:
        ValueError: it is longer than any of AWS's.
    """
    content = bytearray()
    while piece := response.read1(_ANSWER_BYTES + 1 - len(content), decode_content=False):
        content += piece
        if len(content) > _ANSWER_BYTES:
            response.close()
            raise ValueError(f"an answer of more than {_ANSWER_BYTES:,} bytes")
    return bytes(content)
