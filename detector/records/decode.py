"""One raw record to its columns and what no column holds.

Two ways with one result: msgspec's typed decoder, which refuses whatever does not fit the columns exactly, and a
tolerant one for what it refused, which puts the remainder into `extra`, and knows the names of a record that some
query engine has written back in lower case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from detector.records.json_text import BrokenJson, as_text, parse_scalar, split_object
from detector.records.schema import EVENT_TIME, RECORD, STRUCTS, USER_IDENTITY, Field, Kind, Null, Record

# What the columns do not hold: field name → raw JSON text, or the same again for the members of a struct.
Extra = dict[str, "str | Extra"]

_EXACT_TIME_TEXT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
_EXACT_TIME = re.compile(rf"{_EXACT_TIME_TEXT}\Z")
_EXACT_TIMES = re.compile(rf"(?:{_EXACT_TIME_TEXT})*+\Z")  # one call for a file costs half of one for each record
_USABLE_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ]\s*(\d{2}):\s*(\d{2}):\s*(\d{2})([.,]\d{1,9})?\s*([Zz]|UTC|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
# What makes an object a record in lower case, as tables of Glue, Athena and Hive have it. All of them: the wrappers of
# log pipelines have some such names, too.
LOWER_CASE_NAMES = {name.lower() for name in (EVENT_TIME, "eventSource", "eventName", USER_IDENTITY.name)}
_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Record)
_IDENTITY_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(STRUCTS[USER_IDENTITY])
_time_of = attrgetter("eventTime")
_ENCODER = msgspec.json.Encoder()
_KNOWN_IDENTITIES = 4_096
_KNOWN_IDENTITY_BYTES = 4_096  # a usual one has 600
# What msgspec raises for text that it does not take: also text that is JSON, but deep or with lone surrogates.
REFUSALS = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


class RecordRejected(ValueError):  # noqa: N818 - a verdict on the record
    """The record cannot become a row; the message says why."""


class NoRecord(RecordRejected):
    """A value beside records that has nothing of a record: no record is lost with it."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """One record, taken apart."""

    record: Any  # a schema.Record
    extra: Extra | None = None
    # Aware, UTC; None when the record's eventTime has the exact form, which tells it.
    odd_time: datetime | None = None
    # The columns and `extra` do not tell its bytes: a key came twice, names were in lower case, userIdentity was in a
    # string, or bytes are no UTF-8.
    bytes_differ: bool = False


def decode_record(raw: bytes) -> Decoded:
    """Take one record apart.

    Raises:
        RecordRejected: it is not a JSON object, or has no usable eventTime.
    """
    try:
        record = _DECODER.decode(raw)
        if has_exact_times([record]) and _is_utf8(raw) and is_whole(record, raw):
            return Decoded(record)
    except REFUSALS:
        pass  # the tolerant way reads it, or says what is wrong with it
    return _decode_tolerantly(raw)


def decode_usual(decoder: msgspec.json.Decoder[Any], raw: bytes) -> list[Any] | None:
    """Decode the `Records` of a file as CloudTrail writes it, in one go; None when anything in it is unusual.

    Args:
        decoder: of a struct whose `Records` are `schema.RecordOfCaller`s.
        raw: the file.

    Returns:
        `schema.Record`s in all but name; those of one caller may share their userIdentity, which nobody changes.
    """
    try:
        decoded = decoder.decode(raw)
        records: list[Any] = decoded.Records
        if not (has_exact_times(records) and _is_utf8(raw) and is_whole(decoded, raw)):
            return None
        for record in records:
            if record.userIdentity is not None:
                record.userIdentity = _user_identity(bytes(record.userIdentity))
    except REFUSALS:
        return None
    return records


def _user_identity(raw: bytes) -> Any:  # noqa: ANN401 - the msgspec struct of USER_IDENTITY
    """Decode a userIdentity.

    Raises:
        REFUSALS: it does not fit the columns, or a key came twice.
    """
    return _known_user_identity(raw) if len(raw) <= _KNOWN_IDENTITY_BYTES else _decode_user_identity(raw)


def _decode_user_identity(raw: bytes) -> Any:  # noqa: ANN401
    identity = _IDENTITY_DECODER.decode(raw)
    if not is_whole(identity, raw):
        raise msgspec.ValidationError("a key of userIdentity came twice")
    return identity


def has_exact_times(records: Sequence[Any]) -> bool:
    """Say whether each eventTime is a time of the form …SSZ, which sorts as text and which a cast understands."""
    times = set(map(_time_of, records))
    return (
        None not in times
        and _EXACT_TIMES.match("".join(times)) is not None
        and all(_is_day(day) for day in {time[:10] for time in times})
    )


def is_whole(decoded: Any, raw: bytes) -> bool:  # noqa: ANN401 - any msgspec struct
    """Say whether a decoded struct surely holds all of `raw`: no key came twice.

    msgspec keeps the last of repeated keys in silence. Its encoder writes the shortest form, so that equal
    lengths prove that nothing was dropped; a longer `raw` may only be indented or escaped otherwise.
    """
    encoded = _ENCODER.encode(decoded)
    if len(encoded) == len(raw):
        return True
    return len(msgspec.json.format(encoded, indent=-1)) == len(msgspec.json.format(raw, indent=-1))


_known_user_identity = lru_cache(maxsize=_KNOWN_IDENTITIES)(_decode_user_identity)


def _usable_time(text: str) -> datetime:
    """Return an eventTime as an aware UTC datetime; without a zone it is UTC. Digits below 1 µs are cut.

    Raises:
        RecordRejected: no date and time of day can be read from it.
    """
    match = _USABLE_TIME.fullmatch(text.strip())
    if match is None:
        raise RecordRejected(f"eventTime {text[:40]!r} is not a time")
    day, hour, minute, second, fraction, zone = match.groups()
    digits = (fraction or ".0")[1:7].ljust(6, "0")
    offset = "+00:00" if zone is None or zone.upper() in ("Z", "UTC") else zone
    try:
        return datetime.fromisoformat(f"{day}T{hour}:{minute}:{second}.{digits}{offset}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise RecordRejected(f"eventTime {text[:40]!r} is not a time") from error


def extra_text(extra: Extra) -> str:
    """Return `extra` as JSON text; raw values stay as written."""
    members = (
        f"{json.dumps(key)}:{value if isinstance(value, str) else extra_text(value)}" for key, value in extra.items()
    )
    return "{" + ",".join(members) + "}"


@lru_cache(maxsize=4096)
def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_utf8(raw: bytes) -> bool:
    # msgspec checks the strings that it decodes, not what it passes through as Raw.
    if raw.isascii():
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decode_tolerantly(raw: bytes) -> Decoded:
    try:
        members = split_object(raw)
    except BrokenJson as error:
        raise RecordRejected(f"not a JSON object: {error}") from error
    names = {name for name, _ in members}
    is_lower_case = EVENT_TIME not in names and names >= LOWER_CASE_NAMES
    if is_lower_case:
        members = _with_known_names(RECORD, members)
    time_text = dict(members).get(EVENT_TIME)
    time = parse_scalar(time_text) if time_text is not None and time_text[:1] == b'"' else None
    if not isinstance(time, str):
        raise RecordRejected("no eventTime" if time_text is None else "eventTime is not a string")
    odd_time = _usable_time(time)
    fitted = _Fitted(bytes_differ=is_lower_case or not _is_utf8(raw), is_lower_case=is_lower_case)
    record, extra = fitted.struct(RECORD, members)
    if _EXACT_TIME.match(time):
        return Decoded(record, extra or None, None, fitted.bytes_differ)
    record.eventTime = None
    extra[EVENT_TIME] = as_text(time_text or b"")
    return Decoded(record, extra, odd_time, fitted.bytes_differ)


def _with_known_names(field: Field, members: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return members of a struct under the names of its fields, where they are these in lower case."""
    names = {member.name.lower(): member.name for member in field.fields}
    return [(names.get(name, name), raw) for name, raw in members]


class _Fitted:
    """Fits raw values to fields, and remembers when a key came twice."""

    def __init__(self, *, bytes_differ: bool, is_lower_case: bool) -> None:
        self.bytes_differ = bytes_differ
        self._is_lower_case = is_lower_case

    def struct(self, field: Field, members: list[tuple[str, bytes]]) -> tuple[Any, Extra]:
        """Return the field's msgspec struct and what did not fit into it."""
        values = dict(members)
        self.bytes_differ |= len(values) < len(members)
        known: dict[str, Any] = {}
        extra: Extra = {name: as_text(raw) for name, raw in values.items()}
        for member in field.fields:
            raw = values.get(member.name)
            if raw is None:
                continue
            known[member.name], rest = self._value(member, raw)
            if rest is None:
                del extra[member.name]
            else:
                extra[member.name] = rest
        return STRUCTS[field](**known), extra

    def _value(self, field: Field, raw: bytes) -> tuple[Any, str | Extra | None]:
        """Return what the column holds, and what goes to `extra` (None: nothing)."""
        if raw == b"null":
            # Columns of JSON note it themselves, as of records that are read in the usual way: in the same order.
            is_noted_here = field.null is Null.ABSENT and field.kind is not Kind.JSON
            return (None, "null") if is_noted_here else (msgspec.Raw(raw), None)
        match field.kind:
            case Kind.STRUCT if (members := _members_of(raw)) is not None:
                self.bytes_differ |= raw[:1] == b'"'
                struct, rest = self.struct(field, _with_known_names(field, members) if self._is_lower_case else members)
                return struct, rest or None
            case Kind.JSON:
                return msgspec.Raw(as_text(raw).encode()), None
            case Kind.BOOLEAN if raw in (b"true", b"false"):
                return raw == b"true", None
            case Kind.TEXT if raw[:1] == b'"':
                text = parse_scalar(raw)
                if isinstance(text, str) and _is_storable(text):
                    return text, None
        return None, as_text(raw)


def _members_of(raw: bytes) -> list[tuple[str, bytes]] | None:
    """Return the members of an object, also of one that a pipeline has written as text into a string."""
    if raw[:1] == b'"':
        text = parse_scalar(raw)
        raw = text.encode() if isinstance(text, str) and _is_storable(text) else b""
    try:
        return split_object(raw) if raw[:1] == b"{" else None
    except BrokenJson:
        return None


def _is_storable(text: str) -> bool:
    """Say whether a text column can hold it: a lone surrogate has no UTF-8 form."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
