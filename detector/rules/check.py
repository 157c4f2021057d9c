"""Prove rules: format, examples, result contract. For the shipped ones and for users' own."""

from __future__ import annotations

import atexit
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa

from detector.errors import RuleError
from detector.rules.engine import RAW_RELATIONS
from detector.rules.example_engine import ExampleEngine
from detector.rules.examples import Example, load_examples
from detector.rules.finding import Finding
from detector.rules.rule import Reads, Rule, hint_of_unknown, load_rules, parse_rule
from detector.rules.sql_check import NotOneSelect
from detector.rules.suppressions import read_suppressions
from detector.workers import run_in_workers

_RULES_WORTH_A_WORKER = 8
ALL_EVENTS = RAW_RELATIONS | {"all_events"}


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of a rule. A result, not an error."""

    path: Path | None  # None: the message names the file
    message: str
    hint: str = ""


def check_rules(
    *directories: Path, jobs: int = 1, show: Callable[[int, int], None] = lambda _done, _all: None
) -> list[Problem]:
    """Return what is wrong with the rules of the directories, rule by rule.

    Args:
        directories: of the rules.
        jobs: processes.
        show: is told after each rule how many have been checked, and of how many.

    Raises:
        DetectorError: a worker process died.
    """
    loaded = load_rules(*directories)
    found: dict[Path, list[Problem]] = {}
    workers = min(jobs, len(loaded.rules) // _RULES_WORTH_A_WORKER or 1)
    paths = [rule.path for rule in loaded.rules]
    for path, problems in run_in_workers(_check_file, paths, jobs=workers):
        found[path] = problems
        show(len(found), len(paths))
    errors = [Problem(None, str(error), error.hint) for error in loaded.errors]
    return errors + [problem for path in paths for problem in found[path]]


def _check_file(path: Path) -> tuple[Path, list[Problem]]:
    return path, list(_check_rule(parse_rule(path), _engine()))


@cache
def _engine() -> ExampleEngine:
    """Return the one of this process: to make it takes as long as some forty examples."""
    engine = ExampleEngine()
    atexit.register(engine.close)
    return engine


def check_suppressions(path: Path, rules: Sequence[Rule]) -> tuple[list[Problem], int]:
    """Return what is wrong with a suppressions file, and how many good entries it has."""
    entries, messages = read_suppressions(path)
    problems = [Problem(None, message) for message in messages]
    known = {rule.id for rule in rules}
    problems += [
        Problem(path, f"suppression {entry.id}: there is no rule {entry.rule!r}", hint_of_unknown(entry.rule, known))
        for entry in entries
        if entry.rule not in known
    ]
    return problems, len(entries)


def _check_rule(rule: Rule, engine: ExampleEngine) -> Iterator[Problem]:
    try:
        tables_read = rule.statement.tables
    except NotOneSelect as error:
        yield Problem(rule.path, str(error), "a rule is one SELECT over the views")
        return
    if rule.reports_alone is not None and rule.reports_alone not in tables_read:
        yield Problem(rule.path, f"does not read {rule.reports_alone!r}", "`reports_alone` names a view of the rule's")
    if rule.reads is Reads.CANDIDATES and tables_read & ALL_EVENTS:
        yield Problem(rule.path, "reads all events", 'add `reads = "events"`, or read `candidates`')
    if rule.reads is Reads.EVENTS and not tables_read & ALL_EVENTS:
        yield Problem(rule.path, "reads no more than candidates", 'remove `reads = "events"`')
    try:
        examples = load_examples(rule)
    except RuleError as error:
        yield Problem(None, str(error), error.hint)
        return
    problems = {example.name: problem for example, problem, _ in run_examples(rule, examples, engine)}
    for example in examples:
        if problem := problems.get(example.name):
            yield Problem(rule.path, f"example {example.name!r}: {problem}")
    if not any(example.alerts for example in examples):
        yield Problem(rule.examples_path, "no example fires", "one must, to show that the rule can")
    if all(example.alerts for example in examples):
        yield Problem(rule.examples_path, "no near miss", "add one for each predicate, with alerts 0")


def _readable(example: Example) -> pa.Table | None:
    with contextlib.suppress(ValueError):  # it is told of in its turn
        return example.table()
    return None


def run_examples(
    rule: Rule, examples: Sequence[Example], engine: ExampleEngine
) -> Iterator[tuple[Example, str | None, list[Finding]]]:
    """Run a rule over its examples; yield with each what is wrong, or None, and the findings.

    The engine shows an example until the next is asked for. They come in the order that is quickest.
    """
    tables = [_readable(example) for example in examples]
    engine.load(rule, [table for table in tables if table is not None])
    # Those that are loaded first: the others put what was loaded out of its place.
    for example, table in sorted(zip(examples, tables, strict=True), key=lambda pair: not engine.has_loaded(pair[1])):
        yield example, *run_example(rule, example, engine, table)


def run_example(
    rule: Rule, example: Example, engine: ExampleEngine, table: pa.Table | None = None
) -> tuple[str | None, list[Finding]]:
    """Run a rule over one of its examples; return what is wrong, or None, and the findings.

    Args:
        rule: any rule.
        example: one of its examples.
        engine: it may have loaded the examples.
        table: the example's, when it is known already.
    """
    try:
        engine.show(example.table() if table is None else table)
        engine.show_integrity(example.findings())
        findings = engine.run(rule)
    except ValueError as error:
        return f"cannot be read: {error}", []
    except RuleError as error:
        return str(error), []
    problem = difference(example, findings)
    if problem is None:
        files = {row.get("uri") for row in example.integrity}  # named where no event is
        unknown = _unknown_keys(engine, {key for finding in findings for key in finding.event_ids} - files)
        problem = f"event_ids name no event: {unknown[0]!r}" if unknown else None
    return problem, findings


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


def _unknown_keys(engine: ExampleEngine, keys: set[str]) -> list[str]:
    """Return those of the given keys that no event has."""
    for relation in ("candidates", "all_events"):
        if keys:
            sql = f"SELECT event_key FROM {relation} WHERE event_key IN (SELECT unnest($keys))"  # noqa: S608
            keys = keys - {row["event_key"] for row in engine.select(sql, keys=sorted(keys))}
    return sorted(keys)
