"""The form of a bag: what it declares itself to be, how much it says to hold, and the papers that it must have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from detector.bundle import layout
from detector.bundle.entry import MAX_LINE_BYTES
from detector.bundle.opened import OpenBag, Unfit
from detector.text import counted

_MAX_BYTES: Final = 64 << 10
_DECLARATION: Final = re.compile(rb"BagIt-Version: *1\.0\r?\nTag-File-Character-Encoding: *UTF-8(\r?\n)?")
_OXUM: Final = re.compile(rb"^Payload-Oxum: *([0-9]{1,19})\.([0-9]{1,19})\r?$", re.MULTILINE)
_PAPERS: Final = (layout.README, layout.CUSTODY, layout.ALERTS, layout.RECORDS, layout.COVERAGE)
# What the objects of a bag say nothing of: no more is known than that nobody changed it since.
NOT_CHECKED: Final = "alerts.jsonl but for its records, coverage.csv, custody.jsonl but for its hashes, README.txt"


class _Step(msgspec.Struct):
    """The part of a line of `custody.jsonl` that names an object that was taken."""

    uri: str | None = None
    sha256: str | None = None


_STEPS: Final = msgspec.json.Decoder(_Step)


def form_problems(bag: OpenBag) -> Iterator[tuple[str, str]]:
    """Yield the files that are not as BagIt, or a bag of this program, has them, and why.

    Source: RFC 8493, 2.1.1 and 2.2.2.
    """
    for path, is_as_it_should_be in ((layout.DECLARATION, _declares), (layout.INFORMATION, _counts)):
        if path not in bag.files:
            continue  # which the manifests show
        try:
            problem = is_as_it_should_be(bag, bag.read(path, _MAX_BYTES))
        except Unfit as error:
            problem = str(error)
        if problem:
            yield path, problem
    yield from ((path, "there is none") for path in _PAPERS if path not in bag.files and path not in bag.others)


def custody_problem(bag: OpenBag, kept: Mapping[str, str]) -> str | None:
    """Return what the custody does not say of the objects of a bag; None when each is there with its hash.

    Args:
        bag: with the file.
        kept: URI → SHA-256 of the stored bytes, in hex.
    """
    missing = dict(kept)
    try:
        for number, line in enumerate(bag.lines(layout.CUSTODY, MAX_LINE_BYTES), 1):
            try:
                step = _STEPS.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                return f"line {number}: {error}"
            if step.uri in missing and missing[step.uri] == step.sha256:
                del missing[step.uri]
    except Unfit as error:
        return str(error)
    return f"it says nothing of {counted(len(missing), 'object')} that the bag holds" if missing else None


def _declares(_bag: OpenBag, text: bytes) -> str | None:
    return None if _DECLARATION.fullmatch(text) else "it does not declare BagIt 1.0 in UTF-8"


def _counts(bag: OpenBag, text: bytes) -> str | None:
    payload = [path for path in bag.files if path.startswith(layout.PAYLOAD)]
    found = sum(map(bag.size_bytes, payload)), len(payload)
    said = [(int(size), int(files)) for size, files in _OXUM.findall(text)]
    if said == [found]:
        return None
    return f"its Payload-Oxum is not {found[0]}.{found[1]}, what the bag holds"
