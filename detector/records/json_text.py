"""Cut JSON text into the slices it consists of, without building objects and without recursion.

The fast decoder refuses a whole file for one odd byte. This scanner is the tolerant path behind it: it finds
where each value ends, at any depth, and hands out the bytes exactly as written, so that one odd record is
taken by itself and a truncated file gives up all records before the break.

Beyond RFC 8259 it lets pass what Python's `json` also reads (NaN, Infinity), and bytes that are not UTF-8
inside strings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_S = rb"[ \t\n\r]*+"
_STRING_BODY = rb'[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+'
_STRING_TEXT = rb'"' + _STRING_BODY + rb'"'
_SCALAR_TEXT = rb"(?:-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|true|false|null|NaN|-?Infinity)(?![\w.+-])"
_LEAF = rb"(?:" + _STRING_TEXT + rb"|" + _SCALAR_TEXT + rb")" + _S + rb"," + _S
_SPACE = re.compile(_S)
_STRING = re.compile(_STRING_TEXT)
_SCALAR = re.compile(_SCALAR_TEXT)
# Runs of elements, or of members, that hold no other values: taken in one step, as most of a record is.
_LEAVES = {
    0x5D: re.compile(rb"(?:" + _LEAF + rb")*+"),
    0x7D: re.compile(rb"(?:" + _STRING_TEXT + _S + rb":" + _S + _LEAF + rb")*+"),
}
# What the text holds when it ends inside a string, or inside another scalar.
_CUT_STRING = re.compile(rb'"' + _STRING_BODY + rb"(?:\\(?:u[0-9a-fA-F]{0,3})?)?\Z")
_CUT_SCALAR = re.compile(rb"-?(?:[0-9]++(?:\.[0-9]*+)?(?:[eE][+-]?)?|t|tr|tru|f|fa|fal|fals|n|nu|nul|N|Na|I[a-z]*)?\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")
_OBJECT, _ARRAY, _COMMA = 0x7B, 0x5B, 0x2C
_CLOSERS = {_OBJECT: 0x7D, _ARRAY: 0x5D}


class BrokenJson(ValueError):  # noqa: N818 - a state of the text
    """The text is not JSON from `position` on; `truncated` when it ends too early."""

    def __init__(self, reason: str, position: int, *, truncated: bool = False) -> None:
        super().__init__(f"{reason} at byte {position}")
        self.position = position
        self.truncated = truncated


def skip_space(data: bytes, position: int) -> int:
    """Return the position of the next byte that is not white space (or the end)."""
    match = _SPACE.match(data, position)
    return match.end() if match else position


def value_end(data: bytes, position: int) -> int:
    """Return where the value that starts at `position` ends.

    Raises:
        BrokenJson: there is no complete JSON value.
    """
    open_values: list[int] = []  # their closing brackets
    while True:
        closer = _CLOSERS.get(_byte(data, position))
        if closer is None:
            position = _scalar_end(data, position)
        else:
            position = skip_space(data, position + 1)
            if _byte(data, position) != closer:
                open_values.append(closer)
                position = _next_value(data, position, closer)
                continue
            position += 1
        # A value has ended just before `position`, and perhaps others with it.
        while open_values:
            position = skip_space(data, position)
            separator = _byte(data, position)
            position += 1
            if separator == _COMMA:
                position = _next_value(data, skip_space(data, position), open_values[-1])
                break
            if separator != open_values.pop():
                raise BrokenJson("expected ',' or a closing bracket", position - 1)
        else:
            return position


def elements(data: bytes, position: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each element of the array that starts at `position`.

    Raises:
        BrokenJson: after the elements before the break have been yielded.
    """
    position = skip_space(data, position + 1)
    if _byte(data, position) == 0x5D:
        return
    while True:
        end = value_end(data, position)
        yield position, end
        position = skip_space(data, end)
        separator = _byte(data, position)
        if separator == 0x5D:
            return
        if separator != _COMMA:
            raise BrokenJson("expected ',' or ']'", position)
        position = skip_space(data, position + 1)


def members(data: bytes, position: int) -> Iterator[tuple[str, int]]:
    """Yield (key, where its value starts) of each member of the object that starts at `position`.

    Raises:
        BrokenJson: after the members before the break have been yielded.
    """
    position = skip_space(data, position + 1)
    if _byte(data, position) == 0x7D:
        return
    while True:
        key, start = _key(data, position)
        yield key, start
        position = _after_member(data, value_end(data, start))
        if data[position - 1] == 0x7D:
            return
        position = skip_space(data, position)


def split_object(data: bytes) -> list[tuple[str, bytes]]:
    """Return the (key, raw value) pairs of a complete object, as written, repeated keys included.

    Raises:
        BrokenJson: `data` is not exactly one JSON object.
    """
    position = skip_space(data, 0)
    if _byte(data, position) != _OBJECT:
        raise BrokenJson("not an object", position)
    pairs: list[tuple[str, bytes]] = []
    position = skip_space(data, position + 1)
    if _byte(data, position) == 0x7D:
        position += 1
    else:
        while not pairs or data[position - 1] == _COMMA:
            key, start = _key(data, skip_space(data, position))
            end = value_end(data, start)
            pairs.append((key, data[start:end]))
            position = _after_member(data, end)
    if skip_space(data, position) != len(data):
        raise BrokenJson("unexpected data after the value", position)
    return pairs


def parse_scalar(raw: bytes) -> str | bool | int | float | None:
    """Return the Python value of a string, number or literal; bytes that are no UTF-8 become lone surrogates."""
    value: str | bool | int | float | None = json.loads(raw.decode("utf-8", "surrogateescape"))
    return value


def as_text(raw: bytes) -> str:
    r"""Return raw JSON as text that is valid UTF-8: a byte that is none becomes the escape `\udcXX`.

    `json.loads` of the result equals `json.loads` of the bytes read with `surrogateescape`.
    """
    return escape_surrogates(raw.decode("utf-8", "surrogateescape"))


def escape_surrogates(json_text: str) -> str:
    """Return JSON text with its lone surrogates, which have no UTF-8 form, as escapes: the same JSON value."""
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", json_text)


def _next_value(data: bytes, position: int, closer: int) -> int:
    """Return where the next value starts that needs looking at, from an element or a key at `position` on."""
    leaves = _LEAVES[closer].match(data, position)
    position = leaves.end() if leaves else position
    return _after_colon(data, _string_end(data, position)) if closer == _CLOSERS[_OBJECT] else position


def _key(data: bytes, position: int) -> tuple[str, int]:
    """Return the key at `position`, and where its value starts."""
    end = _string_end(data, position)
    return str(parse_scalar(data[position:end])), _after_colon(data, end)


def _after_member(data: bytes, position: int) -> int:
    """Return the position after the comma or the closing bracket that follows a member."""
    position = skip_space(data, position)
    if _byte(data, position) not in (_COMMA, 0x7D):
        raise BrokenJson("expected ',' or '}'", position)
    return position + 1


def _after_colon(data: bytes, position: int) -> int:
    position = skip_space(data, position)
    if _byte(data, position) != 0x3A:
        raise BrokenJson("expected ':'", position)
    return skip_space(data, position + 1)


def _byte(data: bytes, position: int) -> int:
    if position >= len(data):
        raise BrokenJson("the text ends too early", len(data), truncated=True)
    return data[position]


def _string_end(data: bytes, position: int) -> int:
    if _byte(data, position) != 0x22:
        raise BrokenJson("expected a string", position)
    match = _STRING.match(data, position)
    if match is None:
        truncated = _CUT_STRING.match(data, position) is not None
        raise BrokenJson("a string that does not end or holds a control character", position, truncated=truncated)
    return match.end()


def _scalar_end(data: bytes, position: int) -> int:
    if data[position] == 0x22:
        return _string_end(data, position)
    match = _SCALAR.match(data, position)
    if match is None:
        truncated = _CUT_SCALAR.match(data, position) is not None
        raise BrokenJson("not a JSON value", position, truncated=truncated)
    return match.end()
