"""JSON text as hostile as a log may hold it, and CloudTrail records made of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from detector.records.schema import RECORD, Field, Kind

THOROUGH = settings(max_examples=150, deadline=None)

Pairs = list[tuple[str, str]]

_spaces = st.sampled_from(["", "", "", " ", "\n", "\t", "\r\n  "])
_characters = st.one_of(
    st.characters(),
    st.sampled_from(["\ud800", "\udfff", "\u202e", "\x00", "\x7f", "/", "\\", '"', "é", "😀", "\u2028"]),
)
texts = st.text(_characters, max_size=12)
_numbers = st.one_of(
    st.integers().map(str),
    st.floats().map(json.dumps),
    st.sampled_from(["0.0", "-0", "-0.0", "1.0", "1", "1e400", "-1E+400", "1e-400", "9007199254740993", "9" * 400]),
)
_literals = st.sampled_from(["true", "false", "null", "NaN", "Infinity", "-Infinity"])


@st.composite
def strings(draw: st.DrawFn) -> str:
    """JSON strings, escaped as little or as much as JSON allows."""
    text = draw(texts)
    match draw(st.integers(0, 2)):
        case 0 if not any("\ud800" <= character <= "\udfff" for character in text):
            return json.dumps(text, ensure_ascii=False)
        case 1:
            units = text.encode("utf-16-be", "surrogatepass")
            return '"' + "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)) + '"'
        case _:
            return json.dumps(text)


@st.composite
def _objects(draw: st.DrawFn, values: st.SearchStrategy[str], keys: st.SearchStrategy[str] | None = None) -> str:
    return write_object(draw(st.lists(st.tuples(keys or strings(), values), max_size=4)), draw)


def write_object(members: Pairs, draw: st.DrawFn) -> str:
    """An object with white space wherever JSON allows it; keys are JSON strings, and may come twice."""
    space: Callable[[], str] = lambda: draw(_spaces)  # noqa: E731
    return "{" + ",".join(f"{space()}{k}{space()}:{space()}{v}{space()}" for k, v in members) + "}"


@st.composite
def _arrays(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    space = draw(_spaces)
    return f"[{space}" + f"{space},{space}".join(draw(st.lists(values, max_size=4))) + f"{space}]"


json_texts = st.recursive(
    st.one_of(strings(), _numbers, _literals), lambda inner: st.one_of(_objects(inner), _arrays(inner)), max_leaves=8
)

_moments = st.datetimes().map(lambda moment: moment.isoformat()[:19])
times = st.one_of(
    _moments.map(lambda text: f'"{text}Z"'),
    _moments.map(lambda text: f'"{text}Z"'),
    st.tuples(
        _moments, st.sampled_from(["", ".5Z", ".123456789Z", "+02:00", "-0930", " UTC", "z", ",25", "Zz", "+99:00"])
    ).map(lambda pair: f'"{pair[0]}{pair[1]}"'),
    st.sampled_from(
        [
            '"2024-02-30T00:00:00Z"',
            '"0000-01-01T00:00:00Z"',
            '"..."',
            '""',
            '"2024-01-01"',
            '"2024-01-01 10:00: 00"',
            '"2024-01-01T24:00:00Z"',
            '"2024-01-01T00:00:60Z"',
            '"\\u0032024-01-01T00:00:00Z"',
            '"٢٠٢٤-01-01T00:00:00Z"',
        ]
    ),
    json_texts,
)


def _values(field: Field) -> st.SearchStrategy[str]:
    """What a field may hold: mostly its own type."""
    if field.name == "eventTime":
        return times
    own: dict[Kind, st.SearchStrategy[str]] = {
        Kind.TEXT: strings(),
        Kind.BOOLEAN: st.sampled_from(["true", "false"]),
        Kind.JSON: json_texts,
    }
    usual = _structs(field) if field.kind is Kind.STRUCT else own[field.kind]
    return st.one_of(usual, usual, usual, json_texts)


@st.composite
def _structs(draw: st.DrawFn, field: Field) -> str:
    return write_object(_members(draw, field), draw)


def _members(draw: st.DrawFn, field: Field) -> Pairs:
    chosen = draw(st.lists(st.sampled_from(field.fields), max_size=6))  # a field may come twice
    members = [(json.dumps(one.name), draw(_values(one))) for one in chosen]
    members += draw(st.lists(st.tuples(_unknown_names, json_texts), max_size=1))
    return members


_unknown_names = st.one_of(
    strings(),
    st.sampled_from(
        ['"EVENTTIME"', '"event\\u0054ime"', '"extra"', '"logFile"', '"eventKey"', '"userName"', '"attributes"']
    ),
)


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """One record as JSON text; nearly all have an eventTime."""
    members = _members(draw, RECORD)
    if draw(st.integers(0, 9)):
        members.insert(draw(st.integers(0, len(members))), ('"eventTime"', draw(times)))
    raw = write_object(members, draw).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 0:
        raw = raw.replace(b"a", b"\xff", 1)  # no longer UTF-8, and perhaps no longer JSON
    return raw


def loads(raw: bytes | str) -> Any:  # noqa: ANN401 - any JSON
    """The JSON value of a record, read by Python's own parser."""
    return json.loads(raw if isinstance(raw, str) else raw.decode("utf-8", "surrogateescape"))


def canonical(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Something that is equal for equal JSON values only: 1, 1.0 and true differ, NaN equals itself."""
    match value:
        case dict():
            return {"object": {key: canonical(member) for key, member in value.items()}}
        case list():
            return [canonical(member) for member in value]
        case _:
            return type(value).__name__, repr(value)
