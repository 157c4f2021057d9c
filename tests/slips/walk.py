"""What Python's own gzip and json find in a file: every object with eventSource and eventTime, however deep."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

_DECODER = json.JSONDecoder()
_GZIP = b"\x1f\x8b"


def event_ids(content: bytes) -> set[str]:
    """Return the eventIDs of the records in a file."""
    return {
        record["eventID"]
        for value in _values(_text(content))
        for record in _records(value)
        if isinstance(record.get("eventID"), str)
        and record["eventID"].isascii()  # others may be bytes that are no UTF-8
    }


def _text(content: bytes) -> str:
    for _ in range(2):
        if content.startswith(_GZIP):
            content = _gunzipped(content)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")


def _gunzipped(content: bytes) -> bytes:
    """Return what can be had of all members."""
    found = b""
    while content.startswith(_GZIP):
        member = zlib.decompressobj(31)
        try:
            found += member.decompress(content)
        except zlib.error:
            break
        content = member.unused_data.lstrip(b"\0")
    return found


def _values(text: str) -> Iterator[Any]:
    """Yield each JSON value that starts at the beginning, or where the last one has ended."""
    position = 0
    while position < len(text):
        starts = [at for at in (text.find("{", position), text.find("[", position)) if at >= 0]
        if not starts:
            return
        try:
            value, position = _DECODER.raw_decode(text, min(starts))
            yield value
        except ValueError:
            # Nothing is looked for inside what is broken: that is the file's failure to be told.
            position = _next_line(text, min(starts))


def _next_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end + 1


def _records(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON
    match value:
        case {"eventSource": _, "eventTime": _}:
            yield value
        case dict():
            for one in value.values():
                yield from _records(one)
        case list():
            for one in value:
                yield from _records(one)
        case str() if "eventSource" in value and value.lstrip()[:1] in ("{", "["):
            try:
                inner = json.loads(value)
            except ValueError:
                return
            yield from _records(inner)
