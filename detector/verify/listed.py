"""Objects that were listed, packed: a year of an account has some hundred thousand, and each is looked at once more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

import msgspec
from isal import isal_zlib

from detector.sources.log_source import LogObject

_IN_A_BLOCK: Final = 200
_QUICKLY: Final = 1  # names in a row are much the same: any level makes a tenth of them
_Row = tuple[str, int, datetime | None]
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(list[_Row])


@dataclass(slots=True)
class ListedObjects:
    """Objects in the order in which they came; their ETags are not kept."""

    _blocks: list[bytes] = field(default_factory=list, repr=False)
    _rows: list[_Row] = field(default_factory=list, repr=False)

    def add(self, one: LogObject) -> None:
        """Add one object."""
        self._rows.append((one.uri, one.size_bytes, one.last_modified))
        if len(self._rows) == _IN_A_BLOCK:
            self._blocks.append(isal_zlib.compress(_ENCODER.encode(self._rows), _QUICKLY))
            self._rows = []

    def __iter__(self) -> Iterator[LogObject]:
        """Yield all of them."""
        for block in self._blocks:
            for uri, size_bytes, last_modified in _DECODER.decode(isal_zlib.decompress(block)):
                yield LogObject(uri, size_bytes, "", last_modified)
        for uri, size_bytes, last_modified in self._rows:
            yield LogObject(uri, size_bytes, "", last_modified)

    def batches(self, most: int) -> Iterator[tuple[LogObject, ...]]:
        """Yield all of them, so many at a time."""
        rest = iter(self)
        while batch := tuple(islice(rest, most)):
            yield batch
