"""Decoded log files to an Arrow table, column by column."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec
import pyarrow as pa

from detector.records.decode import Decoded, Extra, extra_text
from detector.records.rebuild import record_json
from detector.records.schema import ABSENT, EVENT_TIME, EVENTS, RECORD, Field, Kind, Null, arrow_type

_NULL = b"null"
_UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"


@dataclass(slots=True)
class Rows:
    """Rows of one log file, before they are columns."""

    log_file: str  # its URI
    records: list[Any] = field(default_factory=list)  # schema.Record
    indexes: list[int] = field(default_factory=list)  # each record's 0-based position in the file
    extras: dict[int, Extra] = field(default_factory=dict)  # by row: what no column holds
    odd_times: dict[int, datetime] = field(default_factory=dict)  # by row: eventTimes not of the exact form
    size_bytes: int = 0  # of the records as JSON

    def add(self, index: int, decoded: Decoded, size_bytes: int) -> None:
        """Append one record."""
        row = len(self.records)
        self.records.append(decoded.record)
        self.indexes.append(index)
        self.size_bytes += size_bytes
        if decoded.extra:
            self.extras[row] = decoded.extra
        if decoded.odd_time:
            self.odd_times[row] = decoded.odd_time

    def select(self, rows: Sequence[int]) -> Rows:
        """Return some of the rows, in the order given."""
        return Rows(
            self.log_file,
            [self.records[row] for row in rows],
            [self.indexes[row] for row in rows],
            {place: self.extras[row] for place, row in enumerate(rows) if row in self.extras},
            {place: self.odd_times[row] for place, row in enumerate(rows) if row in self.odd_times},
            self.size_bytes * len(rows) // max(1, len(self.records)),
        )

    def by_day(self) -> Iterator[tuple[str, Rows]]:
        """Yield the rows of each UTC day of eventTime (YYYY-MM-DD); most log files have one."""
        days = [(record.eventTime or "")[:10] for record in self.records]
        for row, time in self.odd_times.items():
            days[row] = time.date().isoformat()
        rows_of: defaultdict[str, list[int]] = defaultdict(list)
        for row, day in enumerate(days):
            rows_of[day].append(row)
        for day, rows in rows_of.items():
            yield day, self if len(rows_of) == 1 else self.select(rows)

    def append(self, others: Rows) -> None:
        """Append further rows of the same log file."""
        first = len(self.records)
        self.records += others.records
        self.indexes += others.indexes
        self.size_bytes += others.size_bytes
        self.extras.update((first + row, extra) for row, extra in others.extras.items())
        self.odd_times.update((first + row, time) for row, time in others.odd_times.items())


def to_table(files: Sequence[Rows]) -> pa.Table:
    """Map the records of log files onto the `EVENTS` schema.

    A table costs a millisecond however few rows it has, and log files are small: give several at once.

    Returns:
        One row per record, in the order given.
    """
    records = list(chain.from_iterable(rows.records for rows in files))
    extras: dict[int, Extra] = {}
    odd_times: dict[int, datetime] = {}
    first = 0
    for rows in files:
        extras.update((first + row, dict(extra)) for row, extra in rows.extras.items())
        odd_times.update((first + row, time) for row, time in rows.odd_times.items())
        first += len(rows.records)
    columns = _columns(RECORD, records, extras)
    columns[EVENT_TIME] = _times(columns[EVENT_TIME], odd_times)
    columns["extra"] = _extra_column(extras, len(records))
    columns["logFile"] = pa.array(
        chain.from_iterable([rows.log_file] * len(rows.records) for rows in files), pa.string()
    )
    columns["logFileIndex"] = pa.array(chain.from_iterable(rows.indexes for rows in files), pa.int32())
    columns["eventKey"] = columns["eventID"]
    table = pa.table([columns[name] for name in EVENTS.names], schema=EVENTS)
    return _with_event_keys(table)


def _columns(field: Field, structs: Sequence[Any], extras: dict[int, Extra]) -> dict[str, pa.Array]:
    """Return one array per member of a struct type; `extras` gains notes on nulls."""
    rows = [msgspec.structs.astuple(struct) for struct in structs]
    values = zip(*rows, strict=True) if rows else [()] * len(field.fields)
    return {member.name: _column(member, column, extras) for member, column in zip(field.fields, values, strict=True)}


def _column(field: Field, values: Sequence[Any], extras: dict[int, Extra]) -> pa.Array:
    if field.null is not Null.EXPLICIT and (not values or values[0] is None) and values.count(None) == len(values):
        return pa.nulls(len(values), arrow_type(field))
    match field.kind:
        case Kind.TEXT:
            return pa.array(values, pa.string())
        case Kind.BOOLEAN:
            return pa.array(values, pa.bool_())
        case Kind.JSON:
            return _json_column(field, values, extras)
        case Kind.STRUCT:
            return _struct_column(field, values, extras)


def _struct_column(field: Field, values: Sequence[Any], extras: dict[int, Extra]) -> pa.Array:
    """Return a struct array. Records share structs: members are built once for each, and then spread."""
    distinct = {id(value): value for value in values if value is not None}
    members = _columns(field, list(distinct.values()), extras)
    structs = pa.StructArray.from_arrays(list(members.values()), names=list(members))
    if len(distinct) == len(values):
        return structs
    places = {identity: place for place, identity in enumerate(distinct)}
    return structs.take(pa.array([places.get(id(value)) for value in values], pa.int32()))


def _json_column(field: Field, values: Sequence[Any], extras: dict[int, Extra]) -> pa.Array:
    """Return raw JSON as text; where NULL is not what it usually means in this column, say so in `extras`."""
    # Not memoryview(value): pyarrow 26 never lets go of one, and memory would grow with the input.
    texts = [None if value is None else bytes(value) for value in values]
    if field.null is not Null.NEVER:
        unusual, note = (None, ABSENT) if field.null is Null.EXPLICIT else (_NULL, "null")
        if unusual in texts:
            for row, text in enumerate(texts):
                if text == unusual:
                    extras.setdefault(row, {})[field.name] = note
        texts = [None if text == _NULL else text for text in texts]
    return pa.array(texts, pa.string())


def _times(texts: pa.Array, odd_times: Mapping[int, datetime]) -> pa.Array:
    times = texts.cast(pa.timestamp("us", "UTC"))
    if odd_times:
        times = pa.array([odd_times.get(row, time) for row, time in enumerate(times.to_pylist())], times.type)
    return times.cast(pa.timestamp("us"))


def _extra_column(extras: Mapping[int, Extra], length: int) -> pa.Array:
    if not extras:
        return pa.nulls(length, pa.string())
    return pa.array([extra_text(extras[row]) if row in extras else None for row in range(length)], pa.string())


def _with_event_keys(table: pa.Table) -> pa.Table:
    """Replace each eventKey that is not a UUID by a hash of the record's content."""
    import pyarrow.compute as pc  # a fifth of what a worker imports, and most have the core make their tables

    place = table.schema.get_field_index("eventKey")
    keys = table.column(place)
    matches = pc.fill_null(pc.match_substring_regex(keys, _UUID), False)
    if pc.all(matches, min_count=0).as_py():
        return table
    is_uuid = matches.to_pylist()
    rows = [row for row, good in enumerate(is_uuid) if not good]
    hashes = iter(["sha256:" + content_digest(record) for record in table.take(rows).to_pylist()])
    filled = [key if good else next(hashes) for key, good in zip(keys.to_pylist(), is_uuid, strict=True)]
    return table.set_column(place, table.schema.field(place), pa.array(filled, pa.string()))


def content_digest(row: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a row's record as JSON with sorted keys, so that spacing and order do not matter."""
    text = record_json(row)
    # The text as written is the content where Python cannot read it, so deep or with so long an integer, and where a
    # key comes twice: some readers take the first value, some the last.
    with contextlib.suppress(RecursionError, ValueError):
        value = json.loads(text, object_pairs_hook=_each_key_once)
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _each_key_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(members)
    if len(values) < len(members):
        raise ValueError("a key comes twice")
    return values
