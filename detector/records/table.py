"""Decoded records to an Arrow table, column by column."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from detector.records.decode import EXACT_TIME, Extra, extra_text
from detector.records.rebuild import record_json
from detector.records.schema import ABSENT, EVENT_TIME, EVENTS, RECORD, Field, Kind

_UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
# A value that a column of JSON text cannot show, since it already stands for something else.
_NULL = b"null"


class UnusualValue(ValueError):  # noqa: N818 - a reason to take the tolerant way
    """A value passed the typed decoder but does not fit its column as it is."""


def to_table(
    records: Sequence[Any],
    extras: Mapping[int, Extra],
    times: pa.Array | None,
    log_file: str,
    indexes: Sequence[int],
) -> pa.Table:
    """Map decoded records onto the `EVENTS` schema.

    Args:
        records: `schema.Record`s, any length.
        extras: what no column holds, by position in `records`.
        times: the event times as timestamp[us] in UTC, or None to read them from the records.
        log_file: the URI of the log file; repeated in each row.
        indexes: each record's 0-based position in its file.

    Returns:
        One row per record, same order.

    Raises:
        UnusualValue: without `times`, an eventTime is missing or not of the form …SSZ; or JSON text is not UTF-8.
    """
    rest: dict[int, Extra] = dict(extras)
    try:
        columns = _columns(RECORD, records, rest)
        if times is None:
            times = _exact_times(columns[EVENT_TIME])
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise UnusualValue(str(error)) from error
    columns[EVENT_TIME] = times
    columns["extra"] = pa.array(
        [extra_text(rest[row]) if row in rest else None for row in range(len(records))]
        if rest
        else [None] * len(records),
        pa.string(),
    )
    columns["logFile"] = pa.repeat(pa.scalar(log_file, pa.string()), len(records))
    columns["logFileIndex"] = pa.array(indexes, pa.int32())
    columns["eventKey"] = columns["eventID"]
    table = pa.table([columns[name] for name in EVENTS.names], schema=_NULLABLE_KEYS)
    return _with_event_keys(table).cast(EVENTS)


def _columns(field: Field, structs: Sequence[Any], extras: dict[int, Extra] | None) -> dict[str, pa.Array]:
    """Return one array per member of a struct type; `extras` is given for whole records and gains notes on nulls."""
    rows = [msgspec.structs.astuple(struct) for struct in structs]
    values = zip(*rows, strict=True) if rows else [()] * len(field.fields)
    return {member.name: _column(member, column, extras) for member, column in zip(field.fields, values, strict=True)}


def _column(field: Field, values: Sequence[Any], extras: dict[int, Extra] | None) -> pa.Array:
    match field.kind:
        case Kind.TEXT:
            return pa.array(values, pa.string())
        case Kind.BOOLEAN:
            return pa.array(values, pa.bool_())
        case Kind.JSON:
            return _json_column(field, values, extras)
        case Kind.STRUCT:
            present = [value is not None for value in values]
            members = _columns(field, [value for value in values if value is not None], None)
            return _spread(members, present)


def _spread(members: dict[str, pa.Array], present: list[bool]) -> pa.Array:
    """Put the members of the structs that are present in their rows."""
    mask = pa.array(present, pa.bool_())
    arrays = list(members.values())
    if not all(present):
        # Row numbers into the dense arrays: 0, 1, 2, … where present, null elsewhere.
        dense = iter(range(len(present)))
        places = pa.array([next(dense) if here else None for here in present], pa.int32())
        arrays = [array.take(places) for array in arrays]
    return pa.StructArray.from_arrays(arrays, names=list(members), mask=pc.invert(mask))


def _json_column(field: Field, values: Sequence[Any], extras: dict[int, Extra] | None) -> pa.Array:
    """Return raw JSON as text; where NULL cannot say which of null and absent it is, say so in `extras`."""
    raw = [None if value is None else memoryview(value) for value in values]
    for row, value in enumerate(raw):
        if value is None:
            if field.null_is_explicit and extras is not None:
                extras.setdefault(row, {}).setdefault(field.name, ABSENT)
        elif value == _NULL:
            raw[row] = None
            if not field.null_is_explicit:
                if extras is None:
                    raise UnusualValue(f"{field.name} is null")
                extras.setdefault(row, {})[field.name] = "null"
    return pa.array(raw, pa.binary()).cast(pa.string())


def _exact_times(texts: pa.Array) -> pa.Array:
    if texts.null_count or not pc.all(pc.match_substring_regex(texts, EXACT_TIME)).as_py():
        raise UnusualValue("an eventTime is not of the form YYYY-MM-DDTHH:MM:SSZ")
    return texts.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))


# eventKey is eventID until the keys that are no UUID have been replaced.
_NULLABLE_KEYS = pa.schema([pa.field(f.name, f.type) for f in EVENTS])


def _with_event_keys(table: pa.Table) -> pa.Table:
    """Replace each eventKey that is not a UUID by a hash of the record's content."""
    place = table.schema.get_field_index("eventKey")
    keys = table.column(place)
    is_uuid = pc.fill_null(pc.match_substring_regex(keys, _UUID), False)
    if pc.all(is_uuid).as_py():
        return table
    rows = [row for row, good in enumerate(is_uuid.to_pylist()) if not good]
    hashes = iter([_content_key(record) for record in table.take(rows).to_pylist()])
    filled = [key if good else next(hashes) for key, good in zip(keys.to_pylist(), is_uuid.to_pylist(), strict=True)]
    return table.set_column(place, table.schema.field(place), pa.array(filled, pa.string()))


def _content_key(row: Mapping[str, Any]) -> str:
    """Return `sha256:` of the record as JSON with sorted keys, so that spacing and key order do not matter."""
    text = record_json(row)
    # Nested deeper than Python reads: the text as written is the content.
    with contextlib.suppress(RecursionError):
        text = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
