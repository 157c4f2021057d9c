"""A folder in S3: one object for each batch, for whatever picks up new objects."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from detector.alerts.sinks.aws import OPTIONS, AwsClients, within
from detector.alerts.sinks.sink import ACCEPTED, Limits, Receipt
from detector.errors import UsageError
from detector.lake.ledger.outbox import Document
from detector.sources.aws_errors import error_code
from detector.sources.aws_session import open_session
from detector.times import utc_now

_HINT = "the bucket must exist, and s3:PutObject be allowed for who you are (aws sts get-caller-identity)"


class S3Folder:
    """Alerts as objects that are written once.

    An object is named after the day and its content, and never overwritten: an attempt whose answer was lost, made
    again, finds its object there.
    """

    limits = Limits(documents=5_000, size_bytes=16_000_000)

    def __init__(self, url: str, suffix: str) -> None:
        """Take `s3://BUCKET/PREFIX/`; nothing is sent yet.

        Raises:
            UsageError: there is no bucket in it, or AWS is not set up.
        """
        self._bucket, _, self._prefix = url.removeprefix("s3://").partition("/")
        if not self._bucket:
            raise UsageError("--output s3:// names no bucket", hint="write s3://BUCKET/PREFIX/")
        if self._prefix and not self._prefix.endswith("/"):
            self._prefix += "/"
        self._suffix = suffix
        self._clients = AwsClients(open_session(OPTIONS))
        self._client = self._clients.open("s3")

    @property
    def name(self) -> str:
        """The URL."""
        return f"s3://{self._bucket}/{self._prefix}"

    def send(self, documents: Sequence[Document], seconds: float) -> list[Receipt]:
        """Write one object, unless it is there."""
        from botocore.exceptions import ClientError

        body = b"".join(document.line for document in documents)
        key = f"{self._prefix}{utc_now():%Y/%m/%d}/alerts-{sha256(body).hexdigest()[:32]}{self._suffix}"
        with within(seconds, "s3:PutObject", _HINT):
            try:
                self._client.put_object(Bucket=self._bucket, Key=key, Body=body, IfNoneMatch="*")
            except ClientError as error:
                if error_code(error) != "PreconditionFailed":
                    raise
        return [ACCEPTED] * len(documents)

    def close(self) -> None:
        """Close the connections."""
        self._clients.close()
