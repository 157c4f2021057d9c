"""All examples in one DuckDB, so that a rule runs over one of them in milliseconds, whatever the views are just now.

The rows of all examples lie in one table, told apart by their log file. What the rules read is filtered by the log
files in `shown`: one example, as a rule, or many, where columns are computed row by row and it is sound. It is copied
out, since a plan scans it dozens of times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlglot import exp

from detector.lake.copies import find_copies
from detector.lake.part_files import DUPLICATES
from detector.records.integrity import put_integrity
from detector.records.log_file import decode_log_file
from detector.rules import views
from detector.rules.check import difference
from detector.rules.example_engine import BETWEEN_ROWS, is_independent
from detector.rules.examples import Example, load_examples
from detector.rules.finding import ContractError, make_finding
from detector.rules.rule import Rule
from detector.rules.views import macro_of_reported_alone, read_macros, read_views

from .mutants import parse_statements, to_sql

_SHOWN = """
CREATE TABLE all_parts AS FROM rows;
CREATE TABLE all_duplicates AS FROM copies;
CREATE TABLE shown (logFile VARCHAR);
CREATE TABLE parts AS FROM all_parts LIMIT 0;
CREATE TABLE duplicates AS FROM all_duplicates LIMIT 0;
CREATE VIEW events AS FROM parts ANTI JOIN duplicates USING (logFile, logFileIndex);
"""
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
# The only table that is computed ahead: all columns of all rows.
_CANDIDATES = "candidates"


# Faults of DuckDB itself, which no example has brought to light.
BROKEN = (duckdb.FatalException, duckdb.InternalException)


class NotSql(Exception):  # noqa: N818 - what the mutant is
    """DuckDB does not take the statement: no mutant, since nobody could have written it."""


@dataclass(frozen=True, slots=True)
class Case:
    """One example of one rule."""

    rule: Rule
    example: Example
    log_file: str

    @property
    def name(self) -> str:
        """Say which."""
        return f"{self.rule.id}: {self.example.name}"


@dataclass(frozen=True, slots=True)
class Definition:
    """One statement of the macros or views."""

    name: str
    statement: exp.Expr
    uses: frozenset[str]  # every name in it


class Lab:
    """The examples of all rules, and the definitions, which can be replaced one at a time."""

    def __init__(self, rules: Sequence[Rule], definitions: Path, *, optimises: bool = False) -> None:
        self.cases = [
            Case(rule, example, example.log_file(f"{rule.id}/{number}"))
            for rule in rules
            for number, example in enumerate(load_examples(rule))
        ]
        self.definitions = dict(_definitions(definitions))
        self._connection = duckdb.connect(config={"threads": "1", "python_enable_replacements": "false"})
        self._connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        if not optimises:
            # An example is a handful of rows: to optimise a query costs ten times what running it does.
            self._connection.execute("PRAGMA disable_optimizer")
        tables = {case.log_file: _table(case) for case in self.cases}
        self._together = [log_file for log_file, table in tables.items() if is_independent(table)]
        self._alone = sorted(tables.keys() - set(self._together))
        self._not_computed = set(self._alone)
        self._connection.register("rows", pa.concat_tables(tables.values()))
        copies = pa.concat_tables([DUPLICATES.empty_table(), *(self._copies(tables[one]) for one in self._alone)])
        self._connection.register("copies", copies)
        self._connection.execute(_SHOWN)
        self._all_of = {name: f"all_{name}" for name in ("parts", "duplicates")}  # what is shown → of which
        self._made: dict[str, str] = {}  # definition → the SQL that it is made by just now
        for definition in self.definitions.values():
            if definition.name == _CANDIDATES:
                for name in BETWEEN_ROWS:
                    self._connection.execute(f"CREATE TABLE no_{name} AS FROM {name} LIMIT 0")
                self._compute_together("computed")
                self._show_candidates("computed")
            else:
                self._define(definition.name, to_sql(definition.statement))
        self.behind_candidates = self._closure(self.definitions[_CANDIDATES].uses)

    def close(self) -> None:
        """Close DuckDB."""
        self._connection.close()

    def used_by(self, rule: Rule) -> frozenset[str]:
        """Return the definitions that a rule reads through, those behind the table of candidates left out."""
        return self._closure(_NAME.findall(rule.sql.lower()))

    def first_failure(self, rule: Rule, cases: Sequence[Case], sql: str | None = None) -> str | None:
        """Run a rule, or other SQL in its place, over examples until one is not as it says; return which, or None.

        Raises:
            NotSql: DuckDB cannot bind it.
        """
        with _not_sql():
            # Planned once: that costs ten times what running over an example does.
            self._connection.execute(f"PREPARE rule AS {sql or rule.sql}")
        return next((f"{case.name}: {failure}" for case in cases if (failure := self._failure(rule, case))), None)

    def _closure(self, names: Iterable[str]) -> frozenset[str]:
        """Return the definitions that some names, or what they stand for, use."""
        found: set[str] = set()
        waiting = [name for name in names if name in self.definitions]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                # What the candidates are made of is in their table already.
                waiting += self.definitions[name].uses & self.definitions.keys() if name != _CANDIDATES else ()
        return frozenset(found)

    def _failure(self, rule: Rule, case: Case) -> str | None:
        self._complete([case.log_file])
        self._show([case.log_file])
        if "integrity" in rule.sql:
            put_integrity(self._connection, case.example.findings())
        try:
            result = self._connection.execute("EXECUTE rule")
            names = [column[0] for column in result.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
            return difference(case.example, [make_finding(rule, row) for row in rows])
        except BROKEN:
            raise
        except (duckdb.Error, ContractError) as error:
            return str(error)

    @contextmanager
    def with_definition(self, definition: Definition, sql: str) -> Iterator[None]:
        """Replace a definition while the block runs. `candidates` are as before until `recompute`.

        Raises:
            NotSql: DuckDB does not take it.
        """
        self._complete(self._alone)
        try:
            self._define(definition.name, sql)
            yield
        finally:
            self._define(definition.name, to_sql(definition.statement))
            self._show_candidates("computed")

    def recompute(self) -> Iterator[set[str]]:
        """Compute the candidates by the definitions of now; yield the log files whose rows are others than before.

        First of the many examples that can be computed together, then of the others, which takes longer.

        Raises:
            NotSql: DuckDB cannot bind them.
        """
        columns = self._connection.sql("FROM computed LIMIT 0").columns
        self._show_candidates("computed")
        for log_files in self._compute("recomputed"):
            self._show_candidates("recomputed")
            if self._connection.sql("FROM recomputed LIMIT 0").columns != columns:
                yield set(log_files)
                continue
            self._show(log_files)
            before, after = (f"(FROM {table} SEMI JOIN shown USING (logFile))" for table in ("computed", "recomputed"))
            changed = self._connection.sql(
                f"SELECT DISTINCT logFile FROM (({before} EXCEPT ALL {after}) UNION ALL ({after} EXCEPT ALL {before}))"
            ).fetchall()
            yield {log_file for (log_file,) in changed}

    def _compute(self, table: str) -> Iterator[list[str]]:
        """Fill a table with the candidates; yield which examples' rows have come in."""
        self._compute_together(table)
        yield self._together
        self._compute_alone(table, self._alone)
        yield self._alone

    def _compute_together(self, table: str) -> None:
        """Make a table with the candidates of the examples whose rows do not say what others are."""
        query = to_sql(self.definitions[_CANDIDATES].statement.expression)
        with _not_sql():
            # So that rows of two examples are not taken for such.
            for name in BETWEEN_ROWS:
                self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS FROM no_{name}")
            self._show(self._together)
            self._connection.execute(f"CREATE OR REPLACE TABLE {table} AS {query}")
            for name in BETWEEN_ROWS:
                self._define(name, self._made[name])
            self._connection.execute(f"PREPARE {table}_alone AS INSERT INTO {table} {query}")

    def _compute_alone(self, table: str, log_files: Iterable[str]) -> None:
        """Add the candidates of other examples, one after the other."""
        with _not_sql():
            for log_file in log_files:
                self._show([log_file])
                self._connection.execute(f"EXECUTE {table}_alone")

    def _complete(self, log_files: Iterable[str]) -> None:
        """See that the candidates of these examples are computed: a tenth of a second for each that is so alone."""
        missing = self._not_computed.intersection(log_files)
        self._compute_alone("computed", missing)
        self._not_computed -= missing

    def _copies(self, table: pa.Table) -> pa.Table:
        """Return which rows of an example are further copies."""
        self._connection.register("example", table)
        copies = find_copies(self._connection, "example")
        self._connection.unregister("example")
        return copies

    def _define(self, name: str, sql: str) -> None:
        create = sql.replace(" IF NOT EXISTS", "", 1)
        with _not_sql():
            self._connection.execute(create.replace("CREATE", "CREATE OR REPLACE", 1))
        self._made[name] = sql

    def _show(self, log_files: list[str]) -> None:
        self._connection.execute("TRUNCATE shown")
        self._connection.execute("INSERT INTO shown SELECT unnest($files)", {"files": log_files})
        for name, everything in self._all_of.items():
            self._connection.execute(f"TRUNCATE {name}")
            self._connection.execute(f"INSERT INTO {name} FROM {everything} SEMI JOIN shown USING (logFile)")

    def _show_candidates(self, table: str) -> None:
        """Take the candidates from a table, from when something is shown again."""
        self._connection.execute(f"CREATE OR REPLACE TABLE shown_candidates AS FROM {table} LIMIT 0")
        self._connection.execute("CREATE OR REPLACE VIEW candidates AS FROM shown_candidates")
        self._all_of["shown_candidates"] = table


@contextmanager
def _not_sql() -> Iterator[None]:
    try:
        yield
    except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException) as error:
        raise NotSql(str(error)) from error


def _table(case: Case) -> pa.Table:
    """Return an example's records as rows of a log file of its own."""
    content = json.dumps({"Records": case.example.records}).encode()
    return decode_log_file(content, case.log_file).table


def statements_of(definition: views.Definition) -> list[exp.Expr]:
    """Return the statements of a file; a table is a view here, so that nothing but the candidates is computed ahead."""
    sql = f"CREATE VIEW {definition.name} AS\n{definition.sql}" if definition.is_table else definition.sql
    return parse_statements(sql)


def _definitions(directory: Path) -> Iterator[tuple[str, Definition]]:
    macros = parse_statements(f"{read_macros(directory)};{macro_of_reported_alone(directory)}")
    for statements in (macros, *map(statements_of, read_views(directory))):
        for statement in statements:
            if isinstance(statement, exp.Create):
                created = statement.find(exp.Identifier)
                defined = str(statement.this.this.name or statement.this.name) if created else ""
                words = frozenset(_NAME.findall(to_sql(statement).lower())) - {defined}
                yield defined, Definition(defined, statement, words)
