"""The relations that rules read: one, or one family, a file in `queries/_views/`, in the order of the files' names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from detector.rules.candidate_events import read_candidate_events
from detector.rules.rule import VIEWS, views_reported_alone

if TYPE_CHECKING:
    import duckdb

_TABLE = ".table"
_WANTED_ROWS = "wanted_rows"
_CANDIDATES = "candidates"
# `candidates` has the same rows in more columns: nothing is left that reads these.
_BEFORE_CANDIDATES = "DROP VIEW IF EXISTS wanted_rows; DROP TABLE candidate_rows"

_NO_ROWS = "SELECT logFile, logFileIndex FROM candidates WHERE false"


@dataclass(frozen=True, slots=True)
class Definition:
    """One file: a SELECT whose rows are kept in a table of its name, or statements that make views and macros."""

    path: Path
    sql: str

    @property
    def is_table(self) -> bool:
        """True when it is the SELECT of a table."""
        return self.path.stem.endswith(_TABLE)

    @property
    def name(self) -> str:
        """The name of the table, or of the family."""
        return self.path.stem.removesuffix(_TABLE).partition("_")[2]

    @property
    def statements(self) -> str:
        """What makes it; a table is replaced by its rows of now."""
        return f"CREATE OR REPLACE TABLE {self.name} AS\n{self.sql};\n" if self.is_table else self.sql


def read_macros(directory: Path) -> str:
    """Return the words that need no events.

    Args:
        directory: of the rules.
    """
    words = next(_definitions(directory)).sql
    return f"{words}\n{read_candidate_events(directory / VIEWS).macro()}"


def read_views(directory: Path) -> tuple[Definition, ...]:
    """Return what is made over the events, in its order.

    Args:
        directory: of the rules.
    """
    _, *views = _definitions(directory)
    return tuple(views)


def read_wanted_rows(directory: Path) -> str:
    """Return what makes `wanted_rows` of `parts` and `duplicates`, macros included: what a lake keeps apart."""
    views = read_views(directory)
    last = next(number for number, view in enumerate(views) if view.name == _WANTED_ROWS)
    return "\n".join([read_macros(directory), *(view.statements for view in views[: last + 1])])


def macro_of_reported_alone(directory: Path) -> str:
    """Return what creates `select_reported_alone`: the SELECT over the views that rules name as `reports_alone`.

    It is text until the views are there to bind it.
    """
    views = views_reported_alone(directory)
    rows = "\nUNION ALL\n".join(f"SELECT logFile, logFileIndex FROM {view}" for view in views)  # noqa: S608
    return f"CREATE MACRO select_reported_alone() AS '{rows or _NO_ROWS}'"


def make_views(connection: duckdb.DuckDBPyConnection, definitions: Iterable[Definition]) -> None:
    """Make views and tables."""
    for definition in definitions:
        connection.execute(definition.statements)
        if definition.is_table and definition.name == _CANDIDATES:
            connection.execute(_BEFORE_CANDIDATES)


def _definitions(directory: Path) -> Iterator[Definition]:
    for path in sorted((directory / VIEWS).glob("[0-9]*.sql")):
        yield Definition(path, path.read_text(encoding="utf-8"))
