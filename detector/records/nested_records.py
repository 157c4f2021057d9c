"""Records that lie inside other values: what log pipelines, exports and scripts wrap CloudTrail's records in.

CloudWatch Logs puts each record as text into `logEvents[].message`, a SIEM into a field of a search result, `jq` whole
files into an array. None of these wrappers has to be known by name: a record is an object with `eventSource` and
`eventTime`, at any depth, also where it is text inside a string.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from detector.records.decode import LOWER_CASE_NAMES
from detector.records.json_text import (
    BrokenJson,
    elements,
    escape_surrogates,
    members,
    parse_scalar,
    skip_space,
    value_end,
)

# The names that make JSON a record, as keys in any case, also where the record is text inside a string.
_KEYS_OF_A_RECORD = tuple(re.compile(rb'%s\\*"\s*+:' % name, re.IGNORECASE) for name in (b"eventSource", b"eventTime"))
_NAMES = {"eventSource", "eventTime"}
_DEPTH = 12  # a file in a page in an array, as text in a field of a result, is 8
_START = re.compile(rb"[{\[]")


def holds_records(text: bytes) -> bool:
    """Say whether text has what CloudTrail records have, in whatever form."""
    return all(key.search(text) for key in _KEYS_OF_A_RECORD)


def records_within(value: bytes) -> list[bytes]:
    """Return the records inside a value that is none itself, in order, each as it is written there.

    Beside them stands whatever has what records have and in which none was found, such as a record with other names or
    one nested deeper than wrappers are: it is no row, and so it is named.

    Args:
        value: JSON, or a line of text with JSON in it, such as one with a time stamp before.

    Returns:
        Nothing when the value has nothing of a record, and when it breaks off: then it is to be named as a whole.
    """
    try:
        return list(_in_text(value, _DEPTH))
    except BrokenJson:
        return []


def _in_text(text: bytes, depth: int) -> Iterator[bytes]:
    """Yield the records of all values in a text, one after the other."""
    found = _START.search(text) if text[:1] != b'"' else None
    position = found.start() if found else 0
    while position < len(text):
        end = value_end(text, position)
        yield from _in_value(text[position:end], depth)
        position = skip_space(text, end)
        if text[position : position + 1] == b",":
            position = skip_space(text, position + 1)


def _in_value(value: bytes, depth: int) -> Iterator[bytes]:
    if not holds_records(value):
        return
    found = False
    for record in _inside(value, depth - 1) if depth else ():
        found = True
        yield record
    if not found:
        yield value


def _inside(value: bytes, depth: int) -> Iterator[bytes]:
    match value[:1]:
        case b"{":
            inside = list(members(value, 0))
            names = {key for key, _ in inside}
            if names >= _NAMES or names >= LOWER_CASE_NAMES:
                return  # the value itself is the record
            for _, at in inside:
                yield from _in_value(value[at : value_end(value, at)], depth)
        case b"[":
            for at, to in elements(value, 0):
                yield from _in_value(value[at:to], depth)
        case b'"':
            text = parse_scalar(value)
            if isinstance(text, str):
                yield from _in_text(escape_surrogates(text).strip().encode(), depth)
