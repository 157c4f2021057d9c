"""A SELECT taken apart: what it reads, and what it asks of each row.

DuckDB's own parser and printer do it, so that what is shown is what runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from detector.rules.sql_check import parse_tree, print_tree

_INTERVAL = re.compile(r"to_([a-z]+?)s\(CAST\(trunc\(CAST\(([0-9]+) AS DOUBLE\)\) AS [A-Z]+\)\)")
_FILTERING_JOINS = frozenset({"ANTI", "SEMI"})
_Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """One term of a WHERE, or one join that only filters."""

    text: str
    sql: str  # a SELECT of one column: for each row of the event, whether it holds


@dataclass(frozen=True, slots=True)
class Filter:
    """The relations and conditions of a SELECT. The SQL has one parameter, `$event_id`."""

    source: str  # the relation, lower case
    is_there: Condition  # whether the source has the event
    conditions: tuple[Condition, ...]
    is_grouped: bool  # what it asks of groups of rows is not among the conditions
    defined: dict[str, _Node]  # the relations that the statement defines itself


def filter_of(sql: str) -> Filter | None:
    """Take a SELECT apart; None when it is not about the rows of one relation."""
    return _filter_of(parse_tree(sql)["statements"][0]["node"], {})


def filter_of_defined(name: str, defined: dict[str, _Node]) -> Filter | None:
    """Take apart the SELECT by which a statement defines a relation of its own."""
    others = {other: node for other, node in defined.items() if other != name}
    return _filter_of(defined[name]["query_node"], others)


def _filter_of(node: _Node, outer: dict[str, _Node]) -> Filter | None:
    if node["type"] != "SELECT_NODE":
        return None
    defined = outer | {entry["key"].lower(): entry["value"] for entry in node["cte_map"]["map"]}
    joins: list[_Node] = []
    source = node["from_table"]
    while source["type"] == "JOIN" and source["join_type"] in _FILTERING_JOINS:
        joins.insert(0, source)
        source = source["left"]
    if source["type"] != "BASE_TABLE":
        return None
    ask = _Question(source, defined)
    return Filter(
        source=source["table_name"].lower(),
        is_there=Condition(source["table_name"], ask.printed(_parsed("true"), source)),
        conditions=(*map(ask.term, _terms(node["where_clause"])), *map(ask.join, joins)),
        is_grouped=bool(node["group_expressions"] or node["having"] or node["qualify"]),
        defined=defined,
    )


class _Question:
    """Writes SELECTs that ask about one event of a source."""

    def __init__(self, source: _Node, defined: dict[str, _Node]) -> None:
        self._source = source
        self._cte_map = {"map": [{"key": name, "value": node} for name, node in defined.items()]}

    def term(self, expression: _Node) -> Condition:
        text = _print(_select(expression | {"alias": ""}, {"type": "EMPTY", "alias": "", "sample": None}))
        return Condition(_bare(text.removeprefix("SELECT ")), self.printed(expression, self._source))

    def join(self, join: _Node) -> Condition:
        word = "not in" if join["join_type"] == "ANTI" else "in"
        rows = self.printed(_parsed("count(*) > 0"), join | {"left": self._source})
        return Condition(f"{word} {join['right'].get('table_name', 'the rows joined')}", rows)

    def printed(self, expression: _Node, source: _Node) -> str:
        alias = self._source["alias"] or self._source["table_name"]
        is_the_event = _parsed("event_id = $event_id")
        is_the_event["left"]["column_names"] = [alias, "event_id"]
        return _print(
            _select(expression | {"alias": "holds"}, source) | {"where_clause": is_the_event, "cte_map": self._cte_map}
        )


def _parsed(expression: str) -> _Node:
    node: _Node = parse_tree(f"SELECT {expression}")["statements"][0]["node"]["select_list"][0]
    return node


def _select(expression: _Node, source: _Node) -> _Node:
    node: _Node = parse_tree("SELECT 1")["statements"][0]["node"]
    return node | {"select_list": [expression], "from_table": source}


def _terms(where: _Node | None) -> list[_Node]:
    if where is None:
        return []
    if where["type"] == "CONJUNCTION_AND":
        return [term for child in where["children"] for term in _terms(child)]
    return [where]


def _bare(text: str) -> str:
    """Return printed SQL as people write it: no parentheses around the whole of it, and intervals as intervals."""
    text = _INTERVAL.sub(lambda match: f"INTERVAL {match[2]} {match[1].upper()}", text)
    if not text.startswith("("):
        return text
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and position < len(text) - 1:
            return text
    return text[1:-1]


def _print(node: _Node) -> str:
    statement = {"node": node, "named_param_map": [{"key": "event_id", "value": 1}]}
    return print_tree({"error": False, "statements": [statement]})
