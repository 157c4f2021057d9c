"""Mails, as a real SMTP server takes them."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from detector.alerts.alert import Alert
from detector.alerts.delivery import Delivery, InMemoryOutbox, RetryPolicy, deliver
from detector.alerts.sinks.mail import Mailbox
from detector.alerts.sinks.opening import open_outputs
from detector.detect.emission import write_alerts
from detector.errors import UsageError
from detector.lake.ledger.ledger import Ledger
from detector.lake.ledger.outbox import Document

from .conftest import MANY
from .crash import alert
from .endpoints import unused_port

ONCE = RetryPolicy(attempts=1, request_seconds=5)
TO = "on-call@example.com"


@dataclass
class Postbox:
    """Keeps what comes; `say` may answer in its place."""

    say: Callable[[Envelope], str | None] = lambda _: None
    refuse_address: str | None = None
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:  # noqa: ANN401, ARG002, N802
        if self.refuse_address:
            return self.refuse_address
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: ANN401, ARG002, N802
        said = self.say(envelope)
        if said is not None:
            return said
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.envelopes.append(envelope)
        return "250 OK"

    def login(self, *arguments: Any) -> AuthResult:  # noqa: ANN401
        given = arguments[-1]
        assert isinstance(given, LoginPassword)
        self.logins.append((given.login, given.password))
        is_right = given.password == b"s3cr3t"
        # As some servers do, it repeats what it was sent.
        message = (
            None
            if is_right
            else f"535 {b64encode(given.password).decode()} is no password, nor {given.password.decode()}"
        )
        return AuthResult(success=is_right, handled=is_right, message=message)


@contextmanager
def serving_mail(postbox: Postbox, **options: Any) -> Iterator[int]:  # noqa: ANN401
    controller = Controller(postbox, hostname="127.0.0.1", port=unused_port(), ready_timeout=30, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def set_all(**values: object) -> None:
        for name, value in ({"HOST": "127.0.0.1", "FROM": "detector@example.com"} | values).items():
            monkeypatch.setenv(f"DETECTOR_SMTP_{name}", str(value))

    return set_all


@pytest.fixture
def plain(postbox: Postbox, settings: Callable[..., None]) -> Iterator[Postbox]:
    with serving_mail(postbox) as port:
        settings(PORT=port)
        yield postbox


def notices(count: int) -> list[Document]:
    return [
        Document(f"id-{number}", json.dumps({"id": number, "subject": f"[high] {number}", "text": "what\n"}).encode())
        for number in range(count)
    ]


def send(documents: list[Document], retry_policy: RetryPolicy = ONCE) -> Delivery:
    with closing(Mailbox(f"mailto:{TO}")) as sink:
        return deliver(InMemoryOutbox({sink.name: documents}), [sink], retry_policy)


def tell(found: list[Alert], options: str = "") -> int:
    with open_outputs([f"mailto:{TO}{options}"]) as outputs:
        return write_alerts(found, outputs).accepted


def test_a_run_is_one_mail_with_the_worst_alerts(plain: Postbox) -> None:
    assert tell([replace(alert(number), rule_url="https://wiki.example/r#rule") for number in range(31)]) == 1
    [mail] = plain.mails
    assert (mail["To"], mail["From"]) == (TO, "detector@example.com")
    assert mail["Subject"] == "[high] 31 alerts in 0 accounts"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    text = mail.get_content()
    assert text.count("https://wiki.example/r#rule") == 10
    assert "… and 21 more" in text
    assert (plain.envelopes[0].mail_from, plain.envelopes[0].rcpt_tos) == ("detector@example.com", [TO])


def test_each_alert_is_a_mail_where_that_is_asked_and_a_repeat_has_the_same_id(plain: Postbox) -> None:
    for _ in range(2):
        assert tell([alert(number) for number in range(3)], " digest=false") == 3
    ids = [mail["Message-ID"] for mail in plain.mails]
    assert ids[:3] == ids[3:]
    assert len(set(ids)) == 3


def test_what_a_log_says_makes_no_header_and_no_command(plain: Postbox) -> None:
    hostile = "x\r\nBcc: victim@example.com\r\n\r\n.\r\nRCPT TO:<victim@example.com> é \U0001f600"
    assert tell([replace(alert(0), title=hostile, summary=hostile, account_id=hostile)], " digest=false") == 1
    [mail] = plain.mails
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("[high] x Bcc: victim@example.com")
    assert plain.envelopes[0].rcpt_tos == [TO]
    assert "é \U0001f600" in mail.get_content()


# TLS and credentials --------------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    return made


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(made)
    return made


def test_credentials_go_over_tls_to_a_server_that_is_trusted(
    postbox: Postbox,
    context: ssl.SSLContext,
    settings: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    options = {"tls_context": context, "require_starttls": True, "auth_required": True}
    with serving_mail(postbox, authenticator=postbox.login, **options) as port:
        settings(PORT=port, USER="user@example.com", PASSWORD="s3cr3t")
        [undelivered] = send(notices(1)).undelivered
        assert undelivered.reason.startswith(f"the certificate of 127.0.0.1:{port} is not trusted")
        assert "SSL_CERT_FILE" in undelivered.hint
        assert postbox.logins == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert send(notices(2)) == Delivery(accepted=2)
        settings(PASSWORD="wr0ng")
        [undelivered] = send(notices(1)).undelivered
        assert "535" in undelivered.reason
        assert "DETECTOR_SMTP_PASSWORD" in undelivered.hint
        assert "wr0ng" not in repr(undelivered)
        assert b64encode(b"wr0ng").decode() not in repr(undelivered)
    assert postbox.logins[0] == (b"user@example.com", b"s3cr3t")


def test_on_the_port_of_tls_from_the_start_it_is_spoken_from_the_start(
    postbox: Postbox,
    context: ssl.SSLContext,
    settings: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with serving_mail(postbox, ssl_context=context) as port:
        settings(PORT=port, TLS="implicit")
        assert send(notices(2)) == Delivery(accepted=2)


def test_no_mail_goes_in_the_clear_to_another_machine(plain: Postbox, settings: Callable[..., None]) -> None:
    settings(HOST="127.1")  # a form of the address that the program does not know for this machine's
    [undelivered] = send(notices(1)).undelivered
    assert "does not offer STARTTLS" in undelivered.reason
    assert plain.mails == []


# What goes wrong ------------------------------------------------------------------------------------------------------


def test_a_mail_that_is_refused_holds_up_no_other(plain: Postbox) -> None:
    plain.say = lambda envelope: "552 too large" if b"[high] 1" in (envelope.content or b"") else None
    delivery = send(notices(3))
    assert [(one.alert_id, one.reason) for one in delivery.refused] == [("id-1", "552: too large")]
    assert delivery.accepted == 2


def test_a_mail_that_is_too_large_by_what_is_announced_is_refused_alone(
    postbox: Postbox, settings: Callable[..., None]
) -> None:
    documents = notices(3)
    large = json.dumps({"id": "1", "subject": "large", "text": "x" * 3_000})
    documents[1] = replace(documents[1], line=large.encode())
    with serving_mail(postbox, data_size_limit=1_500) as port:
        settings(PORT=port)
        delivery = send(documents)
    assert [one.alert_id for one in delivery.refused] == ["id-1"]
    assert delivery.accepted == 2


@pytest.mark.parametrize(
    ("address", "attempts"), [("550 no such user", 1), ("450 later", 3)], ids=["for good", "for now"]
)
def test_an_address_that_is_refused_is_said(plain: Postbox, address: str, attempts: int) -> None:
    plain.refuse_address = address
    waits: list[float] = []
    [undelivered] = send(notices(3), RetryPolicy(attempts=3, sleep=waits.append)).undelivered
    assert undelivered.alerts == 3
    assert undelivered.reason == f"{TO} is refused: {address[:3]}: {address[4:]}"
    assert len(waits) == attempts - 1


def test_a_port_where_nobody_listens_is_said(settings: Callable[..., None]) -> None:
    port = unused_port()
    settings(PORT=port)
    [undelivered] = send(notices(1)).undelivered
    assert f"127.0.0.1:{port}" in undelivered.reason
    assert "DETECTOR_SMTP_PORT" in undelivered.hint


@contextmanager
def talking(say: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept one connection, and do to it as is said."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            connected, _ = listening.accept()
            with connected:
                say(connected)

        thread = threading.Thread(target=accept)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def trickle(connected: socket.socket) -> None:
    """Begin a greeting that does not end, until nobody listens."""
    connected.settimeout(5)
    try:
        while True:
            connected.sendall(b"2")
            if connected.recv(1) == b"":
                return
    except OSError:
        return


def flood(connected: socket.socket) -> None:
    try:
        while True:
            connected.sendall(b"220-more\r\n" * 10_000)
    except OSError:
        return


@pytest.mark.parametrize(
    ("say", "reason"),
    [
        (trickle, "Connection unexpectedly closed"),
        (flood, "a reply that does not end"),
        (lambda one: one.sendall(b"554 \x1b[31mgo away\r\n"), r"554: \x1b[31mgo away"),
        (lambda one: one.sendall(b"x" * 20_000), "Line too long"),
    ],
    ids=["trickle", "flood", "refusal", "long line"],
)
def test_a_server_that_misbehaves_is_left(
    settings: Callable[..., None], say: Callable[[socket.socket], None], reason: str
) -> None:
    with talking(say) as port:
        settings(PORT=port)
        [undelivered] = send(notices(1), RetryPolicy(attempts=1, request_seconds=0.5)).undelivered
    assert reason in undelivered.reason


@pytest.mark.parametrize("count", [100, pytest.param(MANY, marks=pytest.mark.slow)])
def test_all_mails_arrive_where_three_of_ten_fail(ledger: Ledger, plain: Postbox, count: int) -> None:
    random = Random(2)

    def fickle(_: Envelope) -> str | None:
        return random.choice(("451 busy", "421 going away")) if random.random() < 0.3 else None

    plain.say = fickle
    documents = notices(count)
    with closing(Mailbox(f"mailto:{TO}")) as sink:
        ledger.record_emitted([], {sink.name: documents})
        policy = RetryPolicy(seconds=3_600, sleep=lambda _: None, attempts=40)
        assert deliver(ledger.outbox, [sink], policy) == Delivery(accepted=count)
    assert {mail["Subject"] for mail in plain.mails} == {f"[high] {number}" for number in range(count)}


@pytest.mark.parametrize(
    ("output", "settings_", "message"),
    [
        ("mailto:", {}, "needs one address"),
        ("mailto:a@example.com,b@example.com", {}, "needs one address"),
        ("mailto:a@example.com?subject=x", {}, "needs one address"),
        ("mailto:a@example.com\r\nRCPT", {}, "needs one address"),
        (f"mailto:{TO}", {"HOST": ""}, "HOST names no server"),
        (f"mailto:{TO}", {"PORT": "x"}, "PORT is no port"),
        (f"mailto:{TO}", {"PORT": "65536"}, "PORT is no port"),
        (f"mailto:{TO}", {"TLS": "maybe"}, "TLS is starttls or implicit"),
        (f"mailto:{TO}", {"FROM": ""}, "FROM is no address"),
        (f"mailto:{TO}", {"USER": "me"}, "belong together"),
        (f"mailto:{TO}:csv", {}, "takes the format mail alone"),
    ],
)
def test_an_output_that_cannot_be_is_bad_usage(
    settings: Callable[..., None], output: str, settings_: dict[str, str], message: str
) -> None:
    settings(**settings_)
    with pytest.raises(UsageError, match=message), open_outputs([output]):
        pass
