"""Why a rule reports an event, or does not: condition by condition, through the views down to the candidates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from detector.errors import UsageError
from detector.rules.engine import Engine
from detector.rules.finding import Finding
from detector.rules.predicates import Condition, Filter, filter_of, filter_of_defined
from detector.rules.rule import Rule

_CANDIDATES = "candidates"
_BOTTOM = frozenset({_CANDIDATES, "all_events", "events"})
_VIEW = re.compile(r"CREATE\s+VIEW\s+\S+\s*(?:\([^)]*\))?\s*AS\s+(?P<select>.*?);?\s*", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a condition holds for the event; None: its value is NULL, which counts as no."""

    text: str
    holds: bool | None
    problem: str = ""  # why nobody knows


@dataclass(frozen=True, slots=True)
class Step:
    """One relation, and what the SELECT over it asks."""

    reader: str  # the rule, view or part of the rule that asks
    source: str
    has_event: bool
    answers: tuple[Answer, ...]  # when it has the event
    is_grouped: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """One event in the eyes of one rule."""

    columns: dict[str, Any]  # the event's normalised columns
    is_candidate: bool
    steps: tuple[Step, ...]  # the rule first; the last one tells
    findings: tuple[Finding, ...]  # of the rule, with the event among theirs
    opaque: str | None  # the part of the rule or view that is not about single events


def explain(engine: Engine, rule: Rule, event_id: str) -> Explanation:
    """Hold one event against one rule.

    Args:
        engine: over the events, among them this one.
        rule: any rule.
        event_id: the event's eventID or key.

    Raises:
        UsageError: there is no such event.
        RuleError: the rule does not run.
    """
    columns, is_candidate = _find(engine, event_id)
    key = str(columns["event_id"])
    findings = tuple(finding for finding in engine.run(rule) if key in finding.event_ids)
    steps: list[Step] = []
    opaque: str | None = None
    reader, asked = rule.id, filter_of(rule.sql)
    while True:
        if asked is None:
            opaque = reader
            break
        steps.append(_step(engine, reader, asked, key))
        if steps[-1].has_event or asked.source in _BOTTOM:
            break
        reader, asked = asked.source, _below(engine, asked)
    return Explanation(columns, is_candidate, tuple(steps), findings, opaque)


def explanation_lines(rule: Rule, explanation: Explanation) -> Iterator[str]:
    """Yield an explanation as text for a person."""
    width = max(map(len, explanation.columns))
    for name, value in explanation.columns.items():
        if value is not None:
            yield f"{name.ljust(width)}  {value}"
    yield ""
    for step in explanation.steps:
        yield f"{step.reader} reads {step.source}, which {'has' if step.has_event else 'does not have'} the event"
        for answer in step.answers:
            word = {True: "holds", False: "does not hold", None: "is NULL"}[answer.holds]
            yield f"  {'cannot tell' if answer.problem else word:<13}  {answer.text}" + (
                f" ({answer.problem})" if answer.problem else ""
            )
        if step.has_event and step.is_grouped:
            yield "  … and then looks at groups of such events"
    if explanation.opaque:
        yield f"{explanation.opaque} compares events with one another: its conditions are not about this one alone"
    if not explanation.is_candidate:
        yield "the event is no candidate: nothing in it is about root, sign-in, MFA or trails"
    yield ""
    if not explanation.findings:
        yield f"{rule.id} does not report the event"
    for finding in explanation.findings:
        yield f"{rule.id} reports it ({finding.severity}): {finding.summary}"


def _find(engine: Engine, event_id: str) -> tuple[dict[str, Any], bool]:
    raw = set(engine.query("FROM events LIMIT 0").schema.names)
    for relation in (_CANDIDATES, "all_events"):
        sql = (
            f"FROM {relation} WHERE event_id = $event_id OR eventID = $event_id ORDER BY logFile, logFileIndex LIMIT 1"
        )
        rows = engine.query(sql, {"event_id": event_id}).read_all().to_pylist()
        if rows:
            columns = {name: value for name, value in rows[0].items() if name not in raw}
            return columns, relation == _CANDIDATES
    raise UsageError(f"there is no event {event_id!r}", hint="an alert's event_ids name events; so does eventID")


def _step(engine: Engine, reader: str, asked: Filter, key: str) -> Step:
    has_event = _answer(engine, asked.is_there, key).holds is True
    answers = tuple(_answer(engine, condition, key) for condition in asked.conditions) if has_event else ()
    return Step(reader, asked.source, has_event, answers, asked.is_grouped)


def _answer(engine: Engine, condition: Condition, key: str) -> Answer:
    try:
        rows = engine.query(condition.sql, {"event_id": key}).read_all().to_pylist()
    except UsageError as error:
        return Answer(condition.text, None, str(error))
    values = [row["holds"] for row in rows]
    # Events of two accounts can share an eventID: one that fits is enough.
    return Answer(condition.text, True if True in values else False if False in values else None)


def _below(engine: Engine, asked: Filter) -> Filter | None:
    """Return what the relation that does not have the event asks in its turn."""
    if asked.source in asked.defined:
        return filter_of_defined(asked.source, asked.defined)
    sql = "SELECT sql FROM duckdb_views() WHERE view_name = $name"
    rows = engine.query(sql, {"name": asked.source}).read_all().to_pylist()
    match = _VIEW.fullmatch(rows[0]["sql"]) if rows else None
    return filter_of(match["select"]) if match else None
