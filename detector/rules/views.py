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
    "event_selector_gaps",
    "listed_duplicates",
    "other_duplicates",
    "parts",
    "reported_alone",
    "root_calls_unreported",
    "told_sign_in_failures",
    "unclassified_parts",
)
_NO_ROWS = "SELECT logFile, logFileIndex FROM candidates WHERE false"

_REPORTED_ALONE = "select_reported_alone"
_MADE = re.compile(r"^CREATE (?:VIEW|TABLE|MACRO) (?:IF NOT EXISTS )?(\w+)", re.MULTILINE)
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
    def relations(self) -> frozenset[str]:
        """What it makes: a table; or views, macros and tables."""
        return frozenset({self.name} if self.is_table else _MADE.findall(self.sql))

    def words(self, reported_alone: str) -> frozenset[str]:
        """Return the words of its SQL, and of the macro `select_reported_alone` where it runs that: all it names."""
        words = _words_of(self.sql)
        return words | _words_of(reported_alone) if _REPORTED_ALONE in words else words

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
    return f"CREATE MACRO {_REPORTED_ALONE}() AS '{rows or _NO_ROWS}'"


class Views:
    """The views of one database. Each is made when it is needed, tables anew when the events have changed.

    Making a view takes DuckDB as long as running a small query, and no rule reads more than a few.

    Args:
        connection: where `parts`, `duplicates` and `events` are, and the macros.
        directory: of the rules.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
        self._connection = connection
        self._directory = directory
        self._definitions: dict[str, Definition] = {}  # in the order in which they are made
        self._makers: dict[str, str] = {}  # relation → the definition that makes it
        self._words: dict[str, frozenset[str]] = {}  # of each definition, and of what it runs by its text
        self._made: set[str] = set()
        self._outdated: set[str] = set()  # tables that were made of other events
        self._needed: dict[str, frozenset[str]] = {}  # text → the definitions behind it

    def make(self) -> None:
        """Make all views and tables that have not been made."""
        self._read()
        for name in self._definitions:
            if name not in self._made:
                self._make(name)

    def outdate(self, *, keep: Collection[str] = ()) -> None:
        """Take note that the events have changed: tables are made anew, but for those that are right as they are."""
        self._outdated = {name for name in self._made if self._definitions[name].is_table} - set(keep)

    @property
    def up_to_date(self) -> frozenset[str]:
        """The tables that are of the events of now."""
        return frozenset(name for name in self._made - self._outdated if self._definitions[name].is_table)

    def update(self, *texts: str | None) -> None:
        """Make what texts refer to, also by way of views, and has not been made or is outdated; None: all of it."""
        self._read()
        if len(self._made) == len(self._definitions) and not self._outdated:
            return
        needed = frozenset[str]().union(*map(self._behind, texts or (None,)))
        for name in self._definitions:
            if name in needed and (name in self._outdated or name not in self._made):
                self._make(name)

    def _read(self) -> None:
        if not self._definitions:
            reported_alone = macro_of_reported_alone(self._directory)
            self._connection.execute(reported_alone)
            definitions = read_views(self._directory)
            self._makers = {relation: one.name for one in definitions for relation in one.relations}
            self._words = {one.name: one.words(reported_alone) for one in definitions}
            self._definitions = {one.name: one for one in definitions}

    def _make(self, name: str) -> None:
        import duckdb

        definition = self._definitions[name]
        if not (definition.is_table and definition.name == _CANDIDATES):
            self._connection.execute(definition.statements)
        else:
            try:
                self._connection.execute(definition.statements)
            except duckdb.OutOfMemoryException:
                self._make_in_slices(definition)
            self._connection.execute(_BEFORE_CANDIDATES)
        self._made.add(name)
        self._outdated.discard(name)

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

    def _behind(self, sql: str | None) -> frozenset[str]:
        """Return the definitions of what a text refers to, and of what these refer to in their turn."""
        if sql is None:
            return frozenset(self._definitions)
        if sql not in self._needed:
            self._needed[sql] = self._makers_behind(_words_of(sql))
        return self._needed[sql]

    def _makers_behind(self, words: frozenset[str]) -> frozenset[str]:
        if words & _BY_NAME:
            return frozenset(self._definitions)
        found: set[str] = set()
        waiting = self._makers_of(words)
        while waiting:
            if _CANDIDATES in waiting:  # with which `candidate_rows` goes
                waiting |= {name for name, words in self._words.items() if _ROWS in words}
            found |= waiting
            waiting = {name for maker in waiting for name in self._makers_of(self._words[maker])} - found
        return frozenset(found)

    def _makers_of(self, words: Collection[str]) -> set[str]:
        return {self._makers[word] for word in words if word in self._makers}


def _words_of(sql: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", sql.lower()))


def _definitions(directory: Path) -> Iterator[Definition]:
    for path in sorted((directory / VIEWS).glob("[0-9]*.sql")):
        yield Definition(path, path.read_text(encoding="utf-8"))
