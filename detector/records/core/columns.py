"""Log files as CloudTrail writes them to Arrow columns, by the compiled core."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import pyarrow as pa

from detector.records.core.interface import REFUSED, CoreField, Functions, Number, Role, checked
from detector.records.core.library import library
from detector.records.file_kind import NO_EVENTS
from detector.records.schema import EVENT_TIME, RECORD, UNIQUE, Field, Kind

_ROLES = {EVENT_TIME: Role.TIME, "eventID": Role.KEY}
# Without eventSource it depends on the name of the file whether a record is one.
_REQUIRED = {*_ROLES, "eventSource"}
# Room for the two structures of the Arrow C data interface.
_SCHEMA_BYTES, _ARRAY_BYTES = 72, 80
_FIRST_DAY = date(1970, 1, 1)


class Columns:
    """Collects records of log files as columns. Not for two threads at a time.

    Any method raises a MemoryError when memory runs out; what was collected is lost then.

    Args:
        by_day: whether `take` gives a batch for each day, or one.
    """

    def __init__(self, core: ctypes.CDLL, *, by_day: bool = True) -> None:
        self._core = Functions(core)
        with self._core.fields([_core_field(field) for field in RECORD.fields]) as fields:
            self._columns = self._core.columns_new(fields, by_day)
        if not self._columns:
            raise MemoryError

    def __del__(self) -> None:
        if hasattr(self, "_columns"):
            self._core.columns_free(self._columns)

    def add(self, data: bytes, log_file: str) -> int | None:
        """Add the records of a log file as rows.

        Args:
            data: decompressed, in UTF-8.
            log_file: its URI.

        Returns:
            How many there are; None when anything in the file is unusual: then none is added, and Python reads it.
        """
        return self._add(data, log_file, None)

    def add_some(self, records: Mapping[int, bytes], log_file: str) -> int | None:
        """Add some records of a log file as rows, as `add` does.

        Args:
            records: by their 0-based positions in the file, in order.
            log_file: its URI.
        """
        data = b'{"Records":[' + b",".join(records.values()) + b"]}"
        return self._add(data, log_file, (ctypes.c_int32 * len(records))(*records))

    def _add(self, data: bytes, log_file: str, indexes: ctypes.Array[ctypes.c_int32] | None) -> int | None:
        try:
            uri = log_file.encode()
        except UnicodeEncodeError:
            return None
        rows = checked(self._core.columns_add(self._columns, data, len(data), uri, len(uri), indexes))
        return None if rows == REFUSED else rows

    @property
    def size_bytes(self) -> int:
        """The size of what is collected."""
        return int(self._core.columns_bytes(self._columns))

    def take(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Take out what is collected: for each UTC day (YYYY-MM-DD) a batch, its rows in the order of the files.

        Without days there is one, of whichever day.
        The columns are those of `schema.EVENTS`, but that texts that repeat are in dictionaries.
        """
        day = Number()
        while self._core.columns_days(self._columns):
            schema, array = ctypes.create_string_buffer(_SCHEMA_BYTES), ctypes.create_string_buffer(_ARRAY_BYTES)
            places = ctypes.addressof(array), ctypes.addressof(schema)
            checked(self._core.columns_take(self._columns, ctypes.byref(day), places[1], places[0]))
            batch = pa.RecordBatch._import_from_c(*places)
            yield (_FIRST_DAY + timedelta(days=day.value)).isoformat(), batch


def new_columns(*, by_day: bool = True) -> Columns | None:
    """Return columns without rows; None when there is no core."""
    core = library()
    return None if core is None else Columns(core, by_day=by_day)


def _core_field(field: Field) -> CoreField:
    """Return a field of a record as its column is to be."""
    return CoreField(
        field.name,
        field.kind,
        _members(field),
        role=_ROLES.get(field.name, Role.NONE),
        null=field.null,
        is_required=field.name in _REQUIRED,
        repeats=field.kind is Kind.TEXT and field.name not in UNIQUE,
        no_event=NO_EVENTS.get(field.name, ""),
    )


def _members(field: Field) -> tuple[CoreField, ...]:
    return tuple(CoreField(one.name, one.kind, _members(one), null=one.null) for one in field.fields)
