"""POST over HTTP or TLS, and what goes wrong with it in words that help.

With `deadline` and `aws_transport` the only module that knows urllib3. Certificates are verified, redirects are not
followed, and plain HTTP goes to this machine alone: what is sent is evidence, and a token may go with it.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from hashlib import sha256
from urllib.parse import SplitResult, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from detector.alerts.sinks.deadline import hold_to_deadline, whole_request
from detector.alerts.sinks.loopback import is_this_machine
from detector.alerts.sinks.secrets import NO_SECRETS, Secrets
from detector.alerts.sinks.sink import NotDelivered
from detector.errors import UsageError
from detector.text import printable
from detector.times import utc_now

_CONNECT_SECONDS = 5
_ANSWER_BYTES = 65_536
_SAID_CHARACTERS = 200
_LONGEST_WAIT_SECONDS = 86_400
_CA_VARIABLE = "REQUESTS_CA_BUNDLE"  # OpenSSL itself looks at SSL_CERT_FILE and SSL_CERT_DIR


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, as far as it was read."""

    status: int
    body: bytes = field(repr=False)  # at most 64 kB
    wait_seconds: float | None  # Retry-After
    is_whole: bool = True  # False: it is longer, or did not come to its end in time
    secrets: Secrets = NO_SECRETS  # of the request

    @property
    def text(self) -> str:
        """All that the server says, on one line: to be judged by, not to be shown."""
        return " ".join(self.body.decode("utf-8", "replace").split())

    @property
    def said(self) -> str:
        """The first line of it, in at most 200 printable characters and without secrets; mostly it says why."""
        lines = self.body.decode("utf-8", "replace").split("\n")
        return self.shown(next(filter(None, (" ".join(line.split()) for line in lines)), ""))

    def shown(self, text: str) -> str:
        """Return a part of it as it may be shown; blanked before it is cut, which would leave a piece of a secret."""
        return printable(self.secrets.blank(text))[:_SAID_CHARACTERS]

    @property
    def is_success(self) -> bool:
        """True for 2xx."""
        return 200 <= self.status < 300

    @property
    def may_recover(self) -> bool:
        """True for what another attempt may find gone."""
        return self.status in (408, 425, 429) or self.status >= 500


class Endpoint:
    """One URL that takes POSTs, with connections that stay open."""

    def __init__(self, url: str, *secrets: str, shows_path: bool = False) -> None:
        """Parse the URL.

        Args:
            url: of which path and query are not shown when a server repeats them.
            secrets: that go with what is sent, and are not shown either.
            shows_path: it is no secret, as where a token goes with what is sent.

        Raises:
            UsageError: it has no host, holds credentials, or is plain HTTP to another machine; or the file of
                certificates cannot be read.
        """
        parts = _parse(url)
        self.shown = _without_query(parts)
        self._url = parts._replace(fragment="").geturl()
        self._host = parts.netloc
        self._secrets = Secrets.of(parts._replace(path="") if shows_path else parts, *secrets)
        self._pool = open_pool(parts, trusted(os.environ.get(_CA_VARIABLE) or None, _CA_VARIABLE))
        hold_to_deadline(self._pool)

    def post(self, body: bytes, headers: Mapping[str, str], seconds: float, path: str | None = None) -> Answer:
        """Make one request, which is over after so many seconds, whatever the server does.

        Args:
            body: any.
            headers: beside those that every request has.
            seconds: for the whole of it.
            path: on the same host, instead of that of the URL.

        Raises:
            NotDelivered: no answer came.
        """
        try:
            with whole_request(seconds):
                response = self._pool.request(
                    "POST",
                    self._url if path is None else urljoin(self._url, path),
                    body=body,
                    headers={"User-Agent": "detector", "Accept-Encoding": "identity", **headers},
                    timeout=urllib3.Timeout(connect=min(_CONNECT_SECONDS, seconds), read=seconds),
                    retries=False,
                    redirect=False,
                    preload_content=False,
                )
                try:
                    content, is_whole = _read(response)
                    wait_seconds = _wait_seconds(response.headers.get("Retry-After"))
                finally:
                    response.release_conn()
        except HTTPError as error:
            raise _no_answer(error, self._host) from error
        if 300 <= response.status < 400:
            raise NotDelivered(
                f"HTTP {response.status}: a redirect, which is not followed",
                hint="give --output the address that it leads to",
                may_recover=False,
            )
        return Answer(response.status, content, wait_seconds, is_whole, self._secrets)

    def close(self) -> None:
        """Close all connections."""
        self._pool.clear()


def _parse(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        # Two full stops in a row, or a label of 64 letters, are found out only where a name server would be asked.
        (host or "").encode("idna")
        urllib3.util.parse_url(url)
    except ValueError:  # its text may repeat a secret
        raise UsageError("--output: not a URL", hint="write https://HOST[:PORT]/PATH") from None
    if not host or port == 0 or any(character.isspace() or not character.isprintable() for character in url):
        raise UsageError("--output: a URL without a host, or with a space in it", hint="write https://HOST/PATH")
    if "@" in parts.netloc:
        raise UsageError(
            f"--output: the URL for {host} holds a user name or password",
            hint="secrets are taken from the environment: DETECTOR_HEC_TOKEN, DETECTOR_WEBHOOK_SECRET",
        )
    if parts.scheme == "http" and not is_this_machine(host):
        raise UsageError(f"--output: http:// to {host} would send alerts in the clear", hint="write https://")
    return parts


def _without_query(parts: SplitResult) -> str:
    """Return the URL as it may be shown and remembered; of a query, which may hold a key, only a fingerprint."""
    query = f"?{sha256(parts.query.encode()).hexdigest()[:8]}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{parts.path}{query}"


def trusted(bundle: str | None, name: str) -> ssl.SSLContext:
    """Return what certificates are checked by.

    Args:
        bundle: a file or folder of authorities; without it those of the system, or of SSL_CERT_FILE.
        name: of the setting that names it.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return ssl.create_default_context(
            cafile=None if bundle and os.path.isdir(bundle) else bundle,  # noqa: PTH112
            capath=bundle if bundle and os.path.isdir(bundle) else None,  # noqa: PTH112
        )
    except OSError as error:
        raise UsageError(f"{name}={bundle}: {error.strerror or error}", hint="name a PEM file") from error


def open_pool(parts: SplitResult, context: ssl.SSLContext) -> urllib3.PoolManager:
    """Return connections to a host, through the proxy of the environment where there is one for it.

    Raises:
        UsageError: the proxy is no URL.
    """
    if parts.scheme == "http":
        return urllib3.PoolManager()
    proxy = getproxies().get("https")
    if not proxy or proxy_bypass(parts.hostname or ""):
        return urllib3.PoolManager(ssl_context=context)
    try:
        return urllib3.ProxyManager(proxy if "://" in proxy else f"http://{proxy}", ssl_context=context)
    except HTTPError as error:
        raise UsageError("HTTPS_PROXY is not the URL of an HTTP proxy", hint="write http://HOST:PORT") from error


def _read(response: urllib3.BaseHTTPResponse) -> tuple[bytes, bool]:
    """Return the beginning of an answer, and whether it is all: of one that does not end, what is there in time."""
    content = bytearray()
    try:
        while piece := response.read1(_ANSWER_BYTES - len(content), decode_content=False):
            content += piece
            if len(content) >= _ANSWER_BYTES:
                response.close()  # not for another request
                return bytes(content), False
    except ReadTimeoutError:
        response.close()
        return bytes(content), False
    return bytes(content), True


def _no_answer(error: HTTPError, host: str) -> NotDelivered:
    match error:
        case SSLError() if "CERTIFICATE_VERIFY_FAILED" in str(error):
            reason = str(error).rpartition("certificate verify failed: ")[2].partition(" (_ssl")[0]
            hint = f"name the CA that signs for {host}: SSL_CERT_FILE=ca.pem"
            return NotDelivered(f"the certificate of {host} is not trusted: {reason}", hint=hint, may_recover=False)
        case SSLError():
            return NotDelivered(f"no TLS with {host}: {_one_line(error)}", hint="does this port speak TLS?")
        case ProxyError():
            hint = "check HTTPS_PROXY and NO_PROXY"
            return NotDelivered(f"the proxy in front of {host} does not let us through", hint=hint)
        case NameResolutionError():
            return NotDelivered(f"there is no host {host}, or no name server answers", hint="check the URL")
        case NewConnectionError():
            reason = getattr(error.__cause__, "strerror", None) or "no connection"
            return NotDelivered(f"cannot connect to {host}: {reason}", hint="check host and port")
        case ConnectTimeoutError():
            return NotDelivered(f"{host} does not answer", hint="check the URL, and the firewall in between")
        case ReadTimeoutError():
            return NotDelivered(f"{host} did not answer in time")
        case ProtocolError(args=(_, TimeoutError())):
            return NotDelivered(f"{host} did not take the alerts in time")
        case ProtocolError():
            return NotDelivered(f"{host} broke the connection")
        case _:
            # Not its text, which may hold the whole URL.
            return NotDelivered(f"{host}: {type(error).__name__}")


def _one_line(error: object) -> str:
    return " ".join(str(error).split())[:200]


def _wait_seconds(header: str | None) -> float | None:
    """Return what a Retry-After asks for: seconds, or a date."""
    if not header:
        return None
    try:
        if header.strip().isdecimal():
            seconds = float(header[:9])
        else:
            seconds = (parsedate_to_datetime(header) - utc_now()).total_seconds()
    except (ValueError, TypeError, OverflowError):  # a time zone of a million years, for one
        return None
    return min(max(0.0, seconds), _LONGEST_WAIT_SECONDS)
