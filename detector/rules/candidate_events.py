"""The events that rules want by their names: one list, for the views in SQL and for `scan` in Python."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_FILE = "candidate_events.toml"
_Names = frozenset[str] | None  # None: all


@dataclass(frozen=True, slots=True)
class CandidateEvents:
    """Event names, and by which source; a source is named up to its first dot."""

    any_source: frozenset[str]
    any_source_prefixes: tuple[str, ...]
    by_source: Mapping[str, _Names]
    by_source_in_part: Mapping[str, _Names]  # other columns decide which of them

    def may_hold(self, source: str | None, name: str | None) -> bool:
        """Say whether an event of these names can be wanted, as far as names tell."""
        name = name or ""
        if name in self.any_source or name.startswith(self.any_source_prefixes):
            return True
        service, dot, _ = (source or "").partition(".")
        return bool(dot) and any(
            service in names and _holds(names[service], name) for names in (self.by_source, self.by_source_in_part)
        )

    def macro(self) -> str:
        """Return what creates `is_candidate_event(source, name)`, which leaves out `by_source_in_part`."""
        # Spelled out, so that DuckDB sees literals and passes over row groups by their bounds.
        terms = [
            f"starts_with(source, '{service}.')" + ("" if names is None else f" AND name IN ({_listed(names)})")
            for service, names in sorted(self.by_source.items())
        ]
        terms.append(f"name IN ({_listed(self.any_source)})")
        terms += [f"starts_with(name, '{prefix}')" for prefix in self.any_source_prefixes]
        return (
            "CREATE MACRO is_candidate_event(source, name) AS\n    "
            + "\n    OR ".join(map("({})".format, terms))
            + ";\n"
        )


def read_candidate_events(directory: Path) -> CandidateEvents:
    """Read the list.

    Args:
        directory: of the views.
    """
    content = tomllib.loads((directory / _FILE).read_text(encoding="utf-8"))
    return CandidateEvents(
        frozenset(content["any_source"]),
        tuple(content["any_source_prefixes"]),
        _by_source(content["by_source"]),
        _by_source(content["by_source_in_part"]),
    )


def _by_source(table: Mapping[str, list[str]]) -> dict[str, _Names]:
    return {service: frozenset(names) or None for service, names in table.items()}


def _holds(names: _Names, name: str) -> bool:
    return names is None or name in names


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))
