"""Which rules `watch` runs when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from detector.errors import RuleError
from detector.rules.check import ALL_EVENTS
from detector.rules.rule import Reads, Rule, load_rules, shipped_rules_directory

# The relations of queries/_views that change with every record, also with one that no rule wants.
COVERAGE = frozenset(
    {"account_coverage", "account_history", "account_watermarks", "accounts_without_sign_in_region", "coverage"}
)


@dataclass(frozen=True, slots=True)
class WatchRules:
    """The shipped rules, and those of more directories."""

    in_memory: tuple[Rule, ...]  # memory holds all that they read
    of_coverage: tuple[Rule, ...]  # those of them whose answer changes with the mere passing of time in the logs
    of_lake: tuple[Rule, ...]  # the user's own that read all events
    errors: tuple[RuleError, ...]

    @property
    def are_shipped(self) -> bool:
        """True when there are no others."""
        return all(rule.path.parent == shipped_rules_directory() for rule in self.in_memory)

    @property
    def ids(self) -> set[str]:
        """The ids of all rules."""
        return {rule.id for rule in (*self.in_memory, *self.of_lake)}


def load_watch_rules(directories: Sequence[Path], pages: str | None = None) -> WatchRules:
    """Load the rules, once, as `load_rules`; a file that is changed while `watch` runs is read by the next one."""
    shipped = shipped_rules_directory()
    loaded = load_rules(shipped, *directories, pages=pages)
    of_lake = tuple(rule for rule in loaded.rules if rule.path.parent != shipped and _reads_all_events(rule))
    in_memory = tuple(rule for rule in loaded.rules if rule not in of_lake)
    of_coverage = tuple(rule for rule in in_memory if rule.statement.tables & COVERAGE)
    return WatchRules(in_memory, of_coverage, of_lake, loaded.errors)


def _reads_all_events(rule: Rule) -> bool:
    return rule.reads is Reads.EVENTS or bool(rule.statement.tables & ALL_EVENTS) or rule.statement.describes_tables
