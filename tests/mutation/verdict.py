"""Judge mutants: which example, or which test of the views, notices."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import duckdb
import pytest

from detector.rules import views
from detector.rules.rule import VIEWS, Rule
from detector.rules.views import read_views

from .lab import BROKEN, Case, Definition, Lab, NotSql, statements_of
from .mutants import Mutant, mutants_of, parse_statements, to_sql

_RULE_TESTS = Path(__file__).parents[1] / "rules"
_VIEW_TESTS = [
    str(_RULE_TESTS / "test_views.py"),
    str(_RULE_TESTS / "test_engine.py"),
    f"{_RULE_TESTS / 'test_candidates.py'}::test_candidates_and_cloudtrails_checks_of_buckets_are_kept_each_once",
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one mutant."""

    subject: str  # the rule, view or macro
    mutant: str
    killed_by: str | None  # None: it survived


class Judge:
    """The mutants of rules and of what they read, and the examples that are to kill them."""

    def __init__(self, rules: Sequence[Rule], definitions: Path) -> None:
        self._directory = definitions
        self._rules = {rule.id: rule for rule in rules}
        self._lab = self._open()
        self._mutants: dict[str, list[Mutant]] = {}
        self._cases: dict[str, list[Case]] = {rule.id: [] for rule in rules}
        for case in self._lab.cases:
            self._cases[case.rule.id].append(case)

    def close(self) -> None:
        """Close the laboratory."""
        self._lab.close()

    @property
    def rule_ids(self) -> list[str]:
        """The rules whose examples kill."""
        return list(self._rules)

    @property
    def subjects(self) -> list[str]:
        """What has mutants: rules, then macros and views."""
        return [*self._rules, *self._lab.definitions]

    def mutants(self, subject: str) -> list[Mutant]:
        """Return the mutants of a rule, view or macro."""
        if subject not in self._mutants:
            rule, definition = self._rules.get(subject), self._lab.definitions.get(subject)
            statement = parse_statements(rule.sql)[0] if rule else definition and definition.statement
            self._mutants[subject] = mutants_of(subject, statement, is_rule=rule is not None) if statement else []
        return self._mutants[subject]

    def failure_without_mutation(self, rule_id: str, verdicts: Iterable[Verdict] | None = None) -> str | None:
        """Return the example of a rule that fails already, of all or of those that killed: it would prove nothing."""
        cases = self._cases[rule_id]
        if verdicts is not None:
            killers = [verdict.killed_by for verdict in verdicts if verdict.killed_by]
            cases = [case for case in cases if any(killer.startswith(f"{case.name}: ") for killer in killers)]
        return self._lab.first_failure(self._rules[rule_id], cases)

    def verdicts(self, subject: str, mutants: Iterable[Mutant]) -> Iterator[Verdict]:
        """Judge mutants of one subject; those that DuckDB does not bind, or cannot run, are left out."""
        for mutant in mutants:
            with contextlib.suppress(NotSql):
                yield Verdict(subject, mutant.id, self._killer_of(subject, mutant))

    def _killer_of(self, subject: str, mutant: Mutant) -> str | None:
        try:
            return self._killer_in(self._lab, subject, mutant)
        except BROKEN:  # without the optimizer; and then this DuckDB refuses whatever comes after
            self._lab.close()
            self._lab = self._open()
        careful = self._open(optimises=True)
        try:
            return self._killer_in(careful, subject, mutant)
        except BROKEN as error:
            raise NotSql(str(error)) from error
        finally:
            careful.close()

    def _open(self, *, optimises: bool = False) -> Lab:
        return Lab(list(self._rules.values()), self._directory, optimises=optimises)

    def _killer_in(self, lab: Lab, subject: str, mutant: Mutant) -> str | None:
        if subject in self._rules:
            return lab.first_failure(self._rules[subject], self._cases[subject], mutant.sql)
        definition = lab.definitions[subject]
        with lab.with_definition(definition, mutant.sql):
            if definition.name in lab.behind_candidates:
                try:
                    for changed in lab.recompute():
                        failure = self._first_failure(lab, _read_from(changed))
                        if failure:
                            return failure
                except BROKEN:
                    raise
                except duckdb.Error as error:
                    return str(error)
            readers = {rule.id for rule in self._rules.values() if subject in lab.used_by(rule)}
            failure = self._first_failure(lab, lambda case: case.rule.id in readers)
        return failure or self._failing_view_test(definition, mutant)

    def _first_failure(self, lab: Lab, is_chosen: Callable[[Case], bool]) -> str | None:
        for rule in self._rules.values():
            cases = list(filter(is_chosen, self._cases[rule.id]))
            failure = lab.first_failure(rule, cases) if cases else None
            if failure:
                return failure
        return None

    def _failing_view_test(self, definition: Definition, mutant: Mutant) -> str | None:
        """Run the tests of the views with the mutant in place of the definition."""
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(self._directory, folder, dirs_exist_ok=True)
            # Macros, some of which stand in no file, are replaced when all of them have been made.
            replacement = mutant.sql.replace("CREATE MACRO", "CREATE OR REPLACE MACRO", 1)
            (Path(folder) / VIEWS / "01_mutant.sql").write_text(replacement if replacement != mutant.sql else "")
            for one in read_views(Path(folder)):
                statements = statements_of(one)
                if definition.statement in statements:
                    texts = [
                        _mutated_sql(one, mutant) if statement == definition.statement else to_sql(statement)
                        for statement in statements
                    ]
                    one.path.write_text(";\n".join(texts), encoding="utf-8")
            failed = _FirstFailure()
            arguments = ["-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--no-cov", *_VIEW_TESTS]
            with (
                mock.patch("detector.rules.engine.shipped_rules_directory", return_value=Path(folder)),
                mock.patch("detector.rules.candidates.shipped_rules_directory", return_value=Path(folder)),
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
            ):
                logging.disable()
                pytest.main(arguments, plugins=[failed])
                logging.disable(logging.NOTSET)
            return failed.test


def _mutated_sql(definition: views.Definition, mutant: Mutant) -> str:
    """Return what stands in a definition's file for the mutant."""
    return to_sql(parse_statements(mutant.sql)[0].expression) if definition.is_table else mutant.sql


class _FirstFailure:
    """A pytest plugin that remembers which test failed."""

    test: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.test is None:
            self.test = report.nodeid


def sample(mutants: Sequence[Mutant], count: int) -> list[Mutant]:
    """Return so many of the mutants, the same ones in every run."""
    return sorted(mutants, key=lambda mutant: hashlib.sha256(mutant.id.encode()).digest())[:count]


def _read_from(log_files: set[str]) -> Callable[[Case], bool]:
    return lambda case: case.log_file in log_files
