"""The relations that rules read: one, or one family, a file in `queries/_views/`, in the order of the files' names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
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
_ROWS, _SLICE = "candidate_rows", "candidate_slice"
# `candidates` has the same rows in more columns: nothing is left that reads these.
_BEFORE_CANDIDATES = "DROP VIEW IF EXISTS wanted_rows; DROP TABLE candidate_rows"

# What the other relations are made of; a person's SHOW TABLES leaves it out.
INTERNAL = (
    "assume_root_keys",
    "bucket_checks",
    "candidate_parts",
    "classified_parts",
    "classified_rows",
    "collisions",
    "coverage",
    "denials_reported_alone",
    "duplicates",
    "listed_duplicates",
    "other_duplicates",
    "parts",
    "reported_alone",
    "root_calls_reported",
    "unclassified_parts",
)
_NO_ROWS = "SELECT logFile, logFileIndex FROM candidates WHERE false"

_DEFINITIONS = """
SELECT view_name, sql FROM duckdb_views() WHERE NOT internal AND sql IS NOT NULL
UNION ALL
SELECT function_name, macro_definition FROM duckdb_functions() WHERE NOT internal AND macro_definition IS NOT NULL
"""
_BY_NAME = frozenset({"query", "query_table"})  # table functions whose relations need not stand in the text


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
        """The statements that make it; a table is replaced by its rows of now."""
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


class Views:
    """The views of one database. A table behind them is made when it is needed, and anew when the events have changed.

    Args:
        connection: where `parts`, `duplicates` and `events` are, and the macros.
        directory: of the rules.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
        self._connection = connection
        self._directory = directory
        self._is_made = False
        self._tables: dict[str, Definition] = {}  # in the order in which they are made
        self._outdated: set[str] = set()
        self._needed: dict[str, frozenset[str]] = {}  # text → the tables behind it
        self._words: dict[str, frozenset[str]] = {}  # relation or macro → the words of its definition

    def make(self) -> None:
        """Make all views and tables, once."""
        if self._is_made:
            return
        definitions = read_views(self._directory)
        self._connection.execute(macro_of_reported_alone(self._directory))
        for definition in definitions:
            self._make(definition)
        self._tables = {one.name: one for one in definitions if one.is_table}
        self._is_made = True

    def outdate(self, *, keep: Collection[str] = ()) -> None:
        """Take note that the events have changed: tables are made anew, but for those that are right as they are."""
        self._outdated = self._tables.keys() - set(keep)

    @property
    def up_to_date(self) -> frozenset[str]:
        """The tables that are of the events of now."""
        return frozenset(self._tables.keys() - self._outdated)

    def update(self, sql: str | None = None) -> None:
        """Make the outdated tables that a text refers to, also by way of views; None: all of them."""
        self.make()
        if not self._outdated:
            return
        if sql is not None and sql not in self._needed:
            self._needed[sql] = self._behind(sql) & self._tables.keys()
        needed = self._outdated & (self._tables.keys() if sql is None else self._needed[sql])
        for name, table in self._tables.items():
            if name in needed:
                self._make(table)
        self._outdated -= needed

    def _make(self, definition: Definition) -> None:
        import duckdb

        if not (definition.is_table and definition.name == _CANDIDATES):
            self._connection.execute(definition.statements)
            return
        try:
            self._connection.execute(definition.statements)
        except duckdb.OutOfMemoryException:
            self._make_in_slices(definition)
        self._connection.execute(_BEFORE_CANDIDATES)

    def _make_in_slices(self, definition: Definition) -> None:
        """Make candidates of fewer rows at a time.

        DuckDB keeps the documents of some two thousand rows for each expression that looks into one: as many long ones,
        which anybody can have logged, take more memory than a million others.
        """
        import duckdb

        of_slice = definition.sql.replace(f"'{_ROWS}'", f"'{_SLICE}'")
        self._take_slice(0, 0)
        self._connection.execute(f"CREATE OR REPLACE TABLE {_CANDIDATES} AS\n{of_slice}")
        [(count,)] = self._connection.execute(f"SELECT count(*) FROM {_ROWS}").fetchall()  # noqa: S608 - our own name
        waiting = [(0, count)]
        while waiting:
            first, end = waiting.pop()
            self._take_slice(first, end)
            try:
                self._connection.execute(f"INSERT INTO {_CANDIDATES}\n{of_slice}")
            except duckdb.OutOfMemoryException:
                if end - first <= 1:
                    raise
                middle = (first + end) // 2
                waiting += [(middle, end), (first, middle)]
        self._connection.execute(f"DROP VIEW {_SLICE}")

    def _take_slice(self, first: int, end: int) -> None:
        rows = f"SELECT * FROM {_ROWS} WHERE rowid >= {first} AND rowid < {end}"  # noqa: S608 - numbers
        self._connection.execute(f"CREATE OR REPLACE VIEW {_SLICE} AS {rows}")

    def _behind(self, sql: str) -> frozenset[str]:
        """Return the names that a text refers to, and what they refer to in their turn."""
        words = _words_of(sql)
        if words & _BY_NAME:
            return frozenset(self._tables)
        if not self._words:
            rows = self._connection.execute(_DEFINITIONS).fetchall()
            tables = [(table.name, table.sql) for table in self._tables.values()]
            self._words = {name: _words_of(text) for name, text in (*rows, *tables)}
        found: frozenset[str] = frozenset()
        waiting = words & self._words.keys()
        while waiting:
            found |= waiting
            waiting = frozenset().union(*(self._words[name] for name in waiting)) & self._words.keys() - found
        return found


def _words_of(sql: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", sql.lower()))


def _definitions(directory: Path) -> Iterator[Definition]:
    for path in sorted((directory / VIEWS).glob("[0-9]*.sql")):
        yield Definition(path, path.read_text(encoding="utf-8"))
