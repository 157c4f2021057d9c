"""Large members are unpacked in steps; nobody may notice."""

from __future__ import annotations

import gzip
import zlib
from random import Random
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detector.records.compression import Content, decompress

members = st.lists(st.binary(max_size=200).map(lambda unit: unit * 5), min_size=1, max_size=3)


def in_steps(stored: bytes, max_bytes: int, step_bytes: int) -> Content:
    with mock.patch("detector.records.compression._AT_ONCE_BYTES", step_bytes):
        return decompress(stored, max_bytes)


@given(members, st.integers(1, 400), st.integers(0, 60))
def test_steps_of_any_size_give_the_same(contents: list[bytes], step_bytes: int, cut_off: int) -> None:
    stored = b"".join(map(gzip.compress, contents))
    stored = stored[: max(1, len(stored) - cut_off)]
    assert in_steps(stored, 1 << 20, step_bytes) == decompress(stored, 1 << 20)


@given(st.integers(1, 100))
def test_the_cap_holds_within_and_between_steps(step_bytes: int) -> None:
    content = b"abc" * 300
    stored = gzip.compress(content)
    assert in_steps(stored, len(content), step_bytes) == Content(content)
    assert in_steps(stored, len(content) - 1, step_bytes).problem == "decompresses to more than the cap of 899 bytes"


def test_very_many_members_are_read_in_time() -> None:
    count = 150_000  # each with a copy of what follows it would take minutes
    assert decompress(gzip.compress(b"", mtime=0) * count + gzip.compress(b"x"), 1 << 24) == Content(b"x")


@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 3)), min_size=1, max_size=6))
def test_members_of_any_size_with_any_padding_are_one_text(sizes: list[tuple[int, int]]) -> None:
    texts = [bytes(Random(size).randbytes(size)) for size, _ in sizes]
    stored = b"".join(gzip.compress(text) + bytes(zeros) for text, (_, zeros) in zip(texts, sizes, strict=True))
    assert decompress(stored, 1 << 20) == Content(b"".join(texts))


def by_zlib(stored: bytes) -> bytes | None:
    """Return what the one member of an object holds, by another implementation; None when it is not whole."""
    stream = zlib.decompressobj(31)
    try:
        content = stream.decompress(stored)
    except zlib.error:
        return None
    return content if stream.eof else None


@given(st.binary(max_size=300), st.integers(0, 9), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=3))
@example(b"", 6, [(3, 0x20)])
def test_whole_is_what_is_whole_for_zlib(text: bytes, level: int, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(gzip.compress(text, level, mtime=0))
    for place, byte in changes:
        damaged[2 + place % (len(damaged) - 2)] = byte  # what does not begin as gzip does is read as it is
    content = decompress(bytes(damaged), 1 << 20, layers=1)
    expected = by_zlib(bytes(damaged))
    assert (content.data if content.problem is None else None) == expected


def member_with_header(text: bytes, flags: int, part_bytes: int) -> bytes:
    """Return a gzip member with those optional parts of a header that its flags (RFC 1952, 2.3.1) say."""
    parts = {4: part_bytes.to_bytes(2, "little") + b"e" * part_bytes, 8: b"n" * part_bytes + b"\0"}
    parts[16] = b"c" * part_bytes + b"\0"
    header = b"\x1f\x8b\x08" + bytes([flags, *bytes(5), 255]) + b"".join(parts[flag] for flag in parts if flags & flag)
    if flags & 2:
        header += (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")
    return header + gzip.compress(text, mtime=0)[10:]


@pytest.mark.parametrize("part_bytes", [0, 1, 4_070, 4_086, 5_000, 65_535])
@pytest.mark.parametrize("flags", range(32))
def test_a_later_member_may_have_a_header_of_any_size(flags: int, part_bytes: int) -> None:
    member = member_with_header(b"second ", flags, part_bytes)
    stored = gzip.compress(b"first ", mtime=0) + member * 2 + gzip.compress(b"last", mtime=0)
    assert decompress(stored, 1 << 20) == Content(b"first second second last")


@pytest.mark.parametrize("flags", [4, 8, 16, 28])
def test_a_later_member_may_end_within_its_header(flags: int) -> None:
    member = member_with_header(b"second", flags, 9_000)
    for size in (3, 4, 10, 11, 12, 9_000):
        stored = gzip.compress(b"first", mtime=0) + member[:size]
        assert decompress(stored, 1 << 20) == Content(b"first", "truncated gzip")


@pytest.mark.parametrize("flags", [0x20, 0x40, 0x80])
def test_a_header_with_flags_that_mean_nothing_is_broken(flags: int) -> None:
    stored = gzip.compress(b"text", mtime=0)
    assert decompress(stored[:3] + bytes([flags]) + stored[4:], 100) == Content(
        b"", "broken gzip: unknown header flags"
    )
