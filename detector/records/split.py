"""The content of one log object to the raw bytes of its records, whatever form it has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from detector.records.json_text import BrokenJson, elements, members, skip_space, value_end

_BLANK = b" \t\n\r"


class NotALog(ValueError):  # noqa: N818 - a verdict on the object
    """The content holds no records; `skip` when it is plainly another kind of file."""

    def __init__(self, reason: str, *, skip: bool) -> None:
        super().__init__(reason)
        self.skip = skip


class _RawLogFile(msgspec.Struct, gc=False):
    Records: list[msgspec.Raw]


_RAW_LOG_FILE = msgspec.json.Decoder(_RawLogFile)


@dataclass
class RecordSlices:
    """The raw records of one object, in order. `problem` is known once `raw` is exhausted."""

    raw: Iterable[bytes]
    problem: str | None = None


def split_records(data: bytes) -> RecordSlices:
    """Cut the content of an object into raw records.

    Understands `{"Records": […]}`, an array of records, one bare record, any of these one after the other (NDJSON),
    EventBridge envelopes and the output of `aws cloudtrail lookup-events`.

    Raises:
        NotALog: nothing in it is a record.
    """
    if not data.strip(_BLANK + b"\0"):
        raise NotALog("empty object" if not data else "nothing but white space", skip=False)
    whole = _whole_file(data)
    if whole is not None:
        return RecordSlices(whole)
    lines = _lines(data)
    if lines is not None:
        return lines
    slices = RecordSlices(())
    found = _scan(data, slices)
    # The first step decides whether this is a log at all; it must happen before the caller counts on it.
    first = next(found, None)
    if first is None:
        if slices.problem is None:
            return slices
        raise NotALog(slices.problem, skip=False)
    slices.raw = _chain(first, found)
    return slices


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _whole_file(data: bytes) -> list[bytes] | None:
    try:
        return [bytes(raw) for raw in _RAW_LOG_FILE.decode(data).Records]
    except (msgspec.MsgspecError, RecursionError):
        return None


def _lines(data: bytes) -> RecordSlices | None:
    """Return the lines of NDJSON that holds a record a line; None when it is anything else.

    The first line decides. A later line that is no JSON is one rejected record; only the last one, when it has no
    newline, means that the file was cut off.
    """
    lines = [line for line in data.split(b"\n") if line.strip(_BLANK)]
    if len(lines) < 2 or not _is_complete(lines[0]) or lines[0].lstrip(_BLANK)[:1] != b"{":
        return None
    if any(name in lines[0] for name in (b'"Records"', b'"detail"', b'"CloudTrailEvent"')):
        return None
    if data.endswith(b"\n") or _is_complete(lines[-1]):
        return RecordSlices(lines)
    return RecordSlices(lines[:-1], f"ends in the middle after {len(lines) - 1} records")


def _is_complete(line: bytes) -> bool:
    try:
        return skip_space(line, value_end(line, skip_space(line, 0))) == len(line)
    except BrokenJson:
        return False


def _scan(data: bytes, slices: RecordSlices) -> Iterator[bytes]:
    """Yield the records of each top-level value up to the first break, which is noted in `slices`."""
    position = skip_space(data, 0)
    count = 0
    try:
        while position < len(data):
            start = position
            for record in _records_of(data, start):
                count += 1
                yield record
            position = skip_space(data, value_end(data, start))
            if data[position:].strip(b"\0") == b"":
                return
    except NotALog as verdict:
        if not count:
            raise
        slices.problem = f"after {count} records: {verdict}"
    except BrokenJson as error:
        if count:
            slices.problem = f"{'ends in the middle' if error.truncated else 'bad JSON'} after {count} records: {error}"
        else:
            slices.problem = f"{'ends before the first record' if error.truncated else 'not JSON'}: {error}"


def _records_of(data: bytes, start: int) -> Iterator[bytes]:
    """Yield the records of the JSON value at `start`.

    Raises:
        BrokenJson: after the records before the break.
        NotALog: the value is complete and of another kind.
    """
    if data[start : start + 1] == b"[":
        found = False
        for at, end in elements(data, start):
            found = True
            yield data[at:end]
        if not found:
            raise NotALog("an empty array", skip=True)
        return
    if data[start : start + 1] != b"{":
        value_end(data, start)
        raise NotALog("JSON, but neither an object nor an array", skip=True)
    seen: dict[str, int] = {}
    for key, at in members(data, start):
        seen[key] = at
        if key in ("Records", "Events") and data[at : at + 1] == b"[":
            unpack = _lookup_event if key == "Events" else bytes
            yield from (unpack(data[a:b]) for a, b in elements(data, at))
            return
    if "detail" in seen and "detail-type" in seen:
        at = seen["detail"]
        yield data[at : value_end(data, at)]
    elif "eventTime" in seen or "eventName" in seen:
        yield data[start : value_end(data, start)]
    elif "digestStartTime" in seen or "digestS3Object" in seen:
        raise NotALog("CloudTrail digest", skip=True)
    else:
        raise NotALog("JSON, but no CloudTrail records", skip=True)


def _lookup_event(raw: bytes) -> bytes:
    """Return the record inside one event of LookupEvents, which carries it as a string."""
    try:
        text = dict(json.loads(raw)).get("CloudTrailEvent")
    except (ValueError, TypeError, RecursionError):
        text = None
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else raw
