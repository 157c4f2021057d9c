"""The events without which a rule finds nothing: where none of their names occurs, it need not be planned.

Planning a rule takes DuckDB longer than running it, and of most names of candidates a log has few. What each shipped
rule needs is told from its SQL and from the views behind it by `fixtures/needed_events.py`, and kept in a file with a
digest of both: what has been edited since is run, whatever the file says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from detector.rules.rule import VIEWS, Rule

FILE = "_needed_events.json"
# Stands among the names where somebody has asked for digests.
INTEGRITY = "integrity_findings"


def needed_by(directory: Path, rules: Iterable[Rule]) -> Iterator[tuple[Rule, frozenset[str] | None]]:
    """Yield each rule with the names of which one must occur among candidates; None: it may find something anyway.

    Args:
        directory: of the shipped rules.
        rules: any; of those that are not shipped nothing is known.
    """
    known = _read(directory / FILE)
    views = digest_of_views(directory)
    for rule in rules:
        digest, names = known.get(rule.id, ("", ())) if rule.is_shipped else ("", ())
        yield rule, frozenset(names) if digest == digest_of(rule, views) else None


def may_find(needed: frozenset[str] | None, occurring: Collection[str | None]) -> bool:
    """Say whether a rule can find anything, of what it needs and of the names that occur."""
    return needed is None or not needed.isdisjoint(occurring)


def digest_of_views(directory: Path) -> str:
    """Return the SHA-256 of all that the views are made of."""
    views = directory / VIEWS
    paths = [views / "candidate_events.toml", *sorted(views.glob("[0-9]*.sql"))]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def digest_of(rule: Rule, views: str) -> str:
    """Return the SHA-256 of a rule's SQL and of the views behind it.

    Args:
        rule: any.
        views: their digest.
    """
    return hashlib.sha256(f"{views}\0{rule.sql}".encode()).hexdigest()


def _read(path: Path) -> dict[str, tuple[str, list[str]]]:
    """Return rule id → digest and names; nothing where there is no such file, as in a folder of somebody's own."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
