"""An engine for many examples in a row, each of a few records."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from detector.records.integrity import put_integrity
from detector.records.schema import EVENTS
from detector.rules.engine import Engine
from detector.rules.events import TableEvents
from detector.rules.rule import Rule

# By these alone what is made of a row depends on others: which of them share a key, which are editions of one event,
# which keys AssumeRoot handed out.
BETWEEN_ROWS = ("collisions", "editions", "assume_root_keys")
# Made for many examples at a time. (There are no classified rows; and whoever leaves out what is reported alone does so
# by log file and index.)
_LOADED = {*BETWEEN_ROWS, "classified_rows", "candidate_rows", "candidates", "reported_alone"}


class ExampleEngine(Engine):
    """Shows a rule one example after the other.

    To plan what makes candidates takes a hundred times as long as to make a few. So `load` makes those of many examples
    in one pass: of examples whose rows do not depend on one another.
    """

    def __init__(self) -> None:
        super().__init__(TableEvents(EVENTS.empty_table()), few_rows=True, rules_at_a_time=1)
        self._loaded: frozenset[str] = frozenset()  # the log files of these examples
        self._made: frozenset[str] = frozenset()  # what holds for each of them
        self._shows_loaded = False
        self._shows_integrity = False

    def load(self, rule: Rule, examples: Iterable[pa.Table]) -> None:
        """Make what a rule reads of examples, each of a log file of its own, before they are shown."""
        independent = [table for table in examples if is_independent(table)]
        self._loaded = frozenset(map(_log_file, independent))
        if independent:
            self._show_independent(pa.concat_tables(independent))
            self._views.outdate(keep=BETWEEN_ROWS)
            self._views.update(f"{rule.sql} candidates")
            self._made = self._views.up_to_date & _LOADED
            self._connection.execute("CREATE OR REPLACE TEMP TABLE loaded AS FROM candidates")

    def has_loaded(self, example: pa.Table | None) -> bool:
        """Say whether an example is one of those whose candidates have been made."""
        return example is not None and example.num_rows > 0 and _log_file(example) in self._loaded

    def show(self, example: pa.Table) -> None:
        """Put the records of one example in place of what was there."""
        if not self.has_loaded(example):
            self._shows_loaded = False
            self.replace_events(TableEvents(example))
            return
        if not self._shows_loaded:
            self._made -= {"reported_alone"}  # that of all these examples is gone
        self._show_independent(example)
        self._connection.execute(
            "CREATE OR REPLACE TABLE candidates AS FROM loaded WHERE logFile = $log_file",
            {"log_file": _log_file(example)},
        )
        self._views.outdate(keep=self._made)

    def show_integrity(self, findings: pa.Table) -> None:
        """Put what digests say in one example in place of what was there."""
        if findings.num_rows or self._shows_integrity:
            put_integrity(self._connection, findings)
        self._shows_integrity = findings.num_rows > 0

    def _show_independent(self, table: pa.Table) -> None:
        if self._shows_loaded:
            self._connection.register("parts", table)
            return
        self._views.make()
        # No row is a copy or an edition, collides or hands out keys; rows of two examples must not be taken for such.
        self._attach(TableEvents(table, hides_copies=False))
        for name in BETWEEN_ROWS:
            self._connection.execute(f"TRUNCATE {name}")
        self._shows_loaded = True


def _log_file(example: pa.Table) -> str:
    return str(example.column("logFile")[0].as_py())


def is_independent(table: pa.Table) -> bool:
    """Say whether nothing in one row of an example says what another is: no shared keys, none handed out."""
    keys = table.column("eventKey").to_pylist()
    return (
        0 < len(keys) == len(set(keys))
        and table.column("addendum").null_count == len(keys)
        and "AssumeRoot" not in table.column("eventName").to_pylist()
    )
