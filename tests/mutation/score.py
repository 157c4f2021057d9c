"""Print how many mutants of the rules, views and macros the examples kill.

Exit codes: 0 enough are killed and the others explained in survivors.toml, 1 not.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from detector.rules.rule import load_rules, shipped_rules_directory
from detector.text import table_lines

from .verdict import Judge, Verdict

_TARGET = 0.95
_CHUNK = 8  # mutants of one job of a worker
EXPLAINED = Path(__file__).with_name("survivors.toml")


@cache
def judge(rules: tuple[str, ...] = ()) -> Judge:
    """Return the judge over all shipped rules, or some of them; each process has its own."""
    directory = shipped_rules_directory()
    rule_set = load_rules(directory)
    if rule_set.errors:
        raise rule_set.errors[0]
    return Judge([rule for rule in rule_set.rules if not rules or rule.id in rules], directory)


def explained_survivors() -> dict[str, str]:
    """Return the mutants that no example can kill, and why."""
    entries = tomllib.loads(EXPLAINED.read_text(encoding="utf-8")).get("survivor", [])
    reasons = {entry["mutant"]: entry["reason"] for entry in entries}
    if len(reasons) < len(entries) or not all(reasons.values()):
        raise ValueError(f"{EXPLAINED}: each mutant once, each with a reason")
    return reasons


_Rules = tuple[str, ...]


def _failure(job: tuple[_Rules, str]) -> str | None:
    rules, rule_id = job
    return judge(rules).failure_without_mutation(rule_id)


def _verdicts(job: tuple[_Rules, str, int]) -> list[Verdict]:
    rules, subject, start = job
    chosen = judge(rules)
    return list(chosen.verdicts(subject, chosen.mutants(subject)[start : start + _CHUNK]))


def _all_verdicts(rules: _Rules, subjects: Iterable[str], jobs: int, tell: Callable[[Verdict], None]) -> list[Verdict]:
    """Judge all mutants of the subjects, in several processes; tell of each, since it takes long.

    Raises:
        ValueError: an example fails as it is.
    """
    chosen = judge(rules)
    work = [(rules, subject, start) for subject in subjects for start in range(0, len(chosen.mutants(subject)), _CHUNK)]
    found: list[Verdict] = []
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        failures = list(filter(None, pool.map(_failure, [(rules, rule_id) for rule_id in chosen.rule_ids])))
        if failures:
            raise ValueError("these fail without any change: " + "; ".join(failures))
        for job, verdicts in zip(work, pool.map(_verdicts, work), strict=True):
            found += verdicts
            for verdict in verdicts:
                tell(verdict)
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{len(found)} mutants, {job[1]:<40}")
    return found


def _score_lines(verdicts: Sequence[Verdict]) -> Iterator[str]:
    subjects = list(dict.fromkeys(verdict.subject for verdict in verdicts))
    rows: list[tuple[str, int, int, str]] = []
    for subject, of_subject in [(name, [v for v in verdicts if v.subject == name]) for name in subjects]:
        rows.append((subject, len(of_subject), _killed(of_subject), f"{_score(of_subject):.1%}"))
    rows.append(("total", len(verdicts), _killed(verdicts), f"{_score(verdicts):.1%}"))
    yield from table_lines(("rule, view or macro", "mutants", "killed", "score"), rows)


def _killed(verdicts: Iterable[Verdict]) -> int:
    return sum(verdict.killed_by is not None for verdict in verdicts)


def _score(verdicts: Sequence[Verdict]) -> float:
    return _killed(verdicts) / len(verdicts) if verdicts else 1.0


def _tell(verdict: Verdict) -> None:
    sys.stdout.write(f"{verdict.mutant}\n    {verdict.killed_by}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("names", nargs="*", help="rules, views or macros; default: all")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="say of each mutant what kills it")
    options = parser.parse_args(arguments)
    names: list[str] = options.names
    rule_ids = {rule.id for rule in load_rules(shipped_rules_directory()).rules}
    rules = tuple(names) if names and set(names) <= rule_ids else ()
    subjects = [name for name in judge(rules).subjects if not names or name in names]
    verdicts = _all_verdicts(rules, subjects, options.jobs, _tell if options.verbose else lambda _: None)
    survivors = {verdict.mutant for verdict in verdicts if verdict.killed_by is None}
    explained = explained_survivors()
    stale = {mutant for mutant in explained.keys() - survivors if not names or mutant.partition(":")[0] in subjects}
    lines = list(_score_lines(verdicts))
    lines += [f"explained: {mutant}: {explained[mutant]}" for mutant in sorted(survivors & explained.keys())]
    lines += [f"survived: {mutant}" for mutant in sorted(survivors - explained.keys())]
    lines += [f"stale in {EXPLAINED.name}: {mutant}" for mutant in sorted(stale)]
    sys.stdout.write("".join(line + "\n" for line in lines))
    return 1 if stale or survivors - explained.keys() or _score(verdicts) < _TARGET else 0
