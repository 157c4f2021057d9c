"""Files as they lie in folders of logs: shapes of records, in wrappers, in encodings, damaged."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.running import LOGIN

Wrapper = Callable[[Random, list[Any]], list[Any]]


@dataclass(frozen=True)
class File:
    """A file to read."""

    name: str
    content: bytes


def make_file(random: Random, number: int) -> File:
    """Make a file that a name does not rule out."""
    values = [_record(random, f"{number}-{index}") for index in range(random.randint(1, 4))]
    for _ in range(random.choice([0, 0, 1, 1, 1, 2, 2, 3])):
        values = random.choice(_WRAPPERS)(random, values)
    text = _joined(random, values)
    for _ in range(random.choice([0, 0, 0, 1, 1, 2])):
        text = _damaged(random, text)
    content = random.choice(_ENCODINGS)(random, text)
    if random.random() < 0.1:
        content = _damaged(random, content)
    return File(f"{number}{random.choice(_ENDINGS)}", content)


_ENDINGS = ["", ".json", ".json.gz", ".log", ".jsonl", ".txt", ".gz", ".ndjson", ".txt.gz", ".bak", ".json.1"]


def _record(random: Random, event_id: str) -> dict[str, Any]:
    record: dict[str, Any] = LOGIN | {"eventID": event_id}
    odd = random.random()
    if odd < 0.08:
        record |= {"eventTime": random.choice(["yesterday", 7, None, "2025-03-04T09:52:10+01:00", ""])}
    elif odd < 0.12:
        record |= {"userAgent": random.choice(['"}{"', "\\", "é\u2028😀", "eventSource", '{"eventTime":1}', "\ud800"])}
    elif odd < 0.16:
        record |= {"requestParameters": json.dumps({"a": [1, {"b": None}]})}
    elif odd < 0.18:
        record |= {"eventSource": random.choice([None, 3, "aws.s3", ["x"]])}
    elif odd < 0.2:
        record = {name: record[name] for name in ("eventID", "eventTime", "eventSource")}
    return record


def _file(key: str) -> Wrapper:
    return lambda _, values: [{key: values}]


def _each(wrap: Callable[[Any], Any]) -> Wrapper:
    return lambda _, values: [wrap(value) for value in values]


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON
    return json.dumps(value)


_WRAPPERS: list[Wrapper] = [
    _file("Records"),
    _file("Records"),
    lambda _, values: [values],
    lambda random, values: [{"Records": values, "note": random.choice(["", "}{", 1])}],
    lambda _, values: [{"Events": [{"EventId": "x", "CloudTrailEvent": _text(value)} for value in values]}],
    lambda _, values: [
        {"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "message": _text(v)} for v in values]}
    ],
    _each(lambda value: {"preview": False, "result": {"_raw": _text(value)}}),
    _each(lambda value: {"_index": "x", "_source": {"event": {"original": _text(value)}}}),
    _each(lambda value: {"version": "0", "id": "x", "detail-type": "AWS API Call via CloudTrail", "detail": value}),
    _each(_text),
    _each(lambda value: [value]),
    _each(lambda value: {"eventJson": _text(value)}),
]


def _joined(random: Random, values: list[Any]) -> bytes:
    indent = random.choice([None, None, None, 2])
    separators = random.choice([None, (",", ":")])
    texts = [json.dumps(value, indent=indent, separators=separators, ensure_ascii=True) for value in values]
    prefix = random.choice(["", "", "", "", "2025-03-04T09:52:10.000Z "]) if indent is None else ""
    between = random.choice(["\n", "\n", "\r\n", "", " ", "\t", ",\n"]) if not prefix else "\n"
    return between.join(prefix + text for text in texts).encode()


_ENCODINGS: list[Callable[[Random, bytes], bytes]] = [
    lambda _, text: text,
    lambda _, text: text,
    lambda _, text: text + b"\n",
    lambda _, text: gzip.compress(text, mtime=0),
    lambda _, text: gzip.compress(text, mtime=0),
    lambda _, text: gzip.compress(gzip.compress(text, mtime=0), mtime=0),
    lambda random, text: b"".join(gzip.compress(part, mtime=0) for part in _halves(random, text)),
    lambda _, text: b"\xef\xbb\xbf" + text,
    lambda _, text: text + bytes(9),
    lambda _, text: "\ufeff".encode("utf-16-le") + text.decode("utf-8", "replace").encode("utf-16-le"),
    lambda _, text: "\ufeff".encode("utf-16-be") + text.decode("utf-8", "replace").encode("utf-16-be"),
]


def _halves(random: Random, text: bytes) -> tuple[bytes, bytes]:
    at = random.randint(0, len(text))
    return text[:at], text[at:]


def _damaged(random: Random, text: bytes) -> bytes:
    at, to = sorted(random.randint(0, len(text)) for _ in range(2))
    match random.randint(0, 5):
        case 0:
            return text[:at]
        case 1:
            return text[:at] + bytes([random.randint(0, 255)]) + text[at + 1 :]
        case 2:
            return text[:at] + random.choice([b"\n", b",", b"}", b"]", b'"', b"{", b"\x00", b"null", b"  "]) + text[at:]
        case 3:
            return text[:at] + text[to:]
        case 4:
            return text[:to] + text[at:]
        case _:
            return random.choice([b"x", b"#comment\n", b"[", b"\n\n", b"17 "]) + text
