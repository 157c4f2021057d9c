"""Gzip to bytes: several members, zero padding, a cap on the size, and what can be saved of a broken file."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from isal import isal_zlib

from detector.text import counted

MAX_BYTES = 1 << 30  # of one object, decompressed, unless somebody says otherwise
GzipError: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # the stub declares an instance
_MAGIC = b"\x1f\x8b"
_STEP_BYTES = 1 << 14
_AT_ONCE_BYTES = 16 << 20
_FED_BYTES = 1 << 12
_FLAGS, _RESERVED = slice(3, 4), b"\x20"  # of a member's header; the reserved bits are the highest ones
_CHECKSUM, _EXTRA, _NAME, _COMMENT = 2, 4, 8, 16  # flags: which parts follow the fixed ones
_FIXED_BYTES = 10  # of a header
_PADDING = re.compile(rb"\0*+")
_GZIP_ONLY = 31  # zlib's wbits: a 32 kB window, gzip header and trailer, checksum verified


@dataclass(frozen=True, slots=True)
class Content:
    """The decompressed bytes of an object, and what was wrong with it (None: nothing)."""

    data: bytes
    problem: str | None = None


def decompress(stored: bytes, max_bytes: int, *, layers: int = 2) -> Content:
    """Return what an object holds; an object that is not gzip is returned as it is, and gzip in gzip is opened too.

    A one-call gunzip drops all members but the first, or fails on what follows them, so the members are read one
    by one, and the cap is inside that loop: a bomb costs no more memory than `max_bytes`.
    """
    if len(stored) > max_bytes:
        return Content(b"", f"larger than the cap of {max_bytes:,} bytes")
    if not stored.startswith(_MAGIC):
        return Content(stored)
    members: list[bytes] = []
    room, start, fed_bytes = max_bytes, 0, len(stored)
    while stored.startswith(_MAGIC, start):
        try:
            stream = open_member(stored, start)
            first_bytes = max(fed_bytes, _header_bytes(stored, start))
            member, end = _inflate(stream, memoryview(stored)[start:], room + 1, first_bytes)
        except GzipError as error:
            # The stream object keeps no output of a failed call: once more in small steps, up to the fault.
            return Content(b"".join([*members, _until_fault(stored[start:])]), f"broken gzip: {error}")
        if len(member) > room:
            return Content(b"", f"decompresses to more than the cap of {max_bytes:,} bytes")
        members.append(member)
        room -= len(member)
        if not stream.eof:
            return Content(b"".join(members), "truncated gzip")
        # What is fed beyond a member's end is copied: of many small members that would be the square of the size.
        fed_bytes = max(end, _FED_BYTES)
        start = _PADDING.match(stored, start + end).end()  # type: ignore[union-attr]  # matches anything
    data = members[0] if len(members) == 1 else b"".join(members)
    rest_bytes = len(stored) - start
    if layers > 1 and not rest_bytes and data.startswith(_MAGIC):
        return decompress(data, max_bytes, layers=layers - 1)
    return Content(data, f"{counted(rest_bytes, 'byte')} after the gzip data" if rest_bytes else None)


def open_member(stored: bytes, start: int = 0) -> isal_zlib.Decompress:
    """Return a stream for the gzip member at `start`, from where it is to be fed; it raises `GzipError` too.

    Raises:
        GzipError: no member begins there, or its header has flags without a meaning (RFC 1952, 2.3.1.2), which ISA-L
            would pass over.
    """
    header = stored[start : start + 4]
    if not _MAGIC.startswith(header[: len(_MAGIC)]):
        raise GzipError("no gzip header")
    if header[_FLAGS] >= _RESERVED:
        raise GzipError("unknown header flags")
    return isal_zlib.decompressobj(_GZIP_ONLY)


def _header_bytes(stored: bytes, start: int) -> int:
    """Return how long the header of the member at `start` is: ISA-L has to be fed a whole one.

    Of one in pieces it forgets which parts it has had: it would take a name for what the member holds.
    """
    flags = int.from_bytes(stored[start + 3 : start + 4])
    at = start + _FIXED_BYTES
    if flags & _EXTRA:
        at += 2 + int.from_bytes(stored[at : at + 2], "little")
    for is_text in (_NAME, _COMMENT):
        if flags & is_text:
            at = stored.find(b"\0", at) + 1 or len(stored)  # truncated, so that no member follows
    return at + 2 * bool(flags & _CHECKSUM) - start


def as_utf8(data: bytes) -> bytes:
    """Return text without its byte order mark, in UTF-8 also where the mark says UTF-16, as PowerShell writes it."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace").encode("utf-8", "replace")
    return data.removeprefix(codecs.BOM_UTF8)


def _inflate(stream: Any, stored: memoryview, most: int, fed_bytes: int) -> tuple[bytes, int]:  # noqa: ANN401 - mypy does not see its `eof` change
    """Return what a member holds, at most so many bytes, and where it ends; never a second copy of what is large.

    Args:
        stream: at its start.
        stored: from the member's start on.
        most: bytes of what it holds.
        fed_bytes: to begin with; twice as many each time after that.
    """
    data: bytes = stream.decompress(stored[:fed_bytes], min(most, _AT_ONCE_BYTES))
    if stream.eof:
        return data, min(fed_bytes, len(stored)) - len(stream.unused_data)
    # BytesIO grows in place and hands out the bytes that it grew; zlib would join blocks.
    buffer, fed = BytesIO(), min(fed_bytes, len(stored))
    buffer.write(data)
    while not stream.eof and (room := most - buffer.tell()):
        data = stream.decompress(stream.unconsumed_tail, min(room, _AT_ONCE_BYTES))
        if not data and not stream.eof:
            more = stored[fed : 2 * fed]
            if not more:
                break  # truncated
            fed += len(more)
            data = stream.decompress(more, min(room, _AT_ONCE_BYTES))
        buffer.write(data)
    return buffer.getvalue(), fed - len(stream.unused_data)


def _until_fault(member: bytes) -> bytes:
    """Return what a broken member holds before its fault: in steps, and at the fault byte by byte.

    It is within the cap: the call that met the fault had not reached it.
    """
    stream = zlib.decompressobj(_GZIP_ONLY)  # which can be copied
    saved: list[bytes] = []
    for start in range(0, len(member), _STEP_BYTES):
        step = member[start : start + _STEP_BYTES]
        before = stream.copy()
        try:
            saved.append(stream.decompress(step))
        except zlib.error:
            saved += _byte_by_byte(before, step)
            break
    return b"".join(saved)


def _byte_by_byte(stream: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    for at in range(len(data)):
        try:
            yield stream.decompress(data[at : at + 1])
        except zlib.error:
            return  # expected: the fault
