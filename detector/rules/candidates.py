"""The definition of what detection looks at, for whoever wants to keep it apart from the rest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from detector.lake.compaction import Candidates
from detector.rules.rule import shipped_rules_directory

_END = "-- (end of wanted_rows)"


def candidates(definitions: Path | None = None) -> Candidates:
    """Return how `wanted_rows` is made from `parts` and `duplicates`, and a digest that changes when that does.

    Args:
        definitions: the directory of `_macros.sql` and `_views.sql`; default: the shipped one.
    """
    directory = definitions or shipped_rules_directory()
    macros, views = ((directory / name).read_text(encoding="utf-8") for name in ("_macros.sql", "_views.sql"))
    sql = f"{macros}\n{views.partition(_END)[0]}"
    return Candidates(hashlib.sha256(sql.encode()).hexdigest(), sql)
