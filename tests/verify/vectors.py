"""The digest vectors of `fixtures/digests` as facts, and what must be said of them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from detector.verify.digest import FoundDigest, StoredDigest, parse_utc, read_digest
from detector.verify.judge import judge_location
from detector.verify.keys import KeyRing, key_ring, load_answers
from detector.verify.log_files import FoundLog
from detector.verify.place import Location, location_of
from detector.verify.verdicts import Absence, Asked, LocationVerdict
from detector.verify.worker import content_hash

VECTORS = Path(__file__).parents[2] / "fixtures" / "digests"
CASES = sorted(path.parent.name for path in VECTORS.glob("*/expected.json"))
# Through a command each takes a second: these few always, the others in the slow tests.
_QUICK = {"valid", "tampered_log", "missing_log", "forged_signature", "organisation"}
THROUGH_COMMANDS = [case if case in _QUICK else pytest.param(case, marks=pytest.mark.slow) for case in CASES]
LONG_AFTER = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class StoredObject:
    """One object of a vector."""

    uri: str
    body: bytes = field(repr=False)
    metadata: dict[str, str]
    last_modified: datetime

    @property
    def is_digest(self) -> bool:
        return "/CloudTrail-Digest/" in self.uri


@dataclass(frozen=True)
class Vector:
    """One vector."""

    name: str

    @property
    def folder(self) -> Path:
        return VECTORS / self.name

    @cached_property
    def expected(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.folder / "expected.json").read_text())
        return loaded

    @cached_property
    def objects(self) -> list[StoredObject]:
        about = json.loads((self.folder / "objects.json").read_text())
        return [
            StoredObject(
                f"s3://{place}",
                (self.folder / "bucket" / place).read_bytes(),
                known["metadata"],
                required(known["last_modified"]),
            )
            for place, known in about.items()
        ]

    @cached_property
    def keys(self) -> KeyRing:
        return key_ring(load_answers(self.folder / "keys"))

    def asked(self) -> Asked:
        scope = self.expected["scope"]
        return Asked(required(scope["since"]), required(scope["until"]), LONG_AFTER)

    def expected_digests(self) -> dict[str, str]:
        """By key; what nobody can name is left out."""
        digests = {key: verdict for key, verdict in self.expected["digests"].items() if verdict != "absent"}
        for other in self._others():
            digests |= other["digests"]
        return digests

    def expected_logs(self) -> dict[str, str]:
        logs = {key: verdict for key, verdict in self.expected["logs"].items() if verdict != "unknown"}
        for other in self._others():
            logs |= other["logs"]
        return logs | dict.fromkeys(self.expected["unlisted"], "unlisted")

    def expected_gaps(self) -> list[tuple[str, str, str, int]]:
        return [(gap["kind"], gap["from"], gap["to"], gap["log_files"]) for gap in self.expected["gaps"]]

    def _others(self) -> list[dict[str, Any]]:
        return [*self.expected.get("other_accounts", {}).values(), *self.expected.get("other_trails", {}).values()]


def required(text: str) -> datetime:
    moment = parse_utc(text)
    assert moment
    return moment


def found_digest(stored: StoredObject) -> FoundDigest:
    bucket = stored.uri.split("/")[2]
    return read_digest(StoredDigest(stored.uri, bucket, stored.body, stored.metadata))


def found_log(stored: StoredObject) -> FoundLog:
    return FoundLog(stored.uri, stored.last_modified, *content_hash(stored.body))


def judge(
    objects: Sequence[StoredObject],
    keys: KeyRing,
    asked: Asked,
    *,
    log_of: Callable[[StoredObject], FoundLog] = found_log,
    unreadable: Sequence[str] = (),
) -> list[LocationVerdict]:
    """Judge objects in the order in which they come."""
    digests: defaultdict[Location, list[FoundDigest]] = defaultdict(list)
    logs: defaultdict[Location, dict[str, FoundLog]] = defaultdict(dict)
    for stored in objects:
        location = location_of(stored.uri)
        assert location
        if stored.is_digest:
            digests[location].append(found_digest(stored))
        else:
            logs[location][stored.uri] = log_of(stored)
    return [
        judge_location(location, digests[location], logs[location], keys, asked, Absence(tuple(unreadable)))
        for location in sorted({*digests, *logs})
    ]


def key_of(uri: str) -> str:
    return uri.split("/", 3)[3]


def digest_verdicts(verdicts: Sequence[LocationVerdict]) -> dict[str, str]:
    return {key_of(one.uri): str(one.verdict) for verdict in verdicts for one in verdict.digests}


def log_verdicts(verdicts: Sequence[LocationVerdict]) -> dict[str, str]:
    return {key_of(one.uri): str(one.verdict) for verdict in verdicts for one in verdict.logs}
