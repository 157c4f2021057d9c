"""The common part of the sinks in AWS: clients that make one attempt within a time, and their failures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from detector.alerts.formats.json_line import cut
from detector.alerts.sinks.sink import ACCEPTED, BatchRefused, Fate, NotDelivered, Receipt
from detector.sources.aws_errors import error_code, is_servers_fault, is_unreachable, refusal
from detector.sources.aws_options import AwsOptions
from detector.sources.aws_session import ca_bundle
from detector.text import one_line, printable

if TYPE_CHECKING:
    import boto3

    from detector.alerts.sinks.aws_transport import AwsTransport
    from detector.lake.ledger.outbox import Document

_PASSING = ("Throttl", "TooManyRequests", "LimitExceeded", "SlowDown", "Internal", "Unavailable", "Timeout", "Conflict")


# As the environment and the profile say: options for reading do not apply to writing.
OPTIONS: Final = AwsOptions()


class AwsClients:
    """Clients of one session, which leave repeats to the delivery and keep to the seconds that it gives."""

    def __init__(self, session: boto3.Session) -> None:
        """Take the session.

        Raises:
            UsageError: the file of authorities that the configuration names cannot be read.
        """
        from detector.alerts.sinks.aws_transport import AwsTransport

        self._session = session
        self._transport: AwsTransport = AwsTransport(ca_bundle(OPTIONS))
        self._opened: list[Any] = []

    def open(self, service: str, **options: Any) -> Any:  # noqa: ANN401 - boto3 has a type for each service
        """Return a client.

        Raises:
            BotoCoreError, ValueError: the region or the endpoint is none.
        """
        from botocore.config import Config

        config = Config(retries={"total_max_attempts": 1, "mode": "standard"})
        client: Any = self._session.client(service, config=config, **options)  # type: ignore[call-overload]
        client.meta.events.register("before-send", self._transport.send)
        self._opened.append(client)
        return client

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()
        for client in self._opened:
            client.close()


@contextmanager
def within(seconds: float, action: str, hint: str, invalid: tuple[str, ...] = ()) -> Iterator[None]:
    """Let what is asked of AWS inside end after so many seconds, and say what goes wrong.

    Args:
        seconds: for all requests.
        action: what AWS is asked to do, as IAM names it.
        hint: for what another attempt will not mend.
        invalid: codes, or the ends of them, that blame something in the batch.

    Raises:
        NotDelivered, BatchRefused: as of a sink.
    """
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

    from detector.alerts.sinks.deadline import whole_request

    try:
        with whole_request(seconds):
            yield
    except ParamValidationError as error:
        raise BatchRefused(one_line(error)) from error
    except (BotoCoreError, ClientError) as error:
        if invalid and error_code(error).endswith(invalid):
            raise BatchRefused(one_line(error)) from error
        raise failure(error, action, hint) from error


def batch_receipts(answer: Mapping[str, Any], count: int) -> list[Receipt]:
    """Return the answer about each entry of a batch; the id of an entry is its position."""
    taken = {one.get("Id") for one in answer.get("Successful", [])}
    failed = {one.get("Id"): receipt(one.get("Code", ""), one.get("Message", "")) for one in answer.get("Failed", [])}
    unanswered = Receipt(Fate.LATER, "the answer does not say what became of it")
    return [failed.get(entry, ACCEPTED if entry in taken else unanswered) for entry in map(str, range(count))]


def receipt(code: str, message: str) -> Receipt:
    """Return the answer about one that AWS did not take."""
    return Receipt(Fate.LATER if is_passing(code) else Fate.REFUSED, f"{one_line(code)}: {one_line(message)}")


def message_entry(position: int, document: Document, *, is_fifo: bool) -> dict[str, Any]:
    """Return what an entry of SNS and one of SQS have in common: all but the text of the message.

    Args:
        position: in the request.
        document: one line of JSON.
        is_fifo: the topic or queue keeps an order, and knows what comes again within five minutes.
    """
    said: Any = json.loads(document.line)
    found = {name: said.get(name) for name in ("severity", "rule_id", "account_id")}
    entry: dict[str, Any] = {
        "Id": str(position),
        # What subscriptions filter by, as far as the line has it.
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": printable(cut(value, 200))}
            for name, value in found.items()
            if isinstance(value, str) and value
        },
    }
    if is_fifo:
        entry |= {"MessageGroupId": "detector", "MessageDeduplicationId": sha256(document.line).hexdigest()}
    return entry


def is_passing(code: str) -> bool:
    """Tell whether what AWS calls so may be gone a moment later."""
    return any(part in code for part in _PASSING)


def failure(error: Exception, action: str, hint: str) -> NotDelivered:
    """Return why AWS took nothing.

    Args:
        error: of botocore.
        action: what it was asked to do, as IAM names it.
        hint: for what another attempt will not mend.
    """
    refused = refusal(error, OPTIONS)
    if refused is not None:
        return NotDelivered(str(refused), hint=refused.hint, may_recover=False)
    if is_unreachable(error):
        return NotDelivered(f"{action}: no answer: {one_line(error)}", hint="check the region and the network")
    code = error_code(error)
    if not code and is_servers_fault(error):
        return NotDelivered(f"{action}: {one_line(error)}")
    if not code:
        return NotDelivered(f"{action}: {one_line(error)}", hint=hint, may_recover=False)
    response = getattr(error, "response", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    message = one_line(response.get("Error", {}).get("Message", ""))
    return NotDelivered(
        f"{action}: {code}: {message}", hint=hint, may_recover=is_passing(code) or status == 429 or status >= 500
    )
