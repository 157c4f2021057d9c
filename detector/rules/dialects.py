"""SQL that was written for Athena, CloudTrail Lake or Tailpipe: what people paste into a query of their own.

`queries/_dialects/` has the relations and functions. Nothing of it is there before a query names one of the relations,
and no name of DuckDB's changes its meaning: rules run as if there were no dialects.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from detector.rules.rule import shipped_rules_directory
from detector.rules.sql_check import NotOneSelect, Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    _Change = Callable[[re.Match[bytes]], bytes]

DIALECTS = "_dialects"
_FILES = {"cloudtrail_logs": "athena", "event_data_store": "event_data_store", "aws_cloudtrail_log": "tailpipe"}
DIALECT_RELATIONS = frozenset(_FILES)
_FUNCTIONS = "presto"  # the file with the functions of Athena and CloudTrail Lake, and the schema they are in
_OF_PRESTO = frozenset({"cloudtrail_logs", "event_data_store"})

_UUID = rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_STORE = rb"(?:arn:[\w:-]+:eventdatastore/)?" + _UUID
_PLACEHOLDER = rb"(?:EDS|event[ _-]?data[ _-]?store)"
# What stands behind FROM for the events: an event data store, or a table that somebody has made for Athena.
_TABLE = re.compile(
    rb"(?P<before>(?:FROM|JOIN)\s+)(?:"
    rb"(?P<store>" + _STORE + rb"(?![\w-])|\"" + _STORE + rb"\"|"
    rb"<[\w -]*" + _PLACEHOLDER + rb"[\w -]*>|\$\{?\w*" + _PLACEHOLDER + rb"\w*\}?|" + _PLACEHOLDER + rb"[_-]id\b)|"
    rb"(?:(?:\w+|\"[^\"]+\")\.){0,2}(?!aws_cloudtrail_log\b)(?P<table>\w*cloudtrail\w*|\"[\w-]*cloudtrail[\w-]*\")(?![\w.(-])"
    rb")",
    re.IGNORECASE,
)
_DEFINED = re.compile(rb"(\w+|\"[^\"]+\")\s*(?:\([^()]*\))?\s+AS\s*(?:(?:NOT\s+)?MATERIALIZED\s*)?\(", re.IGNORECASE)
# DuckDB writes `lambda x: …`: `->` takes a member of JSON there, never in Presto. A macro takes no lambda.
_LAMBDA = re.compile(rb"(?:(\w+)|\((\s*\w+\s*(?:,\s*\w+\s*)*)\))\s*->")
_OF_LAMBDAS = re.compile(rb"(transform|any_match|none_match)(?=\s*\()", re.IGNORECASE)
_IN_DUCKDB = {b"transform": b"list_transform", b"any_match": b"[] <> list_filter", b"none_match": b"[] = list_filter"}
_ARRAY = re.compile(rb"array\s*(?:\(\s*(\w+)\s*\)|<\s*(\w+)\s*>)", re.IGNORECASE)
_CALL = re.compile(rb"(?<![.\w])\w+(?=\s*\()")
_MISSING = re.compile(r"Function with name \"?(\w+)\"? does not exist")
_MACRO = re.compile(rf"^CREATE MACRO {_FUNCTIONS}\.(\w+)", re.MULTILINE)


def to_duckdb(sql: str, directory: Path) -> str:
    """Return a query in words that DuckDB can parse, tables and functions under the names that they have here.

    Only what cannot be meant otherwise is changed; literals and comments stay.

    Args:
        sql: the query; whether it is one, the parser finds out.
        directory: of the rules.

    Raises:
        NotOneSelect: it is no text.
    """
    try:
        text = sql.encode()
    except UnicodeEncodeError as error:  # Python's stand-ins for bytes that are not UTF-8
        raise NotOneSelect("is not UTF-8") from error
    defined = {match[1].strip(b'"').lower() for match in _DEFINED.finditer(text)}

    def relation(match: re.Match[bytes]) -> bytes:
        table = match["table"]
        if table is not None and table.strip(b'"').lower() in defined:
            return match[0]
        return match["before"] + (b"event_data_store" if table is None else b"cloudtrail_logs")

    text = _replaced(text, {_TABLE: relation})
    if not any(name.encode() in text.lower() for name in _OF_PRESTO):
        return text.decode()
    functions = _function_names(directory)

    def call(match: re.Match[bytes]) -> bytes:
        return f"{_FUNCTIONS}.".encode() + match[0] if match[0].lower().decode() in functions else match[0]

    changes: dict[re.Pattern[bytes], _Change] = {
        _LAMBDA: lambda match: b"lambda " + (match[1] or match[2]) + b":",
        _OF_LAMBDAS: lambda match: _IN_DUCKDB[match[0].lower()],
        _ARRAY: lambda match: (match[1] or match[2]) + b"[]",
        _CALL: call,
    }
    return _replaced(text, changes).decode()


def hint_of(message: str) -> str | None:
    """Return the way out where DuckDB misses a function of Presto's, in a query over other relations."""
    match = _MISSING.search(message)
    if match is None or match[1].lower() not in _function_names(shipped_rules_directory()):
        return None
    return f"{match[1]} is there in queries over cloudtrail_logs and event_data_store"


def _replaced(text: bytes, changes: Mapping[re.Pattern[bytes], _Change]) -> bytes:
    """Return the text with what a pattern matches at the beginning of a token replaced."""
    done, out = 0, []
    for at, kind in duckdb.tokenize(text.decode()):
        if at < done or kind in (duckdb.token_type.comment, duckdb.token_type.string_const):
            continue
        found = next(
            ((match, change) for pattern, change in changes.items() if (match := pattern.match(text, at))), None
        )
        if found:
            match, change = found
            out += [text[done:at], change(match)]
            done = match.end()
    return b"".join([*out, text[done:]])


@lru_cache
def _function_names(directory: Path) -> frozenset[str]:
    return frozenset(_MACRO.findall(_statements(directory, _FUNCTIONS)))


def _statements(directory: Path, file: str) -> str:
    return (directory / DIALECTS / f"{file}.sql").read_text(encoding="utf-8")


class Dialects:
    """The relations and functions of other people's SQL in one database, each made when a query first names it.

    Args:
        connection: where `events` is.
        directory: of the rules.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
        self._connection = connection
        self._directory = directory
        self._made: set[str] = set()

    def make(self, statement: Statement) -> None:
        """Make what a statement needs."""
        needed = {file for name, file in _FILES.items() if name in statement.tables or statement.describes_tables}
        if statement.tables & _OF_PRESTO:
            needed.add(_FUNCTIONS)
        for file in sorted(needed - self._made):
            self._connection.execute(_statements(self._directory, file))
            self._made.add(file)
