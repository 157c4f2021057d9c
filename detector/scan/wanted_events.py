"""Which records any rule can want, by their names alone.

A superset of `candidate_rows` in queries/_views, which is made from the same list, and of the further events that the
shipped rules read.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from detector.rules.candidate_events import CandidateEvents, read_candidate_events
from detector.rules.rule import VIEWS, shipped_rules_directory


class Names(NamedTuple):
    """The values that tell whether a record is wanted, as they stand in it."""

    source: str | None
    event: str | None
    caller: str | None  # userIdentity.type
    issuer: str | None  # userIdentity.sessionContext.sessionIssuer.type
    invoked_by: str | None


def names_of(record: Any) -> Names:  # noqa: ANN401 - a schema.Record
    """Return the names of a decoded record."""
    identity = record.userIdentity
    context = identity and identity.sessionContext
    issuer = context and context.sessionIssuer
    return Names(
        record.eventSource,
        record.eventName,
        identity and identity.type,
        issuer and issuer.type,
        identity and identity.invokedBy,
    )


@lru_cache(maxsize=65_536)
def is_wanted(names: Names) -> bool:
    """Say whether some rule can want a record of these names; a plain tuple of them will do."""
    source, event, caller, issuer, _ = names
    if _is_root(caller) or _is_root(issuer) or is_bucket_check(names):
        return True
    return _candidate_events().may_hold(source, event)


@lru_cache(maxsize=1)
def _candidate_events() -> CandidateEvents:
    return read_candidate_events(shipped_rules_directory() / VIEWS)


def is_bucket_check(names: Names | tuple[Any, ...]) -> bool:
    """Say whether it is in `bucket_checks`: CloudTrail looking at a bucket that it delivers to."""
    source, event, _, _, invoked_by = names
    return (
        event == "GetBucketAcl"
        and (source or "").startswith("s3.amazonaws.")
        and (invoked_by or "").startswith("cloudtrail.amazonaws.")
    )


def is_only_bucket_check(names: Names | tuple[Any, ...]) -> bool:
    """Say whether it tells that a bucket is a trail's and nothing else, so that one for each bucket is enough."""
    _, _, caller, issuer, _ = names
    return is_bucket_check(names) and caller == "AWSService" and not _is_root(issuer)


def _is_root(kind: str | None) -> bool:
    return kind is not None and kind.lower() == "root"
