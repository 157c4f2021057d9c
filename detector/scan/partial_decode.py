"""A log file as CloudTrail writes it: a few fields of every record, and the text of those that are asked for."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec

from detector.records.coverage import Coverage, place

# Field name → the members that are looked at; None: text.
FieldTree = dict[str, "FieldTree | None"]
_FIELDS: FieldTree = {
    "eventTime": None,
    "eventSource": None,
    "eventName": None,
    "awsRegion": None,
    "recipientAccountId": None,
    "eventCategory": None,
    "userIdentity": {
        "type": None,
        "invokedBy": None,
        "accountId": None,
        "sessionContext": {"sessionIssuer": {"type": None}},
    },
}
_FIELDS_OF_CALLER: FieldTree = _FIELDS | {
    "sourceIPAddress": None,
    "userIdentity": {
        "type": None,
        "invokedBy": None,
        "accountId": None,
        "arn": None,
        "accessKeyId": None,
        "sessionContext": {"sessionIssuer": {"type": None, "arn": None}},
    },
}
_S = rb"[ \t\n\r]*+"  # JSON's white space, and no other
_HEAD = re.compile(_S + rb"\{" + _S + rb'"Records"' + _S + rb":" + _S + rb"\[")
_TAIL = re.compile(rb"\]" + _S + rb"\}" + _S + rb"\Z")
_TAIL_BYTES = 64
_LIST_BYTES = 32 << 10
_BETWEEN_RECORDS = b'},{"eventVersion":'

_time_of = attrgetter("eventTime")
_place_of = attrgetter("recipientAccountId", "userIdentity.accountId", "awsRegion")


def _records_decoder(fields: FieldTree) -> msgspec.json.Decoder[list[Any]]:
    """Return a decoder of JSON arrays of records to these fields.

    As in schema.py the types are not optional while the defaults are None: an explicit null, or a value of another
    type, is refused, and the file goes the way on which nothing is taken for granted.
    """

    def struct(name: str, fields: FieldTree) -> type[msgspec.Struct]:
        members: list[tuple[str, Any, Any]] = []
        for member, below in fields.items():
            kind: Any = struct(member, below) if below else str
            # What has no time is no record: a bomb of `{},` is refused at its first, and takes no memory.
            default = msgspec.NODEFAULT if member == "eventTime" else kind() if below else None
            members.append((member, kind, msgspec.field(default=default)))
        return msgspec.defstruct(name, members, gc=False, frozen=True)

    record: Any = struct("PartialRecord", fields)
    return msgspec.json.Decoder(list[record])


FIRST_LOOK = _records_decoder(_FIELDS)
SECOND_LOOK = _records_decoder(_FIELDS_OF_CALLER)
_RAW = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(slots=True)
class PartialRecords:
    """All records of a file, of each the few fields; a struct that a record lacks has members that are None."""

    records: list[Any]
    _lists: list[bytes]
    _ends: list[int]  # of each list: how many records there are up to its end

    def texts(self, indexes: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Yield `(index, JSON text)` of some records, given in order; only the lists that they are in are split."""
        at = -1
        for index in indexes:
            wanted = bisect_right(self._ends, index)
            if wanted != at:
                at = wanted
                raws = _RAW.decode(self._lists[at])
                first = self._ends[at] - len(raws)
            yield index, bytes(raws[index - first])

    def coverage(self) -> Coverage:
        """Return from when to when there are records; all their times must have the exact form, which sorts as text."""
        places = {key: place(*key) for key in set(map(_place_of, self.records))}
        times: dict[tuple[str | None, str | None], list[str]] = {}
        if len(set(places.values())) == 1:  # as in most files: what is delivered of one account and region
            times[next(iter(places.values()))] = list(map(_time_of, self.records))
        else:
            for key, time in zip(map(_place_of, self.records), map(_time_of, self.records), strict=True):
                times.setdefault(places[key], []).append(time)
        return {where: (_moment(min(texts)), _moment(max(texts))) for where, texts in times.items()}


def partial_records(data: bytes, decoder: msgspec.json.Decoder[list[Any]]) -> PartialRecords | None:
    """Decode a few fields of all records of a file; None when it is not of the form `{"Records":[…]}`.

    Raises:
        REFUSALS: it is not JSON, or a field is of another type.
    """
    lists = _lists(data)
    if lists is None:
        return None
    records: list[Any] = []
    ends: list[int] = []
    for one in lists:
        records += decoder.decode(one)
        ends.append(len(records))
    return PartialRecords(records, lists, ends)


def _lists(data: bytes) -> list[bytes] | None:
    """Cut the `Records` of a file into JSON arrays of some 32 kB each.

    Where a record ends is guessed, and decoding proves it: were the guess inside a record, then neither side would be
    a JSON array. Two arrays that both are one are what the file's array holds.
    """
    head = _HEAD.match(data)
    tail = _TAIL.search(data, max(0, len(data) - _TAIL_BYTES))
    if head is None or tail is None or head.end() > tail.start():
        return None
    start, end = head.end(), tail.start()
    content = memoryview(data)
    lists: list[bytes] = []
    while (at := data.find(_BETWEEN_RECORDS, start + _LIST_BYTES, end)) >= 0:
        lists.append(b"".join((b"[", content[start : at + 1], b"]")))
        start = at + 2
    lists.append(b"".join((b"[", content[start:end], b"]")))
    return lists


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
