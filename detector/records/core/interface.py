"""What is said to the compiled core: the functions of its C interface, and the fields of records."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from detector.records.schema import Kind, Null

REFUSED = -1  # in place of a number: something in the file is unusual, and nothing has come of it
_FAILED = -2  # in place of a number: memory has run out
# As the core numbers them: fields.hpp.
_KINDS = {Kind.TEXT: 0, Kind.BOOLEAN: 1, Kind.JSON: 2, Kind.STRUCT: 3}
_NULLS = {Null.ABSENT: 0, Null.EXPLICIT: 1, Null.NEVER: 2}

Pointer = ctypes.c_void_p
Number = ctypes.c_int64
Numbers = ctypes.POINTER(ctypes.c_int64)
_Choice = ctypes.c_int32
_Bytes = ctypes.c_char_p
_Text = [Pointer, _Choice, _Choice, ctypes.POINTER(Pointer), Numbers]
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "fields_new": (Pointer, []),
    "fields_free": (None, [Pointer]),
    "fields_add": (Number, [Pointer, _Choice, _Bytes, *[_Choice] * 5, _Bytes]),
    "columns_new": (Pointer, [Pointer, _Choice]),
    "columns_free": (None, [Pointer]),
    "columns_add": (Number, [Pointer, _Bytes, Number, _Bytes, Number, Pointer]),
    "columns_bytes": (Number, [Pointer]),
    "columns_days": (Number, [Pointer]),
    "columns_take": (Number, [Pointer, Numbers, Pointer, Pointer]),
    "glance_new": (Pointer, [Pointer]),
    "glance_free": (None, [Pointer]),
    "glance_look": (Number, [Pointer, _Bytes, Number]),
    "glance_names": (Number, [Pointer]),
    "glance_places": (Number, [Pointer]),
    "glance_bytes": (Number, [Pointer]),
    "glance_name": (None, _Text),
    "glance_place": (None, _Text),
    "glance_judge": (Number, [Pointer, _Choice, _Choice]),
    "glance_wanted": (Number, [Pointer, ctypes.POINTER(Numbers)]),
    "glance_spans": (Number, [Pointer, ctypes.POINTER(Numbers)]),
}


class Role(IntEnum):
    """What a field says, beside what it is; as the core numbers them: fields.hpp."""

    NONE = 0
    TIME = 1  # when, in the exact form
    KEY = 2  # a UUID, by which the event is known
    NAME = 3  # one of those by which it is told whether a record is wanted
    PLACE = 4  # one of those that tell where a record is from


@dataclass(frozen=True, slots=True)
class CoreField:
    """A field as the core is told of it."""

    name: str
    kind: Kind = Kind.TEXT
    members: tuple[CoreField, ...] = ()
    role: Role = Role.NONE
    null: Null = Null.ABSENT
    is_required: bool = False  # a record without it is unusual
    repeats: bool = False  # its texts do, and are kept once
    no_event: str = ""  # a record of this value is no event, and unusual; empty: there is no such value


class Functions:
    """The functions of the core, by what they are called behind `detector_`."""

    def __init__(self, core: ctypes.CDLL) -> None:
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(core, f"detector_{name}")
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...  # noqa: ANN401 - a function of ctypes

    @contextmanager
    def fields(self, fields: Sequence[CoreField]) -> Iterator[Any]:
        """Tell the core of fields; what it is given here lasts as long as the context."""
        handle = self.fields_new()
        if not handle:
            raise MemoryError
        try:
            self._add(handle, fields, 0)
            yield handle
        finally:
            self.fields_free(handle)

    def _add(self, handle: Any, fields: Sequence[CoreField], depth: int) -> None:  # noqa: ANN401 - a pointer
        for one in fields:
            kinds = (_KINDS[one.kind], _NULLS[one.null], one.role, one.is_required, one.repeats)
            checked(self.fields_add(handle, depth, one.name.encode(), *kinds, one.no_event.encode()))
            self._add(handle, one.members, depth + 1)


def checked(result: int) -> int:
    """Return what a function returned.

    Raises:
        MemoryError: it could not do its work.
    """
    if result == _FAILED:
        raise MemoryError
    return result
