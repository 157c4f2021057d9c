"""AWS's public keys: answers of ListPublicKeys to keys by region and fingerprint.

A key belongs to the region of the digest, not to the trail's home region. Its fingerprint is the MD5 of its DER as it
is listed: undocumented, true of every key that AWS's documents print, and so enough to set a key aside, never to trust
one.

Source: "ListPublicKeys", AWS CloudTrail API Reference.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from detector.aws_regions import is_region
from detector.errors import UsageError

Span = tuple[datetime, datetime]
ALWAYS: Final = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
# Around a rotation AWS has signed with a key shortly before its own list called it valid.
TOLERANCE: Final = timedelta(hours=2)
_MAX_FILE_BYTES: Final = 16 << 20
_FORMS: Final = "give REGION.json with an answer of ListPublicKeys, a folder of such files, or one object by region"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One key as AWS lists it."""

    region: str
    fingerprint: str
    der: bytes = field(repr=False)
    valid_from: datetime  # aware, UTC
    valid_until: datetime

    def was_valid(self, moment: datetime) -> bool:
        """Tell whether AWS may have signed with it then."""
        # The difference, not the sum: a key that is valid for ever ends at the last moment that there is.
        return self.valid_from - moment <= TOLERANCE and moment - self.valid_until <= TOLERANCE


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys that could be had, and where they could not."""

    keys: Mapping[tuple[str, str], PublicKey] = field(default_factory=dict)  # by region and fingerprint
    asked: Mapping[str, Sequence[Span]] = field(default_factory=dict)  # region → from when to when all keys are here
    refused: Mapping[str, str] = field(default_factory=dict)  # region → why its keys could not be had
    set_aside: Mapping[tuple[str, str], str] = field(default_factory=dict)  # listed, and not to be used: why

    def find(self, region: str, fingerprint: str) -> PublicKey | None:
        """Return a key of a region; None when AWS does not list it."""
        return self.keys.get((region, fingerprint))

    @property
    def regions(self) -> list[str]:
        """The regions of which there are keys."""
        return sorted(self.asked)

    def lacks(self, region: str, fingerprint: str, moment: datetime) -> str | None:
        """Say why nothing can be concluded from the absence of a key at a moment; None when something can."""
        if reason := self.set_aside.get((region, fingerprint)):
            return reason
        if any(start <= moment <= end for start, end in self.asked.get(region, ())):
            return None
        return self.refused.get(region, f"the keys of {region} at that time are not among those given")


def key_ring(
    answers: Mapping[str, Any],
    refused: Mapping[str, str] | None = None,
    asked: Mapping[str, Span] | None = None,
) -> KeyRing:
    """Return the keys of answers.

    Args:
        answers: region → an answer of ListPublicKeys, as JSON.
        refused: region → why there is no answer.
        asked: region → the time that was asked for; default: an answer has all keys that there ever were.

    Raises:
        UsageError: an answer is none.
    """
    keys: dict[tuple[str, str], PublicKey] = {}
    set_aside: dict[tuple[str, str], str] = {}
    for region, answer in answers.items():
        listed = answer.get("PublicKeyList") if isinstance(answer, dict) else None
        if not isinstance(listed, list):
            raise UsageError(f"no answer of ListPublicKeys for {region[:40]!r}", hint=_FORMS)
        for entry in listed:
            key, problem = _parse(region, entry)
            if problem:
                set_aside[region, key.fingerprint] = problem
            else:
                keys[region, key.fingerprint] = key
    spans = {region: [(asked or {}).get(region, ALWAYS)] for region in answers}
    return KeyRing(keys, spans, dict(refused or {}), set_aside)


def joined_ring(answers: Iterable[tuple[str, Span, Any]], refused: Mapping[str, str] | None = None) -> KeyRing:
    """Return the keys of several answers of a region, each about a time of its own.

    Args:
        answers: region, the time that was asked for, and the answer of ListPublicKeys, as JSON.
        refused: region → why there is no answer.

    Raises:
        UsageError: an answer is none.
    """
    keys: dict[tuple[str, str], PublicKey] = {}
    asked: dict[str, list[Span]] = {}
    set_aside: dict[tuple[str, str], str] = {}
    for region, span, answer in answers:
        ring = key_ring({region: answer})
        keys |= ring.keys
        set_aside |= ring.set_aside
        asked.setdefault(region, []).append(span)
    return KeyRing(keys, asked, dict(refused or {}), set_aside)


def load_answers(path: Path) -> dict[str, Any]:
    """Return the answers of ListPublicKeys in a file or folder, by region: `--keys FILE`.

    Args:
        path: `REGION.json`, a folder of such, or a JSON object of answers by region.

    Raises:
        UsageError: it cannot be read, or is none of these.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise UsageError(f"{path} holds no keys", hint=_FORMS)
    answers: dict[str, Any] = {}
    for file in files:
        answer = _load(file)
        if isinstance(answer, dict) and "PublicKeyList" in answer:
            if not is_region(file.stem):
                raise UsageError(f"{file} does not say of which region its keys are", hint=_FORMS)
            answers[file.stem] = answer
        elif isinstance(answer, dict) and answer and all(map(is_region, answer)):
            answers |= answer
        else:
            raise UsageError(f"{file} holds no keys", hint=_FORMS)
    return answers


def _load(file: Path) -> Any:  # noqa: ANN401 - JSON
    try:
        if file.stat().st_size > _MAX_FILE_BYTES:
            raise UsageError(f"{file} is larger than {_MAX_FILE_BYTES:,} bytes", hint=_FORMS)
        return json.loads(file.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}", hint=_FORMS) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is not JSON", hint=_FORMS) from error


def _parse(region: str, entry: Any) -> tuple[PublicKey, str | None]:  # noqa: ANN401 - JSON
    """Return one key, and why it is not to be used."""
    try:
        value, fingerprint = entry["Value"], entry["Fingerprint"]
        der = base64.b64decode(value, validate=True)
        key = PublicKey(
            region, fingerprint.lower(), der, _moment(entry["ValidityStartTime"]), _moment(entry["ValidityEndTime"])
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, binascii.Error) as error:
        raise UsageError(f"an entry among the keys of {region} is no public key", hint=_FORMS) from error
    # MD5 is a name here, given by AWS; a swapped key is noticed, a collision gains nothing against the list itself.
    if hashlib.md5(der, usedforsecurity=False).hexdigest() != key.fingerprint:
        return key, f"the key listed as {fingerprint[:40]} in {region} does not have this fingerprint"
    return key, None


def _moment(value: str | float) -> datetime:
    """Return a time of an answer: seconds since 1970, or ISO 8601 as the command line of AWS prints it."""
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return datetime.fromtimestamp(value, UTC)
