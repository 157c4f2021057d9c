from __future__ import annotations

import gzip
import hashlib

import pytest

from detector.verify.keys import ALWAYS, PublicKey
from detector.verify.signature import signature_holds
from detector.verify.worker import content_hash
from tests.verify.vectors import Vector, found_digest

DATA = b'{"Records":[]}' * 400
PACKED = gzip.compress(DATA, mtime=0)
HASH = hashlib.sha256(DATA).digest()


@pytest.mark.parametrize(
    ("stored", "remark"), [(PACKED, None), (PACKED + bytes(3), "padded"), (gzip.compress(DATA, 1, mtime=0), None)]
)
def test_the_hash_is_of_what_the_member_holds(stored: bytes, remark: str | None) -> None:
    assert content_hash(stored) == (HASH, remark)


def test_what_lies_unpacked_is_hashed_as_it_lies() -> None:
    assert content_hash(DATA) == (HASH, "not packed")


@pytest.mark.parametrize(
    ("stored", "remark"),
    [
        (PACKED[:-3], "truncated gzip"),
        (PACKED[:2], "truncated gzip"),
        (PACKED + b"\0x", "1 bytes after the gzip data"),
        (PACKED + PACKED, f"{len(PACKED):,} bytes after the gzip data"),
        (PACKED[:-8] + bytes(8), "broken gzip"),
    ],
)
def test_what_is_not_one_whole_member_has_no_hash(stored: bytes, remark: str) -> None:
    found, said = content_hash(stored)

    assert found is None
    assert said
    assert remark in said


def test_a_bomb_is_given_up_at_the_cap() -> None:
    assert content_hash(gzip.compress(bytes(3 << 20)), most_bytes=1 << 20) == (
        None,
        "decompresses to more than the cap of 1,048,576 bytes",
    )


@pytest.mark.parametrize("signature", ["ab", "no hex", "é", "", "ab" * 256])
def test_what_is_no_signature_does_not_hold(signature: str) -> None:
    vector = Vector("valid")
    [key, *_] = vector.keys.keys.values()
    digest = next(found_digest(one) for one in vector.objects if one.is_digest)
    assert digest.content
    assert digest.signature

    assert signature_holds(digest.content, digest.signature, key)
    assert not signature_holds(digest.content, signature, key)
    for der in (b"", b"no key"):
        assert not signature_holds(digest.content, digest.signature, PublicKey("us-east-1", "x", der, *ALWAYS))
