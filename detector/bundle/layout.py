"""The files of a bag: their names, and the text of those that say which files there are. Pure.

    bagit.txt  bag-info.txt  manifest-sha256.txt  tagmanifest-sha256.txt  [tagmanifest-sha256.txt.sig  .tsq  .tsr]
    data/README.txt            what this is, and how to check it by hand
    data/statement.json        the question, and what was found: when, by whom, with what
    data/custody.jsonl         each object as it was taken: when, from where, with which hash
    data/objects.jsonl         each object with what S3 keeps beside it, its hashes and the verdict on it
    data/objects/ab/ab12….gz   stored bytes, named by their SHA-256: a key of an object is never a path
    data/public-keys/REGION.json, REGION.answers.jsonl
    data/alerts.jsonl  data/records.jsonl  data/coverage.csv

Source: RFC 8493, "The BagIt File Packaging Format (V1.0)".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from detector import __version__

DECLARATION: Final = "bagit.txt"
INFORMATION: Final = "bag-info.txt"
MANIFEST: Final = "manifest-sha256.txt"
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
SIGNATURE: Final = f"{TAG_MANIFEST}.sig"
# Made of the tag manifest, and so in no manifest: a signature, a question to a timestamp authority, and its answer.
TIMESTAMPS: Final = frozenset({f"{TAG_MANIFEST}.tsq", f"{TAG_MANIFEST}.tsr"})
MARKS: Final = TIMESTAMPS | {SIGNATURE}
PAYLOAD: Final = "data/"
README: Final = "data/README.txt"
STATEMENT: Final = "data/statement.json"
CUSTODY: Final = "data/custody.jsonl"
OBJECTS: Final = "data/objects.jsonl"
OBJECT_FOLDER: Final = "data/objects/"
KEY_FOLDER: Final = "data/public-keys/"
ALERTS: Final = "data/alerts.jsonl"
RECORDS: Final = "data/records.jsonl"
COVERAGE: Final = "data/coverage.csv"
DECLARATION_TEXT: Final = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_PACKED: Final = b"\x1f\x8b"
_OBJECT: Final = re.compile(rf"{OBJECT_FOLDER}([0-9a-f]{{2}})/(\1[0-9a-f]{{62}})\.(?:gz|bin)")
_LINE: Final = re.compile(r"([0-9a-fA-F]{64})[ \t]+\*?([^\r\n]+)")
_ENCODED: Final = {"%0D": "\r", "%0A": "\n", "%25": "%"}


def object_path(sha256: str, stored: bytes) -> str:
    """Return where an object lies in a bag.

    Args:
        sha256: of the stored bytes, in hex.
        stored: what is not packed has another ending, so that nobody unpacks it.
    """
    return f"{OBJECT_FOLDER}{sha256[:2]}/{sha256}.{'gz' if stored.startswith(_PACKED) else 'bin'}"


def key_path(region: str) -> str:
    """Return where the keys of a region lie in a bag."""
    return f"{KEY_FOLDER}{region}.json"


def answers_path(region: str) -> str:
    """Return where AWS's answers about the keys of a region lie, as they came."""
    return f"{KEY_FOLDER}{region}.answers.jsonl"


def named_hash(path: str) -> str | None:
    """Return the SHA-256 that the path of an object says; None when it is none."""
    found = _OBJECT.fullmatch(path)
    return found[2] if found else None


def information(payload_bytes: int, payload_files: int) -> str:
    """Return the text of `bag-info.txt`; without a date, which the statement has."""
    return (
        "External-Description: CloudTrail log files and digests, and what was found in them\n"
        f"Bag-Software-Agent: detector {__version__}\n"
        f"Payload-Oxum: {payload_bytes}.{payload_files}\n"
    )


def manifest(hashes: Mapping[str, str]) -> str:
    """Return the text of a manifest, in the order of the paths, in the form of `sha256sum`."""
    return "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(hashes.items()))


def parse_manifest(lines: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Return the hashes that a manifest names, by path, and what is wrong with it."""
    hashes: dict[str, str] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line.rstrip("\r\n"))
        if found is None:
            problems.append(f"line {number} names no file")
            continue
        path = re.sub("(?i)%0d|%0a|%25", lambda code: _ENCODED[code[0].upper()], found[2])
        if hashes.setdefault(path, found[1].lower()) != found[1].lower():
            problems.append(f"line {number} names {path} once more, with another hash")
    return hashes, problems
