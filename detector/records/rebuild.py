"""A row of `events` back to the record it was made from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring_ascii
from typing import Any

from detector.records.json_text import split_object
from detector.records.schema import ABSENT, EVENT_TIME, RECORD, Field, Kind, Null


def plain_text(kind: Kind, value: Any) -> str:  # noqa: ANN401 - a column's value
    """Return the JSON text of a column's value."""
    match kind:
        case Kind.JSON:
            return str(value)
        case Kind.TEXT:
            return encode_basestring_ascii(value)  # json.dumps, which takes four times as long to come to this
        case _:
            return json.dumps(value)


def record_json(row: Mapping[str, Any], text_of: Callable[[Kind, Any], str] = plain_text) -> str:
    """Return the record as JSON text: the same JSON value as in the log file, fields in the table's order.

    Args:
        row: the columns of one row as Python values, `eventTime` a datetime in UTC; other keys are ignored.
        text_of: makes the JSON text of a value that has a column of its own.
    """
    return _object_text(RECORD, row, row.get("extra"), text_of)


def _object_text(
    field: Field, values: Mapping[str, Any], extra: str | None, text_of: Callable[[Kind, Any], str]
) -> str:
    rest = {key: raw.decode() for key, raw in split_object(extra.encode())} if extra else {}
    members: list[str] = []
    for member in field.fields:
        value = values.get(member.name)
        left_over = rest.pop(member.name, None) if rest else None
        if value is None and left_over is None and member.null is not Null.EXPLICIT:
            continue  # absent, as most are
        if member.kind is Kind.STRUCT and value is not None:
            text: str | None = _object_text(member, value, left_over, text_of)
        else:
            text = _value_text(member, value, left_over, text_of)
        if text is not None:
            members.append(f'"{member.name}":{text}')
    members += [f"{json.dumps(key)}:{raw}" for key, raw in rest.items()]
    return "{" + ",".join(members) + "}"


def _value_text(
    field: Field,
    value: Any,  # noqa: ANN401 - a column's value
    extra: str | None,
    text_of: Callable[[Kind, Any], str],
) -> str | None:
    """Return a field's JSON text, or None when the record does not have the field."""
    if extra is not None:
        return None if field.null is Null.EXPLICIT and extra == ABSENT else extra
    if value is None:
        return "null" if field.null is Null.EXPLICIT else None
    if field.name == EVENT_TIME:
        return f'"{value:%Y-%m-%dT%H:%M:%SZ}"' if value.year > 999 else f'"{value.isoformat()[:19]}Z"'
    return text_of(field.kind, value)
