"""The scanner against Python's own parser."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detector.records.json_text import (
    BrokenJson,
    as_text,
    elements,
    members,
    parse_scalar,
    skip_space,
    split_object,
    value_end,
)

from .strategies import THOROUGH, canonical, json_texts, loads

encoded = json_texts.map(lambda text: text.encode("utf-8", "surrogatepass"))
# Pieces that make nearly-JSON: brackets and separators where they do not belong, halves of literals, bad escapes.
_PIECES = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    '"a"',
    '"\\u12"',
    '"\\x"',
    "\\",
    "1",
    "-",
    "01",
    "1.",
    "1e",
    "tru",
    "true",
]
nearly_json = st.lists(
    st.sampled_from([*_PIECES, "null", "NaN", "-NaN", "+1", " ", "\n", "\x00", "\x0b", "é"]), max_size=9
)


def is_json_for_python(raw: bytes) -> bool:
    try:
        loads(raw)
    except ValueError:
        return False
    return True


def is_json_here(raw: bytes) -> bool:
    try:
        return skip_space(raw, value_end(raw, skip_space(raw, 0))) == len(raw)
    except BrokenJson:
        return False


@given(encoded)
@THOROUGH
def test_it_finds_where_a_value_ends(raw: bytes) -> None:
    assert is_json_here(raw)
    assert value_end(raw + b" ,", 0) == len(raw)


@given(encoded, st.data())
@THOROUGH
def test_it_accepts_what_python_accepts_and_nothing_else(raw: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(raw)))
    removed = data.draw(st.integers(0, 2))
    inserted = data.draw(st.sampled_from([b"", b'"', b"{", b"]", b",", b":", b"\\", b"0", b"\x01", b"\xff", b" "]))
    changed = raw[:at] + inserted + raw[at + removed :]
    assert is_json_here(changed) == is_json_for_python(changed)


@given(nearly_json.map("".join))
@THOROUGH
@example('{"a":1,}')
@example("[1,]")
@example('{,"a":1}')
@example("[1 2]")
@example('{"a" 1}')
@example("{1:2}")
@example("truex")
@example("[1}")
def test_nearly_json_is_judged_as_python_judges_it(text: str) -> None:
    assert is_json_here(text.encode()) == is_json_for_python(text.encode())


@given(encoded.filter(lambda raw: raw[:1] in b'{["'))
@THOROUGH
@pytest.mark.slow
def test_every_cut_is_noticed_and_called_one(raw: bytes) -> None:
    for end in range(len(raw)):
        with pytest.raises(BrokenJson) as caught:
            value_end(raw[:end], 0)
        assert caught.value.truncated
        assert caught.value.position <= end


@given(st.dictionaries(st.text(max_size=5), encoded, max_size=5), st.text(st.sampled_from(" \n\t\r"), max_size=2))
@THOROUGH
@pytest.mark.slow
def test_an_object_is_split_into_its_members_as_written(values: dict[str, bytes], space: str) -> None:
    s = space.encode()
    pairs = [s + json.dumps(key).encode() + s + b":" + s + raw + s for key, raw in values.items()]
    text = s + b"{" + s + b",".join(pairs) + b"}" + s
    assert split_object(text) == list(values.items())
    starts = dict(members(text, len(s)))
    assert {key: text[at : value_end(text, at)] for key, at in starts.items()} == values


def test_repeated_keys_are_all_handed_out() -> None:
    assert split_object(b'{"a":1,"\\u0061":2}') == [("a", b"1"), ("a", b"2")]


@pytest.mark.parametrize("text", [b"", b" ", b"1", b"[]", b"{}x", b"{} {}", b'{"a":1', b'{"a":1}}', b'{"a":1;"b":2}'])
def test_what_is_not_exactly_one_object_is_not_split(text: bytes) -> None:
    with pytest.raises(BrokenJson):
        split_object(text)


@given(st.lists(encoded, min_size=1, max_size=5), st.data())
@THOROUGH
@pytest.mark.slow
def test_elements_before_a_break_are_given_out(raws: list[bytes], data: st.DataObject) -> None:
    text = b"[" + b" , ".join(raws) + b"]"
    assert [text[at:end] for at, end in elements(text, 0)] == raws
    cut = data.draw(st.integers(1, len(text) - 1))
    found: list[bytes] = []
    with pytest.raises(BrokenJson) as caught:
        found.extend(text[at:end] for at, end in elements(text[:cut], 0))
    ends = [text.index(b"[") + 1 + sum(map(len, raws[: n + 1])) + 3 * n for n in range(len(raws))]
    complete = [raw for raw, end in zip(raws, ends, strict=True) if end <= cut]
    assert found[: len(complete)] == complete
    # A number is whole wherever it is cut, so that one more may come out.
    assert len(found) - len(complete) in (0, 1)
    assert caught.value.truncated


@given(encoded)
@THOROUGH
def test_text_made_valid_keeps_the_value(raw: bytes) -> None:
    broken = raw.replace(b"e", b"\xff")
    if is_json_here(broken):
        assert canonical(json.loads(as_text(broken).encode())) == canonical(loads(broken))


def test_bytes_that_are_no_utf8_survive_as_lone_surrogates() -> None:
    assert as_text(b'"\xff"') == '"\\udcff"'
    assert parse_scalar(b'"\xff"') == "\udcff"


@pytest.mark.slow
def test_nesting_costs_no_recursion() -> None:
    depth = 200_000
    assert value_end(b"[" * depth + b"]" * depth, 0) == 2 * depth
    with pytest.raises(BrokenJson, match="ends too early"):
        value_end(b'{"a":' * depth, 0)


@pytest.mark.parametrize(
    ("text", "truncated"),
    [
        (b"nul", True), (b"-", True), (b"1e", True), (b"-Inf", True), (b'"abc', True), (b'"abc\\', True),
        (b'"abc\\u00', True), (b"{", True), (b'{"a"', True), (b"[1,", True),
        (b"nulx", False), (b'"a\x01', False), (b'"a\\x', False), (b"]", False), (b"[1;", False), (b"{1", False),
    ],
)  # fmt: skip
def test_a_cut_is_told_from_bad_json(text: bytes, truncated: bool) -> None:
    with pytest.raises(BrokenJson) as caught:
        value_end(text, 0)
    assert caught.value.truncated is truncated
