"""A row of `events` back to the record it was made from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from json.encoder import encode_basestring_ascii
from typing import Any

from detector.records.json_text import split_object
from detector.records.schema import ABSENT, EVENT_TIME, RECORD, Field, Kind, Null


def record_json(row: Mapping[str, Any]) -> str:
    """Return the record as JSON text: the same JSON value as in the log file, fields in the table's order.

    Args:
        row: the columns of one row as Python values, `eventTime` a datetime in UTC; other keys are ignored.
    """
    return _object_text(RECORD, row, row.get("extra"))


def record_sql(column: Callable[[str], str]) -> str:
    """Return SQL that says the same of a row whose `extra` is NULL.

    Args:
        column: returns how a column is referred to.
    """
    return _object_sql(RECORD, column)


def _object_sql(field: Field, column: Callable[[str], str]) -> str:
    # `concat` passes over NULL, and so over what is absent; the first comma is cut off.
    members = ", ".join(_member_sql(member, column(member.name)) for member in field.fields)
    return f"'{{' || substr(concat({members}), 2) || '}}'"


def _member_sql(field: Field, value: str) -> str:
    text = value
    match field.kind:
        case Kind.STRUCT:
            text = f"CASE WHEN {value} IS NOT NULL THEN {_object_sql(field, partial(_member_of, value))} END"
        case Kind.TEXT if field.name == EVENT_TIME:
            text = f"""'"' || replace(substr(CAST({value} AS VARCHAR), 1, 19), ' ', 'T') || 'Z"'"""
        case Kind.TEXT:
            text = f"CAST(to_json({value}) AS VARCHAR)"
        case Kind.BOOLEAN:
            text = f"CAST({value} AS VARCHAR)"
    if field.null is Null.EXPLICIT:
        text = f"coalesce({text}, 'null')"
    return f"""',"{field.name}":' || {text}"""


def _member_of(struct: str, name: str) -> str:
    return f'{struct}."{name}"'


def _object_text(field: Field, values: Mapping[str, Any], extra: str | None) -> str:
    rest = {key: raw.decode() for key, raw in split_object(extra.encode())} if extra else {}
    members: list[str] = []
    for member in field.fields:
        value = values.get(member.name)
        left_over = rest.pop(member.name, None) if rest else None
        if value is None and left_over is None and member.null is not Null.EXPLICIT:
            continue  # absent, as most are
        text = _value_text(member, value, left_over)
        if text is not None:
            members.append(f'"{member.name}":{text}')
    members += [f"{json.dumps(key)}:{raw}" for key, raw in rest.items()]
    return "{" + ",".join(members) + "}"


def _value_text(field: Field, value: Any, extra: str | None) -> str | None:  # noqa: ANN401 - a column's value
    """Return a field's JSON text, or None when the record does not have the field."""
    if field.kind is Kind.STRUCT and value is not None:
        return _object_text(field, value, extra)
    if extra is not None:
        return None if field.null is Null.EXPLICIT and extra == ABSENT else extra
    if value is None:
        return "null" if field.null is Null.EXPLICIT else None
    if field.name == EVENT_TIME:
        return f'"{value:%Y-%m-%dT%H:%M:%SZ}"' if value.year > 999 else f'"{value.isoformat()[:19]}Z"'
    match field.kind:
        case Kind.JSON:
            return str(value)
        case Kind.TEXT:
            return encode_basestring_ascii(value)  # json.dumps, which takes four times as long to come to this
        case _:
            return json.dumps(value)
