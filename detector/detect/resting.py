"""Resting: what a lake knows of the findings of verify: which call may explain one, and what rests on a file.

The alerts are those of the shipped rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from detector.detect.detect import Detection, run_rules
from detector.lake.findings import finding_row
from detector.lake.integrity import LakeIntegrity, LocationIntegrity
from detector.lake.place import LakePlace
from detector.lake.reader import Snapshot, read_lake
from detector.rules.candidates import candidates
from detector.rules.engine import Engine
from detector.rules.rule import load_rules, shipped_rules_directory
from detector.verify.integrity import Context, Integrity
from detector.verify.place import Location
from detector.verify.verdicts import DigestGap, JudgedDigest, JudgedLog

_CAUSES: Final = (
    "SELECT kind, uri, event_time, explanation FROM integrity_findings_explained WHERE cause_id IS NOT NULL"
)
_EVENTS: Final = "SELECT logFile, count(*) AS events FROM events WHERE list_contains($files, logFile) GROUP BY ALL"
_Key = tuple[str, str, datetime | None]


def put_in_context(integrity: Integrity, lake: Path | LakePlace, now: datetime) -> None:
    """Say of each digest, log file and stretch of time that is not as it should be what a lake knows of it.

    Raises:
        LakeError: there is no lake, or it cannot be read.
    """
    findings: list[JudgedDigest | JudgedLog | DigestGap] = [*integrity.damage, *integrity.gaps]
    if not findings:
        return
    rows = [finding_row(one) for one in findings]
    files = [one.uri for one in findings if isinstance(one, JudgedLog)]
    with Engine(_with_findings(lake, rows)) as engine:
        causes = _causes(engine)
        counted = engine.query(_EVENTS, {"files": files}).read_all().to_pylist() if files else []
        events = {row["logFile"]: row["events"] for row in counted}
        alerts = _alerts(engine, set(events), now) if events else {}
    for one, row in zip(findings, rows, strict=True):
        cause = causes.get(_key(row), "")
        if isinstance(one, JudgedLog):
            integrity.contexts[one] = Context(cause, events.get(one.uri, 0), alerts.get(one.uri, 0))
        else:
            integrity.contexts[one] = Context(cause)


def explanations(lake: Path | LakePlace, findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return for each row of `integrity_findings` the call that may explain it; empty where the lake has none.

    Raises:
        LakeError: there is no lake, or it cannot be read.
    """
    if not findings:
        return []
    with Engine(_with_findings(lake, findings)) as engine:
        causes = _causes(engine)
    return [causes.get(_key(row), "") for row in findings]


def _with_findings(lake: Path | LakePlace, findings: Sequence[Mapping[str, Any]]) -> Snapshot:
    nowhere = Location("", "", "")
    integrity = LakeIntegrity({nowhere: LocationIntegrity(list(findings), {})})
    return replace(read_lake(lake, candidates().digest), integrity=integrity)


def _causes(engine: Engine) -> dict[_Key, str]:
    return {_key(row): row["explanation"].removeprefix("; ") for row in engine.query(_CAUSES).read_all().to_pylist()}


def _key(row: Mapping[str, Any]) -> _Key:
    moment = row["event_time"]
    return row["kind"], row["uri"], moment and moment.replace(tzinfo=UTC)


def _alerts(engine: Engine, files: set[str], now: datetime) -> Counter[str]:
    detection = Detection()
    run_rules(engine, load_rules(shipped_rules_directory()).rules, now, (), detection)
    behind = ({place.log_file for place in alert.evidence} & files for alert in detection.alerts)
    return Counter(uri for uris in behind for uri in uris)
