"""A look at log files as CloudTrail writes them, by the compiled core: which records can be wanted, and coverage."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from detector.records.core.interface import REFUSED, CoreField, Functions, Number, Numbers, Pointer, Role, checked
from detector.records.core.library import library
from detector.records.coverage import Coverage, merge_coverage, place
from detector.records.file_kind import NO_EVENTS
from detector.records.schema import EVENT_TIME, Kind

# eventSource, eventName, userIdentity.type, its sessionContext.sessionIssuer.type, its invokedBy; None: absent.
NamesOfRecord = tuple[str | None, str | None, str | None, str | None, str | None]

_NAMES, _PLACES = 5, 3  # fields with these roles
_ISSUER = CoreField("sessionIssuer", Kind.STRUCT, (CoreField("type", role=Role.NAME),))
_IDENTITY = CoreField(
    "userIdentity",
    Kind.STRUCT,
    (
        CoreField("type", role=Role.NAME),
        CoreField("sessionContext", Kind.STRUCT, (_ISSUER,)),
        CoreField("invokedBy", role=Role.NAME),
        CoreField("accountId", role=Role.PLACE),
    ),
)
# Those of a role are in the order in which their values are asked for.
_FIELDS = (
    CoreField(EVENT_TIME, role=Role.TIME, is_required=True),
    # Without it it depends on the name of the file whether a record is one.
    CoreField("eventSource", role=Role.NAME, is_required=True, no_event=NO_EVENTS["eventSource"]),
    CoreField("eventName", role=Role.NAME),
    CoreField("eventCategory", no_event=NO_EVENTS["eventCategory"]),
    CoreField("recipientAccountId", role=Role.PLACE),
    _IDENTITY,
    CoreField("awsRegion", role=Role.PLACE),
)
_MOST_BYTES = 64 << 20  # of names and places that are remembered


@dataclass(frozen=True, slots=True)
class Wanted:
    """A record that is wanted."""

    index: int  # 0-based position in the file
    text: bytes
    names: NamesOfRecord


@dataclass(frozen=True, slots=True)
class Seen:
    """What a log file holds."""

    records: int
    wanted: tuple[Wanted, ...]
    coverage: Coverage  # of all records


class Glance:
    """Looks at log files. Not for two threads at a time.

    Args:
        is_wanted: by its names, whether a record is; asked once for each combination of names.
    """

    def __init__(self, core: ctypes.CDLL, is_wanted: Callable[[NamesOfRecord], bool]) -> None:
        self._core = Functions(core)
        self._is_wanted = is_wanted
        self._glance: Any = None
        self._begin()

    def __del__(self) -> None:
        self._end()

    def look(self, data: bytes) -> Seen | None:
        """Look at one log file.

        Args:
            data: decompressed, in UTF-8.

        Returns:
            What it holds; None when anything in it is unusual, and Python is to read it.

        Raises:
            MemoryError: memory has run out.
        """
        if self._core.glance_bytes(self._glance) > _MOST_BYTES:
            self._end()
            self._begin()
        records = checked(self._core.glance_look(self._glance, data, len(data)))
        if records == REFUSED:
            return None
        self._learn()
        return Seen(records, tuple(self._wanted(data)), self._coverage())

    def _begin(self) -> None:
        with self._core.fields(_FIELDS) as fields:
            self._glance = self._core.glance_new(fields)
        if not self._glance:
            raise MemoryError
        self._names: list[NamesOfRecord] = []
        self._places: list[tuple[str | None, str | None]] = []

    def _end(self) -> None:
        if self._glance:
            self._core.glance_free(self._glance)
            self._glance = None

    def _learn(self) -> None:
        """Judge names that are new, and note places that are."""
        for number in range(len(self._names), self._core.glance_names(self._glance)):
            source, event, caller, issuer, invoked_by = self._texts(self._core.glance_name, number, _NAMES)
            self._names.append((source, event, caller, issuer, invoked_by))
            if self._is_wanted(self._names[number]):
                checked(self._core.glance_judge(self._glance, number, True))
        for number in range(len(self._places), self._core.glance_places(self._glance)):
            recipient, caller, region = self._texts(self._core.glance_place, number, _PLACES)
            self._places.append(place(recipient, caller, region))

    def _texts(self, function: Any, number: int, parts: int) -> Iterator[str | None]:  # noqa: ANN401 - of ctypes
        start, size = Pointer(), Number()
        for part in range(parts):
            function(self._glance, number, part, ctypes.byref(start), ctypes.byref(size))
            yield None if start.value is None else ctypes.string_at(start.value, size.value).decode()

    def _wanted(self, data: bytes) -> Iterator[Wanted]:
        for index, start, end, names in self._rows(self._core.glance_wanted, 4):
            yield Wanted(index, data[start:end], self._names[names])

    def _coverage(self) -> Coverage:
        coverage: Coverage = {}
        for number, first, last in self._rows(self._core.glance_spans, 3):
            span = datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC)
            merge_coverage(coverage, {self._places[number]: span})
        return coverage

    def _rows(self, function: Any, width: int) -> Iterator[tuple[int, ...]]:  # noqa: ANN401 - of ctypes
        numbers = Numbers()
        count = checked(function(self._glance, ctypes.byref(numbers)))
        values = numbers[: count * width]
        yield from zip(*[iter(values)] * width, strict=True)


def new_glance(is_wanted: Callable[[NamesOfRecord], bool]) -> Glance | None:
    """Return a glance; None when there is no core."""
    core = library()
    return None if core is None else Glance(core, is_wanted)
