"""Mutants: one SQL statement with one predicate dropped, negated or shifted.

What counts as a predicate: the terms of AND and OR, wherever they stand; conditions of WHERE, HAVING, QUALIFY, JOIN,
FILTER and CASE; bounds of windows and comparisons; members of IN lists; the parts of a dedup key. Text that is only
shown (`summary` and the context columns of the outer SELECT) is left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlglot import exp, parse

from detector.rules.finding import OPTIONAL, REQUIRED

_DECIDING = (REQUIRED.keys() | OPTIONAL.keys()) - {"summary"}
_STRICT: dict[type[exp.Expr], type[exp.Binary]] = {exp.GTE: exp.GT, exp.GT: exp.GTE, exp.LTE: exp.LT, exp.LT: exp.LTE}
_COMPARISONS = (*_STRICT, exp.EQ, exp.NEQ)
_CONDITION_OF = (exp.Where, exp.Having, exp.Qualify, exp.If)
_ROW = frozenset({"logFile", "logFileIndex"})  # together the identity of a row; the rows of an example are of one file
_Change = tuple[str, exp.Expr, exp.Expr | None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One statement, changed in one place."""

    id: str  # `where: change of predicate`, the same in every run while the predicate stands
    sql: str


def parse_statements(sql: str) -> list[exp.Expr]:
    """Return the statements of a text; comments are dropped, so that no mutant's id holds one."""
    statements = [statement for statement in parse(sql, read="duckdb") if statement is not None]
    for statement in statements:
        for node in statement.walk():
            node.pop_comments()
    return statements


def to_sql(statement: exp.Expr) -> str:
    """Return a statement as DuckDB reads it."""
    return statement.sql(dialect="duckdb")


def mutants_of(where: str, statement: exp.Expr, *, is_rule: bool) -> list[Mutant]:
    """Return all mutants of one statement.

    Args:
        where: what their ids begin with.
        statement: left as it is.
        is_rule: its outer SELECT returns findings.
    """
    root = exp.Paren(this=statement.copy())  # so that every node has a parent
    seen = {to_sql(root)}
    numbers: Counter[str] = Counter()
    made: list[Mutant] = []
    for kind, node, new in list(_changes(root, is_rule=is_rule)):
        text = f"{where}: {kind} {_shown(node)}"
        undo = _apply(node, new)
        sql = to_sql(root.this)
        undo()
        if sql in seen:
            continue
        seen.add(sql)
        numbers[text] += 1
        made.append(Mutant(text if numbers[text] == 1 else f"{text} #{numbers[text]}", sql))
    return made


def _shown(node: exp.Expr) -> str:
    context = node.parent if isinstance(node, exp.Literal) else node
    text = " ".join(to_sql(context or node).split())
    shown = text if len(text) <= 100 else f"{text[:97]}…"
    return f"{to_sql(node)} of {shown}" if context is not node else shown


def _apply(node: exp.Expr, new: exp.Expr | None) -> Callable[[], object]:
    """Put `new` in the place of `node`, or take it out of its list; return what takes it back."""
    parent, key, index = node.parent, node.arg_key, node.index
    if parent is None or key is None:
        raise ValueError(f"{node!r} stands nowhere")
    if new is not None:
        node.replace(new)
        return lambda: new.replace(node)
    if index is None:
        parent.set(key, None)
        return lambda: parent.set(key, node)
    members = list(parent.args[key])
    parent.set(key, members[:index] + members[index + 1 :])
    return lambda: parent.set(key, members)


def _changes(root: exp.Expr, *, is_rule: bool) -> Iterator[_Change]:
    only_shown = set(map(id, _only_shown(root.this))) if is_rule else set()
    for node in root.walk(prune=lambda node: id(node) in only_shown):
        if id(node) in only_shown or node.parent is None:
            continue
        yield from _changes_of_condition(node)
        yield from _changes_of_bound(node)
        yield from _changes_of_list(node)


def _only_shown(statement: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the columns of the outer SELECT (or of the members of a UNION) that decide nothing."""
    if isinstance(statement, exp.SetOperation):
        yield from _only_shown(statement.this)
        yield from _only_shown(statement.expression)
    elif isinstance(statement, exp.Select):
        yield from (column for column in statement.expressions if column.alias_or_name not in _DECIDING)


def _changes_of_condition(node: exp.Expr) -> Iterator[_Change]:
    """Drop and negate the terms of AND and OR, and conditions that have none."""
    parent = node.parent
    inner = node.unnest()
    is_branch = isinstance(inner, exp.Or | exp.And)
    if isinstance(parent, exp.And | exp.Or) and not isinstance(node, exp.And | exp.Or):
        yield "drop", node, exp.Boolean(this=isinstance(parent, exp.And))
    elif _is_condition(node) and not is_branch:
        yield "drop", node, exp.true()
    elif not isinstance(node, exp.Not | exp.Exists):
        return
    if not is_branch and not isinstance(inner, exp.Boolean):
        yield (
            "negate",
            node,
            inner.this.copy() if isinstance(inner, exp.Not) else exp.Not(this=exp.Paren(this=inner.copy())),
        )


def _is_condition(node: exp.Expr) -> bool:
    parent = node.parent
    if isinstance(parent, exp.If) and isinstance(parent.parent, exp.Case) and parent.parent.this is not None:
        return False  # CASE x WHEN value: the branch is dropped as a whole
    return (isinstance(parent, _CONDITION_OF) and node.arg_key == "this") or (
        isinstance(parent, exp.Join) and node.arg_key == "on"
    )


def _changes_of_bound(node: exp.Expr) -> Iterator[_Change]:
    """Move the bounds of comparisons and windows by the smallest step."""
    if isinstance(node, exp.Literal):
        counts = isinstance(node.parent, (*_COMPARISONS, exp.Between)) and not node.is_string
        if node.this.isdigit() and (counts or isinstance(node.parent, exp.Interval)):
            for step in (1, -1):
                shifted = str(int(node.this) + step)
                yield f"{step:+d}", node, exp.Literal(this=shifted, is_string=node.is_string)
    elif isinstance(node, exp.Between):
        value, low, high = (node.args[name] for name in ("this", "low", "high"))
        for kind, lower, upper in (
            ("low bound out of", exp.GT, exp.LTE),
            ("high bound out of", exp.GTE, exp.LT),
            ("no low bound in", None, exp.LTE),
            ("no high bound in", exp.GTE, None),
        ):
            terms = [
                make(this=value.copy(), expression=bound.copy())
                for make, bound in ((lower, low), (upper, high))
                if make
            ]
            yield kind, node, exp.Paren(this=exp.and_(*terms)) if len(terms) == 2 else terms[0]
    elif type(node) in _STRICT:
        yield "bound of", node, _STRICT[type(node)](this=node.this.copy(), expression=node.expression.copy())
    elif isinstance(node, exp.NullSafeEQ):
        yield "not null-safe", node, exp.EQ(this=node.this.copy(), expression=node.expression.copy())
    elif isinstance(node, exp.NullSafeNEQ):
        yield "not null-safe", node, exp.NEQ(this=node.this.copy(), expression=node.expression.copy())


def _changes_of_list(node: exp.Expr) -> Iterator[_Change]:
    """Take one member out of IN lists, CASEs, USING, dedup keys; take out a SEMI or ANTI join."""
    parent, key = node.parent, node.arg_key
    if isinstance(parent, exp.In) and key == "expressions" and len(parent.expressions) > 1:
        yield f"without {to_sql(node)}: IN of", parent, _without(parent, "expressions", node)
    elif isinstance(parent, exp.Case) and key == "ifs":
        if len(parent.args["ifs"]) > 1:
            yield "no branch", node, None
        else:
            yield "only ELSE of", parent, exp.Paren(this=(parent.args.get("default") or exp.null()).copy())
    elif isinstance(parent, exp.Join) and key == "using" and len(parent.args["using"]) > 1:
        if node.name not in _ROW:
            yield "without USING", node, None
    elif isinstance(node, exp.Join) and node.args.get("kind") in ("SEMI", "ANTI"):
        yield "without", node, None
    elif isinstance(parent, exp.Array) and key == "expressions" and _is_group_key(parent.parent):
        yield "group key without", node, None


def _is_group_key(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Anonymous) and str(node.this).lower() == "group_key"


def _without(node: exp.Expr, key: str, member: exp.Expr) -> exp.Expr:
    changed = node.copy()
    changed.set(key, [one.copy() for one in node.args[key] if one is not member])
    return changed
