"""Rules, run side by side: what each of them finds, or what kept it from its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

from detector.errors import RuleError
from detector.rules.engine import Engine
from detector.rules.finding import Finding
from detector.rules.query_errors import OutOfMemory, TooManyFindings
from detector.rules.rule import Rule


def runs(
    engine: Engine, rules: Sequence[Rule], pool: ThreadPoolExecutor
) -> Iterator[tuple[Rule, tuple[list[Finding], RuleError | None]]]:
    """Yield what each rule finds, and what kept it from its end.

    What had not enough memory runs again when all others have ended: lists of events cannot be put aside on disk.
    """
    alone: list[Rule] = []
    # Alerts are made of what some rules have found while others run.
    for rule, (findings, error) in zip(rules, pool.map(partial(_run, engine), rules), strict=True):
        if isinstance(error, OutOfMemory):
            alone.append(rule)
        else:
            yield rule, (findings, error)
    for rule in alone:
        yield rule, _run(engine, rule)


def newest(
    engine: Engine, rule: Rule, is_of_interest: Callable[[Finding], bool], limit: int
) -> tuple[list[Finding], RuleError | None]:
    """Return at most `limit` findings of interest of a rule that finds too many, and what is to be said of the others.

    What was of interest before is so no more: run after run comes to an end, and then there is nothing to say.
    """
    try:
        first = list(islice(filter(is_of_interest, engine.newest(rule)), limit + 1))
    except RuleError as error:
        return [], error
    if len(first) <= limit:
        return first, None
    cut = TooManyFindings(
        f"{rule.path}: more than {limit} findings; the newest of each caller are kept",
        hint="`detect --new` and `run` write the others next time; --rule-findings takes more at once",
    )
    return first[:limit], cut


def _run(engine: Engine, rule: Rule) -> tuple[list[Finding], RuleError | None]:
    """Return what a rule finds, and what kept it from its end."""
    try:
        return engine.run(rule), None
    except RuleError as error:
        return [], error
