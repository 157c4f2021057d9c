"""What AWS answers about who is told of root's use, as facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from detector.posture.document import listed, read_at
from detector.posture.fact import Fact, Says
from detector.posture.live import ALARMS, DETECTOR, DETECTORS, FILTERS, RULES, TRAILS, Live, answer_in, owner_of
from detector.sources.account_calls import Answered, NotAnswered

_ROOT_FILTER: Final = re.compile(r"(?<![!<>])=\s*\"?Root\b")


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
        filters, alarms = answer_in(more, FILTERS), answer_in(more, ALARMS)
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
    types = read_at(rule.get("EventPattern"), "detail", "userIdentity", "type")
    return rule.get("State") != "DISABLED" and "Root" in listed(types)


def _of(live: Live, answer: Answered, what: str, named: Sequence[str]) -> Fact:
    return live.fact(
        answer, Says.YES if named else Says.NO, f"{what} {', '.join(named)}" if named else f"no {what}", what
    )
