"""Metadata of a Parquet part about itself, beside its rows: enough to make a lost ledger anew.

It lies in the file's key-value metadata under `KEY`: JSON, deflated, in base64, for other readers expect text there.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from detector.errors import LakeError
from detector.lake.ledger.objects import LedgerObject, ObjectStatus

KEY = b"detector.part"
_FORM = 1
_MAX_BYTES = 256 << 20  # of the JSON; a million objects have less


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Says that a part was written, with others, in the place of some: all of them count or none.

    One of them is the seal, and is put in place last: when it is there the others are, too, and the parts that they
    replace are done with.
    """

    id: str
    replaces: tuple[str, ...]  # names of the parts whose rows these hold
    seals: tuple[str, ...] = ()  # in the seal: this rewriting, and those whose seals it replaces


@dataclass(frozen=True, slots=True)
class Footer:
    """The metadata that a part carries."""

    place: str = ""  # its kind and date; `write_part` fills it in
    # Log objects, by whichever part was at hand when their reading ended; their rows may lie in others, too.
    objects: tuple[LedgerObject, ...] = ()
    classified_by: str | None = None
    has_candidates: bool = True
    rewriting: Rewriting | None = None


def rewritten_footers(
    rewriting_id: str, replaced: Mapping[str, Footer | None], without: Collection[str] = ()
) -> Iterator[Footer]:
    """Yield the footers of parts that are written in the place of others: the first is the seal's, without end.

    Args:
        rewriting_id: of the rewriting.
        replaced: by name, the parts that go, and what they said of themselves.
        without: URIs of objects of which no rows are left.
    """
    known = [footer for footer in replaced.values() if footer is not None]
    objects = dict.fromkeys(one for footer in known for one in footer.objects if one.uri not in without)
    earlier = (seal for footer in known if footer.rewriting for seal in footer.rewriting.seals)
    names = tuple(replaced)
    yield Footer(
        objects=tuple(objects), rewriting=Rewriting(rewriting_id, names, (rewriting_id, *dict.fromkeys(earlier)))
    )
    while True:
        yield Footer(rewriting=Rewriting(rewriting_id, names))


def pack_footer(footer: Footer) -> dict[bytes, bytes]:
    """Return key-value metadata for Parquet."""
    rewriting = footer.rewriting
    content = {
        "form": _FORM,
        "place": footer.place,
        "objects": [_pack_object(one) for one in footer.objects],
        "classified_by": footer.classified_by,
        "has_candidates": footer.has_candidates,
        "rewriting": rewriting and [rewriting.id, rewriting.replaces, rewriting.seals],
    }
    return {KEY: b64encode(zlib.compress(json.dumps(content, separators=(",", ":")).encode()))}


def unpack_footer(metadata: Mapping[bytes, bytes] | None) -> Footer | None:
    """Return what key-value metadata say, or None when they do not: a part of another program, or an older version.

    Raises:
        LakeError: they are damaged, or of a later version.
    """
    packed = (metadata or {}).get(KEY)
    if packed is None:
        return None
    try:
        inflate = zlib.decompressobj()
        content = json.loads(inflate.decompress(b64decode(packed), _MAX_BYTES))
        if content["form"] != _FORM:
            raise LakeError("a part was written by a later version", hint="update detector")
        rewriting = content["rewriting"]
        return Footer(
            content["place"],
            tuple(_unpack_object(*one) for one in content["objects"]),
            content["classified_by"],
            bool(content["has_candidates"]),
            rewriting and Rewriting(rewriting[0], tuple(rewriting[1]), tuple(rewriting[2])),
        )
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, zlib.error) as error:
        raise LakeError(f"what a part says of itself is damaged: {error}", hint="restore it from a copy") from error


def _pack_object(one: LedgerObject) -> list[object]:
    return [
        one.uri,
        one.etag,
        one.size_bytes,
        None if one.last_modified is None else int(one.last_modified.timestamp()),
        one.content_sha256.hex(),
        one.records,
        one.rows,
        one.status,
        one.reason,
    ]


def _unpack_object(
    uri: str,
    etag: str,
    size: int,
    modified: int | None,
    sha256: str,
    records: int,
    rows: int,
    status: str,
    reason: str | None,
) -> LedgerObject:
    moment = None if modified is None else datetime.fromtimestamp(modified, UTC)
    return LedgerObject(uri, etag, size, moment, bytes.fromhex(sha256), records, rows, ObjectStatus(status), reason)
