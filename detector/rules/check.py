"""Prove rules: format, examples, result contract. For the shipped ones and for users' own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from detector.errors import RuleError
from detector.records.schema import EVENTS
from detector.rules.engine import RAW_RELATIONS, Engine
from detector.rules.events import TableEvents
from detector.rules.evidence import Evidence
from detector.rules.examples import Example, load_examples
from detector.rules.finding import Finding
from detector.rules.rule import Reads, Rule, load_rules
from detector.rules.suppressions import read_suppressions

ALL_EVENTS = RAW_RELATIONS | {"all_events"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a rule. A result, not an error."""

    path: Path | None  # None: the message names the file
    message: str
    hint: str = ""


def check_rules(*directories: Path) -> list[Problem]:
    """Return what is wrong with the rules of the directories, rule by rule."""
    loaded = load_rules(*directories)
    problems = [Problem(None, str(error), error.hint) for error in loaded.errors]
    with open_example_engine() as engine:
        for rule in loaded.rules:
            problems += _check_rule(rule, engine)
    return problems


def check_suppressions(path: Path, rules: Sequence[Rule]) -> tuple[list[Problem], int]:
    """Return what is wrong with a suppressions file, and how many good entries it has."""
    entries, messages = read_suppressions(path)
    problems = [Problem(None, message) for message in messages]
    known = {rule.id for rule in rules}
    problems += [
        Problem(path, f"suppression {entry.id}: there is no rule {entry.rule!r}", "`detector rules list` lists them")
        for entry in entries
        if entry.rule not in known
    ]
    return problems, len(entries)


def _check_rule(rule: Rule, engine: Engine) -> Iterator[Problem]:
    if rule.reads is Reads.CANDIDATES and rule.statement.tables & ALL_EVENTS:
        yield Problem(rule.path, "reads all events", 'add `reads = "events"`, or read `candidates`')
    if rule.reads is Reads.EVENTS and not rule.statement.tables & ALL_EVENTS:
        yield Problem(rule.path, "reads no more than candidates", 'remove `reads = "events"`')
    try:
        examples = load_examples(rule)
    except RuleError as error:
        yield Problem(None, str(error), error.hint)
        return
    for example in examples:
        problem = check_example(rule, example, engine)
        if problem is not None:
            yield Problem(rule.path, f"example {example.name!r}: {problem}")
    if not any(example.alerts for example in examples):
        yield Problem(rule.examples_path, "no example fires", "one must, to show that the rule can")
    if all(example.alerts for example in examples):
        yield Problem(rule.examples_path, "no near miss", "add one for each predicate, with alerts 0")


def open_example_engine() -> Engine:
    """Return an engine for examples, one after the other; close it in the end."""
    return Engine(TableEvents(EVENTS.empty_table()), threads=1)


@dataclass(frozen=True, slots=True)
class ExampleRun:
    """What came of one example."""

    problem: str | None  # what is wrong, or nothing
    findings: Sequence[Finding] = ()
    events: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict)  # those of the findings, by key


def check_example(rule: Rule, example: Example, engine: Engine) -> str | None:
    """Run a rule over one of its examples and return what is wrong, or None."""
    return run_example(rule, example, engine).problem


def run_example(rule: Rule, example: Example, engine: Engine) -> ExampleRun:
    """Run a rule over one of its examples."""
    try:
        engine.replace_events(TableEvents(example.table()))
        findings = engine.run(rule)
    except ValueError as error:
        return ExampleRun(f"cannot be read: {error}")
    except RuleError as error:
        return ExampleRun(str(error))
    known = engine.evidence(key for finding in findings for key in finding.event_ids) if findings else {}
    problem = difference(example, findings)
    unknown = [key for finding in findings for key in finding.event_ids if key not in known]
    if problem is None and unknown:
        problem = f"event_ids name no event: {unknown[0]!r}"
    return ExampleRun(problem, findings, known)


def difference(example: Example, findings: Sequence[Finding]) -> str | None:
    """Return how findings differ from what an example says, or None."""
    if len(findings) != example.alerts:
        return f"{len(findings)} alerts, not {example.alerts}" + "".join(f"\n  {f.summary}" for f in findings)
    oldest_first = sorted(findings, key=lambda finding: finding.order)
    for finding, severity, summary in zip(oldest_first, example.severities, example.summaries, strict=True):
        if severity not in (None, finding.severity):
            return f"severity {finding.severity}, not {severity}"
        if summary not in (None, finding.summary):
            return f"summary {finding.summary!r}, not {summary!r}"
    identities = Counter((finding.account_id, finding.identity) for finding in findings)
    twice = [identity for identity, count in identities.items() if count > 1]
    if twice:
        return f"two findings would have one alert id: {twice[0]}"
    return None
