"""One document, one line of JSON: safe for a terminal, and short enough for what carries it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, overload

import msgspec

# Log shippers drop or cut longer lines: Fluent Bit's default buffer is 32 kB.
LINE_BYTES = 32_000
# The size in JSON of text whose length an attacker chose.
TEXT_BYTES = 600
_CONTEXT_BYTES = 6_000
_TOO_LARGE = "(too large)"
_UNSAFE = re.compile(r"[^ -~]")
_LONGEST_CHARACTER = len(r"\ud83d\ude00")
_DELETE = b"\x7f"  # the one character of ASCII that JSON lets pass and a terminal should not see
_ENCODER = msgspec.json.Encoder()


def json_line(document: Any) -> bytes:  # noqa: ANN401 - any JSON
    """Return a document as one line of JSON, newline included; all but printable ASCII is escaped.

    So no control character and no line separator of Unicode reaches a terminal. A lone surrogate, which strict
    parsers refuse even as an escape, becomes U+FFFD; a number that is none becomes null.

    Args:
        document: any JSON; a `msgspec.Raw` in it is what `raw_json` has made before.
    """
    return _encoded(document) + b"\n"


def json_text(document: Any) -> str:  # noqa: ANN401 - any JSON
    """Return the same without the newline."""
    return _encoded(document).decode("ascii")


def raw_json(document: Any) -> msgspec.Raw:  # noqa: ANN401 - any JSON
    """Return the same to be put into documents, which are then encoded without going into it again."""
    return msgspec.Raw(_encoded(document))


def _encoded(document: Any) -> bytes:  # noqa: ANN401 - any JSON
    try:
        line = _ENCODER.encode(document)
    except (UnicodeEncodeError, OverflowError):  # a lone surrogate, or a number beyond 64 bits
        text = _TOLERANT_ENCODER.encode(document)
    else:
        if line.isascii() and _DELETE not in line:
            return line
        text = line.decode()
    return _UNSAFE.sub(_escaped, text).encode("ascii")


def _value_of(raw: msgspec.Raw) -> Any:  # noqa: ANN401 - any JSON
    return json.loads(bytes(raw))


_TOLERANT_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_value_of)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code > 0xFFFF:
        return json.dumps(match[0])[1:-1]
    return "\\ufffd" if 0xD800 <= code < 0xE000 else f"\\u{code:04x}"


@overload
def cut(text: str, size_bytes: int = ...) -> str: ...
@overload
def cut(text: str | None, size_bytes: int = ...) -> str | None: ...
def cut(text: str | None, size_bytes: int = TEXT_BYTES) -> str | None:
    """Return text that takes at most so many bytes in JSON; what was cut off is in the raw record."""
    if text is None or len(text) * _LONGEST_CHARACTER + len('""') <= size_bytes:
        return text  # as nearly always
    if len(text) < size_bytes and size_of(text) <= size_bytes:
        return text
    room = size_bytes - len('"\\u2026"')
    # No character takes less than one byte, so that the rest of a long text need not be looked at.
    for length, size in enumerate(accumulate(size_of(character) - 2 for character in text[:size_bytes])):
        if size > room:
            return text[:length] + "…"
    return text[:size_bytes]


def size_of(value: Any) -> int:  # noqa: ANN401 - any JSON
    """Return how many bytes a value takes in a line."""
    return len(_encoded(value))


def room_left(document: Any, size_bytes: int = LINE_BYTES) -> int:  # noqa: ANN401 - any JSON
    """Return how many more bytes a line with this document may have."""
    return size_bytes - size_of(document) - len("\n")


def bounded(items: list[Any], room: int) -> list[Any]:
    """Return as many of the first items as fit into so many bytes of JSON."""
    kept: list[Any] = []
    for item in items:
        room -= size_of(item) + len(",")
        if room < 0:
            break
        kept.append(item)
    return kept


def bounded_context(context: Mapping[str, Any], room: int = _CONTEXT_BYTES) -> dict[str, Any]:
    """Return the context with long text cut, and with `(too large)` for values that still do not fit."""
    bounded: dict[str, Any] = {}
    for name, value in context.items():
        key = cut(name)
        short = _cut_inside(value)
        for candidate in (short, _TOO_LARGE):
            size = size_of({key: candidate})
            if size <= room:
                bounded[key] = candidate
                room -= size
                break
    return bounded


def _cut_inside(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a JSON value with the text in it cut, and its lists to a hundred members."""
    match value:
        case str():
            return cut(value)
        case list():
            return [_cut_inside(member) for member in value[:100]]
        case dict():
            return {cut(key): _cut_inside(member) for key, member in value.items()}
        case _:
            return value
