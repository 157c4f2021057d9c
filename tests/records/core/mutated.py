"""Log files as CloudTrail writes them, and then not quite."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

RECORDS = Path(__file__).parents[3] / "fixtures" / "records"

# What may stand in a file, wherever: values, parts of records, and what makes JSON of no kind.
_TOKENS = (
    *[b"null", b"true", b"false", b"0", b"-0", b"01", b"1e400", b"1.", b"-", b"123456789012345678901234567890", b"NaN"],
    *[b'"\\ud800\\u0041"', b'"\\ud83d\\ud83d\\ude00"', b'"\\ude00\\ud83d"', b'"\\uDBFF\\uDFFF"', b'"\\uD800\\uE000"'],
    *[b'""', b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\\u0000"', b'"\\/\\u00e9\\n"', b'"\\x"', b'"\t"', b'"\xc3\xa9"'],
    *[b'"aws:s3"', b'"Insight"', b'"Root"'],
    *[b"{}", b"[]", b"[{}]", b'{"a":[1,{"b":null}]}', b'{"type":"Root"}', b"[1 , 2\n]", b"[" * 300 + b"]" * 300],
    *[b",", b":", b"{", b"}", b"[", b"]", b'"', b"\\", b"/", b" ", b"\n", b"\r\t", b"\0", b"\xff", b"\xed\xa0\x80"],
    *[b"\xf4\x90\x80\x80", b"\xe0\x80\x80", b"\xc3", b"\xef\xbb\xbf"],
    *[b'"a":1,', b'"event\\u0054ime":"x",', b'"eventName":"StopLogging",', b'"userIdentity":{},', b'"resources":null,'],
    *[
        b'"requestParameters":null,',
        b'"responseElements":{"a":1},',
        b'"additionalEventData":null,',
        b'"readOnly":true,',
    ],
    *[b'"eventID":"A0000000-0000-4000-8000-00000000000f",', b'"eventTime":"2024-02-30T00:00:00Z",'],
    *[b'"eventTime":"2024-02-29T23:59:59Z",', b'"eventCategory":"Insight",', b'"eventSource":"aws:s3",'],
    *[b'"type":null,', b'"invokedBy":"cloudtrail.amazonaws.com",', b'"sessionContext":{},', b'"attributes":null,'],
    *[b'"recipientAccountId":"",', b'"awsRegion":"eu-west-9",', b'"managementEvent":"true",', b'"extra":1,'],
    *[b'"2000-02-29T00:00:00Z"', b'"1900-02-29T00:00:00Z"', b'"0001-01-01T00:00:00Z"', b'"2024-01-01T24:00:00Z"'],
    *[b'"2024-13-01T00:00:00Z"', b'"2024-01-01T00:00:60Z"', b'"2024-1-01T000:00:00Z"', b'"9999-12-31T23:59:59Z"'],
)
_BORDERS = re.compile(rb"[{,]")
_VALUES = re.compile(rb'(?<=:)\s*("[^"]*"|true|false|null|[0-9]+)')
_MEMBERS = re.compile(rb'"[A-Za-z]+"\s*:\s*(?:"[^"]*"|true|false|null|[0-9]+)\s*,')
_LONGEST = 8_000


def mutated_file(random: Random) -> bytes:
    """Return one to three records in a file, nearly always changed in some places."""
    records = [random.choice(_texts()) for _ in range(random.choice((1, 1, 2, 3)))]
    data = bytearray(b'{"Records":[' + b",".join(records) + b"]}")
    for _ in range(random.choice((0, 1, 1, 1, 2, 4))):
        random.choice(_CHANGES)(random, data)
    return bytes(data)


@lru_cache
def _texts() -> list[bytes]:
    """Return records of every kind, as written in several ways."""
    texts: list[bytes] = []
    for number, path in enumerate(sorted(RECORDS.glob("*.json"))):
        content = json.loads(path.read_bytes())
        for record in content if isinstance(content, list) else content.get("Records", [content]):
            record.setdefault("eventID", f"{number:08x}-0000-4000-8000-00000000000A")
            styles: tuple[dict[str, Any], ...] = (
                {"separators": (",", ":")},
                {"ensure_ascii": False, "separators": (",", ":")},
                {},
            )
            texts += [json.dumps(record, **style).encode("utf-8", "surrogatepass") for style in styles]
    return [text for text in texts if len(text) < _LONGEST]


def _insert_token(random: Random, data: bytearray) -> None:
    at = random.choice([match.end() for match in _BORDERS.finditer(data)] or [0])
    data[at:at] = random.choice(_TOKENS)


def _replace_value(random: Random, data: bytearray) -> None:
    for match in _one_of(random, _VALUES, data):
        data[slice(*match.span(1))] = random.choice(_TOKENS)


def _drop_member(random: Random, data: bytearray) -> None:
    for match in _one_of(random, _MEMBERS, data):
        del data[slice(*match.span())]


def _repeat_member(random: Random, data: bytearray) -> None:
    for match in _one_of(random, _MEMBERS, data):
        at = random.choice([found.end() for found in _BORDERS.finditer(data)])
        data[at:at] = match[0]


def _change_byte(random: Random, data: bytearray) -> None:
    if data:
        data[random.randrange(len(data))] = random.randrange(256)


def _cut(random: Random, data: bytearray) -> None:
    at = random.randrange(len(data) + 1)
    del data[at : at + random.randrange(1, 6)]


def _repeat_bytes(random: Random, data: bytearray) -> None:
    start, at = random.randrange(len(data) + 1), random.randrange(len(data) + 1)
    data[at:at] = data[start : start + random.randrange(60)]


def _truncate(random: Random, data: bytearray) -> None:
    del data[random.randrange(len(data) + 1) :]


def _space_out(random: Random, data: bytearray) -> None:
    at = random.choice([match.end() for match in _BORDERS.finditer(data)] or [0])
    data[at:at] = random.choice((b" ", b"\n", b"\t ", b"\r\n   "))


def _one_of(random: Random, pattern: re.Pattern[bytes], data: bytearray) -> list[re.Match[bytes]]:
    found = list(pattern.finditer(bytes(data)))
    return [random.choice(found)] if found else []


_CHANGES: tuple[Callable[[Random, bytearray], None], ...] = (
    *[_insert_token] * 3,
    *[_replace_value] * 3,
    *[_drop_member, _repeat_member, _change_byte, _cut, _repeat_bytes, _space_out] * 2,
    _truncate,
)
