"""What AWS answers about an account's trails and their buckets, as facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Final

from detector.posture.document import listed, read_at
from detector.posture.fact import Fact, Says
from detector.posture.live import (
    LIFECYCLE,
    OBJECT_LOCK,
    POLICY,
    PUBLIC_ACCESS,
    SELECTORS,
    STATUS,
    TRAILS,
    VERSIONING,
    Live,
    answer_in,
    owner_of,
)
from detector.sources.account_calls import Answered, Result
from detector.times import rfc3339

Trail = Mapping[str, Any]
More = Mapping[str, Result]
Facts = Callable[[Live], Iterator[Fact]]

_DIGESTS_LATE: Final = timedelta(hours=2)  # they come every hour
_LOG_FILES_LATE: Final = timedelta(days=1)  # the calls that ask are events themselves, and those of the day before
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_KEPT_DAYS: Final = 365
_BLOCKS: Final = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_DELETING: Final = ("s3:deleteobject", "s3:deleteobjectversion", "s3:putlifecycleconfiguration")


def _trails(judge: Callable[[Trail, More], tuple[Says, str] | None], by: str = TRAILS) -> Facts:
    """Return what yields how each trail is judged, and why, with the answer to this call as the proof.

    A trail that does not log is none: what it would log counts for nothing.
    """

    def facts(live: Live) -> Iterator[Fact]:
        for described, trail, more in live.described_trails:
            judged = judge(trail, more) if answer_in(more, STATUS) else None
            if judged is not None:
                says, why = judged
                name, arn = str(trail.get("Name")), str(trail.get("TrailARN"))
                if not _is_logging(more):
                    says, name, why = Says.NO, f"{name}, which does not log,", ""
                detail = ": ".join(filter(None, (f"{name} in {trail.get('HomeRegion')}", why)))
                yield live.fact(answer_in(more, by) or described, says, detail, arn)
        yield from _no_trail(live)

    return facts


def _no_trail(live: Live) -> Iterator[Fact]:
    described = live.answered(TRAILS)
    if described is not None and not described.value.get("trailList"):
        yield live.fact(described, Says.NO, "there is no trail of all regions")


def _flag(key: str) -> Callable[[Trail, More], tuple[Says, str]]:
    return lambda trail, _: (Says.YES if trail.get(key) else Says.NO, "")


def _is_logging(more: More) -> bool:
    status = answer_in(more, STATUS)
    return bool(status and status.value.get("IsLogging"))


def _logging(_: Trail, more: More) -> tuple[Says, str]:
    """Logging is on, and log files arrive: one that is on and brings none is neither on nor off."""
    status = answer_in(more, STATUS)
    if status and (error := status.value.get("LatestDeliveryError")):
        return Says.NO, f"its log files are not delivered: {error}"
    says, last = _lateness(status, "LatestDeliveryTime", _LOG_FILES_LATE)
    return (Says.YES, "") if says is Says.YES else (Says.UNSURE, f"logging is on, but its last log file {last}")


def _validated(trail: Trail, more: More) -> tuple[Says, str]:
    """Digests are on, and the last one is of lately."""
    status = answer_in(more, STATUS)
    if not trail.get("LogFileValidationEnabled") or status is None:
        return Says.NO, ""
    if error := status.value.get("LatestDigestDeliveryError"):
        return Says.NO, f"its digests are not delivered: {error}"
    says, last = _lateness(status, "LatestDigestDeliveryTime", _DIGESTS_LATE)
    return says, "" if says is Says.YES else f"validation is on, but its last digest {last}"


def _lateness(status: Answered | None, key: str, late: timedelta) -> tuple[Says, str]:
    """Return whether the last delivery is of lately, and in words when it was."""
    last = status.value.get(key) if status else None
    if status is None or not isinstance(last, datetime):
        return Says.UNSURE, "was not delivered yet"
    words = f"is of {rfc3339(last)}"
    if last > status.time + _CLOCKS_DIFFER:
        return Says.UNSURE, words
    return (Says.YES if status.time - last <= late else Says.NO), words


def _all_events(_: Trail, more: More) -> tuple[Says, str] | None:
    selectors = answer_in(more, SELECTORS)
    if selectors is None:
        return None
    takes_all = any(
        basic.get("IncludeManagementEvents")
        and basic.get("ReadWriteType") == "All"
        and not basic.get("ExcludeManagementEventSources")
        for basic in selectors.value.get("EventSelectors", [])
    ) or any(
        [(field.get("Field"), field.get("Equals")) for field in advanced.get("FieldSelectors", [])]
        == [("eventCategory", ["Management"])]
        for advanced in selectors.value.get("AdvancedEventSelectors", [])
    )
    return (Says.YES if takes_all else Says.NO), ""


# Buckets -------------------------------------------------------------------------------------------------------------


def _buckets(judge: Callable[[Live, Trail, More], tuple[Says, str] | None], by: str) -> Facts:
    """Return what yields how the bucket of each trail is judged, with the answer to this call as the proof."""

    def facts(live: Live) -> Iterator[Fact]:
        for described, trail, more in live.described_trails:
            bucket = str(trail.get("S3BucketName"))
            if owner_of(trail) != live.account_id:
                yield live.fact(described, Says.UNSURE, f"{bucket}: the trail is of account {owner_of(trail)}", bucket)
            elif judged := judge(live, trail, more):
                says, detail = judged
                yield live.fact(answer_in(more, by) or described, says, f"{bucket}: {detail}", bucket)
        yield from _no_trail(live)

    return facts


def _private(_: Live, __: Trail, more: More) -> tuple[Says, str] | None:
    blocked = answer_in(more, PUBLIC_ACCESS)
    if blocked is None:
        return None
    on = blocked.value.get("PublicAccessBlockConfiguration", {})
    off = [name for name in _BLOCKS if on.get(name) is not True]
    return (Says.NO, f"without {', '.join(off)}") if off else (Says.YES, "public access is blocked")


def _locked(_: Live, __: Trail, more: More) -> tuple[Says, str] | None:
    lock, versions = answer_in(more, OBJECT_LOCK), answer_in(more, VERSIONING)
    if lock and lock.value.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention"):
        return Says.YES, "Object Lock keeps what is written"
    if versions and versions.value.get("MFADelete") == "Enabled":
        return Says.YES, "MFA delete is on"
    return (Says.NO, "neither Object Lock nor MFA delete") if lock and versions else None


def _kept(live: Live, trail: Trail, more: More) -> tuple[Says, str] | None:
    lifecycle = answer_in(more, LIFECYCLE)
    if lifecycle is None:
        return None
    logs = "/".join(filter(None, (trail.get("S3KeyPrefix"), "AWSLogs/")))
    for rule in lifecycle.value.get("Rules", []):
        expiry, scope = rule.get("Expiration", {}), rule.get("Filter", {})
        prefix = str(scope.get("Prefix") or scope.get("And", {}).get("Prefix") or rule.get("Prefix") or "")
        days, date = expiry.get("Days"), expiry.get("Date")
        is_short = (days is not None and days < _KEPT_DAYS) or (
            isinstance(date, datetime) and date < live.moment + timedelta(days=_KEPT_DAYS)
        )
        if rule.get("Status") == "Enabled" and is_short and (logs.startswith(prefix) or prefix.startswith(logs)):
            return Says.NO, f"log files are deleted after {days} days" if days is not None else "log files are deleted"
    return Says.YES, "no log file is deleted within a year"


def _undeletable(live: Live, _: Trail, more: More) -> tuple[Says, str] | None:
    policy = answer_in(more, POLICY)
    if policy is None:
        return None
    if policy.code is not None:
        return Says.YES, "no policy"
    statements = listed(read_at(policy.value.get("Policy"), "Statement"))
    if not statements or not all(isinstance(one, dict) for one in statements):
        return Says.UNSURE, "the policy cannot be read"
    found = [(one, who) for one in statements if _lets_delete(one) for who in _foreign(one, live.account_id)]
    if not found:
        return Says.YES, "its policy lets no other account delete"
    free = next((who for one, who in found if not one.get("Condition")), None)
    if free is None:
        return Says.UNSURE, f"its policy lets {found[0][1]} delete, on a condition"
    return Says.NO, f"its policy lets {free} delete"


def _lets_delete(statement: Mapping[str, Any]) -> bool:
    if statement.get("Effect") != "Allow":
        return False
    if "NotAction" in statement:
        named = [str(one).lower() for one in listed(statement["NotAction"])]
        return any(not any(_matches(action, one) for one in named) for action in _DELETING)
    named = [str(one).lower() for one in listed(statement.get("Action"))]
    return any(_matches(action, one) for action in _DELETING for one in named)


def _matches(action: str, pattern: str) -> bool:
    return fnmatchcase(action, pattern.replace("[", "[[]"))


def _foreign(statement: Mapping[str, Any], account: str) -> Iterator[str]:
    """Yield whom a statement allows who is neither of the account nor a service of AWS's."""
    if "NotPrincipal" in statement:
        yield "all but some"
    principal = statement.get("Principal")
    for one in listed(principal.get("AWS") if isinstance(principal, dict) else principal):
        if str(one) != account and str(one).split(":")[4:5] != [account]:
            yield str(one)


encrypted: Final = _trails(_flag("KmsKeyId"))
logging: Final = _trails(_logging, STATUS)
management_events: Final = _trails(_all_events, SELECTORS)
multi_region: Final = _trails(_flag("IsMultiRegionTrail"))
validated: Final = _trails(_validated, STATUS)
bucket_private: Final = _buckets(_private, PUBLIC_ACCESS)
bucket_locked: Final = _buckets(_locked, OBJECT_LOCK)
bucket_kept: Final = _buckets(_kept, LIFECYCLE)
bucket_undeletable: Final = _buckets(_undeletable, POLICY)
