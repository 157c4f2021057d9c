"""Verdicts as rows of `integrity_findings`, which rules read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from detector.verify.place import named_minute, parse_digest_uri
from detector.verify.verdicts import DigestGap, JudgedDigest, JudgedLog

_HOUR: Final = timedelta(hours=1)


def finding_row(one: JudgedDigest | JudgedLog | DigestGap) -> Mapping[str, Any]:
    """Return the row of one digest, log file or stretch of time; moments are aware."""
    if isinstance(one, JudgedDigest):
        return _of_digest(one)
    return _of_log(one) if isinstance(one, JudgedLog) else _of_gap(one)


def _of_digest(one: JudgedDigest) -> Mapping[str, Any]:
    location = one.place.chain.location
    return {
        "kind": "digest",
        "verdict": str(one.verdict),
        "uri": one.uri,
        "account_id": location.account,
        "region": location.region,
        "trail": one.place.chain.trail,
        "event_time": one.place.end - _HOUR,  # what it says itself counts for nothing
        "last_event_time": one.place.end,
        "reason": one.reason,
    }


def _of_log(one: JudgedLog) -> Mapping[str, Any]:
    digest = parse_digest_uri(one.digest) if one.digest else None
    delivered = one.delivered or named_minute(one.uri) or (digest and digest.end)
    return {
        "kind": "log_file",
        "verdict": str(one.verdict),
        "uri": one.uri,
        "account_id": one.location.account,
        "region": one.location.region,
        "event_time": delivered,
        "last_event_time": delivered,
        "digest": one.digest,
        "signed_sha256": one.signed_sha256 and one.signed_sha256.hex(),
        "found_sha256": one.found_sha256 and one.found_sha256.hex(),
        "reason": one.reason,
    }


def _of_gap(gap: DigestGap) -> Mapping[str, Any]:
    return {
        "kind": "gap",
        "verdict": str(gap.kind),
        "uri": f"{gap.location.root}{gap.location.account}/CloudTrail/{gap.location.region}/",
        "account_id": gap.location.account,
        "region": gap.location.region,
        "event_time": gap.start,
        "last_event_time": gap.end,
        "log_files": gap.log_files,
    }
