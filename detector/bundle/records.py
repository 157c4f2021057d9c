"""The records that alerts name, as they stand in the log files of a bag. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

import msgspec

from detector.alerts.formats.json_line import json_line
from detector.records.log_file import each_raw_record

_NO_SPACE: Final = bytes.maketrans(b"\r\n", b"  ")


class RecordPlace(msgspec.Struct):
    """The beginning of a line of `records.jsonl`."""

    log_file: str
    index: int  # 0-based, in the log file


_DECODER: Final = msgspec.json.Decoder(RecordPlace)


def record_lines(uri: str, sha256: str, stored: bytes, indexes: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """Yield index and line of records of one log file.

    Args:
        uri: of the log file.
        sha256: of its stored bytes, in hex: the object of the bag.
        stored: its bytes.
        indexes: of the records.
    """
    for index, raw in enumerate(each_raw_record(stored)):
        if index in indexes:
            yield index, _line({"log_file": uri, "index": index, "object": sha256}, raw)


def parse_place(line: bytes) -> RecordPlace:
    """Return of which record a line is.

    Raises:
        ValueError: of none.
    """
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _line(place: dict[str, Any], raw: bytes) -> bytes:
    """Return a line with a record as it is written; between its tokens, a new line becomes a space."""
    text = raw.decode("utf-8", "replace").encode().translate(_NO_SPACE)
    return json_line(place).removesuffix(b"}\n") + b',"record":' + text + b"}\n"
