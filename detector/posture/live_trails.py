"""What AWS answers about an account's trails, their buckets, and who is told of root's use, as facts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Final

from detector.posture.fact import Fact, Says
from detector.posture.live import (
    ALARMS,
    DETECTOR,
    DETECTORS,
    FILTERS,
    LIFECYCLE,
    OBJECT_LOCK,
    POLICY,
    PUBLIC_ACCESS,
    RULES,
    SELECTORS,
    STATUS,
    TRAILS,
    VERSIONING,
    Live,
    owner_of,
)
from detector.sources.account_calls import Answered, NotAnswered, Result

Trail = Mapping[str, Any]
More = Mapping[str, Result]
Facts = Callable[[Live], Iterator[Fact]]

_DIGESTS_LATE: Final = timedelta(hours=2)  # they come every hour
_KEPT_DAYS: Final = 365
_LONGEST_DOCUMENT: Final = 100_000  # characters; AWS's limits are 20 KiB for a policy, 4 KiB for a pattern
_BLOCKS: Final = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_DELETING: Final = ("s3:deleteobject", "s3:deleteobjectversion", "s3:putlifecycleconfiguration")
_ROOT_FILTER: Final = re.compile(r"(?<![!<>])=\s*\"?Root\b")


def _answer(more: More, operation: str) -> Answered | None:
    result = more.get(operation)
    return result if isinstance(result, Answered) else None


def _trails(judge: Callable[[Trail, More], Says | None], by: str = TRAILS) -> Facts:
    """Return what yields how each trail is judged, with the answer to this call as the proof.

    A trail that does not log is none: what it would log counts for nothing.
    """

    def facts(live: Live) -> Iterator[Fact]:
        for described, trail, more in live.described_trails:
            says = judge(trail, more) if _answer(more, STATUS) else None
            if says is not None:
                name, arn = str(trail.get("Name")), str(trail.get("TrailARN"))
                if not _is_logging(more):
                    says, name = Says.NO, f"{name}, which does not log,"
                yield live.fact(_answer(more, by) or described, says, f"{name} in {trail.get('HomeRegion')}", arn)
        yield from _no_trail(live)

    return facts


def _no_trail(live: Live) -> Iterator[Fact]:
    described = live.answered(TRAILS)
    if described is not None and not described.value.get("trailList"):
        yield live.fact(described, Says.NO, "there is no trail of all regions")


def _flag(key: str) -> Callable[[Trail, More], Says]:
    return lambda trail, _: Says.YES if trail.get(key) else Says.NO


def _is_logging(more: More) -> bool:
    status = _answer(more, STATUS)
    return bool(status and status.value.get("IsLogging"))


def _logging(_: Trail, more: More) -> Says:
    status = _answer(more, STATUS)
    return Says.NO if status and status.value.get("LatestDeliveryError") else Says.YES


def _validated(trail: Trail, more: More) -> Says:
    """Digests are on, and the last one is of lately."""
    status = _answer(more, STATUS)
    if not trail.get("LogFileValidationEnabled") or status is None:
        return Says.NO
    if status.value.get("LatestDigestDeliveryError"):
        return Says.NO
    last = status.value.get("LatestDigestDeliveryTime")
    if not isinstance(last, datetime):
        return Says.UNSURE  # none was delivered yet
    return Says.YES if status.time - last <= _DIGESTS_LATE else Says.NO


def _all_events(_: Trail, more: More) -> Says | None:
    selectors = _answer(more, SELECTORS)
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
    return Says.YES if takes_all else Says.NO


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
                yield live.fact(_answer(more, by) or described, says, f"{bucket}: {detail}", bucket)
        yield from _no_trail(live)

    return facts


def _private(_: Live, __: Trail, more: More) -> tuple[Says, str] | None:
    blocked = _answer(more, PUBLIC_ACCESS)
    if blocked is None:
        return None
    on = blocked.value.get("PublicAccessBlockConfiguration", {})
    off = [name for name in _BLOCKS if on.get(name) is not True]
    return (Says.NO, f"without {', '.join(off)}") if off else (Says.YES, "public access is blocked")


def _locked(_: Live, __: Trail, more: More) -> tuple[Says, str] | None:
    lock, versions = _answer(more, OBJECT_LOCK), _answer(more, VERSIONING)
    if lock and lock.value.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention"):
        return Says.YES, "Object Lock keeps what is written"
    if versions and versions.value.get("MFADelete") == "Enabled":
        return Says.YES, "MFA delete is on"
    return (Says.NO, "neither Object Lock nor MFA delete") if lock and versions else None


def _kept(live: Live, trail: Trail, more: More) -> tuple[Says, str] | None:
    lifecycle = _answer(more, LIFECYCLE)
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
    policy = _answer(more, POLICY)
    if policy is None:
        return None
    if policy.code is not None:
        return Says.YES, "no policy"
    statements = _listed(_read(policy.value.get("Policy"), "Statement"))
    if not statements or not all(isinstance(one, dict) for one in statements):
        return Says.UNSURE, "the policy cannot be read"
    found = [(one, who) for one in statements if _lets_delete(one) for who in _foreign(one, live.account_id)]
    if not found:
        return Says.YES, "its policy lets no other account delete"
    free = next((who for one, who in found if not one.get("Condition")), None)
    if free is None:
        return Says.UNSURE, f"its policy lets {found[0][1]} delete, on a condition"
    return Says.NO, f"its policy lets {free} delete"


def _read(text: object, *path: str) -> Any:  # noqa: ANN401 - as JSON has it
    """Return what lies at a path of a JSON document; None where there is none, or it is no such document."""
    try:
        value = json.loads(str(text)) if len(str(text)) <= _LONGEST_DOCUMENT else None
    except (ValueError, RecursionError):
        return None
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _lets_delete(statement: Mapping[str, Any]) -> bool:
    if statement.get("Effect") != "Allow":
        return False
    if "NotAction" in statement:
        named = [str(one).lower() for one in _listed(statement["NotAction"])]
        return any(not any(_matches(action, one) for one in named) for action in _DELETING)
    named = [str(one).lower() for one in _listed(statement.get("Action"))]
    return any(_matches(action, one) for action in _DELETING for one in named)


def _matches(action: str, pattern: str) -> bool:
    return fnmatchcase(action, pattern.replace("[", "[[]"))


def _foreign(statement: Mapping[str, Any], account: str) -> Iterator[str]:
    """Yield whom a statement allows who is neither of the account nor a service of AWS's."""
    if "NotPrincipal" in statement:
        yield "all but some"
    principal = statement.get("Principal")
    for one in _listed(principal.get("AWS") if isinstance(principal, dict) else principal):
        if str(one) != account and str(one).split(":")[4:5] != [account]:
            yield str(one)


def _listed(value: Any) -> Sequence[Any]:  # noqa: ANN401 - as JSON has it
    return value if isinstance(value, list) else [] if value is None else [value]


# Who is told ---------------------------------------------------------------------------------------------------------


def told(live: Live) -> Iterator[Fact]:
    """Yield whether an alarm, a rule of EventBridge or GuardDuty tells somebody of root's use."""
    yield from _alarm(live)
    rules = live.answered(RULES)
    if rules:
        named = [str(one.get("Name")) for one in rules.value.get("Rules", []) if _is_of_root(one)]
        yield _of(live, rules, "EventBridge rule", named)
    detectors, detector = live.answered(DETECTORS), live.answered(DETECTOR)
    if detectors and not detectors.value.get("DetectorIds"):
        yield _of(live, detectors, "GuardDuty", [])
    if detector:
        yield _of(live, detector, "GuardDuty", ["on"] if detector.value.get("Status") == "ENABLED" else [])


def _alarm(live: Live) -> Iterator[Fact]:
    described = live.answered(TRAILS)
    if described is None:
        return
    names: list[str] = []
    is_known = True
    for _, trail, more in live.described_trails:
        filters, alarms = _answer(more, FILTERS), _answer(more, ALARMS)
        if filters and alarms:
            names += _alarms_of(filters.value.get("metricFilters", []), alarms.value.get("MetricAlarms", []))
        is_known = is_known and not any(isinstance(more.get(one), NotAnswered) for one in (FILTERS, ALARMS))
        if owner_of(trail) != live.account_id:
            yield live.fact(described, Says.UNSURE, f"alarms of account {owner_of(trail)}", f"of {owner_of(trail)}")
    if names or is_known:
        yield _of(live, described, "alarm", names)


def _alarms_of(filters: Sequence[Mapping[str, Any]], alarms: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    metrics = {
        (made.get("metricNamespace"), made.get("metricName"))
        for one in filters
        if _ROOT_FILTER.search(str(one.get("filterPattern", "")))
        for made in one.get("metricTransformations", [])
    }
    for alarm in alarms:
        tells = alarm.get("ActionsEnabled") and alarm.get("AlarmActions")
        if tells and (alarm.get("Namespace"), alarm.get("MetricName")) in metrics:
            yield str(alarm.get("AlarmName"))


def _is_of_root(rule: Mapping[str, Any]) -> bool:
    types = _read(rule.get("EventPattern"), "detail", "userIdentity", "type")
    return rule.get("State") != "DISABLED" and "Root" in _listed(types)


def _of(live: Live, answer: Answered, what: str, named: Sequence[str]) -> Fact:
    return live.fact(
        answer, Says.YES if named else Says.NO, f"{what} {', '.join(named)}" if named else f"no {what}", what
    )


encrypted: Final = _trails(_flag("KmsKeyId"))
logging: Final = _trails(_logging, STATUS)
management_events: Final = _trails(_all_events, SELECTORS)
multi_region: Final = _trails(_flag("IsMultiRegionTrail"))
validated: Final = _trails(_validated, STATUS)
bucket_private: Final = _buckets(_private, PUBLIC_ACCESS)
bucket_locked: Final = _buckets(_locked, OBJECT_LOCK)
bucket_kept: Final = _buckets(_kept, LIFECYCLE)
bucket_undeletable: Final = _buckets(_undeletable, POLICY)
