"""The raw record of an event as an alert shows it: JSON as a line has it, credentials redacted."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

from detector.alerts.formats.json_line import raw_json
from detector.alerts.redaction import NestedTooDeep, redact
from detector.rules.evidence import Evidence

_DIGITS = 1_000
_MANY_DIGITS = re.compile(f"[0-9]{{{_DIGITS}}}")
_DECODER = msgspec.json.Decoder()


class RecordMemo:
    """The records of events, each made once: what several rules have found is read and redacted once."""

    def __init__(self) -> None:
        self._records: dict[int, tuple[Evidence, msgspec.Raw | None]] = {}  # by identity, which holds while it is here

    def of(self, event: Evidence) -> msgspec.Raw | None:
        """Return an event's record; None: it is nested too deep."""
        if id(event) not in self._records:
            self._records[id(event)] = event, shown_record(event.record)
        return self._records[id(event)][1]


def shown_record(text: str) -> msgspec.Raw | None:
    """Return a record, given as JSON text, without credentials; None: it is nested too deep."""
    try:
        return raw_json(redact(_value_of(text)))
    except (RecursionError, NestedTooDeep):
        return None  # `evidence` says where it lies


def _value_of(text: str) -> Any:  # noqa: ANN401 - any JSON
    if not _MANY_DIGITS.search(text):  # as of nearly all
        try:
            return _DECODER.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError):
            pass  # a number that is none, or half a character
    return json.loads(text, parse_constant=str, parse_float=_finite, parse_int=_integer)


# Numbers that JSON, Python or what reads alerts cannot take stay as the text they were.
def _finite(text: str) -> float | str:
    return number if math.isfinite(number := float(text)) else text


def _integer(text: str) -> int | str:
    return int(text) if len(text) < _DIGITS else text
