from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.verify.digest import MAX_DIGEST_BYTES, FoundDigest, StoredDigest, read_digest
from tests.verify.vectors import Vector

GOOD = next(one for one in Vector("valid").objects if one.is_digest and "T020131Z" in one.uri)
DOCUMENT: dict[str, Any] = json.loads(gzip.decompress(GOOD.body))


def read(body: bytes) -> FoundDigest:
    return read_digest(StoredDigest(GOOD.uri, "example-trail-bucket", body, GOOD.metadata))


def changed(**members: object) -> bytes:
    return gzip.compress(json.dumps(DOCUMENT | members).encode(), mtime=0)


def test_a_digest_is_read_as_it_was_written() -> None:
    found = read(GOOD.body)

    assert found.content
    assert found.signature == GOOD.metadata["signature"]
    assert f"{found.content.end:%H:%M:%S}" == "02:01:31"
    assert [log.key for log in found.content.log_files] == [DOCUMENT["logFiles"][0]["s3Object"]]
    assert found.content.previous
    assert found.content.previous.key == DOCUMENT["previousDigestS3Object"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "truncated gzip"),
        (b"{}", "broken gzip"),
        (GOOD.body[:-9], "truncated gzip"),
        (GOOD.body + GOOD.body, "bytes after the gzip data"),
        (GOOD.body + b"\0\0", "2 bytes after the gzip data"),
        (gzip.compress(b"[]", mtime=0), "not a digest"),
        (gzip.compress(b"[" * 100_000, mtime=0), "not a digest"),
        (gzip.compress(b'{"awsAccountId": "\xff"}', mtime=0), "not a digest"),
        (
            gzip.compress(b" " * (MAX_DIGEST_BYTES + 1), mtime=0),
            "decompresses to more than the cap of 16,777,216 bytes",
        ),
        (b"\x1f\x8b" + bytes(MAX_DIGEST_BYTES), "larger than the cap of 16,777,216 bytes"),
        (changed(digestEndTime="2025-03-04"), "is not a time of a digest"),
        (changed(digestEndTime="2025-13-04T02:01:31Z"), "is not a time of a digest"),
        (changed(digestEndTime="2024-03-04T02:01:31Z"), "starts after its end"),
        (changed(digestEndTime=7), "not a digest"),
        (changed(logFiles=[{"s3Bucket": "b"}]), "not a digest"),
        (changed(logFiles=None), "not a digest"),
        (changed(previousDigestS3Bucket=None), "names the digest before it in part"),
        (changed(previousDigestHashAlgorithm="MD5"), "by another hash"),
        (changed(previousDigestHashValue="00"), "hash or signature of the digest before it is none"),
        (changed(previousDigestSignature="xyz"), "hash or signature of the digest before it is none"),
    ],
)
def test_what_aws_does_not_write_is_malformed(body: bytes, problem: str) -> None:
    found = read(body)

    assert found.content is None
    assert found.problem
    assert problem in found.problem


def test_a_hash_of_an_unknown_kind_is_none() -> None:
    entry = DOCUMENT["logFiles"][0]

    found = read(changed(logFiles=[entry | {"hashAlgorithm": "SHA-512"}, entry | {"hashValue": "zz"}]))

    assert found.content
    assert [log.sha256 for log in found.content.log_files] == [None, None]


@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    for body in (data, gzip.compress(data, mtime=0)):
        assert read(body).problem


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(DOCUMENT)), json_values)
def test_no_member_of_another_kind_raises(member: str, value: object) -> None:
    found = read(changed(**{member: value}))

    assert (found.content is None) == (found.problem is not None)
