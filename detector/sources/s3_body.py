"""The body of one S3 object as boto3 hands it out: not more than was listed, and not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from io import BytesIO
from threading import Event, Timer
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from botocore.response import StreamingBody

# So slow is nothing that is under way: of 16 objects at a time, 2 Mbit/s for all of them.
SLOWEST_BYTES_PER_SECOND: Final = 16 << 10
_STEP_BYTES: Final = 1 << 20


class RefusedBody(Exception):  # noqa: N818 - a verdict on the body
    """A body is too long or too slow; the message says which."""


def too_long(size_bytes: int) -> str:
    """Say why a body that is longer than was listed is not read; one that was replaced is listed anew."""
    return f"holds more than the {size_bytes:,} bytes that were listed"


def read_body(body: StreamingBody, size_bytes: int, grace_seconds: float) -> bytes:
    """Return what a body holds.

    Args:
        body: of a GET, not yet read.
        size_bytes: the most that it may hold.
        grace_seconds: what it may take beyond the time that its size takes at the slowest rate.

    Raises:
        RefusedBody: it holds more, or took longer.
        BotoCoreError: it broke off.
    """
    content = BytesIO()
    copy_body(body, content, size_bytes, grace_seconds)
    return content.getvalue()


def copy_body(body: StreamingBody, into: BinaryIO, size_bytes: int, grace_seconds: float) -> None:
    """Write what a body holds to a file; arguments and errors as of `read_body`."""
    from botocore.exceptions import BotoCoreError

    copied = 0
    seconds = grace_seconds + size_bytes / SLOWEST_BYTES_PER_SECOND
    too_slow = f"did not come whole within {seconds:,.0f} s"
    with closing(body), _cut_off(body, seconds) as is_over:
        try:
            while step := body.read(_STEP_BYTES):
                copied += len(step)
                if copied > size_bytes:
                    raise RefusedBody(too_long(size_bytes))
                into.write(step)
        except BotoCoreError as error:
            if is_over.is_set():
                raise RefusedBody(too_slow) from error
            raise
        # Without a Content-Length the end of the connection looks like that of the body.
        if is_over.is_set():
            raise RefusedBody(too_slow)


@contextmanager
def _cut_off(body: StreamingBody, seconds: float) -> Iterator[Event]:
    """Hang up after so long; the event says that it came to that.

    A timeout of the socket is no help: each byte that trickles in starts it anew.
    """
    response: Any = body
    is_over = Event()

    def hang_up() -> None:
        is_over.set()
        with suppress(OSError, RuntimeError, ValueError):  # it has ended by itself
            response._raw_stream.shutdown()  # urllib3's; botocore has no name for it

    timer = Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield is_over
    finally:
        timer.cancel()
