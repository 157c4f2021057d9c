"""Mail through an SMTP server, over TLS unless the server is this machine.

Source: RFC 5321 (replies), RFC 3207 (STARTTLS), RFC 8314 (TLS from the start, port 465).
"""

from __future__ import annotations

import json
import os
import re
import smtplib
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from urllib.parse import urlsplit

from detector.alerts.sinks.deadline import whole_request
from detector.alerts.sinks.loopback import is_this_machine
from detector.alerts.sinks.secrets import NO_SECRETS, Secrets
from detector.alerts.sinks.sink import ACCEPTED, Fate, Limits, NotDelivered, Receipt
from detector.alerts.sinks.smtp import SmtpInTime, SmtpOverTlsInTime
from detector.errors import UsageError
from detector.lake.ledger.outbox import Document
from detector.text import one_line, printable
from detector.times import utc_now

_VARIABLES = "DETECTOR_SMTP_"
_SUBMISSION, _SUBMISSION_OVER_TLS = 587, 465
# An address as most people have one: nothing in it needs quotes, and nothing ends a header or a command.
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_NAMES = ("HOST", "PORT", "TLS", "FROM", "USER")
_HINT = f"check {_VARIABLES}HOST and {_VARIABLES}PORT"
_PERMANENT = 500
_SAID_CHARACTERS = 200
_TOO_LARGE = 552  # said to the sender where the size is announced, RFC 1870


@dataclass(frozen=True, slots=True)
class _Server:
    """The server that takes the mail, as the environment names it."""

    host: str
    port: int
    is_tls_from_the_start: bool
    sender: str
    user: str | None
    password: str | None = field(repr=False)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> _Server:
        """Read the variables.

        Raises:
            UsageError: one is missing, or is none.
        """
        found = {name: environment.get(_VARIABLES + name, "").strip() for name in _NAMES}
        host, port, user = found["HOST"], found["PORT"] or str(_SUBMISSION), found["USER"]
        sender = found["FROM"] or user
        password = environment.get(f"{_VARIABLES}PASSWORD", "")
        if not host or not host.isprintable() or " " in host:
            raise UsageError(f"--output mailto: {_VARIABLES}HOST names no server", hint=f"set {_VARIABLES}HOST")
        if not port.isdecimal() or not 0 < int(port[:6]) < 65_536:
            raise UsageError(f"--output mailto: {_VARIABLES}PORT is no port", hint="mostly it is 587")
        tls = found["TLS"] or ("implicit" if int(port) == _SUBMISSION_OVER_TLS else "starttls")
        if tls not in ("implicit", "starttls"):
            raise UsageError(f"--output mailto: {_VARIABLES}TLS is starttls or implicit", hint="leave it out")
        if not _ADDRESS.fullmatch(sender):
            raise UsageError(
                f"--output mailto: {_VARIABLES}FROM is no address", hint="name the sender: detector@example.com"
            )
        if bool(user) != bool(password):
            raise UsageError(
                f"--output mailto: {_VARIABLES}USER and {_VARIABLES}PASSWORD belong together", hint="set both or none"
            )
        return cls(host, int(port), tls == "implicit", sender, user or None, password or None)

    @property
    def secrets(self) -> Secrets:
        """The password, plain and as RFC 4616 and LOGIN send it."""
        if self.password is None:
            return NO_SECRETS
        sent = (f"\0{self.user}\0{self.password}", self.password)
        return Secrets.of(urlsplit(""), self.password, *(b64encode(one.encode()).decode() for one in sent))


class Mailbox:
    """Notices as mails to one address; the same notice has the same Message-ID whenever it is sent."""

    limits = Limits(documents=50, size_bytes=1_000_000)  # in one connection

    def __init__(self, output: str) -> None:
        """Take `mailto:ADDRESS`, and the server from the environment; nothing is sent yet.

        Raises:
            UsageError: it is no address, or something is missing in the environment.
        """
        self._to = output.removeprefix("mailto:")
        if not _ADDRESS.fullmatch(self._to):
            raise UsageError(
                "--output mailto: needs one address, without name or subject", hint="give one --output for each address"
            )
        self._server = _Server.of(os.environ)
        self._secrets = self._server.secrets
        self._context = ssl.create_default_context()

    @property
    def name(self) -> str:
        """`mailto:ADDRESS`."""
        return f"mailto:{self._to}"

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:
        """Send a mail for each document over one connection."""
        answers: list[Receipt] = []
        try:
            with whole_request(seconds), self._connected() as smtp:
                for document in documents:
                    answers.append(self._send_one(smtp, document))  # noqa: PERF401 - kept when one of them raises
        except NotDelivered:
            if not answers:
                raise
        # What the connection ended before is sent with the next.
        return answers + [Receipt(Fate.LATER, "the connection ended")] * (len(documents) - len(answers))

    def close(self) -> None:
        """Nothing to do: a connection lasts for one batch."""

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """Hand out a connection on which mail may be sent.

        Raises:
            NotDelivered: there is none.
        """
        server = self._server
        place = f"{server.host}:{server.port}"
        try:
            smtp = self._open()
            try:
                if not server.is_tls_from_the_start:
                    smtp.ehlo()
                    if smtp.has_extn("starttls"):
                        smtp.starttls(context=self._context)
                    elif not is_this_machine(server.host):
                        raise _hopeless(f"{place} does not offer STARTTLS", "mail is not sent in the clear")
                if server.user is not None and server.password is not None:
                    smtp.login(server.user, server.password)
                yield smtp
                with suppress(OSError, smtplib.SMTPException):
                    smtp.quit()
            finally:
                smtp.close()
        except smtplib.SMTPAuthenticationError as error:
            raise self._of_reply(place, error, f"check {_VARIABLES}USER and {_VARIABLES}PASSWORD") from error
        except smtplib.SMTPNotSupportedError as error:
            raise _hopeless(f"{place}: {self._blanked(str(error))}", f"check {_VARIABLES}USER, and the port") from error
        except smtplib.SMTPResponseException as error:
            raise self._of_reply(place, error, _HINT) from error
        except ssl.SSLCertVerificationError as error:
            reason = f"the certificate of {place} is not trusted: {error.verify_message}"
            raise _hopeless(reason, "name the CA that signs for it: SSL_CERT_FILE=ca.pem") from error
        except TimeoutError as error:
            raise NotDelivered(f"{place} did not answer in time") from error
        except socket.gaierror as error:
            raise NotDelivered(f"there is no host {server.host}, or no name server answers", hint=_HINT) from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotDelivered(f"{place}: {self._blanked(str(error))}", hint=_HINT) from error

    def _open(self) -> smtplib.SMTP:
        server = self._server
        if server.is_tls_from_the_start:
            return SmtpOverTlsInTime(server.host, server.port, self._context)
        return SmtpInTime(server.host, server.port)

    def _send_one(self, smtp: smtplib.SMTP, document: Document) -> Receipt:
        """Send one mail; what the server says of this mail is its answer.

        Raises:
            NotDelivered: the server will take none from this sender, or for this address.
        """
        server = self._server
        try:
            smtp.send_message(_message(document, server.sender, self._to), server.sender, [self._to])
        except smtplib.SMTPDataError as error:
            fate = Fate.REFUSED if error.smtp_code >= _PERMANENT else Fate.LATER
            return Receipt(fate, self._said(error.smtp_code, error.smtp_error))
        except smtplib.SMTPSenderRefused as error:
            if error.smtp_code == _TOO_LARGE:
                return Receipt(Fate.REFUSED, self._said(error.smtp_code, error.smtp_error))
            raise self._of_reply("the sender", error, f"check {_VARIABLES}FROM") from error
        except smtplib.SMTPRecipientsRefused as error:
            code, text = error.recipients[self._to]
            raise NotDelivered(
                f"{self._to} is refused: {self._said(code, text)}",
                hint="check the address, and that the server relays for who you are",
                may_recover=code < _PERMANENT,
            ) from error
        return ACCEPTED

    def _of_reply(self, place: str, error: smtplib.SMTPResponseException, hint: str) -> NotDelivered:
        said = self._said(error.smtp_code, error.smtp_error)
        return NotDelivered(f"{place}: {said}", hint=hint, may_recover=error.smtp_code < _PERMANENT)

    def _said(self, code: int, text: bytes | str) -> str:
        return f"{code}: {self._blanked(text.decode('utf-8', 'replace') if isinstance(text, bytes) else text)}"

    def _blanked(self, said: str) -> str:
        """Return a server's words as they may be shown: some repeat what they were sent."""
        return printable(self._secrets.blank(one_line(said)))[:_SAID_CHARACTERS]


def _message(document: Document, sender: str, to: str) -> EmailMessage:
    """Return a document of the format `mail` as a mail."""
    said = json.loads(document.line)
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = printable(said["subject"])
    message["Date"] = format_datetime(utc_now())
    domain = sender.rpartition("@")[2]
    message["Message-ID"] = f"<{sha256(document.line).hexdigest()[:40]}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: so that nobody's absence answers
    message.set_content(said["text"], cte="quoted-printable")
    return message


def _hopeless(reason: str, hint: str) -> NotDelivered:
    return NotDelivered(reason, hint=hint, may_recover=False)
