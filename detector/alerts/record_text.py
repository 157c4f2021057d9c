"""The raw record of an event as an alert shows it: JSON as a line has it, credentials redacted."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from detector.alerts.formats.json_line import json_text, raw_json
from detector.alerts.redaction import NestedTooDeep, redact
from detector.records.rebuild import record_json
from detector.records.schema import Kind
from detector.rules.evidence import Evidence

_DIGITS = 1_000
_SHORT_TEXT = 256  # characters, of a value whose text is kept in mind


class RecordMemo:
    """The records of events, each made once: what several rules have found is read and redacted once."""

    def __init__(self) -> None:
        self._records: dict[int, tuple[Evidence, msgspec.Raw | None]] = {}  # by identity, which holds while it is here

    def of(self, event: Evidence) -> msgspec.Raw | None:
        """Return an event's record; None: it is nested too deep."""
        if id(event) not in self._records:
            self._records[id(event)] = event, record_text(event.row)
        return self._records[id(event)][1]


def record_text(row: Mapping[str, Any]) -> msgspec.Raw | None:
    """Return the record that a row was made from, as printable ASCII; None: it is nested too deep.

    Args:
        row: as of `record_json`.
    """
    try:
        if row.get("extra") is None:  # as of most
            return msgspec.Raw(record_json(row, _redacted_text).encode("ascii"))
        # Anybody may have chosen the keys, so that they are looked at beside each other.
        return raw_json(_redacted_value(record_json(row)))
    except (RecursionError, NestedTooDeep):
        return None  # `evidence` says where it lies


def _redacted_text(kind: Kind, value: Any) -> str:  # noqa: ANN401 - a column's value
    if kind is Kind.BOOLEAN:
        return "true" if value else "false"
    if kind is Kind.TEXT:
        return _known_text(value) if len(value) <= _SHORT_TEXT else json_text(redact(value))
    return _known_document(value) if len(value) <= _SHORT_TEXT else json_text(_redacted_value(value, 1))


def _redacted_value(text: str, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON
    return redact(json.loads(text, parse_constant=str, parse_float=_finite, parse_int=_integer), depth)


# Few callers make most calls, and what they ask for repeats.
@lru_cache(maxsize=16_384)
def _known_text(value: str) -> str:
    return json_text(redact(value))


@lru_cache(maxsize=4_096)
def _known_document(text: str) -> str:
    return json_text(_redacted_value(text, 1))


# Numbers that JSON, or Python, cannot write again stay as the text they were.
def _finite(text: str) -> float | str:
    return number if math.isfinite(number := float(text)) else text


def _integer(text: str) -> int | str:
    return int(text) if len(text) < _DIGITS else text
