"""The effect of a SQL text, found out by parsing alone, before anything is bound or run.

"Exactly one SELECT" is not enough: `WITH x AS (COPY events TO 'file') SELECT 1` is one SELECT to DuckDB and writes
a file, and some table functions take raw memory addresses. So the parsed statement is read too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import duckdb

_QUERY_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
# Which files the readers may open is DuckDB's part: only those of the lake.
_READERS = ("read_", "parquet_")
_TABLE_FUNCTIONS = frozenset(
    {"generate_series", "glob", "json_each", "json_tree", "normalised", "query_table", "range", "repeat", "unnest"}
)
_CATALOG = frozenset({"duckdb_columns", "duckdb_functions", "duckdb_tables", "duckdb_views"})

_ALL_TABLES = '"tables"'  # DuckDB's name for what SHOW TABLES shows


class NotOneSelect(ValueError):  # noqa: N818 - says what the text is
    """The text is not exactly one SELECT that only reads."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One SELECT that only reads."""

    tables: frozenset[str]  # lower case, as written; relations that the statement itself defines are left out
    describes_tables: bool  # DESCRIBE, SHOW, SUMMARIZE or the catalogue: it may see tables not named above
    lists_tables: bool = False  # SHOW TABLES


@lru_cache(maxsize=512)
def parse_select(sql: str) -> Statement:
    """Return what the text refers to.

    Raises:
        NotOneSelect: it does not parse, is not exactly one SELECT, or does more than read.
    """
    return _inspect(parse_tree(sql))


def parse_tree(sql: str) -> Any:  # noqa: ANN401 - JSON
    """Return DuckDB's syntax tree of one SELECT.

    Raises:
        NotOneSelect: it does not parse, or is not exactly one SELECT.
    """
    try:
        # A cursor of one shared database: opening a database for each of fifty rules takes longer than running them.
        with _parser().cursor() as parser:
            kinds = [statement.type for statement in parser.extract_statements(sql)]
            if kinds != [duckdb.StatementType.SELECT]:
                raise NotOneSelect("must be exactly one SELECT statement")
            rows = parser.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()
        tree = json.loads(rows[0][0])
    except duckdb.Error as error:
        raise NotOneSelect(f"does not parse: {first_line(error)}") from error
    except RecursionError as error:
        raise NotOneSelect("is nested too deeply") from error
    if tree["error"]:
        raise NotOneSelect(f"must be exactly one SELECT statement ({tree['error_message']})")
    return tree


def without_semicolons(sql: str) -> str:
    """Return one statement without what may end it: DuckDB puts a rule inside another statement to limit its rows."""
    text = bytearray(sql.encode())
    for at, kind in duckdb.tokenize(sql):
        if kind == duckdb.token_type.operator and text[at] == ord(";"):
            text[at] = ord(" ")
    return text.decode().strip()


def print_tree(tree: Any) -> str:  # noqa: ANN401 - JSON
    """Return a syntax tree as SQL again, in DuckDB's own words."""
    with _parser().cursor() as printer:
        [(text,)] = printer.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchall()
    return str(text)


@lru_cache(maxsize=1)
def _parser() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def first_line(error: Exception) -> str:
    """Return DuckDB's message without the excerpt and the advice that follow it."""
    return str(error).strip().partition("\n")[0]


def _inspect(tree: Any) -> Statement:  # noqa: ANN401 - JSON
    tables: set[str] = set()
    defined: set[str] = set()
    describes_tables = False
    for node in _objects(tree):
        kind = node.get("type")
        if not isinstance(kind, str):
            continue
        if kind.endswith("_NODE"):
            if kind not in _QUERY_NODES:
                raise NotOneSelect(f"may only read, and holds a {kind.split('_')[0]}")
            defined.update(entry["key"].lower() for entry in node["cte_map"]["map"])
        elif kind == "BASE_TABLE":
            tables.add(node["table_name"].lower())
        elif kind == "SHOW_REF":
            describes_tables = True
        elif kind == "TABLE_FUNCTION":
            function = node["function"].get("function_name", "").lower()
            _require_harmless(function)
            describes_tables |= function in _CATALOG
    outermost = tree["statements"][0]["node"].get("from_table") or {}
    lists_tables = outermost.get("type") == "SHOW_REF" and outermost["table_name"] == _ALL_TABLES
    return Statement(frozenset(tables - defined), describes_tables, lists_tables)


def _require_harmless(function: str) -> None:
    if not function.startswith(_READERS) and function not in _TABLE_FUNCTIONS | _CATALOG:
        raise NotOneSelect(f"may not use the table function {function}")


def _objects(tree: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
