"""The content of one log object to the raw bytes of its records, whatever form it has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from detector.records.decode import REFUSALS
from detector.records.json_text import (
    BrokenJson,
    elements,
    escape_surrogates,
    members,
    parse_scalar,
    skip_space,
    split_object,
    value_end,
)
from detector.text import counted

_BLANK = b" \t\n\r\0"  # files may be padded with zeros
_ARRAY, _OBJECT = b"[", b"{"
_PREFIX_BYTES = 512
# Where one value ends and the next begins without a newline. Inside a value there is a comma, or a string around it.
_JOINT = re.compile(rb"[}\]][ \t\r]*+[{\[]")
_JSON_MARKS = re.compile(rb'["}]')  # text before an object that is not part of some JSON
# A list of all elements costs 56 bytes each, and there may be one more than commas. Above it they come one by one.
_MOST_COMMAS = 10_000_000


class _RawLogFile(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    Records: list[msgspec.Raw]


_RAW_LOG_FILE = msgspec.json.Decoder(_RawLogFile)
_RAW_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_RAW_VALUE = msgspec.json.Decoder(msgspec.Raw)


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One value that may be a record, as written."""

    raw: bytes
    listed: bool  # an element of "Records" or "Events", and so meant as a record whatever it holds


class RawRecords:
    """The raw records of one object, in order, as often as one iterates.

    Understands `{"Records": […]}`, an array of records, one bare record, the output of `aws cloudtrail
    lookup-events`, and any of these one after the other (NDJSON). A line of NDJSON that is no JSON is given out too,
    to be rejected. Any other break is a `problem`; the records before it are given out.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._end = len(data)
        while self._end and data[self._end - 1] in _BLANK:
            self._end -= 1
        self._whole = _listed(data)
        self._line = self._joint = range(0)  # from where the end of one was looked for, to where it is
        self._shared_line = -1  # the end of the line that is known to hold more than one value
        self.has_list = False  # there is a "Records" or "Events", though it may be empty; known after iterating
        self.problem: str | None = None  # why the content cannot be read whole; known after iterating

    def __iter__(self) -> Iterator[RawRecord]:
        if self._whole is None:
            return self._scan()
        self.has_list = _first(self._data) == _OBJECT
        return (RawRecord(bytes(raw), self.has_list) for raw in self._whole)

    def _scan(self) -> Iterator[RawRecord]:
        self.problem = None
        position = skip_space(self._data, 0)
        count = 0
        in_lines = False  # the value before was a record on a line of its own
        while position < self._end:
            end = self._value_end(position)
            before = count
            try:
                for record in self._unpack(position, end):
                    yield record
                    count += 1
                in_lines = count == before + 1 and not record.listed
                position = skip_space(self._data, end or self._end)
                if self._data[position : position + 1] == b",":  # lines cut out of an array
                    position = skip_space(self._data, position + 1)
            except BrokenJson as error:
                after_prefix = self._after_prefix(position) if count == before else None
                if after_prefix is not None:
                    yield RawRecord(after_prefix, listed=False)
                    count += 1
                    position = skip_space(self._data, self._line_end(position))
                    continue
                next_line = self._next_line(position)
                ends_file = next_line == self._end
                is_line = b"\n" not in self._data[position:next_line].strip(_BLANK) and (
                    not ends_file or (in_lines and b"\n" in self._data[self._end :])
                )
                if is_line and count == before:
                    yield RawRecord(self._data[position:next_line].strip(_BLANK), listed=False)
                    count += 1
                elif self.problem is None:
                    self.problem = _describe(error, count)
                position = next_line

    def _value_end(self, start: int) -> int | None:
        """Return where the value at `start` ends, None when it is broken. Quick when a line or a joint ends it."""
        for end in self._likely_ends(start):
            if _is_usual_json(memoryview(self._data)[start:end]):
                return end
        try:
            return value_end(self._data, start)
        except BrokenJson:
            return None

    def _unpack(self, start: int, end: int | None) -> Iterator[RawRecord]:
        """Yield the records of the value at `start`.

        Args:
            start: where the value starts.
            end: where it ends; None when it is broken.

        Raises:
            BrokenJson: after the records before the break.
        """
        data = self._data
        if data[start : start + 1] == _ARRAY:
            for at, to in elements(data, start):
                yield RawRecord(data[at:to], listed=False)
            return
        if end is None or any(data.find(name, start, end) >= 0 for name in (b'"Records"', b'"Events"')):
            has_list = False
            for key, at in members(data, start) if data[start : start + 1] == _OBJECT else ():
                if key in ("Records", "Events") and data[at : at + 1] == _ARRAY:
                    has_list = self.has_list = True
                    for element, to in elements(data, at):
                        yield RawRecord(data[element:to], listed=True)
            if has_list:
                return
        yield RawRecord(data[start : value_end(data, start) if end is None else end], listed=False)

    def _after_prefix(self, start: int) -> bytes | None:
        """Return the object that ends a line after a time stamp or a syslog header; None when the line has none."""
        line = self._data[start : self._line_end(start)]
        prefix, brace, _ = line.partition(b"{")
        value = line[len(prefix) :].rstrip(_BLANK)
        is_prefix = brace and 0 < len(prefix) <= _PREFIX_BYTES and not _JSON_MARKS.search(prefix)
        return value if is_prefix and _is_json(value) else None

    def _likely_ends(self, start: int) -> Iterator[int]:
        line_end = self._line_end(start)
        if line_end != self._shared_line:
            yield line_end
            self._shared_line = line_end
        yield self._next_joint(start)

    def _line_end(self, start: int) -> int:
        if start not in self._line:
            end = self._data.find(b"\n", start, self._end)
            self._line = range(start, self._end if end < 0 else end)
        return self._line.stop

    def _next_joint(self, start: int) -> int:
        """Return the end of the value before the next joint; the end of the line when there is none."""
        if start not in self._joint:
            line_end = self._line_end(start)
            joint = _JOINT.search(self._data, start, line_end)
            self._joint = range(start, joint.start() + 1 if joint else line_end)
        return self._joint.stop

    def _next_line(self, position: int) -> int:
        """Return where, after a break, the next line is that holds a whole object; the end when there is none."""
        while True:
            found = self._data.find(b"\n{", position, self._end)
            if found < 0:
                return self._end
            position = found + 1
            if _is_json(self._data[position : self._line_end(position)]):
                return position


def unwrap(raw: bytes) -> bytes | None:
    """Return the record inside an EventBridge event or an event of LookupEvents; None when it is neither."""
    try:
        values = dict(split_object(raw))
    except BrokenJson:
        return None
    if "detail-type" in values:
        return values.get("detail")
    text = values.get("CloudTrailEvent", b"")
    inner = parse_scalar(text) if text[:1] == b'"' else None
    return escape_surrogates(inner).encode() if isinstance(inner, str) else None


def _listed(data: bytes) -> Sequence[msgspec.Raw] | None:
    """Return the elements of a file that is one `{"Records": […]}` or one array, without copying them."""
    if data.count(b",") > _MOST_COMMAS:
        return None
    try:
        if _first(data) == _ARRAY:
            return _RAW_ARRAY.decode(data)
        records = _RAW_LOG_FILE.decode(data).Records
    except REFUSALS:
        return None
    # msgspec keeps the last of several "Records" in silence.
    compact = len(b'{"Records":[]}') + sum(len(memoryview(raw)) for raw in records) + max(len(records) - 1, 0)
    return records if compact == len(data) or data.count(b'"Records"') == 1 else None


def _first(data: bytes) -> bytes:
    start = skip_space(data, 0)
    return data[start : start + 1]


def _is_usual_json(text: bytes | memoryview) -> bool:
    try:
        _RAW_VALUE.decode(text)
    except REFUSALS:
        return False
    return True


def _is_json(text: bytes) -> bool:
    try:  # what msgspec refuses, such as a lone surrogate, may be JSON
        return _is_usual_json(text) or skip_space(text, value_end(text, skip_space(text, 0))) == len(text)
    except BrokenJson:
        return False


def _describe(error: BrokenJson, count: int) -> str:
    if count:
        return f"{'ends in the middle' if error.truncated else 'bad JSON'} after {counted(count, 'record')}: {error}"
    return f"{'ends before the first record' if error.truncated else 'not JSON'}: {error}"
